"""Customers without a phone of their own have that of their newest order."""

from __future__ import annotations

from typing import Any

import pytest

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.contact import ContactBase
from woo_sync_pipeline.contacts.subscription import SetBy, Signal, SubscriptionBase, SubscriptionState
from woo_sync_pipeline.state.contacts import Confirmation, load_pending, settle
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.lent_phones import persons_not_to_mend
from woo_sync_pipeline.state.records import invalid_reasons
from woo_sync_pipeline_tests.state.stored import (
    ANN,
    BOB,
    TRASHED,
    Row,
    at,
    commit,
    contacts,
    customer,
    order,
    record,
)

CONTACT_ID = "025e93d3-051b-43f9-b12e-4b5842228dee"
CUSTOMERS_LISTS = ["WooCommerce", "WooCommerce - Customer"]


def account(**changes: Any) -> Row:
    """A customer without a phone."""
    return customer(7, None, tags=["Customer"], **changes)


def linked(record_id: int = 44, phone: str | None = ANN, **changes: Any) -> Row:
    """An order that names this customer."""
    return order(record_id, phone, of=7, **{"read_at": at(200), **changes})


def phone_of_customer(database: Database) -> str | None:
    phone: str | None = record(database, 7)["phone"]
    return phone


def test_a_guest_who_makes_an_account_keeps_lists_and_consent(database: Database) -> None:
    tags = {"3": ["Tea"]}
    said: Row = {"consent": "opted_in", "item_ids": ["3"]}
    commit(database, order(44, ANN, **said), item_tags=tags)
    guest = contacts(database)[ANN]
    assert guest["groups"] == ["WooCommerce", "WooCommerce - Guests", "WooCommerce - Tea"]
    commit(database, account(read_at=at(200)), linked(**said), item_tags=tags)
    registered = contacts(database)[ANN]
    assert registered["groups"] == [*CUSTOMERS_LISTS, "WooCommerce - Tea"]
    same = ("consent", "consent_at", "consent_dated_at", "status", "sources")
    assert {name: registered[name] for name in same} == {name: guest[name] for name in same}
    assert persons_not_to_mend(database, "shop", ["7", "8"]) == {("customer", "7")}
    assert invalid_reasons(database, "shop") == {}


@pytest.mark.parametrize("row_by_row", [False, True])
def test_the_newest_order_with_a_phone_counts_whatever_comes_first(
    database: Database, row_by_row: bool
) -> None:
    rows = [
        account(read_at=at(200)),
        linked(44, BOB, created_at=at(12)),
        linked(45, ANN, created_at=at(11)),
        linked(46, None, created_at=at(13)),
        linked(47, ANN, created_at=at(14), **TRASHED),
        order(48, ANN, created_at=at(15)),
        order(49, ANN, created_at=at(16), of=8),
    ]
    commit(database, *rows, row_by_row=row_by_row)
    assert phone_of_customer(database) == BOB
    assert contacts(database)[BOB]["groups"] == CUSTOMERS_LISTS
    assert "WooCommerce - Guests" in contacts(database)[ANN]["groups"]


def test_a_later_order_with_another_phone_moves_the_customer(database: Database) -> None:
    commit(database, account(), linked(44, ANN))
    commit(database, linked(45, BOB, created_at=at(20)))
    assert phone_of_customer(database) == BOB
    assert (contacts(database)[ANN]["groups"], contacts(database)[BOB]["groups"]) == ([], CUSTOMERS_LISTS)


def test_an_own_phone_counts_more_and_one_that_is_no_mobile_is_not_replaced(database: Database) -> None:
    commit(database, account(), linked(44, ANN))
    commit(database, customer(7, BOB, read_at=at(210)))
    assert phone_of_customer(database) == BOB
    commit(database, linked(46, ANN, created_at=at(30)))
    assert phone_of_customer(database) == BOB
    commit(database, customer(7, None, invalid_reason="not_mobile", read_at=at(220)))
    assert phone_of_customer(database) is None
    assert invalid_reasons(database, "shop") == {"not_mobile": 1}


def test_when_the_orders_have_no_phone_any_more_neither_has_the_customer(database: Database) -> None:
    commit(database, account(), linked(44, ANN))
    commit(database, linked(44, ANN, **TRASHED, read_at=at(210)))
    assert phone_of_customer(database) is None
    assert contacts(database)[ANN]["sources"] == []
    assert invalid_reasons(database, "shop") == {"missing_phone": 1}


def test_a_customer_who_changes_otherwise_keeps_the_phone_and_carries_no_opt_out_along(
    database: Database,
) -> None:
    commit(database, account(), linked(44, ANN, consent="opted_out"))
    commit(database, account(first_name="Anna", read_at=at(210)))
    known = record(database, 7)
    assert (known["phone"], known["first_name"], known["carried_opt_out_at"]) == (ANN, "Anna", None)
    assert contacts(database)[ANN]["groups"] == CUSTOMERS_LISTS


def test_a_customer_who_is_gone_has_no_phone_lent(database: Database) -> None:
    commit(database, account(), linked(44, ANN))
    gone = commit(database, gone=[7], started=300)
    assert gone.loc[ANN, "groups"] == []
    commit(database, linked(45, BOB, created_at=at(40), read_at=at(310)), started=305)
    assert BOB not in contacts(database)


@pytest.mark.parametrize("by", list(SetBy))
def test_an_unsubscription_goes_along_to_the_phone_of_a_newer_order(database: Database, by: SetBy) -> None:
    commit(database, account(), linked(44, ANN, consent="opted_in"))
    (contact,) = load_pending(database, [ANN])
    applied = Signal(Consent.opted_out if by is SetBy.sync else Consent.opted_in, at(205))
    seen_at = at(206) if by is SetBy.platform else None
    base = ContactBase(
        contact.first_name,
        contact.last_name,
        contact.email,
        contact.sources,
        contact.groups,
        contact.signal,
        SubscriptionBase(SubscriptionState.UNSUBSCRIBED, by, applied, unsubscribed_seen_at=seen_at),
    )
    confirmed = [Confirmation(ANN, CONTACT_ID, base)]
    settle(database, run_id="run of shop", confirmations=confirmed, rejections=[], contacts=[])
    commit(database, linked(45, BOB, created_at=at(20)))
    known = record(database, 7)
    expected = (None, at(206)) if by is SetBy.platform else (at(205), None)
    assert (known["carried_opt_out_at"], known["carried_stop_at"]) == expected
    moved = contacts(database)[BOB]
    assert (moved["consent"], moved["consent_at"]) == ("opted_out", max(filter(None, expected)))
