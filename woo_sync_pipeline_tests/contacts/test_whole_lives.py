"""Lives of many people at once: what they choose in two stores and on the platform, merged and decided by each sync.

What `test_decision.py` shows of one newest choice holds for the choices of many records too: whatever new orders
without a choice come, in whichever order records are read and stores are asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.decision import Signal, SubscriptionState
from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline_tests.contacts.test_decision import EVENTS, Person
from woo_sync_pipeline_tests.contacts.test_merge import Row, customer, guest, merge, signal

PEOPLE = 50
STEPS = 12
ACTS = [event for event in EVENTS if not event.startswith("is_synced")] + [
    "opts_in",
    "opts_out",
    "sends_stop",
]


@dataclass
class Customer(Person):
    """A person of whom a sync knows what merging made of all records."""

    phone: str = ""
    merged: Signal | None = None

    def _newest(self) -> Signal | None:
        return self.merged


@settings(max_examples=60, deadline=None)
@given(random=st.builds(Random, st.integers(0, 2**32 - 1)), is_explicit=st.booleans())
def test_no_life_ends_in_a_subscription_against_an_opt_out(random: Random, is_explicit: bool) -> None:
    people = [Customer(is_explicit, phone=f"+61491570{number:03d}") for number in range(PEOPLE)]
    for _ in range(STEPS):
        for person in people:
            person.do(f"{random.choice(ACTS)} {random.randint(0, 5)}")
        for person, row in zip(people, merged_records(people, random, is_explicit=is_explicit), strict=True):
            person.merged = signal_of(row)
            assert row["consent"] != "opted_out" or row["status"] == SubscriptionState.UNSUBSCRIBED
            person.do(
                random.choice(
                    ["is_synced", "is_synced", "is_synced_and_the_confirmation_is_lost", "is_edited"]
                )
            )


def merged_records(people: list[Customer], random: Random, *, is_explicit: bool) -> list[Row]:
    """What merging makes of everybody's records, which are in either store and in any order."""
    sources = {
        "shop": MergeSource("WooCommerce", is_explicit=is_explicit),
        "outlet": MergeSource("Outlet", is_explicit=is_explicit),
    }
    holders, signals = [], []
    for person in people:
        holders.append(random.choice([customer, guest])(person.phone))
        for number in range(random.randint(0, 2)):
            # A new order without a choice, in whichever form the state knows of it.
            holders.append(guest(person.phone, record_id=100 + number, source=random.choice(list(sources))))
            signals.append(signal("unknown", person.now, person.phone))
        signals += [
            signal(each.consent, 0, person.phone, random.choice(list(sources))) | {"choice_at": each.at}
            for each in person.signals
        ]
    merged = merge(
        *random.sample(holders, len(holders)),
        signals=random.sample(signals, len(signals)),
        phones=[person.phone for person in people],
        sources=dict(random.sample(list(sources.items()), len(sources))),
    )
    assert merged["phone"].tolist() == [person.phone for person in people]
    return [{str(name): value for name, value in row.items()} for row in merged.to_dict("records")]


def signal_of(row: Mapping[str, object]) -> Signal | None:
    consent = Consent(str(row["consent"]))
    if consent is Consent.unknown:
        return None
    at = row["consent_at"]
    assert hasattr(at, "to_pydatetime")
    return Signal(consent, at.to_pydatetime())
