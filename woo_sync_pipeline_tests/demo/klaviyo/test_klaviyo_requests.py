"""Who is let in, with which headers, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
import requests

from woo_sync_pipeline.demo.klaviyo import ApiKey, DemoKlaviyo, KlaviyoData
from woo_sync_pipeline.demo.klaviyo.records import Scope
from woo_sync_pipeline_tests.demo.klaviyo.support import Asker


@pytest.mark.parametrize("authorization", [None, "", "Bearer {}", "Basic {}", "Klaviyo-API-Key", "{}"])
def test_without_the_scheme_of_the_service_nobody_is_let_in(
    server: DemoKlaviyo, data: KlaviyoData, authorization: str | None
) -> None:
    headers = {"revision": "2026-07-15"}
    if authorization is not None:
        headers["Authorization"] = authorization.format(data.keys[0].secret)
    answer = requests.get(f"{server.url}/api/profiles", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["code"] == "not_authenticated"


def test_a_key_that_is_not_of_the_account_is_refused(ask: Asker) -> None:
    wrong = replace(ask, key=ApiKey("pk_wrong"))
    assert wrong.error("/profiles", 401)["code"] == "authentication_failed"


def test_the_secret_of_a_key_is_not_shown(data: KlaviyoData) -> None:
    assert data.keys[0].secret.startswith("pk_")
    assert data.keys[0].secret not in repr(data.keys)


@pytest.mark.parametrize(
    ("address", "scopes"),
    [
        ("/accounts", {"accounts:read"}),
        ("/profiles", {"profiles:read"}),
        ("/profiles/{profile}", {"profiles:read"}),
        ("/lists", {"lists:read"}),
        ("/segments", {"segments:read"}),
        ("/lists/{list}/profiles", {"lists:read", "profiles:read"}),
        ("/segments/{segment}/profiles", {"segments:read", "profiles:read"}),
        ("/profiles/{profile}/relationships/lists", {"lists:read", "profiles:read"}),
        ("/profiles/{profile}/relationships/segments", {"segments:read", "profiles:read"}),
    ],
)
def test_each_operation_needs_its_scopes_and_no_other(
    ask: Asker, data: KlaviyoData, address: str, scopes: set[Scope]
) -> None:
    ids = {"profile": data.add_profile(), "list": data.add_list("A"), "segment": data.add_segment("B")}
    address = address.format(**ids)
    assert replace(ask, key=data.add_key(scopes)).get(address).status_code == 200
    for missing in scopes:
        error = replace(ask, key=data.add_key(scopes - {missing})).error(address, 403)
        assert error["code"] == "permission_denied"
        assert missing in error["detail"]


@pytest.mark.parametrize(
    ("revision", "status"),
    [
        ("2026-07-15", 200),
        ("2026-01-15", 200),
        ("2024-07-15", 200),
        ("2024-07-14", 410),
        ("2023-02-22", 410),
        ("", 400),
        ("2026-07-16", 400),
        ("2026-02-30", 400),
        ("latest", 400),
    ],
)
def test_a_revision_is_required_and_answered_for_two_years(ask: Asker, revision: str, status: int) -> None:
    answer = replace(ask, revision=revision).get("/profiles")
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["errors"][0]["source"] == {"parameter": "revision"}


@pytest.mark.parametrize(
    "address",
    [
        "/nothing",
        "/profiles/01M8HFP3A000JEK2CQ0CMM6Z3E",
        "/lists/AbCdEf/profiles",
        "/segments/AbCdEf/profiles",
        "/profiles/01M8HFP3A000JEK2CQ0CMM6Z3E/relationships/lists",
        "/profiles/01M8HFP3A000JEK2CQ0CMM6Z3E/relationships/segments",
        "/lists/AbCdEf",
    ],
)
def test_what_does_not_exist_is_not_found(ask: Asker, address: str) -> None:
    assert ask.error(address, 404)["code"] == "not_found"


def test_a_segment_is_no_list(ask: Asker, data: KlaviyoData) -> None:
    segment, contact_list = data.add_segment("A"), data.add_list("A")
    ask.error(f"/lists/{segment}/profiles", 404)
    ask.error(f"/segments/{contact_list}/profiles", 404)


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT", "HEAD"])
def test_nothing_can_be_written(server: DemoKlaviyo, method: str) -> None:
    answer = requests.request(method, f"{server.url}/api/profiles", timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        ({"page[size]": "101"}, "page[size]"),
        ({"page[size]": "0"}, "page[size]"),
        ({"page[size]": "many"}, "page[size]"),
        ({"page[number]": "2"}, "page[number]"),
        ({"limit": "2"}, "limit"),
        ({"sort": "first_name"}, "sort"),
        ({"sort": ""}, "sort"),
        ({"include": "lists"}, "include"),
        ({"fields[profile]": "phone"}, "fields[profile]"),
        ({"fields[profile]": "joined_group_at"}, "fields[profile]"),
        ({"fields[list]": "name"}, "fields[list]"),
        ({"additional-fields[profile]": "consent"}, "additional-fields[profile]"),
    ],
)
def test_parameters_that_an_operation_does_not_take_are_refused(
    ask: Asker, params: dict[str, str], parameter: str
) -> None:
    error = ask.error("/profiles", 400, **params)
    assert (error["code"], error["source"]) == ("invalid", {"parameter": parameter})


def test_a_parameter_is_given_once(ask: Asker, server: DemoKlaviyo) -> None:
    error = ask.error(f"{server.url}/api/profiles?sort=id&sort=-id", 400)
    assert error["source"] == {"parameter": "sort"}


@pytest.mark.parametrize(("address", "most"), [("/lists", 10), ("/segments", 10)])
def test_pages_of_groups_are_small(ask: Asker, address: str, most: int) -> None:
    ask.error(address, 400, **{"page[size]": most + 1})
    assert ask.rows(address, **{"page[size]": most}) == []


def test_what_came_in_is_remembered_without_the_key(ask: Asker, server: DemoKlaviyo) -> None:
    ask.get("/profiles", sort="id", filter='equals(email,"ada@example.com")')
    ask.get("/lists/none/profiles")
    first, second = server.requests
    assert (first.method, first.path, first.status) == ("GET", "/api/profiles", 200)
    assert first.query == {"sort": "id", "filter": 'equals(email,"ada@example.com")'}
    assert (second.path, second.query, second.status) == ("/api/lists/none/profiles", {}, 404)
    assert "ada@" not in repr(server.requests)
    assert ask.key.secret not in str([vars(each) for each in server.requests])
