"""Lives of many people at once: what they choose in two stores and on the platform, merged and decided by each sync.

The promise: a sync subscribes a phone only if an opt-in is newer than every opt-out that can be known. Every opt-out
in a store can be known. One on the platform can be known if the phone was recorded as subscribed (or not recorded at
all) when it was made, and as long as the contact on the platform or our record of it exists. An interrupted sync may
have changed one of these two and not the other, but what it had sent is noted. A STOP that comes instead of an
unsubscription of ours that never arrived (or to a contact that others have made instead) can not be told from it.

Whole syncs, with records that are read and dated, have lives of their own (`woo_sync_pipeline_tests/lives`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.contact import ContactBase, StoreContact
from woo_sync_pipeline.contacts.decision import Decision, decide_contact
from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.contacts.subscription import SetBy, ShownSubscription, Signal, SubscriptionState
from woo_sync_pipeline_tests.contacts.people import store, there
from woo_sync_pipeline_tests.contacts.situations import SUBSCRIBED, UNSUBSCRIBED, at
from woo_sync_pipeline_tests.contacts.test_merge import Row, customer, guest, merge, signal

PEOPLE = 100
STEPS = 14


@dataclass
class Person:
    """One person, one phone, two stores and a platform; and what the referee knows: when the person said yes and no."""

    phone: str
    is_explicit: bool
    stop_moves_date: bool
    now: int = 10
    choices: list[Row] = field(default_factory=list)
    platform: ShownSubscription | None = None
    base: ContactBase | None = None
    in_flight: ContactBase | None = None
    yes_at: list[int] = field(default_factory=list)
    no_at: list[int] = field(default_factory=list)
    stop_at: int | None = None
    """The newest opt-out on the platform that can be known and that nobody has taken back since."""
    subscribed_again: bool = False
    """Whether a sync has subscribed the person after an opt-out."""
    story: list[str] = field(default_factory=list)

    def do(self, act: str, number: int) -> None:
        self.now += 1
        self.story.append(f"{self.now}: {act} {number}")
        getattr(self, act)(number)

    # In a store. Whenever it was, that lies between the two times that are known of it.

    def orders_with_a_tick(self, number: int) -> None:
        """The order has a date, is read some minutes later, and the clock of the store is not known exactly."""
        self.yes_at.append(self.now - number)
        self._chooses("opted_in", self.now - number - 1, self.now - number + 1, dated=True)

    def ticks_in_the_account(self, number: int) -> None:
        self.yes_at.append(self.now)
        self._chooses("opted_in", self.now - number, self.now)

    def is_imported_with_a_tick(self, number: int) -> None:
        """Nobody knows how old it is: it was made before everything else."""
        self.yes_at.append(-1)
        self._chooses("opted_in", None, self.now)

    def orders_without_a_tick(self, number: int) -> None:
        self.no_at.append(self.now - number)
        self._chooses("opted_out", self.now - number - 1, self.now - number + 1)

    def unticks_in_the_account(self, number: int) -> None:
        self.no_at.append(self.now)
        self._chooses("opted_out", self.now - number, self.now)

    def has_an_order_thrown_away(self, number: int) -> None:
        opt_ins = [each for each in self.choices if each["consent"] == "opted_in"]
        if opt_ins:
            self.choices.remove(opt_ins[number % len(opt_ins)])

    # On the platform.

    def sends_stop(self, number: int) -> None:
        if self.platform is not None and self.platform.state is SUBSCRIBED:
            self._is_unsubscribed_there()

    def sends_start(self, number: int) -> None:
        if self.platform is not None:
            self._is_subscribed_there()

    def is_added_by_others(self, number: int) -> None:
        if self.platform is None:
            self.platform = shown(SUBSCRIBED, self.now)
            self._is_unsubscribed_there() if number % 2 else self._is_subscribed_there()

    def is_edited(self, number: int) -> None:
        if self.platform is not None:
            self.platform = shown(self.platform.state, self.now)
            sent = self.in_flight.subscription if self.in_flight else None
            if sent is not None and sent.state is UNSUBSCRIBED and sent.set_by is SetBy.sync:
                # Its date no longer tells that it was not ours.
                self.stop_at = None

    def is_deleted(self, number: int) -> None:
        self.platform = None
        if self.base is None:
            self.stop_at = None

    # With us.

    def is_lost_with_the_state(self, number: int) -> None:
        self.base = self.in_flight = None
        if self.platform is None:
            self.stop_at = None

    def is_synced(self, merged: Signal | None) -> None:
        decision = self._sent(merged, "is synced", arrives=True)
        self.base, self.in_flight = decision.base, None
        again = self._decide(merged)
        assert again.state is decision.state, f"a second sync changes something: {self.story}"
        assert again.events == (), self.story

    def is_synced_without_confirmation(self, merged: Signal | None, *, arrives: bool) -> None:
        what = (
            "is synced and the confirmation is lost" if arrives else "was to be synced, and nothing arrived"
        )
        self.in_flight = self._sent(merged, what, arrives=arrives).base

    def _chooses(self, consent: str, begins: int | None, ends: int, *, dated: bool = False) -> None:
        self.choices.append(signal(consent, begins, self.phone, until=ends, dated=dated))

    def _is_unsubscribed_there(self) -> None:
        assert self.platform is not None
        moved = self.stop_moves_date
        self.platform = replace(shown(UNSUBSCRIBED, self.now) if moved else self.platform, state=UNSUBSCRIBED)
        if self._can_be_known():
            self.stop_at = self.now

    def _can_be_known(self) -> bool:
        """Whether an opt-out on the platform can that was just made, given what is recorded and what was sent."""
        known = self.base.subscription if self.base else None
        is_recorded = self.base is None or (known is not None and known.state is SUBSCRIBED)
        sent = self.in_flight.subscription if self.in_flight else None
        if sent is None or self.platform is None:
            return is_recorded
        by_others, moved = sent.set_by is SetBy.platform, sent.modified_at != self.platform.changed_at
        if sent.state is SUBSCRIBED:
            return is_recorded or by_others or moved
        return is_recorded and not (by_others or moved)

    def _is_subscribed_there(self) -> None:
        assert self.platform is not None
        moved = shown(SUBSCRIBED, self.now)
        self.platform = moved if self.stop_moves_date else replace(self.platform, state=SUBSCRIBED)
        self.yes_at.append(self.now)
        self.stop_at = None

    def _sent(self, merged: Signal | None, what: str, *, arrives: bool) -> Decision:
        self.now += 1
        self.story.append(f"{self.now}: {what}")
        decision = self._decide(merged)
        assert decision.state is not None
        before = self.platform.state if self.platform else None
        if decision.state is SUBSCRIBED and before is not SUBSCRIBED:
            opt_outs = [*self.no_at, *([self.stop_at] if self.stop_at is not None else [])]
            if opt_outs:
                self.subscribed_again = True
                assert self.yes_at, f"subscribed after a no, without any yes: {self.story}"
                assert max(self.yes_at) > max(opt_outs), f"subscribed against a newer no: {self.story}"
        if arrives and (self.platform is None or self.platform.state is not decision.state):
            self.platform = shown(decision.state, self.now)
            self.stop_at = None if decision.state is SUBSCRIBED else self.stop_at
        return decision

    def _decide(self, merged: Signal | None) -> Decision:
        consent = merged.consent if merged else Consent.unknown
        subscribed = consent is Consent.opted_in or (consent is Consent.unknown and not self.is_explicit)
        wanted: StoreContact = store(
            phone=self.phone,
            signal=merged,
            status=SUBSCRIBED if subscribed else UNSUBSCRIBED,
            base=self.base,
            in_flight=self.in_flight,
        )
        return decide_contact(wanted, there(self.platform) if self.platform else None, now=at(self.now))


def shown(state: SubscriptionState, changed: int) -> ShownSubscription:
    """The platform's clock is not known exactly."""
    return ShownSubscription(state, at(changed), at(changed + 1))


