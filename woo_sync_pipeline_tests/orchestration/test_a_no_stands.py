"""What ordinary shops and platforms do, and nobody who said no is subscribed by it: whole syncs on the demo servers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from woo_sync_pipeline.demo.world import CONSENT_KEY, MIRROR_DATE_KEY, MIRROR_KEY, ORDER_CONSENT_KEY
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World, small_store

HALF_A_DAY = timedelta(hours=13)
"""After so long the daily sync looks through the platform again."""


@dataclass(frozen=True)
class Person:
    """A customer of the store, with a phone that nobody else has."""

    customer_id: int
    phone: str

    @property
    def billing(self) -> dict[str, str]:
        return {"first_name": "Ann", "phone": self.phone, "country": "AU"}


class Shop:
    """A world with few people in it, and what can be done to them."""

    def __init__(self, world: World, *, stop_moves_date: bool = True) -> None:
        self.world = world
        self._count = 0
        world.directory.stop_moves_date = stop_moves_date

    def person(self, **meta: Any) -> Person:
        self._count += 1
        phone = f"+614915700{self._count:02d}"
        customer_id = self.world.store.register_customer(
            email=f"ann{self._count}@example.com",
            first_name="Ann",
            billing={"phone": phone, "country": "AU"},
            meta=meta,
            registered_at=datetime.now(UTC) - timedelta(days=100),
        )
        return Person(customer_id, phone)

    def people(self, count: int, **meta: Any) -> list[Person]:
        return [self.person(**meta) for _ in range(count)]

    def order(self, person: Person, choice: str | None, **options: Any) -> int:
        meta = {} if choice is None else {ORDER_CONSENT_KEY: choice}
        return self.world.store.place_order(
            customer_id=person.customer_id, billing=person.billing, meta=meta, **options
        )

    def account(self, person: Person, value: str) -> None:
        self.world.store.set_user_meta(person.customer_id, CONSENT_KEY, value)

    def stop(self, *people: Person) -> None:
        for person in people:
            self.world.directory.unsubscribe(person.phone)

    def see_the_platform(self) -> None:
        """A daily sync that looks through the platform."""
        self.world.let_pass(HALF_A_DAY)
        self.world.sync()
        self.world.let_pass()

    def state(self, person: Person) -> str:
        return self.world.directory.snapshot()[person.phone]["states"]["SMS"]

    def subscribed(self, people: list[Person]) -> int:
        return sum(self.state(person) == "SUBSCRIBED" for person in people)


def opened(make_world: MakeWorld, *, mode: str = "explicit", moves: bool = True, **consent: Any) -> Shop:
    keys = {"meta_keys": [CONSENT_KEY, ORDER_CONSENT_KEY], **consent}
    world = make_world(
        {KEY: small_store(customers=3, orders=0)}, source_options={"consent": {"mode": mode, **keys}}
    )
    return Shop(world, stop_moves_date=moves)


@pytest.mark.parametrize("moves", [True, False])
def test_a_stop_is_not_undone_by_an_older_yes(make_world: MakeWorld, moves: bool) -> None:
    shop = opened(make_world, moves=moves)
    just_now, seen, daily = (shop.people(2, **{CONSENT_KEY: "yes"}) for _ in range(3))
    shop.world.sync()
    people = [*just_now, *seen, *daily]
    assert shop.subscribed(people) == 6
    for person in [*just_now, *daily]:
        shop.order(person, "1")
    shop.stop(*people)
    shop.world.sync(incremental=True)
    assert shop.subscribed(just_now) == 0
    shop.see_the_platform()
    for person in seen:
        # The shop enters an order of yesterday.
        shop.order(
            person, "1", created_at=datetime.now(UTC) - timedelta(days=1), modified_at=datetime.now(UTC)
        )
    shop.world.sync()
    assert shop.subscribed(people) == 0


def test_a_yes_in_the_account_undoes_no_stop_where_consent_is_inferred(make_world: MakeWorld) -> None:
    shop = opened(make_world, mode="inferred", moves=False)
    people = shop.people(2)
    shop.world.sync()
    assert shop.subscribed(people) == 2
    shop.stop(*people)
    shop.see_the_platform()
    for person in people:
        shop.account(person, "yes")
    shop.world.sync()
    assert shop.subscribed(people) == 0


def test_the_next_purchase_and_a_renewal_subscribe_nobody_again(make_world: MakeWorld) -> None:
    shop = opened(make_world)
    store = shop.world.store
    stopped, refusing, renewing = shop.person(), shop.person(), shop.person()
    for person in (stopped, refusing):
        store.check_out(
            customer_id=person.customer_id, billing=person.billing, fields={ORDER_CONSENT_KEY: True}
        )
    parent = store.place_order(
        customer_id=renewing.customer_id, billing=renewing.billing, meta={CONSENT_KEY: "yes"}
    )
    shop.world.sync()
    people = [stopped, refusing, renewing]
    assert shop.subscribed(people) == 3
    shop.stop(stopped, renewing)
    shop.account(refusing, "no")
    shop.see_the_platform()
    assert shop.subscribed(people) == 0
    for person in (stopped, refusing):
        order = store.check_out(customer_id=person.customer_id, billing=person.billing)
        assert store.orders[order].meta[ORDER_CONSENT_KEY].value == "1"
    assert store.orders[store.renew(parent)].meta[CONSENT_KEY].value == "yes"
    shop.world.sync(incremental=True)
    shop.world.sync()
    assert shop.subscribed(people) == 0


def test_whoever_unticks_the_box_and_ticks_it_again_is_subscribed(make_world: MakeWorld) -> None:
    shop = opened(make_world)
    store, person = shop.world.store, shop.person()
    for minutes_ago, ticked in ((4, True), (2, False), (0, True)):
        shop.world.minutes_ago(minutes_ago)
        store.check_out(
            customer_id=person.customer_id, billing=person.billing, fields={ORDER_CONSENT_KEY: ticked}
        )
        shop.world.sync()
        assert shop.subscribed([person]) == ticked
        shop.world.let_pass()


def test_where_the_box_is_never_prefilled_each_yes_counts(make_world: MakeWorld) -> None:
    shop = opened(make_world, repeated_yes="counts")
    person = shop.person()
    shop.order(person, "1", created_at=datetime.now(UTC) - timedelta(days=1))
    shop.world.sync()
    shop.stop(person)
    shop.see_the_platform()
    assert shop.state(person) == "UNSUBSCRIBED"
    shop.order(person, "1")
    shop.world.sync(incremental=True)
    assert shop.state(person) == "SUBSCRIBED"


@pytest.mark.parametrize("glitch", ["", "0"])
def test_one_night_s_glitch_subscribes_nobody_who_wrote_stop(make_world: MakeWorld, glitch: str) -> None:
    shop = opened(make_world)
    stopped, others = (shop.people(3, **{CONSENT_KEY: "yes"}) for _ in range(2))
    shop.world.sync()
    shop.stop(*stopped)
    shop.see_the_platform()
    assert (shop.subscribed(stopped), shop.subscribed(others)) == (0, 3)
    for value in (glitch, "yes"):
        for person in [*stopped, *others]:
            shop.account(person, value)
        shop.world.sync()
    assert (shop.subscribed(stopped), shop.subscribed(others)) == (0, 3)


def test_people_who_are_imported_again_stay_as_they_are(make_world: MakeWorld) -> None:
    shop = opened(make_world)
    stopped, others = (shop.people(3, **{CONSENT_KEY: "yes"}) for _ in range(2))
    shop.world.sync()
    shop.stop(*stopped)
    shop.see_the_platform()
    shop.world.store.import_again([person.customer_id for person in [*stopped, *others]])
    shop.world.sync()
    assert (shop.subscribed(stopped), shop.subscribed(others)) == (0, 3)


def test_a_yes_for_everybody_undoes_no_stop(make_world: MakeWorld) -> None:
    shop = opened(make_world)
    stopped = [*shop.people(2, **{CONSENT_KEY: "yes"}), *shop.people(2)]
    refused = shop.people(2, **{CONSENT_KEY: "no"})
    for person in stopped[2:]:
        # Of these the account says nothing until everybody's does.
        shop.order(person, "1", created_at=datetime.now(UTC) - timedelta(days=1))
    shop.world.sync()
    assert shop.subscribed(stopped) == 4
    shop.stop(*stopped)
    shop.see_the_platform()
    for person in [*stopped, *refused]:
        shop.account(person, "1")
    shop.world.sync()
    assert shop.subscribed(stopped) == 0


def test_what_the_shop_threw_away_opts_nobody_in_and_a_no_in_it_stays(make_world: MakeWorld) -> None:
    shop = opened(make_world)
    yes, no = shop.person(), shop.person()
    shop.order(no, "1", created_at=datetime.now(UTC) - timedelta(days=1))
    for person, choice in ((yes, "1"), (no, "0")):
        shop.world.store.trash_order(shop.order(person, choice))
    shop.world.sync()
    assert shop.subscribed([yes, no]) == 0


@pytest.mark.parametrize("header_follows", [True, False])
def test_a_store_whose_clock_is_ahead_undoes_no_stop(make_world: MakeWorld, header_follows: bool) -> None:
    shop = opened(make_world)
    store = shop.world.store
    subscribed = shop.people(2, **{CONSENT_KEY: "yes"})
    refusing = shop.people(2)
    for person in refusing:
        shop.order(person, "0", created_at=datetime.now(UTC) - timedelta(days=1))
    shop.world.sync()
    store.clock = lambda: datetime.now(UTC) + timedelta(minutes=10)
    store.date_header_follows_clock = header_follows
    people = [*subscribed, *refusing]
    for person in people:
        shop.order(person, "1")
    # Their STOP comes before a sync has seen the order, that of the others, whom somebody subscribes by hand, after it.
    shop.stop(*subscribed)
    for person in refusing:
        shop.world.directory.subscribe(person.phone)
    shop.world.sync(incremental=True)
    shop.stop(*refusing)
    shop.world.sync()
    # Ten minutes later the orders are no longer dated ahead.
    store.clock = lambda: datetime.now(UTC) + timedelta(minutes=21)
    shop.world.sync(incremental=True)
    shop.world.sync()
    assert shop.subscribed(people) == 0


def test_an_opt_out_that_the_platform_does_not_apply_fails_and_is_tried_again(make_world: MakeWorld) -> None:
    shop = opened(make_world)
    person = shop.person(**{CONSENT_KEY: "yes"})
    shop.world.sync()
    shop.world.directory.keeps_state_of = {person.phone}
    shop.account(person, "no")
    for incremental in (False, True):
        sync = shop.world.sync(incremental=incremental)
        assert (sync.counts["failed"], shop.state(person)) == (1, "SUBSCRIBED")
        (line,) = (each for each in shop.world.contacts_of(sync) if each.phone == person.phone)
        assert line.outcome == "failed"
        assert "goes on showing it as subscribed" in (line.reason or "")
    shop.world.directory.keeps_state_of = set()
    shop.world.sync()
    assert shop.state(person) == "UNSUBSCRIBED"


def test_whoever_the_platform_keeps_unsubscribed_is_not_subscribed_again_and_again(
    make_world: MakeWorld,
) -> None:
    shop = opened(make_world)
    shop.world.directory.remembers_opt_outs = True
    person = shop.person(**{CONSENT_KEY: "yes"})
    shop.world.sync()
    shop.stop(person)
    shop.see_the_platform()
    shop.order(person, "1")
    sync = shop.world.sync()
    assert (sync.counts["failed"], sync.counts["not_applied"], shop.state(person)) == (0, 1, "UNSUBSCRIBED")
    shop.world.platform.requests.reset()
    shop.world.sync()
    assert shop.world.platform.requests.writes == 0


@pytest.mark.parametrize("remembers", [True, False])
def test_who_wrote_stop_and_was_deleted_comes_back_unsubscribed(
    make_world: MakeWorld, remembers: bool
) -> None:
    shop = opened(make_world)
    shop.world.directory.remembers_opt_outs = remembers
    people = shop.people(3, **{CONSENT_KEY: "yes"})
    shop.world.sync()
    shop.stop(*people)
    for person in people:
        shop.world.directory.delete(person.phone)
        shop.world.store.save_profile(person.customer_id, billing_first_name="Zoe")
    shop.world.sync()
    assert shop.subscribed(people) == 0
    assert {shop.world.directory.snapshot()[person.phone]["first_name"] for person in people} == {"Zoe"}
    shop.order(people[0], "1")
    shop.world.let_pass()
    shop.world.sync(incremental=True)
    assert shop.subscribed(people) == (0 if remembers else 1)


def test_an_opt_out_in_my_account_that_the_store_hides_is_told_of(make_world: MakeWorld) -> None:
    shop = opened(make_world)
    person = shop.person()
    shop.world.store.check_out(
        customer_id=person.customer_id, billing=person.billing, fields={ORDER_CONSENT_KEY: True}
    )
    assert shop.world.sync().counts["saved_unseen"] == 0
    # A minute after the sync. Then the clock is put right: the sync would take the minute for an error of the clock.
    now, shop.world.store.clock = shop.world.store.clock, lambda: datetime.now(UTC) + timedelta(minutes=1)
    shop.world.store.save_account_field(person.customer_id, ORDER_CONSENT_KEY, False)
    shop.world.store.clock = now
    sync = shop.world.sync()
    assert sync.counts["saved_unseen"] == 1
    (warning,) = sync.counts["warnings"]
    assert ORDER_CONSENT_KEY in warning
    assert "consent.mirrored_by" in warning


def test_an_opt_out_in_my_account_that_the_shop_mirrors_unsubscribes(make_world: MakeWorld) -> None:
    shop = opened(
        make_world,
        mirrored_by={ORDER_CONSENT_KEY: MIRROR_KEY},
        dated_by={MIRROR_KEY: MIRROR_DATE_KEY},
    )
    person = shop.person()
    shop.world.store.check_out(
        customer_id=person.customer_id, billing=person.billing, fields={ORDER_CONSENT_KEY: True}
    )
    sync = shop.world.sync()
    assert (shop.state(person), sync.counts["warnings"]) == ("SUBSCRIBED", [])
    shop.world.store.save_account_field(person.customer_id, ORDER_CONSENT_KEY, False)
    shop.world.sync()
    assert shop.state(person) == "UNSUBSCRIBED"
    # The mirrored choice has a date, so it can answer a STOP as well.
    shop.world.let_pass()
    shop.world.outwait_the_clocks()
    shop.world.store.save_account_field(person.customer_id, ORDER_CONSENT_KEY, True)
    shop.world.sync()
    assert shop.state(person) == "SUBSCRIBED"
