"""Merging is associative: in which portions and in which order stores are read makes no difference to a contact.

But for its consent where opt-ins are not counted that repeat older ones: those have to be known by then.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.state.stored import SOURCES, Row, at, commit, contacts, customer, order

PHONES = [f"+614915700{number:02d}" for number in range(40)]
PRODUCTS = {"1": ["Sale"], "2": ["sale", "Wine"], "3": []}


def records_of_a_store(random: Random) -> list[Row]:
    """Customers, their orders and guests' orders, all read at the same minute."""

    def anything(record_id: int) -> dict[str, Any]:
        minute = random.randint(0, 9)
        return {
            "record_id": record_id,
            "phone": random.choice([*PHONES, None]),
            "first_name": random.choice(["", "Ann", "Bob"]),
            "last_name": random.choice(["", "Lee"]),
            "consent": random.choice(["opted_in", "opted_out", "unknown"]),
            "created_at": random.choice([None, at(minute)]),
            "modified_at": random.choice([None, at(minute + 1)]),
        }

    customers = [
        customer(**anything(number), tags=random.sample(["VIP", "vip", "Guests"], 1))
        for number in range(1, 31)
    ]
    orders = [
        order(
            **anything(number),
            of=random.choice(["", "", str(random.randint(1, 30))]),
            item_ids=[str(random.randint(1, 3))],
        )
        for number in range(1, 61)
    ]
    return customers + orders


CONSENT = ("consent", "consent_at", "consent_dated_at", "consent_origin", "status")


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(random=st.builds(Random, st.integers(0, 2**32 - 1)), repeats_count=st.booleans())
def test_records_may_come_in_any_portions_and_in_any_order(
    database: Database, random: Random, repeats_count: bool
) -> None:
    stores = {source: records_of_a_store(random) for source in ("shop", "outlet")}
    at_once = contacts_after(database, list(stores.items()), repeats_count=repeats_count)
    parted = []
    for source, rows in stores.items():
        mixed = random.sample(rows, len(rows))
        cut = random.randint(0, len(mixed))
        parted += [(source, mixed[:cut]), (source, mixed[cut:])]
    mixed_up = contacts_after(database, random.sample(parted, len(parted)), repeats_count=repeats_count)
    assert mixed_up == at_once


def contacts_after(
    database: Database, readings: list[tuple[str, list[Row]]], *, repeats_count: bool
) -> dict[str, Row]:
    """What is known of each phone that some store holds; lists that are the same but for their case are one."""
    with database.transaction() as connection:
        connection.execute(
            sa.text(
                "TRUNCATE woo_sync.source_records, woo_sync.contacts, woo_sync.tagged_items, woo_sync.sync_runs,"
                " woo_sync.consent_events CASCADE"
            )
        )
    sources = {key: replace(each, repeats_count=repeats_count) for key, each in SOURCES.items()}
    for source, rows in readings:
        commit(database, *rows, source=source, sources=sources, item_tags=PRODUCTS)
    untold = () if repeats_count else CONSENT
    return {
        phone: {
            **{name: value for name, value in row.items() if name not in untold},
            "groups": sorted(name.casefold() for name in row["groups"]),
        }
        for phone, row in contacts(database).items()
    }
