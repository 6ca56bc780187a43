"""Who was erased in a store is recognised by what was known before."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.contact import OnErasure
from woo_sync_pipeline.state.contacts import load_pending, pending_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.erasures import Erasure, pending_erasures, settle_erasure
from woo_sync_pipeline.state.records import invalid_reasons
from woo_sync_pipeline_tests.state.stored import (
    ANN,
    BOB,
    CAM,
    Row,
    at,
    commit,
    contacts,
    customer,
    order,
    record,
    table,
)


def anonymised(record_id: int = 44, **changes: Any) -> Row:
    """An order as the erasers leave it, as it is read."""
    nobody = {"first_name": "", "last_name": "", "email": "", "is_erased": True, "read_at": at(200)}
    return order(record_id, None, **{**nobody, **changes})


def emptied(record_id: int = 7, **changes: Any) -> Row:
    """A customer as the erasers leave it: name and address of the account remain."""
    account = {"first_name": "Ann", "email": "ann@example.com", "is_erased": True}
    saved = {"modified_at": at(190), "read_at": at(200)}
    return customer(record_id, None, **{**account, **saved, **changes})


def found(database: Database) -> list[tuple[str, str, str, OnErasure, bool]]:
    return [
        (each.phone, each.record_type, each.record_id, each.mode, each.is_held)
        for each in pending_erasures(database, "shop")
    ]


@pytest.mark.parametrize("mode", ["unsubscribe", "delete", "report"])
def test_a_guest_is_recognised_by_the_phone_that_the_order_had(database: Database, mode: OnErasure) -> None:
    commit(database, order(44, ANN, email="ann@example.com"))
    commit(database, anonymised(), on_erasure=mode)
    assert found(database) == [(ANN, "order", "44", mode, False)]
    assert contacts(database)[ANN]["sources"] == []
    known = record(database, 44, "order")
    assert (known["phone"], known["first_name"], known["email"], known["erased_at"] is not None) == (
        None,
        "",
        "",
        True,
    )
    assert invalid_reasons(database, "shop") == {}
    # Read once more it is no news.
    commit(database, anonymised(status="refunded", read_at=at(210)))
    assert found(database) == [(ANN, "order", "44", mode, False)]


def test_a_customer_is_recognised_and_the_account_s_name_is_not_kept(database: Database) -> None:
    commit(database, customer(7, ANN, email="ann@example.com"), order(44, ANN, of=7))
    commit(database, emptied(), anonymised())
    assert [each[:3] for each in found(database)] == [(ANN, "customer", "7")]
    assert {record(database, 7)[name] for name in ("first_name", "last_name", "email", "phone_masked")} == {
        ""
    }
    assert invalid_reasons(database, "shop") == {}


def test_a_customer_without_an_address_who_never_had_a_phone_was_not_erased(database: Database) -> None:
    commit(database, emptied(7, read_at=at(100)), emptied(8, read_at=at(100)), order(44, BOB, of=8))
    commit(database, emptied(7, first_name="Anna"), emptied(8, first_name="Bobby"))
    assert found(database) == []
    assert record(database, 7)["first_name"] == "Anna"
    # The second one has the phone of an order.
    assert record(database, 8)["phone"] == BOB


@pytest.mark.parametrize("modified", [None, 90])
def test_a_customer_whose_address_the_store_hides_was_not_erased(
    database: Database, modified: int | None
) -> None:
    """A plugin that fails for a night saves nothing."""
    modified_at = None if modified is None else at(modified)
    commit(database, customer(7, ANN, modified_at=modified_at))
    commit(database, emptied(modified_at=modified_at))
    assert found(database) == []
    assert record(database, 7)["erased_at"] is None


def test_a_mere_deletion_is_no_erasure(database: Database) -> None:
    commit(database, customer(7, ANN), order(44, BOB), order(45, CAM))
    commit(
        database,
        order(45, None, invalid_reason="not_mobile", read_at=at(200)),
        gone=[7],
        gone_orders=[44],
        started=150,
    )
    assert found(database) == []


def test_an_order_that_was_never_known_otherwise_erases_nobody(database: Database) -> None:
    commit(database, anonymised(), order(45, ANN))
    assert found(database) == []
    assert record(database, 44, "order")["erased_at"] is not None
    assert invalid_reasons(database, "shop") == {}


def test_erasers_work_in_steps_and_the_last_one_counts(database: Database) -> None:
    commit(database, order(44, ANN), order(45, ANN))
    commit(database, anonymised(44))
    assert found(database) == [(ANN, "order", "44", "unsubscribe", True)]
    assert contacts(database)[ANN]["sources"] == ["WooCommerce"]
    commit(database, anonymised(45))
    assert found(database) == [(ANN, "order", "45", "unsubscribe", False)]


def test_another_store_s_customer_keeps_the_phone(database: Database) -> None:
    commit(database, customer(1, ANN), source="outlet")
    commit(database, order(44, ANN))
    commit(database, anonymised(44))
    assert found(database) == [(ANN, "order", "44", "unsubscribe", True)]
    [erasure] = pending_erasures(database, "shop")
    assert settle_erasure(database, erasure, run_id="run of shop", forget=True, lines=[]) is False
    assert contacts(database)[ANN]["sources"] == ["Outlet"]


def test_orders_from_before_do_not_bring_back_who_was_erased_and_later_ones_do(database: Database) -> None:
    """The shop may keep the orders of whoever it erases."""
    kept: dict[str, Any] = {"of": 7, "created_at": at(10)}
    commit(database, customer(7, ANN), order(44, ANN, **kept))
    commit(database, emptied())
    assert record(database, 7)["phone"] is None
    commit(database, order(44, ANN, **kept, status="refunded", read_at=at(210)))
    assert record(database, 7)["phone"] is None
    with database.transaction() as connection:
        connection.execute(sa.text("UPDATE woo_sync.source_records SET erased_at = :at"), {"at": at(201)})
    commit(database, order(45, ANN, of=7, created_at=at(220), read_at=at(221)))
    assert record(database, 7)["phone"] == ANN


def test_only_whom_the_platform_shall_unsubscribe_is_pushed_as_opted_out(database: Database) -> None:
    people = {44: ANN, 45: BOB}
    commit(database, *(order(number, phone, consent="opted_in") for number, phone in people.items()))
    commit(database, anonymised(44), on_erasure="unsubscribe")
    commit(database, anonymised(45), on_erasure="report")
    erased, reported = load_pending(database, [ANN, BOB])
    assert (erased.is_erased, erased.consent) == (True, Consent.opted_out)
    assert (reported.is_erased, reported.consent) == (False, Consent.unknown)
    pending = pending_phones(database, source_name="Outlet", touched=[], include_rejected=False)
    assert pending == [ANN]


def test_settling_leaves_no_trace_but_the_line_of_the_report(database: Database) -> None:
    said = {"consent": "opted_in", "email": "ann@example.com"}
    commit(database, order(44, ANN, **said), customer(7, BOB))
    commit(database, anonymised())
    [erasure] = pending_erasures(database, "shop")
    assert ANN not in repr(erasure)
    assert settle_erasure(database, erasure, run_id="run of shop", forget=True, lines=[]) is True
    assert pending_erasures(database, "shop") == []
    names = ("source_records", "contacts", "consent_events", "sync_run_contacts", "erasures", "former_phones")
    everything = json.dumps([table(database, name, order_by="1") for name in names], default=str)
    assert ANN not in everything
    assert "ann@example.com" not in everything
    assert contacts(database).keys() == {BOB}


def test_an_erasure_names_nobody_when_it_is_shown() -> None:
    shown = repr(
        Erasure(ANN, "shop", "order", "44", "unsubscribe", None, is_held=False, is_unsubscribed=True)
    )
    assert ANN not in shown
