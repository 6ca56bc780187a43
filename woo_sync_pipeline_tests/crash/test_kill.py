"""A sync that is killed at any moment, and the next one, come to the same as one that nobody disturbed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline_tests.crash.conftest import CrashWorld, NewWorld
from woo_sync_pipeline_tests.crash.sync_process import ConsoleSync

KILLS = 10
KILLS_OF_SECOND_DAY = 3
CREATION = "POST /api/v1/contacts/contacts"
LAST_OF_STORE = "GET /wp-json/wc/v3/products"


@pytest.fixture(scope="module")
def killed(worlds: NewWorld, undisturbed: CrashWorld) -> Iterator[list[Future[CrashWorld]]]:
    """Worlds in which a sync was killed at a moment of its own and another one followed, two at a time."""
    rng = random.Random(20_261_101)
    store = sum("wp-json" in request for request in undisturbed.requests)
    everything = len(undisturbed.requests)
    # Most requests go to the platform: the store's are drawn apart, or none of them would be hit.
    moments = [*rng.sample(range(1, store + 1), 2), *rng.sample(range(store + 1, everything + 1), KILLS - 2)]

    def kill_and_sync_again(world: CrashWorld, moment: int) -> CrashWorld:
        world.sync_and_kill(lambda: len(world.requests) == moment)
        world.sync()
        return world

    made = [worlds() for _ in moments]
    with ThreadPoolExecutor(2) as threads:
        yield [
            threads.submit(kill_and_sync_again, world, moment)
            for world, moment in zip(made, moments, strict=True)
        ]


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_sync_and_the_next_one_equal_an_undisturbed_sync(
    killed: list[Future[CrashWorld]], undisturbed: CrashWorld, number: int
) -> None:
    world = killed[number].result()

    assert_equal_outcome(world, undisturbed)


def test_a_sync_killed_before_it_has_noted_what_it_read_is_repeated(
    worlds: NewWorld, undisturbed: CrashWorld
) -> None:
    world = worlds()
    world.sync_and_kill_writing("contacts", after=LAST_OF_STORE)
    assert world.contacts() == 0
    assert not world.snapshot()

    world.sync()

    assert_equal_outcome(world, undisturbed)


def test_a_sync_killed_when_all_is_sent_and_nothing_confirmed_sends_nothing_twice(
    worlds: NewWorld, undisturbed: CrashWorld
) -> None:
    world = worlds()
    world.sync_and_kill_writing("contacts", after=CREATION)
    assert world.snapshot() == undisturbed.snapshot()
    assert world.contacts("in_flight IS NOT NULL") == len(undisturbed.snapshot())
    writes = world.platform.requests.writes

    world.sync()

    assert world.platform.requests.writes == writes
    assert_equal_outcome(world, undisturbed)


def test_a_sync_killed_when_only_its_report_is_missing_leaves_nothing_to_do(
    worlds: NewWorld, undisturbed: CrashWorld
) -> None:
    world = worlds()
    world.sync_and_kill_writing("sync_runs", after=CREATION)
    assert world.contacts("NOT is_pending") == len(undisturbed.snapshot())
    assert world.statuses() == ["running"]
    writes = world.platform.requests.writes

    world.sync()

    assert world.platform.requests.writes == writes
    assert_equal_outcome(world, undisturbed)


def test_what_changes_in_the_store_after_the_kill_arrives_as_without_it(
    worlds: NewWorld, undisturbed: CrashWorld
) -> None:
    renamed, leaving = _two_subscribed_customers(undisturbed)
    world, expected = worlds(), worlds()
    directory = world.platform.directory
    phones = {_phone(undisturbed, renamed), _phone(undisturbed, leaving)}
    world.sync_and_kill(lambda: all(phone in directory for phone in phones), start=ConsoleSync)
    for each in (world, expected):
        each.store.save_profile(renamed, first_name="Marguerite", billing_first_name="Marguerite")
        each.store.set_user_meta(leaving, "sms_marketing_consent", "no")

    world.sync()
    expected.sync()

    assert_equal_outcome(world, expected)
    assert world.snapshot()[_phone(undisturbed, renamed)]["first_name"] == "Marguerite"
    assert world.snapshot()[_phone(undisturbed, leaving)]["states"] == {"SMS": "UNSUBSCRIBED"}


def test_a_kill_while_answers_get_lost_makes_no_contact_twice(
    worlds: NewWorld, undisturbed: CrashWorld
) -> None:
    world = worlds()
    faults = world.platform.faults
    faults.rate("lost_answer", 0.5, methods={"POST"})
    world.sync_and_kill(lambda: faults.happened["lost_answer"] >= 20)
    faults.clear()

    world.sync()

    assert_equal_outcome(world, undisturbed)


def change_shop(store: StoreData) -> None:
    """Names, choices and tags change, and two people register."""
    ids = sorted(store.customers)[1:]
    for customer_id in ids[:12]:
        store.save_profile(customer_id, first_name="Marguerite", billing_first_name="Marguerite")
    for customer_id in ids[8:20]:
        store.set_user_meta(customer_id, "customer_tags", "Late tag")
    for customer_id in ids[16:28]:
        store.set_user_meta(customer_id, "sms_marketing_consent", "no")
    for number in (6, 7):
        phone = {"phone": f"+6149157000{number}", "country": "AU"}
        store.register_customer(email=f"new{number}@example.com", first_name="Ada", billing=phone)


def writes(world: CrashWorld) -> int:
    return sum(not request.startswith("GET ") for request in world.requests)


@pytest.fixture(scope="module")
def second_day(worlds: NewWorld) -> CrashWorld:
    """A world whose store was synced on two days and nothing went wrong; `requests` has what the second one took."""
    world = worlds()
    world.sync()
    change_shop(world.store)
    world.before_each_request(lambda: None)
    world.sync()
    return world


@pytest.mark.parametrize("number", range(KILLS_OF_SECOND_DAY))
def test_a_sync_of_changes_that_is_killed_and_the_next_one_equal_an_undisturbed_sync(
    worlds: NewWorld, second_day: CrashWorld, number: int
) -> None:
    # Counted in writes: how many reads there are depends on how long they take.
    moment = random.Random(number).randint(1, writes(second_day))
    world = worlds()
    world.sync()
    change_shop(world.store)
    world.sync_and_kill(lambda: writes(world) == moment)

    world.sync()

    assert_equal_outcome(world, second_day, statuses=["succeeded", "crashed", "succeeded"])


def assert_equal_outcome(
    world: CrashWorld, expected: CrashWorld, *, statuses: Sequence[str] = ("crashed", "succeeded")
) -> None:
    """The account is the same, no phone is there twice, nothing is left to send, the history says what happened."""
    assert world.snapshot() == expected.snapshot()
    assert len(world.platform.directory) == len(expected.snapshot())
    assert world.contacts() == len(expected.snapshot())
    assert world.contacts("is_pending OR in_flight IS NOT NULL") == 0
    assert world.statuses() == list(statuses)


def _two_subscribed_customers(world: CrashWorld) -> tuple[int, int]:
    """Customers whose choice stands in their profile and who ordered nothing that could say otherwise.

    Those who are sent first: after them there are requests enough at which a sync can be killed.
    """
    subscribed = {
        contact["custom_fields"].get("email", "").lower()
        for contact in world.snapshot().values()
        if contact["states"] == {"SMS": "SUBSCRIBED"}
    }
    found = [
        customer.id
        for customer in world.store.customers.values()
        if customer.email.lower() in subscribed and not world.store.orders_of_customer.get(customer.id)
    ]
    first, second, *_ = sorted(found, key=lambda customer_id: _phone(world, customer_id))
    return first, second


def _phone(world: CrashWorld, customer_id: int) -> str:
    email = world.store.customers[customer_id].email.lower()
    (phone,) = (
        phone
        for phone, contact in world.snapshot().items()
        if contact["custom_fields"].get("email", "").lower() == email
    )
    return phone
