"""The server itself: start and stop, faults, what it remembers, writes, the command line."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests

from woo_sync_pipeline.demo.store import DemoStore, Fault, Faults
from woo_sync_pipeline.demo.store.__main__ import main
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline_tests.demo.test_store_support import NOON, ask, empty_store, ids, rows, stop_clock


@pytest.fixture
def store() -> Iterator[DemoStore]:
    data = empty_store()
    for number in range(30):
        data.register_customer(email=f"c{number}@example.com")
    with DemoStore(data) as served:
        yield served


def ask_once(store: DemoStore, **more: str) -> requests.Response:
    return ask(store, "customers", {"_fields": "id", **more}, key=store.data.keys[0])


@pytest.mark.parametrize(
    ("fault", "status", "kind", "retry_after"),
    [
        ("too_many_requests", 429, "application/json", "7"),
        ("unavailable", 503, "application/json", "7"),
        ("maintenance", 503, "text/html", "600"),
        ("fatal", 500, "text/html", None),
        ("redirect", 301, "text/html", None),
        ("exit", 200, "text/html", None),
        ("notice", 200, "application/json", None),
        ("bom", 200, "application/json", None),
    ],
)
def test_a_fault_is_met_once_and_gone(
    store: DemoStore, fault: Fault, status: int, kind: str, retry_after: str | None
) -> None:
    store.faults.retry_after = 7
    store.faults.next(fault)
    answer = ask_once(store)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, retry_after)
    assert answer.headers["Content-Type"].startswith(kind)
    if status in (429, 503) and kind == "application/json":
        assert answer.json()["code"] == fault
    else:
        with pytest.raises(ValueError, match=r"Expecting value|BOM"):
            json.loads(answer.content.decode())
    assert ask_once(store).json()[0] == {"id": 1}
    assert store.faults.met == [fault]


@pytest.mark.parametrize("fault", ["drop", "cut"])
def test_broken_connections_reach_the_client_as_such(
    store: DemoStore, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    store.faults.next(fault)
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)),
    ):
        ask_once(store)
    assert ask_once(store).status_code == 200
    assert caplog.records == []


def test_maintenance_answers_json_to_those_who_accept_it(store: DemoStore) -> None:
    store.faults.next("maintenance")
    answer = ask(store, "customers", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (503, "wp_die")


def test_faults_can_be_queued_for_one_path_only(store: DemoStore) -> None:
    store.faults.next("fatal", times=2, path="/orders")
    assert ask_once(store).status_code == 200
    statuses = [ask(store, "orders", key=store.data.keys[0]).status_code for _ in range(3)]
    assert statuses == [500, 500, 200]


def test_a_store_that_is_down_stays_down_until_it_is_up(store: DemoStore) -> None:
    store.faults.down = "unavailable"
    assert {ask_once(store).status_code for _ in range(3)} == {503}
    store.faults.down = "drop"
    with pytest.raises(requests.ConnectionError):
        ask_once(store)
    store.faults.clear()
    assert ask_once(store).status_code == 200


def test_rates_are_drawn_from_the_seed() -> None:
    def drawn(seed: int) -> list[Fault | None]:
        faults = Faults(seed=seed)
        faults.rates = {"drop": 0.2, "fatal": 0.2}
        return [faults.take("/") for _ in range(300)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 30 < drawn(1).count("drop") < 90
    assert set(drawn(1)) == {None, "drop", "fatal"}


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no fault 'typhoon'"):
        Faults().next("typhoon")  # type: ignore[arg-type]


def test_latency_delays_each_answer_but_not_the_others(store: DemoStore) -> None:
    store.faults.latency = 0.5
    events: list[str] = []
    store.on_request = lambda path: events.append("arrived")

    def wait_for_an_answer() -> None:
        ask_once(store)
        events.append("answered")

    started = time.monotonic()
    threads = [threading.Thread(target=wait_for_an_answer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started >= 0.5
    assert events == ["arrived"] * 4 + ["answered"] * 4


def test_the_store_may_change_between_two_pages(store: DemoStore) -> None:
    page = {"role": "all", "orderby": "id", "per_page": "10", "_fields": "id"}
    first = ids(store, "customers", page)
    store.on_request = lambda path: (
        store.data.delete_customer(first[0]) if path.endswith("customers") else None
    )
    second = ids(store, "customers", {**page, "page": "2"})
    assert (first[-1], second[0]) == (10, 12), "customer 11 has moved to the first page, unseen"


def test_requests_are_remembered_with_method_path_and_query(store: DemoStore) -> None:
    ask_once(store, per_page="3")
    seen = store.requests[-1]
    assert (seen.method, seen.path) == ("GET", "/wp-json/wc/v3/customers")
    assert seen.query == {"_fields": "id", "per_page": "3"}


FAULTS_WITH_ANSWERS: list[Fault | None] = [None, "unavailable", "maintenance", "fatal", "redirect", "notice"]


@pytest.mark.parametrize("fault", FAULTS_WITH_ANSWERS)
def test_answers_carry_the_stores_own_clock(store: DemoStore, fault: Fault | None) -> None:
    for moment in (NOON, NOON + timedelta(days=400, seconds=1)):
        stop_clock(store.data, moment)
        if fault is not None:
            store.faults.next(fault)
        assert parsedate_to_datetime(ask_once(store).headers["Date"]) == moment
        assert parsedate_to_datetime(ask(store, "customers").headers["Date"]) == moment


@pytest.mark.parametrize("fault", FAULTS_WITH_ANSWERS)
def test_behind_a_cdn_answers_carry_real_time(store: DemoStore, fault: Fault | None) -> None:
    store.data.date_header_follows_clock = False
    if fault is not None:
        store.faults.next(fault)
    # The header has no fractions of a second.
    earliest = datetime.now(UTC).replace(microsecond=0)
    sent = parsedate_to_datetime(ask_once(store).headers["Date"])
    assert earliest <= sent <= datetime.now(UTC)
    order_id = store.data.place_order()
    assert store.data.orders[order_id].created_at == NOON, "what the store writes is dated by its own clock"
    store.data.date_header_follows_clock = True
    assert parsedate_to_datetime(ask_once(store).headers["Date"]) == NOON


def test_a_stopped_store_refuses_connections_and_ends_its_thread() -> None:
    before = set(threading.enumerate())
    store = DemoStore(empty_store()).start()
    (thread,) = (each for each in set(threading.enumerate()) - before if each.name == "demo-store")
    with requests.Session() as session:
        session.get(store.url, timeout=5)
        store.stop()
        store.stop()
        assert not thread.is_alive()
        with pytest.raises(requests.ConnectionError):
            session.get(store.url, timeout=5)


def test_a_port_that_is_taken_is_an_error_and_leaves_no_thread(store: DemoStore) -> None:
    before = threading.active_count()
    port = int(store.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        DemoStore(empty_store(), port=port).start()
    assert threading.active_count() == before


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "shop.example.com", "::"])
def test_hosts_that_others_could_reach_are_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match="loopback"):
        DemoStore(empty_store(), host=host)


def test_what_is_not_the_api_is_a_web_page(store: DemoStore) -> None:
    assert ask(store, "/").status_code == 200
    page = ask(store, "/shop/")
    assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=UTF-8")


def test_customers_are_created_changed_and_deleted_over_the_api(store: DemoStore) -> None:
    key = store.data.key(permissions="read_write")
    sent = {
        "email": "new@example.com",
        "billing": {"phone": "0491 570 156"},
        "meta_data": [{"key": "a", "value": True}],
    }
    created = ask(store, "customers", key=key, method="POST", json=sent)
    assert (created.status_code, created.json()["billing"]["phone"]) == (201, "0491 570 156")
    path = f"customers/{created.json()['id']}"
    twice = ask(store, "customers", key=key, method="POST", json=sent)
    assert (twice.status_code, twice.json()["code"]) == (400, "registration-error-email-exists")
    nameless = ask(store, "customers", key=key, method="POST", json={})
    assert nameless.json()["data"]["params"] == ["email"]
    changed = ask(store, path, key=key, method="PUT", json={"billing": {"phone": "0491 570 157"}})
    assert changed.json()["billing"]["phone"] == "0491 570 157"
    assert changed.json()["meta_data"][0]["value"] == "1"
    assert ask(store, path, key=key, method="DELETE").status_code == 501
    assert ask(store, path, {"force": "true"}, key=key, method="DELETE").status_code == 200
    assert ask(store, path, key=key).json()["code"] == "wc_user_invalid_id"


def test_orders_are_created_changed_trashed_and_deleted_over_the_api(store: DemoStore) -> None:
    key = store.data.key(permissions="read_write")
    created = ask(store, "orders", key=key, method="POST", json={"billing": {"phone": "1"}})
    assert (created.status_code, created.json()["status"]) == (201, "pending")
    path = f"orders/{created.json()['id']}"
    unknown_product = {"line_items": [{"product_id": 9999}]}
    for refused in (
        ask(store, path, key=key, method="PUT", json={"status": "wc-completed"}),
        ask(store, path, key=key, method="PUT", json={"customer_id": "nobody"}),
        ask(store, "orders", key=key, method="POST", json=unknown_product),
    ):
        assert (refused.status_code, refused.json()["code"]) == (400, "rest_invalid_param")
    done = ask(store, path, key=key, method="PUT", json={"status": "completed", "customer_id": 2})
    assert (done.json()["status"], done.json()["customer_id"]) == ("completed", 2)
    assert store.data.customers[2].is_paying
    assert ask(store, path, key=key, method="DELETE").status_code == 200
    assert rows(store, "orders", {"status": "trash", "_fields": "status"}) == [{"status": "trash"}]
    assert ask(store, path, key=key, method="DELETE").status_code == 410
    assert ask(store, path, {"force": "true"}, key=key, method="DELETE").status_code == 200
    assert ask(store, path, key=key).json()["code"] == "woocommerce_rest_shop_order_invalid_id"


def test_routes_without_writing_say_there_is_no_route(store: DemoStore) -> None:
    key = store.data.key(permissions="read_write")
    for path in ("orders/statuses", "products"):
        answer = ask(store, path, key=key, method="POST", json={})
        assert (answer.status_code, answer.json()["code"]) == (404, "rest_no_route")


def test_before_9_6_there_are_no_order_statuses_but_two_ways_to_find_them(store: DemoStore) -> None:
    key = store.data.key()
    for version, status in (("9.6.0", 200), ("9.5.3", 404), ("8.9.1", 404), ("11.0.1", 200)):
        store.data.woocommerce_version = version
        assert ask(store, "orders/statuses", key=key).status_code == status
        assert ask(store, "system_status", key=key).json()["environment"]["version"] == version
        described = ask(store, "orders", key=key, method="OPTIONS").json()
        enum = described["endpoints"][0]["args"]["status"]["items"]["enum"]
        assert enum == ["any", "trash", "auto-draft", *store.data.order_statuses]
        totals = ask(store, "reports/orders/totals", key=key).json()
        assert [row["slug"] for row in totals] == list(store.data.order_statuses)


def test_a_customer_who_is_deleted_while_a_page_is_made_comes_as_nobody(store: DemoStore) -> None:
    key = store.data.key()
    doomed = store.data.register_customer(email="x@example.com")

    def delete(path: str) -> None:
        store.on_select = None
        store.data.delete_customer(doomed)

    store.on_select = delete
    answer = ask(store, "customers?role=all&orderby=id&order=desc&per_page=1", key=key)
    [row] = answer.json()
    assert (row["id"], row["email"], row["billing"]["phone"]) == (0, "", "")


def test_the_command_line_serves_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "woo_sync_pipeline.demo.store", "--customers", "5", "--orders", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[0]
        first_key = process.stdout.readline().split()
        assert requests.get(f"{url}/wp-json/", timeout=5).json()["name"] == "Demo Store"
        assert first_key[:2] == ["read", "administrator"]
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=10) == 0


def test_the_command_line_refuses_other_hosts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--host", "0.0.0.0", "--customers", "1", "--orders", "0"])
    assert "loopback" in capsys.readouterr().err
