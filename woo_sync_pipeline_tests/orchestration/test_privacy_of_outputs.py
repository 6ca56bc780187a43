"""No phone, no email and no secret leaves by any other way than to the platform and into files asked for."""

from __future__ import annotations

import io
import json
import logging
import unicodedata
from collections.abc import Callable, Iterable, Iterator

import dagster as dg
import pytest
from rich.console import Console

from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.orchestration import runner
from woo_sync_pipeline.orchestration.runner import SyncOutcome
from woo_sync_pipeline.reports.tables import history_json, history_table, report_tables
from woo_sync_pipeline_tests.orchestration.conftest import World
from woo_sync_pipeline_tests.orchestration.expectation import phone_of_customer, phone_of_order
from woo_sync_pipeline_tests.orchestration.people import GUEST_PHONE, order_as_guest

pytestmark = pytest.mark.dagster

Outputs = Callable[[], str]


@pytest.fixture
def outputs(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> Outputs:
    """Everything that came out anywhere, with every logger as talkative as it can be."""
    monkeypatch.setattr(runner, "_QUIET", {"console": {"config": {"log_level": "DEBUG"}}})
    caplog.set_level(logging.DEBUG)

    def collect() -> str:
        printed = capfd.readouterr()
        logged = [f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records]
        return "\n".join([printed.out, printed.err, *logged, *_events(world.instance), *_reports(world)])

    return collect


def _events(instance: dg.DagsterInstance) -> Iterator[str]:
    """All events of all runs, with their metadata, as they are stored; and the runs with their tags."""
    for record in instance.get_run_records():
        yield dg.serialize_value(record.dagster_run)
        for entry in instance.all_logs(record.dagster_run.run_id):
            yield dg.serialize_value(entry)
            yield entry.user_message


def _reports(world: World) -> Iterator[str]:
    """What the command line shows of every sync."""
    shown = Console(file=io.StringIO(), width=250)
    shown.print(history_table(world.history()))
    yield history_json(world.history())
    for sync in world.history():
        yield sync.error or ""
        for table in report_tables(sync, world.contacts_of(sync)):
            shown.print(table)
    assert isinstance(shown.file, io.StringIO)
    yield shown.file.getvalue()


def _personal_data(store: StoreData) -> set[str]:
    """Every phone, as it was typed and in E.164, and every email of a store, also as JSON writes them."""
    addresses = [customer.address for customer in store.customers.values()]
    addresses += [address for order in store.orders.values() for address in (order.billing, order.shipping)]
    texts = {
        value
        for address in addresses
        for field, value in address.items()
        if field.endswith("phone") and sum(map(str.isdecimal, unicodedata.normalize("NFKC", value))) >= 7
    }
    texts |= {value for address in addresses for field, value in address.items() if field.endswith("email")}
    texts |= {customer.email for customer in store.customers.values()}
    phones = {phone_of_customer(each) for each in store.customers.values()}
    phones |= {phone_of_order(each) for each in store.orders.values()}
    texts |= {form for phone in phones if phone for form in (phone, phone[1:])}
    spelled = {form for text in texts for form in (text, text.lower(), json.dumps(text)[1:-1])}
    return {form for form in spelled if len(form) >= 7}


def _secrets(world: World) -> set[str]:
    secrets = {world.platform.api_secret}
    for key in world.store.keys:
        secrets |= {key.consumer_key, key.consumer_secret}
    return secrets


def _leaks(text: str, known: Iterable[str]) -> list[str]:
    """The lines in which something known occurs."""
    found = [value for value in known if value in text]
    return [line[:300] for line in text.splitlines() if any(value in line for value in found)][:5]


def _check(world: World, text: str) -> None:
    personal = _personal_data(world.store)
    assert len(personal) > 150
    assert _leaks(text, personal) == []
    assert _leaks(text, _secrets(world)) == []


def _failed(outcome: SyncOutcome) -> str:
    assert outcome.error is not None
    return outcome.error


def test_syncs_that_succeed_show_no_personal_data_and_no_secret(world: World, outputs: Outputs) -> None:
    world.sync()
    order_as_guest(world.store)
    world.sync(incremental=True)
    text = outputs()
    _check(world, text)
    # What was looked through is really there.
    for part in ("### WooCommerce: sync 1 (first)", "ASSET_MATERIALIZATION", "+61•••••006", "RUN_SUCCESS"):
        assert part in text


def test_a_contact_that_the_platform_refuses_is_not_quoted(world: World, outputs: Outputs) -> None:
    # The platform's refusal holds the value that it did not like.
    world.directory.add_custom_field("email", type="NUMBER")
    sync = world.sync()
    assert sync.counts["failed"] > 30
    text = outputs()
    assert "is no NUMBER" in text
    _check(world, text)


def test_a_phone_that_somebody_else_takes_meanwhile_is_not_quoted(world: World, outputs: Outputs) -> None:
    world.sync()
    order_as_guest(world.store)

    def take(method: str, path: str) -> None:
        if method == "POST" and path.endswith("/contacts") and GUEST_PHONE not in world.directory:
            world.directory.add_contact(GUEST_PHONE)

    world.platform.on_request = take
    world.sync(incremental=True)
    assert world.platform.requests.count("POST", "/contacts/contacts") > 0
    assert "409" in {str(each.status) for each in world.platform.requests.entries}
    _check(world, outputs())


def test_a_store_that_refuses_the_key_is_not_told_on(world: World, outputs: Outputs) -> None:
    wrong = "cs_" + "9f" * 20
    world.reconfigure(consumer_secret=wrong)
    error = _failed(world.try_sync())
    assert "401" in error
    text = outputs()
    assert error in text
    assert _leaks(text, [wrong]) == []
    _check(world, text)


def test_a_platform_that_is_down_or_refuses_the_credentials(world: World, outputs: Outputs) -> None:
    world.platform.stop()
    down = _failed(world.try_sync())
    world.platform.start()
    world.platform.faults.queue("lost_answer", 2, methods=["POST"], path="/contacts/contacts")
    world.platform.faults.rate("drop", 1.0, methods=["PATCH"])
    world.try_sync()
    world.platform.faults.clear()
    secret, world.platform.api_secret = world.platform.api_secret, "another"
    order_as_guest(world.store)
    refused = _failed(world.try_sync())
    world.platform.api_secret = secret
    text = outputs()
    assert "no connection could be opened" in down
    assert "401" in refused
    assert down in text
    assert refused in text
    _check(world, text)


def test_what_an_unforeseen_exception_says_is_redacted(
    world: World, outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = next(each.email for each in world.store.customers.values() if each.id > 1)

    def stumble(*args: object, **options: object) -> None:
        raise ValueError(f"{GUEST_PHONE} of {email} is strange") from KeyError(GUEST_PHONE)

    monkeypatch.setattr("woo_sync_pipeline.orchestration.assets.contact_assets.fit_records", stumble)
    order_as_guest(world.store)
    error = _failed(world.try_sync())
    assert error.startswith("unexpected ValueError: ")
    text = outputs()
    assert error in text
    assert "in stumble" in text
    _check(world, text)
