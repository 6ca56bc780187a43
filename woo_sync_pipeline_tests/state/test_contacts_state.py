from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.contact import ContactBase, StoreContact
from woo_sync_pipeline.contacts.subscription import (
    NotApplied,
    SetBy,
    Signal,
    SubscriptionBase,
    SubscriptionState,
)
from woo_sync_pipeline.state.contacts import (
    Confirmation,
    adopt_lists,
    load_pending,
    note_in_flight,
    pending_phones,
    settle,
    source_totals,
)
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import SyncContact, sync_contacts
from woo_sync_pipeline_tests.state.stored import (
    ANN,
    BOB,
    CAM,
    LONG_AGO,
    at,
    begin,
    commit,
    contacts,
    customer,
    order,
    table,
)

CONTACT_ID = "025e93d3-051b-43f9-b12e-4b5842228dee"
LIST_ID = "6a0c5bd7-1fc2-4a3b-a8c6-0b1ffbb6cf4f"
OTHER_ID = "1a4ce2f1-25b8-4f7b-8c06-20a5a9e7a3b0"
SUBSCRIPTIONS = [
    None,
    SubscriptionBase(SubscriptionState.SUBSCRIBED, SetBy.sync),
    SubscriptionBase(
        SubscriptionState.UNSUBSCRIBED,
        SetBy.platform,
        Signal(Consent.opted_in, at(3), dated_at=at(2)),
        unsubscribed_seen_at=at(50),
        seen_at=at(60),
        modified_at=at(49),
        not_applied=NotApplied.perhaps_earlier,
    ),
    SubscriptionBase(SubscriptionState.UNSUBSCRIBED, SetBy.sync, Signal(Consent.opted_out, at(3))),
]


def pending(database: Database, source_name: str = "WooCommerce", **options: Any) -> list[str]:
    asked = {"touched": [], "include_rejected": False, **options}
    return pending_phones(database, source_name=source_name, **asked)


def base_of(contact: StoreContact, subscription: SubscriptionBase | None = None) -> ContactBase:
    return ContactBase(
        first_name=contact.first_name,
        last_name=contact.last_name,
        email=contact.email,
        sources=contact.sources,
        groups=contact.groups,
        signal=contact.signal,
        subscription=subscription,
    )


def confirm(
    database: Database, *phones: str, subscription: SubscriptionBase | None = SUBSCRIPTIONS[1]
) -> None:
    confirmations = [
        Confirmation(contact.phone, CONTACT_ID, base_of(contact, subscription))
        for contact in load_pending(database, phones)
    ]
    settle(database, run_id="run of shop", confirmations=confirmations, rejections=[], contacts=[])


def reject(database: Database, phone: str, reason: str = "refused") -> None:
    settle(database, run_id="run of shop", confirmations=[], rejections=[(phone, reason)], contacts=[])


def test_a_new_contact_is_pending_for_its_store_only(database: Database) -> None:
    commit(database, customer(7, ANN))
    commit(database, customer(7, BOB), source="outlet")
    assert pending(database) == [ANN]
    assert pending(database, "Outlet") == [BOB]
    assert pending(database, "Outlet", touched=[ANN]) == [ANN, BOB]


def test_a_confirmed_contact_is_pending_no_more(database: Database) -> None:
    commit(database, customer(7, ANN), customer(8, BOB))
    confirm(database, ANN)
    assert pending(database) == [BOB]
    assert load_pending(database, [ANN, BOB])[0].phone == BOB
    assert str(contacts(database)[ANN]["contact_id"]) == CONTACT_ID
    assert contacts(database)[ANN]["confirmed_at"] is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"first_name": "Anna"},
        {"last_name": "Leigh"},
        {"email": "ann@example.com"},
        {"tags": ["VIP"]},
        {"consent": "opted_in"},
        {"consent": "opted_out"},
    ],
)
def test_whatever_changes_makes_a_contact_pending_again(database: Database, changes: dict[str, Any]) -> None:
    commit(database, customer(7, ANN))
    confirm(database, ANN)
    commit(database, customer(7, ANN, read_at=at(200), **changes))
    assert pending(database) == [ANN]


