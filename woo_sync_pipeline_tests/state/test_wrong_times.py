"""Times of the future in the state: what was being sent when a sync crashed has some as well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.contact import ContactBase
from woo_sync_pipeline.contacts.subscription import SetBy, Signal, SubscriptionBase, SubscriptionState
from woo_sync_pipeline.state.contacts import load_pending, note_in_flight
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.wrong_times import heal_wrong_times
from woo_sync_pipeline_tests.state.stored import ANN, at, commit, customer


def test_what_is_right_stays_as_it_is(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_in"))
    assert not heal_wrong_times(database)


def test_what_was_being_sent_is_healed_too(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_in"))
    ahead, right = datetime.now(UTC) + timedelta(days=2), at(50)
    subscription = SubscriptionBase(
        SubscriptionState.SUBSCRIBED, SetBy.sync, Signal(Consent.opted_in, ahead, right), seen_at=ahead
    )
    note_in_flight(
        database, [(ANN, ContactBase(first_name="Ann", sources=("WooCommerce",), subscription=subscription))]
    )
    with database.transaction() as connection:
        connection.execute(sa.text("UPDATE woo_sync.sync_runs SET committed_at = :ahead"), {"ahead": ahead})

    assert heal_wrong_times(database)
    assert not heal_wrong_times(database)
    (contact,) = load_pending(database, [ANN])
    assert contact.in_flight is not None
    assert (contact.in_flight.first_name, contact.in_flight.sources) == ("Ann", ("WooCommerce",))
    healed = contact.in_flight.subscription
    assert healed is not None
    assert healed.applied is not None
    assert healed.seen_at is not None
    assert max(healed.applied.at, healed.seen_at) <= datetime.now(UTC)
    assert healed.applied.dated_at == right
