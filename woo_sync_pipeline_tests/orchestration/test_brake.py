"""Accidents of a store: stopped before anything is sent, healed when the store is as before, let through on request."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from woo_sync_pipeline.contacts.limits import Change
from woo_sync_pipeline.demo.platform.directory import ContactSnapshot
from woo_sync_pipeline.demo.world import CONSENT_KEY
from woo_sync_pipeline.state.syncs import SyncRun
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World, small_store

SAID_YES, SAID_NO, SAID_NOTHING = 70, 60, 30
HALF_A_DAY = timedelta(hours=13)


class Shop:
    """A shop of which everybody has said yes, no, or nothing, and that was synced once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._count = 0
        self.said_yes = [self._person({CONSENT_KEY: "1"}) for _ in range(SAID_YES)]
        self.said_no = [self._person({CONSENT_KEY: "0"}) for _ in range(SAID_NO)]
        self.said_nothing = [self._person({}) for _ in range(SAID_NOTHING)]
        self.everybody = [*self.said_yes, *self.said_no, *self.said_nothing]
        world.sync()

    def _person(self, meta: dict[str, str]) -> int:
        self._count += 1
        return self.world.store.register_customer(
            email=f"ann{self._count}@example.com",
            first_name="Ann",
            billing={"phone": phone_of(self._count), "country": "AU"},
            meta=meta,
            registered_at=datetime.now(UTC) - timedelta(days=100),
        )

    @property
    def subscribed(self) -> int:
        states = [each["states"]["SMS"] for each in self.world.directory.snapshot().values()]
        return states.count("SUBSCRIBED")

    def say(self, value: str, *people: int) -> None:
        for person in people:
            self.world.store.set_user_meta(person, CONSENT_KEY, value)

    def stopped(self, *, incremental: bool = False) -> str:
        """A sync that is stopped; what it says."""
        outcome = self.world.try_sync(incremental=incremental)
        assert outcome.error is not None, "the sync went through"
        assert outcome.sync is not None
        assert (outcome.sync.status, outcome.sync.error) == ("failed", outcome.error)
        return outcome.error


def phone_of(number: int) -> str:
    return f"+61412000{number:03d}"


@pytest.fixture
def shop(make_world: MakeWorld) -> Shop:
    return Shop(make_world({KEY: small_store(customers=0, orders=0)}))


Undo = Callable[[], None]


def hide_customers(shop: Shop) -> Undo:
    """A plugin hides all but a few customers from the API."""
    return _hide(shop, shop.everybody[:-20])


def hide_a_role(shop: Shop) -> Undo:
    """Half of the customers have a role that the API does not show."""
    return _hide(shop, shop.everybody[::2])


def _hide(shop: Shop, people: list[int]) -> Undo:
    store = shop.world.store
    with store.lock:
        hidden = [store.unindex_customer(person) for person in people]
        store.customers_version += 1

    def undo() -> None:
        with store.lock:
            for each in hidden:
                store.index_customer(each)
            store.customers_version += 1

    return undo


def wipe_phones(shop: Shop) -> Undo:
    store = shop.world.store
    for person in shop.everybody:
        store.save_profile(person, billing_phone="")

    def undo() -> None:
        for number, person in enumerate(shop.everybody, start=1):
            store.save_profile(person, billing_phone=phone_of(number))

    return undo


def say_yes_for_everybody(shop: Shop) -> Undo:
    shop.say("1", *shop.everybody)
    return lambda: _answer_as_before(shop)


def empty_the_answers(shop: Shop) -> Undo:
    shop.say("", *shop.everybody)
    return lambda: _answer_as_before(shop)


def remove_the_answers(shop: Shop) -> Undo:
    for person in (*shop.said_yes, *shop.said_no):
        shop.world.store.delete_user_meta(person, CONSENT_KEY)
    return lambda: _answer_as_before(shop)


def _answer_as_before(shop: Shop) -> None:
    shop.say("1", *shop.said_yes)
    shop.say("0", *shop.said_no)
    for person in shop.said_nothing:
        shop.world.store.delete_user_meta(person, CONSENT_KEY)


