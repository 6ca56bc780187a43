"""Two stores that share customers: they meet in the contacts, and nowhere else."""

from __future__ import annotations

import pytest

from woo_sync_pipeline_tests.orchestration.conftest import MakeWorld, World, small_store
from woo_sync_pipeline_tests.orchestration.expectation import expected_directory, phone_of_customer
from woo_sync_pipeline_tests.orchestration.people import single_customers


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """The stores "Coffee House" and "Tea House"; about every third person of the second one is also in the first."""
    coffee = small_store(name="Coffee House", customers=40, orders=25)
    tea = small_store(seed=2, name="Tea House", customers=40, orders=25, share_phones_with=coffee, share=0.5)
    return make_world({"coffee": coffee, "tea": tea})


def _shared(world: World) -> set[str]:
    coffee, tea = (expected_directory(world.demo.stores[key].data) for key in ("coffee", "tea"))
    shared = coffee.keys() & tea.keys()
    assert len(shared) >= 5
    return shared


def test_a_phone_of_both_stores_is_one_contact_with_both_names_and_the_lists_of_both(world: World) -> None:
    shared = _shared(world)
    world.sync("coffee")
    world.sync("tea")
    held = world.directory.snapshot()
    for phone in shared:
        assert held[phone]["custom_fields"]["source"] == "Coffee House, Tea House"
        assert {"Coffee House", "Tea House"} <= set(held[phone]["lists"])
    stores = [each.data for each in world.demo.stores.values()]
    assert held == expected_directory(*stores)


def test_whichever_store_is_synced_first_the_people_are_the_same(world: World) -> None:
    world.sync("tea")
    world.sync("coffee")
    stores = [each.data for each in world.demo.stores.values()]
    expected = expected_directory(*stores)
    held = world.directory.snapshot()
    for contact in held.values():
        label = contact["custom_fields"]["source"].split(", ")
        contact["custom_fields"]["source"] = ", ".join(sorted(label))
    assert held == expected


def test_syncing_both_again_sends_nothing(world: World) -> None:
    for key in ("coffee", "tea"):
        world.sync(key)
    before = world.platform.requests.writes
    for key in ("coffee", "tea"):
        world.sync(key)
    assert world.platform.requests.writes == before


def test_who_leaves_one_store_keeps_the_label_and_the_lists_of_the_other(world: World) -> None:
    tea = world.demo.stores["tea"].data
    both = _shared(world)
    customer, phone = next(
        (each, phone)
        for with_orders in (False, True)
        for each, phone in single_customers(tea, with_orders=with_orders)
        if phone in both
    )
    for key in ("coffee", "tea"):
        world.sync(key)
    tea.delete_customer(customer.id)
    assert phone_of_customer(customer) == phone
    world.sync("tea")
    left = world.directory.snapshot()[phone]
    assert left["custom_fields"]["source"] == "Coffee House"
    assert [name for name in left["lists"] if name.startswith("Tea House")] == []
    assert "Coffee House" in left["lists"]


@pytest.mark.parametrize(
    ("fault", "came_back"), [("drop", "no complete answer"), ("unavailable", "503")], ids=str
)
def test_a_store_that_is_down_holds_up_no_other_and_says_why(
    world: World, fault: str, came_back: str
) -> None:
    coffee, tea = world.demo.stores["coffee"], world.demo.stores["tea"]
    coffee.faults.down = "drop" if fault == "drop" else "unavailable"
    failed = world.try_sync("coffee")
    world.sync("tea")
    assert world.directory.snapshot() == expected_directory(tea.data)

    assert failed.sync is not None
    assert failed.error is not None
    assert failed.error.startswith("coffee: GET orders/statuses (5 attempts): ")
    assert came_back in failed.error
    assert "run again" in failed.error.casefold()
    (noted,) = world.history("coffee")
    assert (noted.status, noted.error) == ("failed", failed.error)
    assert noted.finished_at is not None

    coffee.faults.clear()
    world.sync("coffee")
    held, expected = world.directory.snapshot(), expected_directory(coffee.data, tea.data)
    assert held.keys() == expected.keys()
    assert {phone: each["states"] for phone, each in held.items()} == {
        phone: each["states"] for phone, each in expected.items()
    }
    assert [sync.status for sync in world.history("coffee")] == ["succeeded", "failed"]