OPT_INS = ["orders_with_a_tick", "ticks_in_the_account", "is_imported_with_a_tick"]
ACTS_THERE = ["sends_stop", "sends_start", "is_added_by_others", "is_edited", "is_deleted"]
OTHER_ACTS = [
    "orders_without_a_tick",
    "unticks_in_the_account",
    "has_an_order_thrown_away",
    "is_lost_with_the_state",
    *ACTS_THERE,
]
# Choices and STOPs are what most of a life consists of.
ACTS = [*OPT_INS, *OTHER_ACTS, "orders_with_a_tick", "ticks_in_the_account", "sends_stop", "sends_stop"]
SYNCS = ["confirmed", "confirmed", "not confirmed", "never arrived", "none"]


@settings(max_examples=3, deadline=None)
@given(random=st.builds(Random, st.integers(0, 2**32 - 1)), is_explicit=st.booleans())
def test_no_life_has_a_subscription_against_a_no(random: Random, is_explicit: bool) -> None:
    people = live(random, ACTS, is_explicit=is_explicit)
    # Nobody could be hurt where nobody is ever subscribed.
    assert sum(person.subscribed_again for person in people) > PEOPLE / 10


@settings(max_examples=2, deadline=None)
@given(random=st.builds(Random, st.integers(0, 2**32 - 1)))
def test_without_any_opt_in_explicit_consent_subscribes_nobody(random: Random) -> None:
    acts = [act for act in OTHER_ACTS if act not in ("sends_start", "is_added_by_others")]
    for person in live(random, acts, is_explicit=True):
        assert person.platform is None or person.platform.state is UNSUBSCRIBED