ACCIDENTS: dict[str, tuple[Callable[[Shop], Undo], str]] = {
    "customers hidden": (hide_customers, "140 customers are gone from the store (161 → 21)"),
    "a role hidden": (hide_a_role, "80 customers are gone from the store (161 → 81)"),
    "phones wiped": (wipe_phones, "160 records lose their phone (with one: 160 → 0)"),
    "a yes for everybody": (say_yes_for_everybody, "90 contacts are newly subscribed (subscribed: 70 → 160)"),
    "answers emptied": (empty_the_answers, "records lose their answer about consent (with one: 130 →"),
    "answers removed": (
        remove_the_answers,
        "130 records lose their answer about consent (with one: 130 → 0)",
    ),
}


def edited_on_the_platform(shop: Shop) -> dict[str, ContactSnapshot]:
    """What the platform shows after people there have given 40 contacts other names and taken 20 off their lists."""
    directory = shop.world.directory
    for number in range(1, 41):
        directory.edit(phone_of(number), first_name="Annie")
    for number in range(61, 81):
        directory.edit(phone_of(number), lists=[])
    return directory.snapshot()


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_an_accident_is_stopped_and_heals_and_what_people_did_on_the_platform_stays(
    shop: Shop, accident: str
) -> None:
    happen, told = ACCIDENTS[accident]
    world = shop.world
    before = edited_on_the_platform(shop)
    world.platform.requests.reset()

    undo = happen(shop)
    message = shop.stopped()
    assert world.platform.requests.writes == 0
    assert told in message, message
    assert "Likely causes: " in message
    assert "--accept-changes" in message
    assert "+61412000" not in message  # phones are masked
    if accident == "customers hidden":
        assert shop.stopped() == message  # and so it stays, until somebody helps

    undo()
    healed = world.sync()
    assert world.directory.snapshot() == before
    assert world.platform.requests.writes == 0
    assert healed.counts["changes"]["leaving_lists"] == 0


def test_an_accident_that_was_let_through_is_undone_without_what_people_did_on_the_platform_being_lost(
    shop: Shop,
) -> None:
    world = shop.world
    before = edited_on_the_platform(shop)

    undo = hide_customers(shop)
    shop.stopped()
    through = world.try_sync(accept_changes=True)
    assert through.error is None
    assert through.sync is not None
    assert through.sync.counts["changes"]["leaving_because"] == {"customer gone": 140}
    assert (through.sync.accepted_by or "").startswith("somebody in the Dagster UI")
    assert all(
        not each["lists"] for phone, each in world.directory.snapshot().items() if phone < phone_of(141)
    )

    undo()
    assert world.sync().accepted_by is None
    assert world.directory.snapshot() == before


def test_opt_outs_wait_for_nothing(shop: Shop) -> None:
    world = shop.world
    undo = hide_customers(shop)
    world.store.place_order(
        billing={"first_name": "Ann", "phone": phone_of(5), "country": "AU"},
        meta={"_wc_other/woo/sms-opt-in": "0"},
    )
    world.store.register_customer(
        email="bea@example.com",
        first_name="Bea",
        billing={"phone": phone_of(6), "country": "AU"},
        meta={CONSENT_KEY: "0"},
    )
    refusing = {phone_of(5), phone_of(6)}
    before = world.directory.snapshot()
    message = shop.stopped()
    after = world.directory.snapshot()
    assert "Only 2 opt-outs went out: opt-outs wait for nothing." in message
    assert {phone for phone in after if after[phone] != before[phone]} == refusing
    for phone in refusing:
        # Neither the name nor a list of who now has the phone.
        assert after[phone] == {**before[phone], "states": {"SMS": "UNSUBSCRIBED"}}
    undo()
    world.sync()
    healed = world.directory.snapshot()
    assert {healed[phone]["states"]["SMS"] for phone in refusing} == {"UNSUBSCRIBED"}
    assert healed[phone_of(6)]["first_name"] == "Bea"
    assert {phone: each for phone, each in healed.items() if phone not in refusing} == {
        phone: each for phone, each in before.items() if phone not in refusing
    }


def test_a_box_that_is_unticked_without_an_answer_waits_for_nothing_either(shop: Shop) -> None:
    hide_customers(shop)
    # Of those who are still there everybody has said nothing but one, who takes it back by leaving no answer.
    person = shop.everybody[-1]
    shop.world.store.set_user_meta(person, CONSENT_KEY, "1")
    shop.world.sync(incremental=True)
    shop.world.store.place_order(customer_id=person, billing={"first_name": "Ann"})
    shop.world.sync(incremental=True)
    assert shop.subscribed == SAID_YES + 1
    shop.say("", person)
    assert "Only 1 opt-out went out" in shop.stopped()
    assert shop.subscribed == SAID_YES


