"""Whole syncs after WordPress' erasers: the person is gone from the platform as configured, and from the state."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.demo.platform import ContactSnapshot
from woo_sync_pipeline.state.syncs import SyncContact
from woo_sync_pipeline_tests.orchestration.conftest import MakeWorld, World
from woo_sync_pipeline_tests.orchestration.people import GUEST_PHONE, order_as_guest

EMAIL = "greta@example.com"
TABLES = ("source_records", "contacts", "sync_run_contacts", "consent_events", "erasures", "former_phones")


def guest_of_a_lived_in_world(world: World) -> int:
    """Greta is subscribed, and somebody wrote into her contact too; returns the number of her order."""
    number = order_as_guest(world.store)
    world.sync()
    world.directory.edit(GUEST_PHONE, custom_fields={"birthday": "1990-01-31"})
    world.directory.add_to_list(GUEST_PHONE, "Newsletter")
    shown = world.directory.snapshot()[GUEST_PHONE]
    assert (shown["first_name"], shown["states"]) == ("Greta", {"SMS": "SUBSCRIBED"})
    return number


def known_of(world: World, *texts: str) -> list[str]:
    """The tables of the state in which one of these texts is found."""
    found = []
    for name in TABLES:
        with world.database.transaction() as connection:
            rows = connection.execute(sa.text(f"SELECT to_jsonb(each)::text FROM woo_sync.{name} AS each"))
            everything = "\n".join(rows.scalars())
        found += [name for text in texts if text in everything]
    return found


def shown_of(world: World) -> ContactSnapshot | None:
    return world.directory.snapshot().get(GUEST_PHONE)


def line_of(number: int, what: str, record_type: str = "order") -> list[tuple[Any, ...]]:
    return [("erased", None, "", record_type, str(number), f"erased in the store: {what}")]


def lines(contacts: list[SyncContact]) -> list[tuple[Any, ...]]:
    return [
        (each.outcome, each.phone, each.phone_masked, each.record_type, each.record_id, each.reason)
        for each in contacts
    ]


def test_a_guest_who_is_erased_is_unsubscribed_and_loses_what_we_wrote(world: World) -> None:
    number = guest_of_a_lived_in_world(world)
    world.store.erase_person(EMAIL)
    sync = world.sync(incremental=True)
    # Nobody's name, and what others wrote stays.
    assert shown_of(world) == {
        "first_name": "",
        "last_name": "",
        "states": {"SMS": "UNSUBSCRIBED"},
        "custom_fields": {"birthday": "1990-01-31"},
        "lists": ["Newsletter"],
    }
    assert known_of(world, GUEST_PHONE, EMAIL, "O'Hara") == []
    assert lines(world.contacts_of(sync)) == line_of(
        number, "unsubscribed on MessageMedia, and forgotten here"
    )
    assert (sync.counts["erased"], sync.counts["newly_invalid"]) == (1, 0)
    held = world.directory.snapshot()
    world.sync()
    assert world.directory.snapshot() == held
    # Whoever comes back is not subscribed by the old account's yes, and an order brings the contact back to our lists.
    order_as_guest(world.store, choice=None)
    world.sync(incremental=True)
    back = shown_of(world)
    assert back is not None
    assert (back["first_name"], back["states"]) == ("Greta", {"SMS": "UNSUBSCRIBED"})


def test_with_delete_the_contact_is_gone(make_world: MakeWorld) -> None:
    world = make_world(source_options={"on_erasure": "delete"})
    number = guest_of_a_lived_in_world(world)
    others = world.directory.snapshot().keys() - {GUEST_PHONE}
    world.store.erase_person(EMAIL)
    sync = world.sync(incremental=True)
    assert world.directory.snapshot().keys() == others
    assert known_of(world, GUEST_PHONE, EMAIL, "O'Hara") == []
    assert lines(world.contacts_of(sync)) == line_of(number, "deleted on MessageMedia, and forgotten here")


def test_with_report_nothing_is_done_but_to_leave_the_lists(make_world: MakeWorld) -> None:
    world = make_world(source_options={"on_erasure": "report"})
    number = guest_of_a_lived_in_world(world)
    world.store.erase_person(EMAIL)
    sync = world.sync(incremental=True)
    shown = shown_of(world)
    assert shown is not None
    assert (shown["first_name"], shown["states"], shown["lists"]) == (
        "Greta",
        {"SMS": "SUBSCRIBED"},
        ["Newsletter"],
    )
    [line] = [each for each in world.contacts_of(sync) if each.outcome == "erased"]
    assert (line.record_id, line.phone) == (str(number), None)
    assert line.reason is not None
    assert "is still on MessageMedia; nothing was done" in line.reason
    assert "contacts" in known_of(world, GUEST_PHONE)
    # It is told once.
    assert world.sync(incremental=True).counts["erased"] == 0


def test_a_customer_is_erased_with_or_without_the_orders(world: World) -> None:
    phones = (GUEST_PHONE, "+61491570157")
    numbers = []
    for phone, email in zip(phones, ("ada@example.com", "ben@example.com"), strict=True):
        billing = {"first_name": "Ada", "phone": phone, "country": "AU", "email": email}
        number = world.store.register_customer(email=email, first_name="Ada", billing=billing)
        world.store.place_order(customer_id=number, billing=billing)
        numbers.append(number)
    world.sync()
    world.store.erase_person("ada@example.com")
    world.store.erase_person("ben@example.com", orders=False)
    sync = world.sync()
    for phone in phones:
        shown = world.directory.snapshot()[phone]
        assert (shown["first_name"], shown["states"], shown["lists"]) == (
            "",
            {"SMS": "UNSUBSCRIBED"},
            [],
        )
    assert known_of(world, *phones, "ada@example.com", "ben@example.com") == []
    assert [(each.record_type, each.record_id) for each in world.contacts_of(sync)] == [
        ("customer", str(number)) for number in numbers
    ]
    held = world.directory.snapshot()
    world.sync()
    assert world.directory.snapshot() == held


def test_a_phone_that_somebody_else_has_too_stays(world: World) -> None:
    number = guest_of_a_lived_in_world(world)
    order_as_guest(world.store, email="her.mother@example.com", choice=None)
    world.sync(incremental=True)
    world.store.erase_person(EMAIL)
    sync = world.sync(incremental=True)
    reason = "another customer or order has the phone, so the contact stays"
    assert line_of(number, reason)[0] in lines(world.contacts_of(sync))
    shown = shown_of(world)
    assert shown is not None
    assert shown["lists"] == ["Newsletter", "WooCommerce", "WooCommerce - Guests"]


@pytest.mark.parametrize(("mode", "method"), [("unsubscribe", "PATCH"), ("delete", "DELETE")])
def test_what_the_platform_does_not_take_is_done_by_the_next_sync(
    make_world: MakeWorld, mode: str, method: str
) -> None:
    world = make_world(source_options={"on_erasure": mode})
    guest_of_a_lived_in_world(world)
    world.store.erase_person(EMAIL)
    world.platform.faults.rate("drop", 1.0, methods=[method], path="/contacts/contacts")
    first = world.sync(incremental=True)
    assert (first.counts["failed"], first.counts["erased"]) == (1, 0)
    assert "failed" in {each.outcome for each in world.contacts_of(first)}
    shown = shown_of(world)
    assert shown is not None
    assert shown["states"] == {"SMS": "SUBSCRIBED"}
    world.platform.faults.clear()
    assert world.sync(incremental=True).counts["erased"] == 1
    shown = shown_of(world)
    assert (shown and shown["states"]) == ({"SMS": "UNSUBSCRIBED"} if mode == "unsubscribe" else None)
    assert known_of(world, GUEST_PHONE, EMAIL) == []
