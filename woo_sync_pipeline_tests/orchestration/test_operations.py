"""The steps of docs/operations.md, followed on a demo account with the SQL that stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
import yaml

from woo_sync_pipeline.cli.forget import forget_person
from woo_sync_pipeline.contacts.phones import InvalidReason
from woo_sync_pipeline.demo.platform import DemoPlatform
from woo_sync_pipeline.reports.report import SyncCounts
from woo_sync_pipeline.reports.tables import number_rows
from woo_sync_pipeline.state.people import read_naming, who_is_meant
from woo_sync_pipeline.state.syncs import DOES_NOT_FIT, SyncContact, SyncRun
from woo_sync_pipeline_tests.checkout import CHECKOUT
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World, small_store
from woo_sync_pipeline_tests.orchestration.people import GUEST_PHONE, order_as_guest, subscribed_customer

DOCUMENT = CHECKOUT / "docs" / "operations.md"
INFERRED = {"mode": "inferred", "meta_keys": ["sms_marketing_consent"]}


def documented(title: str) -> str:
    """The SQL block whose first line is a comment with this title."""
    blocks = re.findall(r"```sql\n\s*-- (.*?)\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [statements for name, statements in blocks if name == title]
    return str(found)


def execute(world: World, title: str, **replaced: str) -> list[Any]:
    statements = documented(title)
    for old, new in replaced.items():
        statements = statements.replace(old, new)
    with world.database.transaction() as connection:
        result = connection.execute(sa.text(statements))
        return list(result.scalars()) if result.returns_rows else []


@contextmanager
def another_account(world: World) -> Iterator[DemoPlatform]:
    """A second account, which the configuration names from now on."""
    with DemoPlatform() as account:
        values = yaml.safe_load(world.demo.config.read_text())
        values["messagemedia"] = {
            "base_url": account.url,
            "api_key": account.api_key,
            "api_secret": account.api_secret,
        }
        world.demo.config.write_text(yaml.safe_dump(values))
        world.reconfigure()
        yield account


def test_all_contacts_move_to_another_account_and_nobody_who_unsubscribed_is_subscribed(
    make_world: MakeWorld,
) -> None:
    world = make_world({KEY: small_store(customers=40, orders=20)})
    world.sync()
    _, phone = subscribed_customer(world.store)
    world.directory.unsubscribe(phone)

    execute(world, "look at every contact again")
    writes = world.platform.requests.writes
    looked = world.sync()
    assert world.platform.requests.writes == writes
    assert looked.counts["unsubscribed_on_platform"] == 1
    held = world.directory.snapshot()
    assert held[phone]["states"] == {"SMS": "UNSUBSCRIBED"}

    with another_account(world) as account:
        execute(world, "everything is to be sent again")
        moved = world.sync()
        assert account.directory.snapshot() == held
        assert moved.counts["new"] == len(held)
        before = account.requests.writes
        world.sync()
        assert account.requests.writes == before
        assert world.directory.snapshot() == held


def test_who_was_subscribed_without_being_asked_is_listed_when_the_mode_becomes_explicit(
    make_world: MakeWorld,
) -> None:
    world = make_world({KEY: small_store(customers=40, orders=20)}, source_options={"consent": INFERRED})
    world.sync()
    before = world.directory.snapshot()
    world.reconfigure(consent={**INFERRED, "mode": "explicit"})
    order_as_guest(world.store, choice=None)
    world.sync()
    held = world.directory.snapshot()
    assert held[GUEST_PHONE]["states"] == {"SMS": "UNSUBSCRIBED"}
    assert {phone: held[phone]["states"] for phone in before} == {
        phone: each["states"] for phone, each in before.items()
    }

    listed = execute(world, "subscribed without a choice")
    assert listed
    assert {held[phone]["states"]["SMS"] for phone in listed} == {"SUBSCRIBED"}
    for phone in listed:
        world.directory.unsubscribe(phone)
    world.sync()
    assert {world.directory.snapshot()[phone]["states"]["SMS"] for phone in listed} == {"UNSUBSCRIBED"}


def test_who_has_no_usable_phone_is_erased_by_the_email(make_world: MakeWorld) -> None:
    store = small_store(customers=5, orders=1)
    store.register_customer(email="Ann@example.com", first_name="Ann", billing={"country": "AU"})
    world = make_world({KEY: store})
    world.sync()
    count = "SELECT count(*) FROM woo_sync.source_records"

    def records(condition: str = "") -> int:
        with world.database.transaction() as connection:
            return int(connection.execute(sa.text(f"{count} {condition}")).scalar_one())

    everybody = records()
    assert records("WHERE first_name = 'Ann'") == 1
    assert "woo-sync forget ann@example.com" in DOCUMENT.read_text(encoding="utf-8")
    naming = read_naming("ann@example.com")
    assert naming is not None
    forget_person(world.settings, world.state, who_is_meant(world.database, naming))
    assert records("WHERE first_name = 'Ann'") == 0
    assert records() == everybody - 1


def test_the_document_names_every_schedule_sensor_and_check(make_world: MakeWorld) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    world = make_world(options={"alerts": {"webhook_url": "http://127.0.0.1:1/"}})
    repository = world.definitions().get_repository_def()
    names = {each.name for each in repository.schedule_defs} | {each.name for each in repository.sensor_defs}
    names |= {key.name for key in world.definitions().resolve_asset_graph().asset_check_keys}
    assert [name for name in names if name.replace(KEY, "<key>") not in text] == []


def test_the_page_about_reports_names_every_line_field_and_reason() -> None:
    text = (DOCUMENT.parent / "report.md").read_text(encoding="utf-8")
    names = {
        *SyncRun.__dataclass_fields__,
        *SyncContact.__dataclass_fields__,
        *SyncCounts.__dataclass_fields__,
        *InvalidReason,
        DOES_NOT_FIT,
    }
    assert [name for name in names if f"`{name}`" not in text] == []
    assert [label for label, _ in number_rows(SyncCounts()) if label.strip() not in text] == []


def test_a_full_resync_reads_the_orders_of_all_time_and_sends_only_what_differs(
    make_world: MakeWorld,
) -> None:
    world = make_world({KEY: small_store(customers=30, orders=20)})
    world.sync()
    before = count_orders(world)
    with world.database.transaction() as connection:
        connection.execute(sa.text("DELETE FROM woo_sync.source_records WHERE record_type = 'order'"))
    writes = world.platform.requests.writes
    world.sync()
    assert count_orders(world) < before
    outcome = world.try_sync(whole_history=True)
    assert outcome.error is None
    assert count_orders(world) == before
    assert world.platform.requests.writes == writes


def count_orders(world: World) -> int:
    query = "SELECT count(*) FROM woo_sync.source_records WHERE record_type = 'order'"
    with world.database.transaction() as connection:
        return int(connection.execute(sa.text(query)).scalar_one())