def test_a_newer_choice_of_the_same_kind_is_pending(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_out", read_at=at(50)))
    confirm(database, ANN)
    commit(database, customer(8, ANN, consent="opted_out", read_at=at(200)))
    assert pending(database) == [ANN]


def test_a_date_that_comes_to_light_is_pending(database: Database) -> None:
    """The choice that counts is the same as before, but this one could answer a STOP."""
    commit(database, customer(7, ANN), customer(8, ANN, first_name=""))
    commit(database, customer(7, ANN, consent="opted_in", read_at=at(200)))
    confirm(database, ANN)
    known = contacts(database)[ANN]
    commit(database, order(44, ANN, consent="opted_in", consent_origin="order meta checkout"))
    again = contacts(database)[ANN]
    assert (again["consent"], again["consent_at"]) == (known["consent"], known["consent_at"])
    assert (known["consent_dated_at"], again["consent_dated_at"]) == (None, at(10))
    assert pending(database) == [ANN]


def test_a_contact_gone_from_its_store_is_pending_for_that_store(database: Database) -> None:
    commit(database, customer(7, ANN))
    confirm(database, ANN)
    commit(database, gone=[7], started=150)
    assert pending(database) == [ANN]
    confirm(database, ANN)
    assert pending(database, touched=[ANN]) == []


@pytest.mark.parametrize("subscription", SUBSCRIPTIONS)
def test_the_base_comes_back_as_it_was_confirmed(
    database: Database, subscription: SubscriptionBase | None
) -> None:
    commit(database, customer(7, ANN, consent="opted_in", tags=["VIP, gold"]))
    before = load_pending(database, [ANN])[0]
    confirm(database, ANN, subscription=subscription)
    commit(database, customer(7, ANN, first_name="Anna", consent="opted_in", read_at=at(200)))
    after = load_pending(database, [ANN])[0]
    assert after.base == base_of(before, subscription)
    assert after.first_name == "Anna"
    assert after.in_flight is None


def test_a_contact_loads_as_it_was_merged(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_in", email="ann@example.com", tags=["VIP"]))
    assert load_pending(database, [ANN, BOB]) == [
        StoreContact(
            phone=ANN,
            first_name="Ann",
            last_name="Lee",
            email="ann@example.com",
            sources=("WooCommerce",),
            groups=("WooCommerce", "WooCommerce - VIP"),
            signal=Signal(Consent.opted_in, LONG_AGO),
            status=SubscriptionState.SUBSCRIBED,
        )
    ]


def test_a_choice_with_a_date_loads_with_it(database: Database) -> None:
    commit(database, customer(7, ANN), customer(8, BOB, consent="opted_in", said_at=at(20)))
    commit(database, order(44, BOB, consent="opted_out", created_at=at(10)))
    commit(database, customer(9, CAM, consent="opted_out"))
    signals = {contact.phone: contact.signal for contact in load_pending(database, [ANN, BOB, CAM])}
    assert signals == {
        ANN: None,
        BOB: Signal(Consent.opted_in, at(20), dated_at=at(20)),
        CAM: Signal(Consent.opted_out, at(100)),
    }


@pytest.mark.parametrize("subscription", SUBSCRIPTIONS)
def test_what_is_in_flight_comes_back_as_it_was_noted(
    database: Database, subscription: SubscriptionBase | None
) -> None:
    commit(database, customer(7, ANN, consent="opted_in"), customer(8, BOB))
    sent = base_of(load_pending(database, [ANN])[0], subscription)
    note_in_flight(database, [(ANN, sent), (CAM, sent)])
    ann, bob = load_pending(database, [ANN, BOB])
    assert ann.in_flight == sent
    assert bob.in_flight is None
    assert replace(ann, in_flight=None).base is None


def test_what_is_in_flight_is_pending_for_every_store_until_it_is_confirmed(database: Database) -> None:
    commit(database, customer(7, ANN))
    confirm(database, ANN)
    note_in_flight(database, [(ANN, ContactBase())])
    assert pending(database) == pending(database, "Outlet") == [ANN]
    confirm(database, ANN)
    assert pending(database) == []
    assert contacts(database)[ANN]["in_flight"] is None


def test_a_refused_form_is_left_to_the_sweep_and_a_changed_one_is_not(database: Database) -> None:
    commit(database, customer(7, ANN))
    note_in_flight(database, [(ANN, ContactBase())])
    reject(database, ANN, "firstName: too long")
    assert pending(database) == []
    assert pending(database, include_rejected=True) == [ANN]
    assert contacts(database)[ANN]["rejected_reason"] == "firstName: too long"
    assert contacts(database)[ANN]["in_flight"] is not None
    assert pending(database, "Outlet", include_rejected=True) == []

    commit(database, customer(7, ANN, first_name="Anna", read_at=at(200)))
    assert pending(database) == [ANN]
    confirm(database, ANN)
    stored = contacts(database)[ANN]
    assert (stored["rejected_reason"], stored["rejected_form"], stored["in_flight"]) == (None, None, None)


def test_a_refused_opt_out_is_tried_again_by_every_sync_of_any_store(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_in"), customer(8, BOB, consent="opted_in"))
    confirm(database, ANN, BOB)
    commit(database, customer(7, ANN, consent="opted_out", read_at=at(200)))
    commit(database, customer(8, BOB, first_name="Bob", consent="opted_in", read_at=at(200)))
    reject(database, ANN)
    reject(database, BOB)
    assert pending(database) == pending(database, "Outlet") == [ANN]
    assert pending(database, include_rejected=True) == [ANN, BOB]
    confirm(database, ANN, subscription=SUBSCRIPTIONS[3])
    assert pending(database) == pending(database, "Outlet") == []


def test_settling_notes_what_happened_in_the_same_transaction(database: Database) -> None:
    begin(database, "run of shop")
    commit(database, customer(7, ANN))
    noted = SyncContact(
        outcome="new", phone=ANN, phone_masked="+61•••••006", state="SUBSCRIBED", changes=["created"]
    )
    settle(
        database,
        run_id="run of shop",
        confirmations=[Confirmation(ANN, None, base_of(load_pending(database, [ANN])[0]))],
        rejections=[],
        contacts=[noted],
    )
    assert sync_contacts(database, 1) == [noted]
    assert contacts(database)[ANN]["contact_id"] is None


def test_an_id_on_the_platform_is_kept_when_nothing_is_there_any_more(database: Database) -> None:
    commit(database, customer(7, ANN))
    confirm(database, ANN)
    settle(
        database,
        run_id="run of shop",
        confirmations=[Confirmation(ANN, None, ContactBase(sources=(), groups=()))],
        rejections=[],
        contacts=[],
    )
    assert str(contacts(database)[ANN]["contact_id"]) == CONTACT_ID


def lists(database: Database) -> dict[str, str]:
    return {row["name"]: str(row["list_id"]) for row in table(database, "platform_lists", order_by="name")}


def test_lists_are_adopted_once_and_replaced_when_they_were_deleted(database: Database) -> None:
    for _ in range(2):
        adopt_lists(database, [(LIST_ID, "WooCommerce")])
    assert lists(database) == {"WooCommerce": LIST_ID}
    adopt_lists(database, [(OTHER_ID, "woocommerce")])
    assert set(lists(database).values()) == {OTHER_ID}


def test_lists_may_change_and_even_exchange_their_names(database: Database) -> None:
    adopt_lists(database, [(LIST_ID, "WooCommerce"), (OTHER_ID, "Outlet")])
    adopt_lists(database, [(LIST_ID, "Outlet"), (OTHER_ID, "WooCommerce")])
    assert lists(database) == {"Outlet": LIST_ID, "WooCommerce": OTHER_ID}
    adopt_lists(database, [(LIST_ID, "Outlet - VIP")])
    assert lists(database) == {"Outlet - VIP": LIST_ID, "WooCommerce": OTHER_ID}


def test_a_list_that_exists_gives_its_spelling_to_the_groups(database: Database) -> None:
    adopt_lists(database, [(LIST_ID, "WooCommerce - ViP")])
    commit(database, customer(7, ANN, tags=["vip"]))
    assert contacts(database)[ANN]["groups"] == ["WooCommerce", "WooCommerce - ViP"]


def test_the_totals_of_a_store_count_its_own_contacts_and_lists(database: Database) -> None:
    commit(database, customer(7, ANN, tags=["VIP"]), customer(8, BOB), customer(9, CAM))
    commit(database, customer(7, ANN, tags=["Wholesale"]), source="outlet")
    confirm(database, ANN, subscription=SUBSCRIPTIONS[1])
    confirm(database, BOB, subscription=SUBSCRIPTIONS[2])
    assert source_totals(database, "WooCommerce") == {
        "contacts": 3,
        "subscribed": 1,
        "unsubscribed": 1,
        "groups": 2,
    }
    assert source_totals(database, "Outlet")["groups"] == 2
    assert source_totals(database, "Nobody") == {
        "contacts": 0,
        "subscribed": 0,
        "unsubscribed": 0,
        "groups": 0,
    }
