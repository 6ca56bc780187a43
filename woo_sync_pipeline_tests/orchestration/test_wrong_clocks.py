"""Machines whose clock is wrong: they use PostgreSQL's, and what one has written into the state heals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.demo.world import CONSENT_KEY
from woo_sync_pipeline.state import database as database_module
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World, small_store

ANN, BOB = "+61412000001", "+61412000002"
TWO_DAYS = timedelta(days=2)


def shop_of_two(make_world: MakeWorld) -> tuple[World, int, int]:
    """A shop with two customers who opted in."""
    world = make_world({KEY: small_store(customers=0, orders=0)})
    ids = [
        world.store.register_customer(
            email=f"{phone[-1]}@example.com",
            first_name="Ann",
            billing={"phone": phone, "country": "AU"},
            meta={CONSENT_KEY: "1"},
            registered_at=datetime.now(UTC) - timedelta(days=100),
        )
        for phone in (ANN, BOB)
    ]
    return world, ids[0], ids[1]


def state_of(world: World, phone: str) -> str:
    return world.directory.snapshot()[phone]["states"]["SMS"]


@pytest.mark.parametrize("ahead_by", [TWO_DAYS, -TWO_DAYS, timedelta(days=400)])
def test_a_machine_whose_clock_is_off_says_so_and_blocks_no_later_sync(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, ahead_by: timedelta
) -> None:
    world, ann, _ = shop_of_two(make_world)
    with monkeypatch.context() as patched:
        patched.setattr(database_module, "utc_now", lambda: datetime.now(UTC) + ahead_by)
        (warning,) = world.sync().counts["warnings"]
        days = "400 days" if ahead_by > TWO_DAYS else "2 days"
        assert f"the clock of this machine is {days}" in warning
        assert ("ahead of" if ahead_by > timedelta() else "behind") in warning
    world.state.close()
    world.store.set_user_meta(ann, CONSENT_KEY, "0")
    assert world.sync().counts["warnings"] == []
    assert (state_of(world, ANN), state_of(world, BOB)) == ("UNSUBSCRIBED", "SUBSCRIBED")


def let_the_state_be_of_the_future(database: Database) -> None:
    """As if all of it had been written by a machine, and a PostgreSQL on it, with a clock two days ahead."""
    tables = {
        "sync_runs": "started_at finished_at committed_at reading_started_at directory_read_at",
        "source_records": "first_seen_at last_seen_at choice_from choice_until",
        "contacts": "consent_at consent_dated_at base_consent_at base_consent_dated_at applied_consent_at "
        "applied_consent_dated_at base_seen_at unsubscribed_seen_at confirmed_at",
        "consent_events": "earliest latest seen_at",
    }
    with database.transaction() as connection:
        for table, columns in tables.items():
            moved = ", ".join(f"{name} = {name} + interval '2 days'" for name in columns.split())
            connection.execute(sa.text(f"UPDATE woo_sync.{table} SET {moved}"))


def test_a_state_that_was_written_by_a_wrong_clock_heals(make_world: MakeWorld) -> None:
    world, ann, bob = shop_of_two(make_world)
    world.store.place_order(
        customer_id=bob,
        billing={"phone": BOB, "country": "AU"},
        meta={"_wc_other/woo/sms-opt-in": "1"},
        created_at=datetime.now(UTC) - timedelta(minutes=5),
    )
    world.sync()
    let_the_state_be_of_the_future(world.database)
    world.store.set_user_meta(ann, CONSENT_KEY, "0")
    world.directory.unsubscribe(BOB)
    healed = world.sync()
    assert [each for each in healed.counts["warnings"] if "were not yet due: they are corrected" in each]
    assert state_of(world, ANN) == "UNSUBSCRIBED"
    # What Bob said before does not count as later than the STOP, when the contact is looked at again.
    world.store.save_profile(bob, first_name="Robert", billing_first_name="Robert")
    assert world.sync().counts["warnings"] == []
    assert state_of(world, BOB) == "UNSUBSCRIBED"
    with world.database.transaction() as connection:
        latest = connection.execute(
            sa.text("SELECT max(last_seen_at) FROM woo_sync.source_records")
        ).scalar_one()
    assert latest <= datetime.now(UTC)
