"""Whom a phone, an address or a number means; what a person had under earlier phones is found and erased with them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.cli.forget import account_of
from woo_sync_pipeline.reports.explanation_tables import explanation_json
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.erasures import erase_person
from woo_sync_pipeline.state.people import Meant, Naming, StoreRecord, read_naming, who_is_meant
from woo_sync_pipeline.state.syncs import SyncContact, note_contacts
from woo_sync_pipeline_tests.databases import DatabaseServer
from woo_sync_pipeline_tests.reports.explained import explaining
from woo_sync_pipeline_tests.state.stored import ANN, BOB, CAM, at, commit, contacts, customer, order, table
from woo_sync_pipeline_tests.state.test_upgrade import migrate_to

DEE = "+61491570158"
ANN_OF_SHOP = StoreRecord("shop", "customer", "7")


def meant_by(database: Database, text: str) -> Meant:
    naming = read_naming(text)
    assert naming is not None
    return who_is_meant(database, naming)


def moved(database: Database, *phones: str | None, record_id: int = 7) -> None:
    """A customer who has one phone after the other; each sync leaves a line in its report."""
    for number, phone in enumerate(phones):
        run = f"run {record_id} {number}"
        commit(database, customer(record_id, phone, read_at=at(100 + 100 * number)), run_id=run)
        with database.transaction() as connection:
            note_contacts(connection, run, [SyncContact("new", phone)])


def former(database: Database) -> list[tuple[str, str]]:
    return sorted((row["record_id"], row["phone"]) for row in table(database, "former_phones"))


def report_phones(database: Database) -> set[str]:
    return {row["phone"] for row in table(database, "sync_run_contacts") if row["phone"]}


@pytest.mark.parametrize(
    ("text", "naming"),
    [
        (ANN, Naming(phone=ANN)),
        ("ann@example.com", Naming(email="ann@example.com")),
        ("shop:7", Naming(source="shop", record_id="7")),
        ("+0491570006", None),
        ("0491570006", None),
        ("7", None),
        ("shop:", None),
        (
            "klaviyo:01GDDKASAP8TKDDA2GRZDSVP4H",
            Naming(source="klaviyo", record_id="01GDDKASAP8TKDDA2GRZDSVP4H"),
        ),
        ("shop:7 8", None),
        ("shop: 7", None),
        ("Shop:7", None),
        ("ann lee@example.com", None),
        ("", None),
    ],
)
def test_a_person_is_named_by_phone_address_or_number(text: str, naming: Naming | None) -> None:
    assert read_naming(text) == naming


def test_an_address_means_all_contacts_that_have_it_in_any_case(database: Database) -> None:
    commit(database, customer(7, ANN, email="Ann@example.com"), customer(8, BOB, email="bob@example.com"))
    commit(database, order(44, CAM, email="ann@EXAMPLE.com"), source="outlet")
    assert meant_by(database, "ann@example.com") == Meant(
        {ANN: (ANN_OF_SHOP,), CAM: (StoreRecord("outlet", "order", "44"),)}, ()
    )
    assert list(meant_by(database, "bob@example.com").by_phone) == [BOB]
    assert meant_by(database, "nn@example.com") == Meant({}, ())


def test_an_address_on_an_order_means_the_customer_and_not_the_phone_typed_in(database: Database) -> None:
    commit(
        database,
        customer(7, ANN),
        order(44, BOB, of=7, email="second@example.com"),
        customer(8, None, email="without@example.com"),
        order(45, None, of=8, email="without@example.com"),
    )
    assert meant_by(database, "second@example.com").by_phone == {ANN: (ANN_OF_SHOP,)}
    assert meant_by(database, "without@example.com") == Meant({}, (StoreRecord("shop", "customer", "8"),))


def test_a_number_means_the_customer_of_that_source_alone(database: Database) -> None:
    commit(database, customer(7, ANN), order(8, BOB))
    commit(database, customer(7, CAM), source="outlet")
    assert list(meant_by(database, "shop:7").by_phone) == [ANN]
    assert list(meant_by(database, "outlet:7").by_phone) == [CAM]
    assert meant_by(database, "shop:8") == Meant({}, ())
    assert meant_by(database, "nowhere:7") == Meant({}, ())


def test_phones_that_a_record_had_are_noted_but_not_those_on_orders_of_customers(database: Database) -> None:
    commit(database, customer(7, ANN), order(44, BOB, of=7), order(45, CAM))
    changed: dict[str, Any] = {"read_at": at(300), "last_name": "Low"}
    rows = (
        customer(7, DEE, **changed),
        order(44, CAM, of=7, **changed),
        order(45, BOB, **changed),
    )
    commit(database, *rows, run_id="later", started=299)
    assert former(database) == [("45", CAM), ("7", ANN)]
    # An older reading changes nothing, and is noted as nothing.
    commit(database, customer(7, BOB, read_at=at(200)), run_id="older", started=299)
    assert former(database) == [("45", CAM), ("7", ANN)]


def test_a_person_is_erased_with_all_that_is_kept_under_earlier_phones(database: Database) -> None:
    moved(database, ANN, BOB, CAM)
    moved(database, DEE, record_id=9)
    assert former(database) == [("7", ANN), ("7", BOB)]
    assert report_phones(database) == {ANN, BOB, CAM, DEE}
    assert set(contacts(database)) == {ANN, BOB, CAM, DEE}

    erased = erase_person(database, [CAM])

    assert report_phones(database) == set(contacts(database)) == {DEE}
    assert former(database) == []
    assert erased.former == (ANN, BOB)
    assert (erased.contacts, erased.history, erased.held) == (3, 3, ())
    told = "\n".join(account_of(erased, "her"))
    assert "1 store record, 3 contacts, 3 lines of reports" in told
    assert "earlier phones: +61•••••006, +61•••••156" in told
    assert not any(phone in told for phone in (ANN, BOB, CAM))


def test_an_earlier_phone_that_is_somebody_else_s_now_keeps_what_is_known_of_it(database: Database) -> None:
    moved(database, ANN, BOB)
    moved(database, ANN, record_id=9)
    erased = erase_person(database, [BOB])
    assert (erased.held, erased.former) == ((ANN,), ())
    assert report_phones(database) == set(contacts(database)) == {ANN}
    assert "somebody else's now, and what is kept under it stays: +61•••••006" in "\n".join(
        account_of(erased, "her")
    )


def test_who_once_had_the_phone_is_named_and_not_erased(database: Database) -> None:
    moved(database, ANN, BOB)
    erased = erase_person(database, [ANN])
    assert erased.moved == (ANN_OF_SHOP,)
    assert (erased.contacts, erased.history, erased.records) == (1, 1, ())
    assert report_phones(database) == {BOB}
    assert "This phone was once that of shop: customer 7" in "\n".join(account_of(erased, "her"))
    assert erase_person(database, [BOB]).records == (ANN_OF_SHOP,)


def test_records_without_a_usable_phone_are_erased_with_orders_lines_and_earlier_phone(
    database: Database,
) -> None:
    moved(database, ANN, None)
    commit(
        database,
        customer(8, None, email="other@example.com"),
        order(44, None, of=7),
        order(45, None),
        run_id="orders",
    )
    erased = erase_person(database, [], meant_by(database, "shop:7").without_phone)
    assert erased.records == (ANN_OF_SHOP, StoreRecord("shop", "order", "44"))
    assert erased.former == (ANN,)
    assert [row["record_id"] for row in table(database, "source_records")] == ["8", "45"]
    assert report_phones(database) == set()


def test_nothing_is_erased_of_a_phone_that_nobody_has(database: Database) -> None:
    moved(database, ANN)
    erased = erase_person(database, [CAM])
    assert erased.is_nothing
    assert report_phones(database) == {ANN}


def test_the_explanation_names_earlier_phones_and_who_had_this_one_before_all_masked(
    database: Database, database_url: str
) -> None:
    moved(database, ANN, BOB)
    with explaining(database_url) as explain:
        (before,) = explain(BOB).former_phones
        assert (before.record, before.phone_masked, before.left_at) == (
            str(ANN_OF_SHOP),
            "+61•••••006",
            at(200),
        )
        assert ANN not in explanation_json(explain(BOB))
        now = explain(ANN)
        assert [(each.record, each.phone_masked) for each in now.moved_away] == [
            (str(ANN_OF_SHOP), "+61•••••156")
        ]
        assert BOB not in explanation_json(now)
        assert json.loads(explanation_json(now))["moved_away"][0]["left_at"] == at(200).isoformat()


def test_a_state_of_the_version_before_knows_the_phones_that_its_ledger_names(
    postgres: DatabaseServer,
) -> None:
    with postgres.database(template="template_state") as url:
        state = Database(url)
        moved(state, ANN, BOB)
        commit(state, customer(8, CAM, consent="opted_in"), run_id="yes")
        commit(state, customer(8, DEE, consent="opted_in", read_at=at(300)), run_id="moved", started=299)
        state.close()
        migrate_to(url, "0010", down=True)
        state = Database(url)
        with state.transaction() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM woo_sync.source_records")).scalar() == 2
        # Who made no choice is in no ledger: what was not kept cannot be found.
        assert former(state) == [("8", CAM)]
        state.close()
