"""The misbehaviours of the demo Klaviyo, and that it comes and goes."""

from __future__ import annotations

import logging
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo, Fault, KlaviyoData
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline_tests.demo.klaviyo.support import Asker


@pytest.fixture(autouse=True)
def people(data: KlaviyoData) -> list[str]:
    return sorted(data.add_profile(email=f"p{number}@example.com") for number in range(5))


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        ("too_many_requests", 429, "7"),
        ("server_error", 500, None),
        ("unavailable", 503, "7"),
        ("expired_cursor", 400, None),
    ],
)
def test_errors_are_met_once_and_gone(
    ask: Asker, server: DemoKlaviyo, fault: Fault, status: int, retry_after: str | None
) -> None:
    server.faults.retry_after = 7
    server.faults.next(fault)
    ask.error("/profiles", status)
    server.faults.next(fault)
    answer = ask.get("/profiles")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, retry_after)
    assert ask.get("/profiles").status_code == 200
    assert server.faults.met == [fault, fault]


@pytest.mark.parametrize("fault", ["drop", "cut"])
def test_broken_connections_reach_the_client_as_such(
    ask: Asker, server: DemoKlaviyo, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults.next(fault)
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)),
    ):
        ask.get("/profiles")
    assert ask.get("/profiles").status_code == 200
    assert [seen.status for seen in server.requests] == [None, 200]
    assert caplog.records == []


def test_a_page_of_html_comes_as_if_all_were_well(ask: Asker, server: DemoKlaviyo) -> None:
    server.faults.next("html")
    answer = ask.get("/profiles")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


def test_other_json_is_no_json_api(ask: Asker, server: DemoKlaviyo) -> None:
    server.faults.next("other_json")
    answer = ask.get("/profiles")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert "data" not in answer.json()


def test_a_slow_answer_comes(ask: Asker, server: DemoKlaviyo) -> None:
    server.faults.slow_seconds = 0.2
    server.faults.next("slow")
    began = time.monotonic()
    assert len(ask.rows("/profiles")) == 5
    assert time.monotonic() - began >= 0.2


def test_an_empty_page_leads_to_what_it_should_have_shown(
    ask: Asker, server: DemoKlaviyo, people: list[str]
) -> None:
    pages = ask.pages("/profiles", sort="id", **{"page[size]": 2})
    met = [next(pages)]
    server.faults.next("empty_page")
    met += pages
    assert met == [people[:2], [], people[2:4], people[4:]]


def test_a_next_link_can_lead_elsewhere(ask: Asker, server: DemoKlaviyo) -> None:
    server.faults.foreign_url = "https://elsewhere.example:8443"
    server.faults.next("foreign_next")
    link = ask.get("/profiles", sort="id", **{"page[size]": 2}).json()["links"]["next"]
    assert link.startswith("https://elsewhere.example:8443/api/profiles?")
    assert parse_qs(urlsplit(link).query)["page[cursor]"]


@pytest.mark.parametrize("fault", ["empty_page", "foreign_next"])
def test_what_spoils_pages_leaves_other_answers(
    ask: Asker, server: DemoKlaviyo, people: list[str], fault: Fault
) -> None:
    server.faults.next(fault, times=2)
    assert ask.get(f"/profiles/{people[0]}").json()["data"]["id"] == people[0]
    ask.error("/profiles", 400, sort="nothing")


def test_faults_can_be_queued_for_one_path_only(ask: Asker, server: DemoKlaviyo) -> None:
    server.faults.next("server_error", times=2, path="/lists")
    assert ask.get("/profiles").status_code == 200
    assert [ask.get("/lists").status_code for _ in range(3)] == [500, 500, 200]


def test_an_account_that_is_down_stays_down_until_it_is_up(ask: Asker, server: DemoKlaviyo) -> None:
    server.faults.down = "unavailable"
    assert {ask.get("/profiles").status_code for _ in range(3)} == {503}
    server.faults.clear()
    assert ask.get("/profiles").status_code == 200


def test_stopped_and_started_again_it_is_as_before(data: KlaviyoData) -> None:
    server = DemoKlaviyo(data)
    with server:
        server.limits.enforced = False
        first = server.url
        before = Asker(server, data.keys[0]).walk("/profiles", sort="id")
    with pytest.raises(requests.ConnectionError):
        requests.get(first, timeout=2)
    with server:
        assert server.url == first
        assert Asker(server, data.keys[0]).walk("/profiles", sort="id") == before


def test_it_is_for_this_machine_only(data: KlaviyoData) -> None:
    with pytest.raises(ConfigurationError, match="not a loopback address"):
        DemoKlaviyo(data, host="0.0.0.0")


def test_answers_are_dated_by_the_clock_of_the_service(ask: Asker, data: KlaviyoData) -> None:
    assert ask.get("/profiles").headers["Date"] == "Mon, 23 Nov 2026 12:00:00 GMT"
    data.date_header_follows_clock = False
    assert "Mon, 23 Nov 2026 12:00:00" not in ask.get("/profiles").headers["Date"]
