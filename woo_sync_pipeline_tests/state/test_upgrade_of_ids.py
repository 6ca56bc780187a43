"""What the version before kept in terms of WooCommerce is kept in terms of any source; nothing is read or sent anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.sources.woocommerce.known import (
    customer_hashes,
    known_guest_orders,
    known_product_ids,
    last_order_id,
    order_hashes,
    users_with_several_roles,
)
from woo_sync_pipeline.state.consent_ledger import ledger_of
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.erasures import pending_erasures
from woo_sync_pipeline.state.people import StoreRecord, read_naming, who_is_meant
from woo_sync_pipeline.state.syncs import Watermark, list_syncs, sync_contacts, watermark
from woo_sync_pipeline_tests.databases import DatabaseServer
from woo_sync_pipeline_tests.state.stored import (
    ANN,
    BOB,
    CAM,
    TRASHED,
    Row,
    at,
    commit,
    contacts,
    customer,
    order,
    record,
    table,
)
from woo_sync_pipeline_tests.state.test_upgrade import migrate_to

DEE, EVE, FAY, GUS = "+61491570158", "+61491570159", "+61491570110", "+61491570313"
STATE = json.loads(Path(__file__).with_name("state_of_0016.json").read_text("utf-8"))
"""The rows of every table after two readings of one store and one of another, written by the code of version 0016."""
TABLES = (*(name for name in STATE if name != "products"), "tagged_items")


@pytest.fixture
def url(postgres: DatabaseServer) -> Iterator[str]:
    """A database of version 0016 with that state."""
    with postgres.database() as url:
        migrate_to(url, "0016")
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            for name, rows in STATE.items():
                for row in rows:
                    names = ", ".join(row)
                    statement = (
                        f"INSERT INTO woo_sync.{name} ({names}) OVERRIDING SYSTEM VALUE "
                        f"SELECT {names} FROM jsonb_populate_record(NULL::woo_sync.{name}, :row)"
                    )
                    connection.execute(sa.text(statement), {"row": json.dumps(row)})
            connection.execute(sa.text("ALTER TABLE woo_sync.sync_runs ALTER COLUMN sync_id RESTART WITH 5"))
        yield url


@pytest.fixture
def upgraded(url: str) -> Iterator[Database]:
    database = Database(url)
    database.migrate()
    yield database
    database.close()


def read_again() -> list[Row]:
    """The same records in the form in which they were last read, read later."""
    yes, no = said("opted_in"), said("opted_out")
    return [
        known(customer(7, ANN, tags=["VIP"], consent="opted_in", consent_origin="customer meta sms")),
        known(customer(8, BOB, first_name="Bob"), version=2),
        known(customer(9, None, first_name="Fay")),
        known(order(44, None, of=7, **yes)),
        known(order(45, BOB, of=7, item_ids=["3", "12"])),
        known(order(46, DEE, item_ids=["3"], created_at=at(12), **yes)),
        known(order(100, DEE, first_name="Dora", created_at=at(12))),
        known(order(47, EVE, **TRASHED, **yes)),
        known(order(48, EVE, status="pending")),
        known(order(49, CAM, **no), version=2),
        known(order(50, FAY, of=9)),
        known(order(51, DEE, status="refunded")),
        known(order(52, None, is_erased=True), version=2),
    ]


def said(consent: str) -> dict[str, Any]:
    return {"consent": consent, "consent_origin": "order meta sms"}


def known(row: Row, *, version: int = 1) -> Row:
    return {**row, "hash": f"{row['record_type']} {row['record_id']} v{version}", "read_at": at(300)}


def everything(database: Database) -> dict[str, list[Row]]:
    return {name: table(database, name, order_by="1, 2") for name in TABLES}


def test_records_say_whose_they_are_and_what_became_of_them(upgraded: Database) -> None:
    rows = table(upgraded, "source_records")
    assert {
        (row["record_type"], row["record_id"]): row["person_id"] for row in rows if row["source"] == "shop"
    } == {
        **{("customer", number): number for number in ("7", "8", "9", "10")},
        **{("order", number): "7" for number in ("44", "45")},
        # Its customer was deleted, and is named no more.
        ("order", "49"): "10",
        ("order", "50"): "9",
        **{("order", number): "" for number in ("46", "47", "48", "51", "52", "100")},
    }
    assert all(row["is_person"] == (row["record_type"] == "customer") for row in rows)
    assert [row["record_id"] for row in rows if row["is_discarded"]] == ["47"]
    assert {row["record_id"]: row["item_ids"] for row in rows if row["item_ids"]} == {
        "45": ["3", "12"],
        "46": ["3"],
    }
    assert {record(upgraded, number, "order")["status"] for number in (46, 47, 48, 51)} == {
        *("completed", "trash", "pending", "refunded")
    }


def test_all_else_is_found_where_it_was(upgraded: Database) -> None:
    assert {(row["record_id"], row["phone"]) for row in table(upgraded, "former_phones")} == {
        ("8", GUS),
        ("52", "+61491570314"),
    }
    assert [each.record_id for each in ledger_of(upgraded, ANN)] == ["44", "7"]
    assert [(each.record_type, each.record_id) for each in pending_erasures(upgraded, "shop")] == [
        ("order", "52")
    ]
    assert [(each.record_type, each.record_id) for each in sync_contacts(upgraded, 3)] == [
        ("customer", "9"),
        ("order", None),
    ]
    naming = read_naming("shop:9")
    assert naming is not None
    assert who_is_meant(upgraded, naming).by_phone == {FAY: (StoreRecord("shop", "customer", "9"),)}


def test_a_store_is_read_on_from_where_it_was_left(upgraded: Database) -> None:
    # The later sync met a lower customer than the one before, and did not look at orders.
    assert watermark(upgraded, "shop") == Watermark(at(200), {"last_customer_id": 20, "last_order_id": 100})
    assert watermark(upgraded, "outlet") == Watermark(at(100), {"last_customer_id": 7})
    assert {each.sync_id: each.cursor for each in list_syncs(upgraded)} == {
        1: {"last_customer_id": 20, "last_order_id": 100},
        2: {"last_customer_id": 7},
        3: {"last_customer_id": 20, "last_order_id": 100},
        4: None,
    }
    assert (last_order_id(upgraded, "shop"), last_order_id(upgraded, "outlet")) == (100, 0)
    assert known_product_ids(upgraded, "shop") == {3, 12}
    assert users_with_several_roles(upgraded, "shop", [7, 8]) == {7: ("customer", "wholesale")}
    assert known_guest_orders(upgraded, "shop") == {46, 48, 51, 52, 100}
    assert known_guest_orders(upgraded, "shop", parts=7, chosen=[4, 6]) == {46, 48}


def test_no_record_is_read_anew_and_nothing_is_sent(upgraded: Database) -> None:
    rows = read_again()
    hashes = {("customer", str(number)): known for number, known in customer_hashes(upgraded, "shop").items()}
    numbers = [int(row["record_id"]) for row in rows]
    hashes |= {
        ("order", str(number)): known for number, known in order_hashes(upgraded, "shop", numbers).items()
    }
    assert hashes == {(row["record_type"], row["record_id"]): row["hash"] for row in rows}
    before = everything(upgraded)
    waiting = pending_phones(upgraded, source_name="WooCommerce", touched=[], include_rejected=True)
    tags = {"3": ["Tea"], "12": ["Sale"]}
    merged = commit(upgraded, *rows, run_id="next", gone=[10], item_tags=tags, started=299, read_until=300)
    after = everything(upgraded)
    for name in TABLES:
        if name != "sync_runs":
            assert after[name] == before[name], name
    assert contacts(upgraded).keys() >= set(merged.index)
    assert pending_phones(upgraded, source_name="WooCommerce", touched=[], include_rejected=True) == waiting


def test_the_way_back_and_forth_loses_nothing(url: str, upgraded: Database) -> None:
    before = everything(upgraded)
    migrate_to(url, "0016", down=True)
    migrate_to(url, "0017")
    assert everything(upgraded) == before
