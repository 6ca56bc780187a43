"""The demo Klaviyo is as the published description says: its operations, their parameters, every answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from woo_sync_pipeline.demo.exchange import Exchange
from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo, KlaviyoData
from woo_sync_pipeline.demo.klaviyo.faults import Fault
from woo_sync_pipeline.demo.klaviyo.limits import PUBLISHED_RATES, Rate
from woo_sync_pipeline.demo.klaviyo.operations import ID, OPERATIONS
from woo_sync_pipeline.demo.klaviyo.state import NEWEST_REVISION
from woo_sync_pipeline.demo.klaviyo.subscriptions import (
    SUBSCRIBED,
    email_marketing,
    push_marketing,
    sms_marketing,
    sms_transactional,
    whatsapp_marketing,
)
from woo_sync_pipeline_tests.demo.klaviyo.support import NOON, Asker
from woo_sync_pipeline_tests.descriptions import KLAVIYO
from woo_sync_pipeline_tests.openapi import OpenApiRecorder

SUBSCRIPTIONS = {"additional-fields[profile]": "subscriptions"}


@pytest.fixture
def recorder(server: DemoKlaviyo) -> OpenApiRecorder:
    return OpenApiRecorder(server, description=KLAVIYO)


@pytest.fixture
def described() -> dict[str, dict[str, Any]]:
    """The operations of the description, by their path."""
    if not KLAVIYO.file.exists():
        pytest.skip("the published API description is not at hand")
    return {path: operations["get"] for path, operations in KLAVIYO.document["paths"].items()}


def _path(path: tuple[str, ...]) -> str:
    return "/api/" + "/".join("{id}" if each == ID else each for each in path)


def test_there_are_the_operations_that_are_described(described: dict[str, dict[str, Any]]) -> None:
    ours = {_path(each.path): each.name for each in OPERATIONS}
    assert ours == {path: operation["operationId"] for path, operation in described.items()}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_an_operation_takes_what_is_described(operation: Any, described: dict[str, dict[str, Any]]) -> None:
    published = described[_path(operation.path)]
    allowed = operation.allowed
    parameters = {each["name"]: each for each in published["parameters"] if each["in"] == "query"}
    assert allowed.names == set(parameters)
    for name, parameter in parameters.items():
        schema = parameter["schema"]
        if schema["type"] == "array":
            assert allowed.values(name) == set(schema["items"]["enum"]), name
    if "sort" in parameters:
        assert {*allowed.sorts, *(f"-{sort}" for sort in allowed.sorts)} == set(
            parameters["sort"]["schema"]["enum"]
        )
    if "page[size]" in parameters:
        size = parameters["page[size]"]["schema"]
        assert (1, allowed.usual, allowed.most) == (size["minimum"], size["default"], size["maximum"])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_filters_scopes_and_limits_are_those_described(
    operation: Any, described: dict[str, dict[str, Any]]
) -> None:
    published = described[_path(operation.path)]
    filters = published.get("x-klaviyo-filters", {})
    kinds = {"string": "text", "date-time": "moment", "boolean": "flag"}
    assert {
        name: (set(rule.single), set(rule.listed), rule.kind)
        for name, rule in operation.allowed.filters.items()
    } == {
        name: (
            set(rule["operators"].get("single", ())),
            set(rule["operators"].get("list", ())),
            kinds[rule["value"].get("format", rule["value"]["type"])],
        )
        for name, rule in filters.items()
    }
    assert sorted(operation.scopes) == published["x-klaviyo-scopes"]
    rate = PUBLISHED_RATES[operation.tier({})]
    limit = published["x-klaviyo-ratelimit"]
    assert rate == Rate(int(limit["burst"].removesuffix("/s")), int(limit["steady"].removesuffix("/m")))


def test_the_revision_is_that_of_the_description(described: dict[str, dict[str, Any]]) -> None:
    assert KLAVIYO.document["info"]["version"] == NEWEST_REVISION


def add_odd_people(data: KlaviyoData) -> list[str]:
    """People of every shape that the description allows."""
    plain = data.add_profile(email="ada@example.com", phone_number="+61412345678")
    nothing = data.add_profile(
        email=None, location={"country": "Australia", "latitude": -33.9}, properties={}
    )
    shapes: list[Any] = [None, {}, {"sms": None}, {"sms": {}}, {"sms": {"marketing": None}}]
    shapes.append({"email": None, "sms": None, "mobile_push": None, "whatsapp": None})
    shapes.append(
        {
            "email": {
                "marketing": email_marketing(SUBSCRIBED, consent_timestamp=NOON),
                "open_tracking": None,
            },
            "sms": {
                "marketing": sms_marketing(SUBSCRIBED, can_receive=False, consent_timestamp=NOON),
                "transactional": sms_transactional(SUBSCRIBED, consent_timestamp=NOON),
            },
            "mobile_push": {"marketing": push_marketing(SUBSCRIBED, consent_timestamp=NOON)},
            "whatsapp": {"marketing": whatsapp_marketing(SUBSCRIBED, phone_number="+61412345678")},
        }
    )
    odd = [data.add_profile(subscriptions=shape, last_event_date=NOON) for shape in shapes]
    data.subscribe_sms(plain, method_detail="abc")
    data.unsubscribe_sms(nothing)
    return [plain, nothing, *odd]


@pytest.mark.parametrize("keeps_fractions", [False, True])
def test_every_answer_validates(
    ask: Asker, data: KlaviyoData, recorder: OpenApiRecorder, keeps_fractions: bool
) -> None:
    data.keeps_fractions = keeps_fractions
    people = add_odd_people(data)
    groups = [f"lists/{data.add_list('News, and more')}", f"segments/{data.add_segment('Engaged')}"]
    for group in groups:
        data.join(group.partition("/")[2], *people)
    sparse = ["email", "subscriptions.sms.marketing.consent", "id", "location.country,location"]
    for size in (1, 100):
        for address in ("/profiles", *(f"/{group}/profiles" for group in groups)):
            assert len(ask.walk(address, **{"page[size]": size})) == len(people)
            assert len(ask.walk(address, **SUBSCRIPTIONS, **{"page[size]": size})) == len(people)
            for fields in sparse:
                ask.rows(address, **SUBSCRIPTIONS, **{"fields[profile]": fields})
    ask.rows("/profiles", include="conversations,push-tokens")
    ask.rows("/profiles", **{"additional-fields[profile]": "predictive_analytics,subscriptions"})
    for profile in people:
        assert ask.get(f"/profiles/{profile}", **SUBSCRIPTIONS).status_code == 200
        ask.rows(f"/profiles/{profile}/relationships/lists")
        ask.rows(f"/profiles/{profile}/relationships/segments")
    included = {"include": "lists,segments,push-tokens,conversations", "fields[list]": "name"}
    answer = ask.get(f"/profiles/{people[0]}", **included).json()
    assert [each["type"] for each in answer["included"]] == ["list", "segment"]
    for kind in ("lists", "segments"):
        ask.rows(f"/{kind}", include="tags,flow-triggers")
        ask.rows(f"/{kind}", **{f"fields[{kind.removesuffix('s')}]": "name"})
    ask.rows("/accounts")
    ask.rows("/accounts", **{"fields[account]": "contact_information.organization_name,timezone"})
    assert recorder.violations == []
    assert recorder.operations == {each.name for each in OPERATIONS}


def test_every_error_validates(ask: Asker, server: DemoKlaviyo, recorder: OpenApiRecorder) -> None:
    faults: list[Fault] = ["too_many_requests", "server_error", "unavailable", "expired_cursor"]
    statuses = []
    for fault in faults:
        server.faults.next(fault)
        statuses.append(ask.get("/profiles").status_code)
    statuses.append(replace(ask, revision="2020-01-01").get("/profiles").status_code)
    statuses.append(replace(ask, key=server.data.add_key([])).get("/profiles").status_code)
    statuses.append(ask.get("/profiles/none").status_code)
    statuses.append(ask.get("/profiles", filter="equals(email").status_code)
    server.data.keys.clear()
    statuses.append(ask.get("/profiles").status_code)
    assert statuses == [429, 500, 503, 400, 410, 403, 404, 400, 401]
    assert recorder.violations == []


def test_the_end_of_a_walk_can_be_null(ask: Asker, data: KlaviyoData, recorder: OpenApiRecorder) -> None:
    data.add_profile()
    assert "next" not in ask.get("/profiles").json()["links"]
    data.null_links = True
    assert ask.get("/profiles").json()["links"]["next"] is None
    assert recorder.violations == []


@pytest.mark.parametrize(
    ("change", "violations"),
    [
        ({}, 0),
        ({"path": "/api/people"}, 1),
        ({"method": "POST"}, 1),
        ({"headers": {}}, 1),
        ({"query": (("page[size]", "100"), ("sort", "id"))}, 0),
        ({"query": (("page[size]", "101"),)}, 1),
        ({"query": (("page[number]", "1"),)}, 1),
        ({"query": (("sort", "id"), ("sort", "id"))}, 2),
        ({"query": (("sort", "phone_number"),)}, 1),
        ({"query": (("fields[profile]", "email,phone"),)}, 1),
        ({"response": {"data": [{"type": "profile", "id": "1", "attributes": {}}]}}, 1),
        ({"response": {"data": [], "next": None}}, 1),
        ({"status": 404, "response": {"errors": [{"id": "1", "code": "x", "title": "y"}]}}, 1),
        ({"status": 302}, 1),
    ],
)
def test_the_recorder_finds_what_is_not_as_described(change: dict[str, Any], violations: int) -> None:
    recorder = OpenApiRecorder(description=KLAVIYO)
    right = Exchange("GET", "/api/profiles", (), None, 200, {"data": []}, {"revision": NEWEST_REVISION})
    recorder.check(replace(right, **change))
    assert len(recorder.violations) == violations


@pytest.mark.parametrize(
    ("attributes", "violations"),
    [
        ({"subscriptions": None}, 0),
        ({"subscriptions": {"sms": {"marketing": None}}}, 0),
        ({"subscriptions": {"sms": {"marketing": {"consent": "SUBSCRIBED"}}}}, 1),
        ({"subscriptions": {"fax": None}}, 1),
        ({"phone": "+61412345678"}, 1),
        ({"updated": "yesterday"}, 1),
        ({"phone_number": None, "location": None}, 0),
    ],
)
def test_the_recorder_looks_into_attributes(attributes: dict[str, Any], violations: int) -> None:
    recorder = OpenApiRecorder(description=KLAVIYO)
    row = {"type": "profile", "id": "1", "attributes": attributes, "links": {"self": "https://a.example/1"}}
    exchange = Exchange("GET", "/api/profiles", (), None, 200, {"data": [row]}, {"revision": NEWEST_REVISION})
    recorder.check(exchange)
    assert (len(recorder.violations) > 0) == (violations > 0)