def test_opt_outs_do_not_wait_for_contacts_that_are_missing(shop: Shop) -> None:
    world = shop.world
    world.let_pass(HALF_A_DAY)
    for number in range(1, 61):
        world.directory.delete(phone_of(number))
    shop.say("0", shop.everybody[SAID_YES - 1])
    message = shop.stopped()
    assert "60 contacts are missing on MessageMedia" in message
    assert "Only 1 opt-out went out" in message
    assert shop.subscribed == SAID_YES - 60 - 1
    assert len(world.directory) == 100


def test_a_no_for_everybody_is_told_and_undone_by_itself(shop: Shop) -> None:
    before = shop.world.directory.snapshot()
    shop.say("0", *shop.everybody)
    message = shop.stopped()
    assert "70 contacts are newly unsubscribed (subscribed: 70 → 0)" in message
    assert "Only 70 opt-outs went out: opt-outs wait for nothing." in message
    assert shop.subscribed == 0
    _answer_as_before(shop)
    shop.world.sync()
    assert shop.world.directory.snapshot() == before


def test_a_small_shop_gets_by_on_numbers(make_world: MakeWorld) -> None:
    world = make_world({KEY: small_store(customers=20, orders=0)})
    world.sync()
    for person in list(world.store.customers):
        world.store.save_profile(person, billing_phone="")
    sync = world.sync()
    assert sync.counts["changes"]["newly_invalid"] > 10


def test_what_explains_much_change_is_told(shop: Shop) -> None:
    shop.world.reconfigure(groups={"name_format": "{source}: {tag}"})
    message = shop.stopped()
    assert "160 contacts leave lists" in message
    assert "Configured otherwise than at the last sync: groups. That alone may explain it." in message


def test_a_live_sync_is_stopped_as_well(shop: Shop) -> None:
    world = shop.world
    for person in (*shop.said_nothing, *shop.said_no):
        shop.say("1", person)
        world.store.place_order(customer_id=person, billing={"first_name": "Ann"})
    assert "90 contacts are newly subscribed" in shop.stopped(incremental=True)
    assert shop.subscribed == SAID_YES


def test_a_dry_run_shows_what_would_be_stopped_and_sends_not_even_opt_outs(shop: Shop) -> None:
    shop.say("0", *shop.everybody)
    outcome = shop.world.try_sync(dry_run=True)
    assert outcome.error is not None
    assert "70 contacts are newly unsubscribed" in outcome.error
    assert "This was a dry run: nothing was sent." in outcome.error
    assert shop.subscribed == SAID_YES


def look_again(shop: Shop) -> SyncRun:
    """A daily sync that looks through the platform; it must succeed."""
    shop.world.let_pass(HALF_A_DAY)
    return shop.world.sync()


def test_a_list_and_fields_that_were_deleted_on_the_platform_are_made_again(shop: Shop) -> None:
    world = shop.world
    for phone in (phone_of(61), phone_of(62)):
        world.directory.remove_from_list(phone, "WooCommerce")
    world.store.save_profile(shop.everybody[60], first_name="Bea")
    world.store.save_profile(shop.everybody[61], first_name="Bea")
    world.sync()
    before = world.directory.snapshot()
    world.directory.delete_list("WooCommerce")
    with world.directory.lock:
        store = world.directory.store
        for field in list(store.fields.values()):
            if field.merge_tag in {"source", "email"}:
                store.remove_field(field)
    sync = look_again(shop)
    assert world.directory.snapshot() == before
    assert len([each for each in sync.counts["warnings"] if "was deleted on MessageMedia" in each]) == 3
    world.platform.requests.reset()
    assert look_again(shop).counts["warnings"] == []
    assert world.platform.requests.writes == 0


def test_contacts_that_are_missing_come_back_by_the_rules_of_consent(shop: Shop) -> None:
    world = shop.world
    before = world.directory.snapshot()
    for number in (1, 2, 75):
        world.directory.delete(phone_of(number))
    look_again(shop)
    after = world.directory.snapshot()
    for number in (1, 2):
        assert after[phone_of(number)] == {**before[phone_of(number)], "states": {"SMS": "UNSUBSCRIBED"}}
    assert after == {
        **before,
        **{phone_of(number): after[phone_of(number)] for number in (1, 2)},
    }


