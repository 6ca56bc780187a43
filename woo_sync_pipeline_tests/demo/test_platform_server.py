import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from woo_sync_pipeline.demo.platform import DemoPlatform, Exchange, FaultKind

LISTS = "/api/v1/contacts/lists"
PHONE = "+61412345678"


def call(platform: DemoPlatform, method: str, path: str = LISTS, **parts: Any) -> requests.Response:
    parts = {"auth": (platform.api_key, platform.api_secret), "timeout": 5, **parts}
    return requests.request(method, platform.url + path, **parts)


def create(platform: DemoPlatform, name: str = "VIP") -> requests.Response:
    return call(platform, "POST", json={"name": name})


@pytest.mark.parametrize("auth", [None, ("demo-key", "wrong"), ("wrong", "x")])
def test_without_the_right_credentials_there_is_only_an_empty_401(
    platform: DemoPlatform, auth: tuple[str, str] | None
) -> None:
    answer = call(platform, "GET", auth=auth)
    assert (answer.status_code, answer.content) == (401, b"")
    assert call(platform, "GET", auth=None, headers={"Authorization": "nonsense"}).status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"name": NaN}', b"[" * 100_000])
def test_what_is_no_json_object_is_not_readable(platform: DemoPlatform, body: bytes) -> None:
    answer = call(platform, "POST", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (400, "message_not_readable")


@pytest.mark.parametrize(
    ("method", "path", "parts", "status"),
    [
        ("POST", LISTS, {"data": b"name=x"}, 415),
        ("PUT", LISTS, {"json": {"name": "x"}}, 405),
        ("GET", "/api/v1/contacts/groups", {}, 404),
        ("GET", "/", {}, 404),
        ("GET", f"{LISTS}/", {}, 400),
        ("POST", LISTS, {"json": {"name": "x" * 1_100_000}}, 413),
        ("GET", LISTS, {"params": {"name": "x" * 8200}}, 414),
    ],
)
def test_what_http_refuses_is_an_api_error(
    platform: DemoPlatform, method: str, path: str, parts: dict[str, Any], status: int
) -> None:
    answer = call(platform, method, path, **parts)
    assert answer.status_code == status
    assert {"uuid", "type", "title", "detail"} <= answer.json().keys()
    assert platform.requests.writes == 0


def test_a_request_line_of_8_kb_is_still_read(platform: DemoPlatform) -> None:
    name = "x" * (8192 - len(f"GET {LISTS}?name= HTTP/1.1"))
    assert call(platform, "GET", params={"name": name}).status_code == 200
    assert call(platform, "GET", params={"name": name + "x"}).status_code == 414


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "503_later", "429"])
def test_an_early_fault_keeps_the_request_from_being_processed(
    platform: DemoPlatform, kind: FaultKind
) -> None:
    platform.faults.retry_after = "7"
    platform.faults.queue(kind)
    answer = create(platform)
    assert answer.status_code == int(kind[:3])
    assert answer.headers.get("Retry-After") == ("7" if kind in ("429", "503_later") else None)
    assert platform.directory.list_names() == []
    assert platform.requests.writes == 0
    assert create(platform).status_code == 201
    assert platform.requests.writes == 1
    assert platform.faults.happened == {kind: 1}


@pytest.mark.parametrize(("kind", "made"), [("drop", []), ("lost_answer", ["VIP"])])
def test_a_connection_breaks_before_or_after_the_request_is_processed(
    platform: DemoPlatform, kind: FaultKind, made: list[str]
) -> None:
    platform.faults.queue(kind)
    with pytest.raises(requests.ConnectionError):
        create(platform)
    assert platform.directory.list_names() == made
    assert platform.requests.writes == len(made)
    assert [each.status for each in platform.requests.entries] == [None]


def test_a_500_may_come_after_the_request_was_carried_out(platform: DemoPlatform) -> None:
    platform.faults.queue("500_after")
    assert create(platform).status_code == 500
    assert platform.directory.list_names() == ["VIP"]


def test_a_slow_answer_comes_late_but_was_carried_out_at_once(platform: DemoPlatform) -> None:
    platform.faults.slow_seconds = 0.5
    platform.faults.queue("slow")
    with pytest.raises(requests.ReadTimeout):
        call(platform, "POST", json={"name": "VIP"}, timeout=0.1)
    assert platform.directory.list_names() == ["VIP"]


def test_faults_concern_the_methods_and_paths_they_are_ordered_for(platform: DemoPlatform) -> None:
    platform.faults.queue("500", methods={"POST"}, path="/lists")
    assert call(platform, "GET").status_code == 200
    assert call(platform, "POST", "/api/v1/contacts/custom-fields", json={}).status_code == 400
    assert create(platform).status_code == 500
    assert create(platform).status_code == 201
    with pytest.raises(ValueError, match="fault"):
        platform.faults.queue("418")  # type: ignore[arg-type]  # what a typing mistake would do