def live(random: Random, acts: Sequence[str], *, is_explicit: bool) -> list[Person]:
    people = [
        Person(f"+61491570{number:03d}", is_explicit, stop_moves_date=random.random() < 0.5)
        for number in range(PEOPLE)
    ]
    for _ in range(STEPS):
        for person in people:
            for _ in range(random.randint(0, 3)):
                person.do(random.choice(acts), random.randint(0, 5))
        for person, row in zip(people, merged_records(people, random, is_explicit=is_explicit), strict=True):
            merged = signal_of(row)
            assert row["consent"] != "opted_out" or row["status"] == UNSUBSCRIBED
            # What happens between the reading of the stores and the look at the platform.
            person.do(random.choice([act for act in acts if act in ACTS_THERE]), random.randint(0, 5))
            sync = random.choice(SYNCS)
            if sync == "confirmed":
                person.is_synced(merged)
            elif sync != "none":
                person.is_synced_without_confirmation(merged, arrives=sync == "not confirmed")
    return people


def merged_records(people: list[Person], random: Random, *, is_explicit: bool) -> list[Row]:
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
            holders.append(
                guest(person.phone, record_id=str(100 + number), source=random.choice(list(sources)))
            )
            signals.append(signal("unknown", person.now, person.phone))
        signals += [{**each, "source": random.choice(list(sources))} for each in person.choices]
    merged = merge(
        *random.sample(holders, len(holders)),
        signals=random.sample(signals, len(signals)),
        phones=[person.phone for person in people],
        sources=dict(random.sample(list(sources.items()), len(sources))),
    )
    assert merged["phone"].tolist() == [person.phone for person in people]
    return [{str(name): value for name, value in row.items()} for row in merged.to_dict("records")]


def signal_of(row: Mapping[str, Any]) -> Signal | None:
    consent = Consent(row["consent"])
    if consent is Consent.unknown:
        return None
    dated_at = row["consent_dated_at"]
    return Signal(
        consent,
        row["consent_at"].to_pydatetime(),
        None if pd.isna(dated_at) else dated_at.to_pydatetime(),
    )


LIVES: dict[str, list[str | tuple[str, int]]] = {
    "a STOP after the sync, and then an order of before": [
        ("orders_with_a_tick", 0), "confirmed", ("sends_stop", 0), ("orders_with_a_tick", 3), "confirmed",
    ],
    "a STOP that a sync had seen": [
        ("orders_with_a_tick", 0), "confirmed", ("sends_stop", 0), "confirmed", ("orders_with_a_tick", 4),
        "confirmed",
    ],
    "a tick in the account after a STOP": [
        ("orders_with_a_tick", 0), "confirmed", ("sends_stop", 0), "confirmed", ("ticks_in_the_account", 0),
        "confirmed",
    ],
    "a STOP, and the contact is deleted": [
        ("orders_with_a_tick", 0), "confirmed", ("sends_stop", 0), ("is_deleted", 0), "confirmed",
    ],
    "a STOP in answer to a subscription that was not confirmed": [
        ("unticks_in_the_account", 0), "confirmed", ("ticks_in_the_account", 0), "not confirmed",
        ("sends_stop", 0), "confirmed", "confirmed",
    ],
    "two interruptions, and a STOP after the second": [
        ("unticks_in_the_account", 0), "confirmed", ("ticks_in_the_account", 0), "not confirmed",
        "never arrived", ("sends_stop", 0), "confirmed",
    ],
    "a STOP before an unsubscription that never arrived": [
        ("orders_with_a_tick", 0), "confirmed", ("unticks_in_the_account", 0), ("sends_stop", 0),
        "never arrived", ("ticks_in_the_account", 0), "confirmed",
    ],
    "an interruption, a STOP and the contact is deleted": [
        ("unticks_in_the_account", 0), "confirmed", ("ticks_in_the_account", 0), "not confirmed",
        ("sends_stop", 0), ("is_deleted", 0), "confirmed",
    ],
}  # fmt: skip


@pytest.mark.parametrize("stop_moves_date", [True, False])
@pytest.mark.parametrize("story", LIVES)
def test_lives_that_end_unsubscribed(story: str, stop_moves_date: bool) -> None:
    person = Person("+61491570006", is_explicit=False, stop_moves_date=stop_moves_date)
    for step in LIVES[story]:
        if isinstance(step, tuple):
            person.do(*step)
            continue
        (row,) = merged_records([person], Random(1), is_explicit=False)
        if step == "confirmed":
            person.is_synced(signal_of(row))
        else:
            person.is_synced_without_confirmation(signal_of(row), arrives=step == "not confirmed")
    assert person.platform is not None
    assert person.platform.state is UNSUBSCRIBED