def test_many_missing_contacts_stop_the_sync_until_they_are_let_through(shop: Shop) -> None:
    world = shop.world
    world.let_pass(HALF_A_DAY)
    for number in range(1, 61):
        world.directory.delete(phone_of(number))
    world.platform.requests.reset()
    message = shop.stopped()
    assert "60 contacts are missing on MessageMedia (160 → 100), more than the limit of 50" in message
    assert world.platform.requests.writes == 0
    through = world.try_sync(accept_changes=True)
    assert through.error is None
    assert len(world.directory) == 160
    assert shop.subscribed == SAID_YES - 60


def empty_the_account(world: World) -> Iterator[None]:
    with world.directory.lock:
        kept = dict(world.directory.store.__dict__)
        world.directory.store.__init__()  # type: ignore[misc]
    yield
    with world.directory.lock:
        world.directory.store.__dict__.update(kept)


@pytest.mark.parametrize("incremental", [False, True])
def test_an_emptied_account_or_another_one_stops_the_sync_and_is_filled_on_request(
    shop: Shop, incremental: bool
) -> None:
    world = shop.world
    before = world.directory.snapshot()
    world.store.place_order(billing={"first_name": "Bob", "phone": "0412999888", "country": "AU"})
    emptied = empty_the_account(world)
    next(emptied)
    if incremental:
        world.directory.add_contact("+61491570156", lists=["WooCommerce"])
    world.platform.requests.reset()
    message = shop.stopped(incremental=incremental)
    assert "none of our lists, custom fields and contacts is there: the account " in message
    assert ("holds 1 contact, none of them ours" if incremental else "is empty") in message
    assert world.platform.requests.writes == 0
    next(emptied, None)
    world.sync()
    after = world.directory.snapshot()
    assert {phone: each for phone, each in after.items() if phone != "+61412999888"} == before
    next(empty_the_account(world))
    assert world.try_sync(accept_changes=True).error is None
    assert world.directory.snapshot().keys() == after.keys()
    assert shop.subscribed == 0


def test_an_account_of_which_all_contacts_were_deleted_stops_the_sync_however_few_they_were(
    make_world: MakeWorld,
) -> None:
    world = make_world({KEY: small_store(customers=10, orders=0)})
    world.sync()
    world.let_pass(HALF_A_DAY)
    for phone in list(world.directory.snapshot()):
        world.directory.delete(phone)
    outcome = world.try_sync()
    assert outcome.error is not None
    assert "contacts that were sent before are missing" in outcome.error
    assert len(world.directory) == 0


DAYS = int(os.environ.get("WOO_SYNC_ORDINARY_DAYS", "4"))
"""A month was gone through by hand."""


def ordinary_day(world: World, rng: random.Random, *, churn: float = 0.02) -> None:
    """So many of the customers do something: correct themselves, opt in or out, order, leave; as many register."""
    store = world.store
    acting = rng.sample(sorted(store.customers), max(int(churn * len(store.customers)), 1))
    for number, person in enumerate(acting):
        act = rng.randrange(6)
        if act == 0:
            store.save_profile(person, first_name="Bea", billing_first_name="Bea")
        elif act == 1:
            store.save_profile(person, billing_phone=f"0413{rng.randrange(10**6):06d}")
        elif act == 2:
            store.set_user_meta(person, CONSENT_KEY, rng.choice(["1", "0"]))
        elif act == 3:
            store.delete_customer(person)
        else:
            store.place_order(
                customer_id=person,
                billing={"first_name": "Ann", "country": "AU"},
                meta={"_wc_other/woo/sms-opt-in": rng.choice(["1", "0"])},
            )
        register(world, rng, number)


def register(world: World, rng: random.Random, number: int) -> None:
    world.store.register_customer(
        email=f"new{number}.{rng.randrange(10**9)}@example.com",
        first_name="Neo",
        billing={"phone": f"0414{rng.randrange(10**6):06d}", "country": "AU"},
        meta={CONSENT_KEY: rng.choice(["1", "0"])},
    )


def test_ordinary_days_and_a_sale_pass_without_a_word(make_world: MakeWorld) -> None:
    share_only = {change.value: {"share": 0.1, "at_least": 0} for change in Change}
    world = make_world({KEY: small_store(customers=300, orders=100)}, source_options={"limits": share_only})
    rng = random.Random(1)
    assert world.sync().counts["warnings"] == []
    for day in range(DAYS):
        ordinary_day(world, rng)
        if day == DAYS // 2:
            for number in range(100):
                register(world, rng, number)
        world.let_pass(HALF_A_DAY)
        assert world.sync().counts["warnings"] == []