def test_chance_is_the_same_for_the_same_seed() -> None:
    def drawn() -> list[str | None]:
        faults = DemoPlatform().faults
        faults.rate("500", 0.3)
        faults.rate("429", 0.3)
        return [faults.draw("GET", "/") for _ in range(200)]

    first = drawn()
    assert first == drawn()
    assert {"500", "429", None} == set(first)


def test_latency_delays_every_answer_but_requests_overlap(platform: DemoPlatform) -> None:
    platform.faults.latency = 0.1
    started = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        assert [a.status_code for a in threads.map(lambda _: call(platform, "GET"), range(8))] == [200] * 8
    assert time.monotonic() - started >= 0.1
    assert platform.requests.most_at_once > 1


def test_the_record_names_requests_without_their_queries(platform: DemoPlatform) -> None:
    call(platform, "GET", "/api/v1/contacts/contacts", params={"channelIds": PHONE})
    create(platform)
    create(platform)
    assert [(each.method, each.status) for each in platform.requests.entries] == [
        ("GET", 200),
        ("POST", 201),
        ("POST", 409),
    ]
    assert PHONE[1:] not in repr(platform.requests.entries)
    assert platform.requests.writes == 1
    assert platform.requests.count("POST") == 2
    assert platform.requests.count(path="/contacts/contacts") == 1
    platform.requests.reset()
    assert (len(platform.requests), platform.requests.writes) == (0, 0)


def test_the_request_hook_runs_before_the_request_is_processed(platform: DemoPlatform) -> None:
    def someone_is_faster(method: str, _path: str) -> None:
        if method == "POST":
            platform.directory.add_list("vip")

    platform.on_request = someone_is_faster
    assert create(platform).status_code == 409


def test_the_exchange_hook_sees_both_sides(platform: DemoPlatform) -> None:
    seen: list[Exchange] = []
    platform.on_exchange = seen.append
    create(platform)
    call(platform, "GET", params=[("name", "é+"), ("pageSize", "5")])
    assert [(each.method, each.path, each.status) for each in seen] == [
        ("POST", LISTS, 201),
        ("GET", LISTS, 200),
    ]
    assert seen[0].request == {"name": "VIP"}
    assert seen[1].query == (("name", "é+"), ("pageSize", "5"))
    assert seen[1].response == {"content": [], "totalElements": 0}


def test_after_an_outage_address_and_state_are_the_same(platform: DemoPlatform) -> None:
    url = platform.url
    create(platform)
    platform.stop()
    with pytest.raises(requests.ConnectionError):
        call(platform, "GET")
    platform.start()
    assert platform.url == url
    assert call(platform, "GET").json()["totalElements"] == 1
    with pytest.raises(RuntimeError):
        platform.start()


def test_only_loopback_is_served() -> None:
    with pytest.raises(ValueError, match="loopback"):
        DemoPlatform(host="0.0.0.0")


def test_a_taken_port_is_said_and_leaves_nothing_running(platform: DemoPlatform) -> None:
    second = DemoPlatform(port=platform.port)
    with pytest.raises(OSError, match="in use"):
        second.start()
    platform.stop()
    second.start()
    second.stop()


def test_secrets_are_made_up_and_not_shown() -> None:
    first, second = DemoPlatform(), DemoPlatform()
    assert first.api_secret != second.api_secret
    assert first.api_secret not in repr(first)


def test_people_edit_the_directory_by_hand() -> None:
    directory = DemoPlatform().directory
    directory.add_contact(PHONE, first_name="Ada", custom_fields={"source": "Klaviyo"}, lists=["VIP"])
    directory.unsubscribe(PHONE)
    directory.edit(PHONE, last_name="Byron", custom_fields={"source": "", "note": "x"})
    directory.add_to_list(PHONE, "News")
    directory.remove_from_list(PHONE, "VIP")
    assert directory.snapshot() == {
        PHONE: {
            "first_name": "Ada",
            "last_name": "Byron",
            "states": {"SMS": "UNSUBSCRIBED"},
            "custom_fields": {"note": "x"},
            "lists": ["News"],
        }
    }
    directory.subscribe(PHONE)
    assert directory.snapshot()[PHONE]["states"] == {"SMS": "SUBSCRIBED"}
    with pytest.raises(ValueError, match="another contact"):
        directory.add_contact(PHONE)
    directory.delete_list("News")
    directory.delete(PHONE)
    assert (len(directory), PHONE in directory, directory.list_names()) == (0, False, ["VIP"])
    with pytest.raises(KeyError) as caught:
        directory.unsubscribe(PHONE)
    assert PHONE not in str(caught.value)


def test_it_can_be_run_by_hand() -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "woo_sync_pipeline.demo.platform", "--port", "0", "--latency", "0.2"],
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        said = dict(running.stdout.readline().strip().split(": ", 1) for _ in range(3))
        try:
            asked = time.monotonic()
            answer = requests.get(said["url"] + LISTS, auth=(said["api_key"], said["api_secret"]), timeout=5)
            assert time.monotonic() - asked >= 0.2
        finally:
            os.kill(running.pid, signal.SIGINT)
        assert answer.json() == {"content": [], "totalElements": 0}
        assert running.wait(10) == 0
