from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from woo_sync_pipeline.contacts.limits import Change
from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.sources.woocommerce.known import (
    customer_hashes,
    known_product_ids,
    order_hashes,
    orders_that_named_a_customer,
)
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.records import commit_reading, invalid_reasons
from woo_sync_pipeline_tests.state import stored
from woo_sync_pipeline_tests.state.stored import (
    ANN,
    BOB,
    CAM,
    SOURCES,
    TRASHED,
    Row,
    at,
    begin,
    commit,
    contacts,
    customer,
    dated_until,
    order,
    reading,
    record,
    table,
)

EVERYTHING = ["source_records", "contacts", "tagged_items", "consent_events"]


def signal(database: Database, phone: str = ANN) -> tuple[str, datetime | None]:
    found = contacts(database)[phone]
    return found["consent"], found["consent_at"]


def test_a_reading_becomes_records_and_contacts_at_once(database: Database) -> None:
    merged = commit(
        database,
        customer(7, ANN, tags=["VIP"]),
        order(44, BOB, item_ids=["3"]),
        item_tags={"3": ["Sale"]},
    )
    assert merged.index.tolist() == [ANN, BOB]
    assert merged.loc[ANN, "groups"] == ["WooCommerce", "WooCommerce - VIP"]
    assert merged.loc[BOB, "groups"] == ["WooCommerce", "WooCommerce - Guests", "WooCommerce - Sale"]
    stored = contacts(database)
    assert stored[ANN]["groups"] == ["WooCommerce", "WooCommerce - VIP"]
    assert stored[BOB]["sources"] == ["WooCommerce"]
    assert stored[ANN]["is_pending"]


def test_the_same_reading_again_changes_nothing(database: Database) -> None:
    rows = [
        customer(7, ANN, consent="opted_in", tags=["VIP"]),
        order(44, BOB, item_ids=["3"]),
        customer(8, CAM),
    ]
    options: dict[str, Any] = {"item_tags": {"3": ["Sale"]}, "gone": [9]}
    commit(database, customer(9, "+61491570158", read_at=at(1)))
    commit(database, *rows, **options)
    before = {name: table(database, name) for name in EVERYTHING}

    commit(database, *rows, **options)

    assert {name: table(database, name) for name in EVERYTHING} == before


def test_a_reading_without_changes_is_no_error(database: Database) -> None:
    assert commit(database).empty
    assert table(database, "source_records") == []


def test_a_hash_is_stored_together_with_its_record(database: Database) -> None:
    row = customer(7, ANN)
    assert customer_hashes(database, "shop") == {}
    commit(database, row, order(44, BOB))
    assert customer_hashes(database, "shop") == {7: row["hash"]}
    assert order_hashes(database, "shop", [44, 45]) == {44: order(44, BOB)["hash"]}
    assert customer_hashes(database, "outlet") == order_hashes(database, "outlet", [44]) == {}


def test_a_commit_that_fails_stores_neither_hash_nor_record_nor_contact(database: Database) -> None:
    with pytest.raises(StateError):
        commit(database, customer(7, ANN), customer(8, BOB, consent="perhaps"))
    assert customer_hashes(database, "shop") == {}
    assert all(table(database, name) == [] for name in EVERYTHING)


def test_a_reading_older_than_a_sweep_that_was_committed_since_is_refused(database: Database) -> None:
    """The sweep met the customer as known and the product as new, and noted nothing that could tell."""
    commit(database, customer(consent="opted_out"), run_id="first")
    commit(database, run_id="second", started=300)
    with pytest.raises(StateError, match="another sync has read the whole store since"):
        commit(database, customer(consent="opted_in", read_at=at(200)), run_id="stale", started=200)
    assert contacts(database)[ANN]["consent"] == "opted_out"
    commit(database, customer(consent="opted_out", first_name="Anna", read_at=at(301)), started=301)
    assert contacts(database)[ANN]["first_name"] == "Anna"


def test_the_reading_of_an_earlier_run_may_be_committed_again(database: Database) -> None:
    commit(database, customer(), run_id="first", started=99)
    commit(database, customer(), run_id="the same again", started=99)
    assert len(contacts(database)) == 1


def test_whoever_waits_to_be_created_is_merged_anew_when_the_consent_mode_changes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    explicit = stored.SOURCES
    monkeypatch.setattr(
        stored, "SOURCES", {**explicit, "shop": MergeSource("WooCommerce", is_explicit=False)}
    )
    commit(database, customer())
    assert contacts(database)[ANN]["status"] == "SUBSCRIBED"
    monkeypatch.setattr(stored, "SOURCES", explicit)
    commit(database, source="outlet")
    assert contacts(database)[ANN]["status"] == "UNSUBSCRIBED"


def test_an_older_reading_never_replaces_a_newer_one(database: Database) -> None:
    commit(database, customer(7, ANN, first_name="new", read_at=at(50)))
    commit(database, customer(7, ANN, first_name="old", read_at=at(49)))
    assert record(database, 7)["first_name"] == contacts(database)[ANN]["first_name"] == "new"
    commit(database, customer(7, ANN, first_name="newest", read_at=at(50)))
    assert contacts(database)[ANN]["first_name"] == "newest"


def test_a_deleted_customer_s_orders_make_no_guest_and_bring_nobody_back(database: Database) -> None:
    bought: Row = order(44, ANN, of=7)
    commit(database, customer(7, ANN), bought)
    gone = commit(database, gone=[7], started=150)
    assert gone["sources"].tolist() == gone["groups"].tolist() == [[]]

    # WooCommerce turns the orders of a deleted customer into orders without one.
    again = commit(database, order(44, ANN, of="", read_at=at(200)))

    assert again.loc[ANN, "sources"] == []
    assert contacts(database)[ANN]["sources"] == []
    assert record(database, 44, "order")["person_id"] == "7"
    assert orders_that_named_a_customer(database, "shop", [44, 45]) == {44}


def test_an_order_that_never_named_a_customer_is_a_guest_s(database: Database) -> None:
    commit(database, order(44, ANN))
    assert orders_that_named_a_customer(database, "shop", [44]) == set()
    assert contacts(database)[ANN]["groups"] == ["WooCommerce", "WooCommerce - Guests"]


def test_an_order_that_is_given_to_a_customer_later_is_a_guest_s_no_more(database: Database) -> None:
    commit(database, order(44, ANN))
    merged = commit(database, order(44, ANN, of=8, read_at=at(200)))
    assert merged.loc[ANN, "sources"] == []


def test_a_customer_whose_phone_changes_leaves_the_old_phone_and_holds_the_new_one(
    database: Database,
) -> None:
    commit(database, customer(7, ANN))
    merged = commit(database, customer(7, BOB, read_at=at(200)))
    assert merged.index.tolist() == [ANN, BOB]
    assert merged["sources"].tolist() == [[], ["WooCommerce"]]
    assert contacts(database)[ANN]["sources"] == []


def test_a_customer_whose_phone_becomes_invalid_leaves_it(database: Database) -> None:
    commit(database, customer(7, ANN))
    merged = commit(database, customer(7, None, read_at=at(200)))
    assert merged["sources"].to_dict() == {ANN: []}
    assert invalid_reasons(database, "shop") == {"missing_phone": 1}


def test_invalid_reasons_count_customers_and_guests_that_hold_no_contact(database: Database) -> None:
    commit(
        database,
        customer(7, None, invalid_reason="not_mobile"),
        customer(8, None),
        order(44, None),
        order(45, None, of=7),
        customer(9, ANN),
    )
    assert list(invalid_reasons(database, "shop").items()) == [("missing_phone", 2), ("not_mobile", 1)]
    assert invalid_reasons(database, "outlet") == {}


def test_a_customer_that_a_complete_reading_lacks_is_gone_and_may_come_back(database: Database) -> None:
    commit(database, customer(7, ANN), customer(8, BOB))
    merged = commit(database, gone=[7], started=150)
    assert merged["sources"].to_dict() == {ANN: []}
    assert customer_hashes(database, "shop").keys() == {8}
    assert record(database, 7)["gone_at"] is not None

    back = commit(database, customer(7, ANN, read_at=at(200)))
    assert back.loc[ANN, "sources"] == ["WooCommerce"]
    assert record(database, 7)["gone_at"] is None


def test_a_customer_seen_after_the_reading_began_is_not_gone(database: Database) -> None:
    commit(database, customer(7, ANN, read_at=at(160)))
    merged = commit(database, gone=[7], started=150)
    assert merged.empty
    assert record(database, 7)["gone_at"] is None


def test_the_gone_are_those_of_the_same_store_and_no_orders(database: Database) -> None:
    commit(database, customer(7, ANN), order(8, BOB))
    commit(database, customer(8, CAM), source="outlet")
    commit(database, gone=[8], started=150)
    assert all(row["gone_at"] is None for row in table(database, "source_records"))


def test_the_opt_out_of_a_gone_customer_remains(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_out"))
    commit(database, gone=[7], started=150)
    assert signal(database) == ("opted_out", at(100))


def test_the_opt_in_of_a_gone_customer_does_not(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_in"))
    commit(database, gone=[7], started=150)
    assert signal(database) == ("unknown", None)


def test_an_opt_out_at_the_checkout_reaches_the_customer_s_own_phone(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_in", created_at=at(0)))
    merged = commit(database, order(44, BOB, of=7, consent="opted_out", created_at=at(10)))
    assert merged.loc[ANN, "consent"] == "opted_out"
    assert signal(database) == ("opted_out", dated_until(10))


def test_an_opt_in_at_the_checkout_concerns_the_phone_given_there_only(database: Database) -> None:
    commit(database, customer(7, ANN), order(44, BOB, of=7, consent="opted_in"))
    assert signal(database) == ("unknown", None)


def test_an_opt_in_at_the_checkout_without_a_phone_is_the_customer_s(database: Database) -> None:
    commit(database, customer(7, ANN), order(44, None, of=7, consent="opted_in"))
    assert signal(database) == ("opted_in", at(10))


def test_an_opt_in_at_the_checkout_goes_with_the_customer(database: Database) -> None:
    commit(database, customer(7, ANN), order(44, None, of=7, consent="opted_in"))
    commit(database, gone=[7], started=150)
    assert signal(database) == ("unknown", None)


def test_an_opt_in_at_the_checkout_with_an_unusable_phone_is_nobody_s(database: Database) -> None:
    unusable = order(44, None, of=7, consent="opted_in", invalid_reason="not_mobile")
    commit(database, customer(7, ANN), unusable)
    assert signal(database) == ("unknown", None)


def test_an_opt_out_at_the_checkout_follows_the_customer_to_a_new_phone(database: Database) -> None:
    commit(database, customer(7, ANN), order(44, ANN, of=7, consent="opted_out"))
    commit(database, customer(7, BOB, read_at=at(200)))
    assert signal(database, BOB) == ("opted_out", dated_until(10))


def test_what_a_customer_bought_is_the_customer_s_whatever_phone_was_given(database: Database) -> None:
    merged = commit(
        database,
        customer(7, ANN),
        order(44, BOB, of=7, item_ids=["3"]),
        item_tags={"3": ["Sale"]},
    )
    assert merged.loc[ANN, "groups"] == ["WooCommerce", "WooCommerce - Sale"]
    assert merged.loc[BOB, "groups"] == []
    assert BOB not in contacts(database)


def test_an_opt_in_in_the_trash_opts_nobody_in(database: Database) -> None:
    """What the shop threw away was spam or a test; it counts again when it is taken out of the trash."""
    commit(
        database,
        customer(7, ANN),
        order(44, ANN, of=7, consent="opted_in", **TRASHED),
        customer(8, BOB),
        order(45, None, of=8, consent="opted_in", **TRASHED),
    )
    assert signal(database, ANN) == signal(database, BOB) == ("unknown", None)
    commit(database, order(44, ANN, of=7, consent="opted_in", read_at=at(200)))
    assert signal(database, ANN) == ("opted_in", at(10))
    trashed = order(44, ANN, of=7, consent="opted_in", **TRASHED, read_at=at(300))
    commit(database, trashed)
    assert signal(database, ANN) == ("unknown", None)


def test_an_opt_out_in_the_trash_remains(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_in"))
    commit(database, order(44, None, of=7, consent="opted_out", **TRASHED))
    assert signal(database) == ("opted_out", dated_until(10))


def test_a_guest_s_order_in_the_trash_holds_no_contact(database: Database) -> None:
    commit(database, order(44, ANN, consent="opted_out"))
    commit(database, order(44, ANN, consent="opted_out", **TRASHED, read_at=at(200)))
    assert (contacts(database)[ANN]["sources"], contacts(database)[ANN]["groups"]) == ([], [])
    assert contacts(database)[ANN]["consent"] == "opted_out"
    commit(database, order(44, ANN, consent="opted_out", read_at=at(300)))
    assert contacts(database)[ANN]["sources"] == ["WooCommerce"]


def test_what_was_not_bought_in_the_end_gives_no_list(database: Database) -> None:
    commit(database, order(44, ANN, item_ids=["3"]), item_tags={"3": ["Sale"]})
    merged = commit(database, order(44, ANN, item_ids=[], status="refunded", read_at=at(200)))
    assert merged.loc[ANN, "groups"] == ["WooCommerce", "WooCommerce - Guests"]


def test_a_product_whose_tags_change_touches_all_who_bought_it(database: Database) -> None:
    commit(
        database,
        customer(7, ANN),
        order(44, None, of=7, item_ids=["3", "4"]),
        order(45, BOB, item_ids=["3"]),
        order(46, CAM, item_ids=["4"]),
        item_tags={"3": ["Sale"], "4": []},
    )
    assert known_product_ids(database, "shop") == {3, 4}
    merged = commit(database, item_tags={"3": ["Clearance"], "4": []})
    assert merged.index.tolist() == [ANN, BOB]
    assert merged.loc[ANN, "groups"] == ["WooCommerce", "WooCommerce - Clearance"]
    assert commit(database, item_tags={"3": ["Clearance"]}).empty


def test_two_stores_make_one_contact_of_a_phone(database: Database) -> None:
    commit(database, customer(7, ANN, first_name="Ann", consent="opted_in"))
    merged = commit(
        database, order(7, ANN, first_name="Annie", last_name="", consent="opted_out"), source="outlet"
    )
    assert merged.loc[ANN, "sources"] == ["Outlet", "WooCommerce"]
    assert merged.loc[ANN, "groups"] == ["Outlet", "Outlet - Guests", "WooCommerce"]
    stored = contacts(database)[ANN]
    assert (stored["first_name"], stored["consent"], stored["consent_at"]) == (
        "Ann",
        "opted_out",
        dated_until(10),
    )
    assert len(contacts(database)) == 1


def test_a_phone_that_nobody_holds_makes_no_contact(database: Database) -> None:
    merged = commit(database, order(44, ANN, of=7, consent="opted_out"))
    assert merged.loc[ANN, "sources"] == []
    assert contacts(database) == {}


def test_how_far_a_store_was_read_is_noted_with_the_commit(database: Database) -> None:
    commit(database, customer(7, ANN), read_until=90, cursor={"last_customer_id": 12}, run_id="first")
    (run,) = table(database, "sync_runs")
    assert (run["read_until"], run["cursor"]) == (at(90), {"last_customer_id": 12})
    assert run["committed_at"] is not None


def test_texts_of_all_kinds_come_back_as_they_were(database: Database) -> None:
    name = "O\"Brien, \\N \\. 'x' ;\n{NULL} %s :phone 🎉"
    commit(database, customer(7, ANN, first_name=name, tags=[name, "NULL", ""]))
    assert record(database, 7)["first_name"] == contacts(database)[ANN]["first_name"] == name
    assert record(database, 7)["tags"] == [name, "NULL", ""]


def test_stores_committed_at_the_same_time_lose_nothing_of_each_other(database: Database) -> None:
    phones = [f"+6149157{number:04d}" for number in range(40)]
    database.migrate()
    # Each store gives the same phones in another order, and half of them again in a second reading.
    with ThreadPoolExecutor(4) as threads:
        commits = [
            threads.submit(
                commit,
                database,
                *[
                    customer(number, phones[number], first_name=f"{source} {minute}", read_at=at(minute))
                    for number in numbers
                ],
                source=source,
                run_id=f"{source} {minute}",
            )
            for minute in (100, 200)
            for source, numbers in (("shop", range(40)), ("outlet", range(39, -1, -1)))
        ]
        for each in commits:
            each.result()
    stored = contacts(database)
    assert set(stored) == set(phones)
    assert all(row["sources"] == ["Outlet", "WooCommerce"] for row in stored.values())
    assert all(row["first_name"].endswith("200") for row in stored.values())


def test_a_guest_whose_order_is_gone_leaves_unless_something_else_holds_the_phone(database: Database) -> None:
    commit(
        database,
        order(44, ANN, item_ids=["3"], consent="opted_in"),
        order(45, BOB, item_ids=["3"]),
        order(46, BOB, item_ids=["4"]),
        # An order with the id of a customer who is not gone.
        order(7, CAM),
        customer(7, CAM),
        item_tags={"3": ["Sale"], "4": ["Tea"]},
    )
    gone = commit(database, gone_orders=[44, 45], started=150)
    assert gone.index.tolist() == [ANN, BOB]
    assert gone.loc[ANN, "groups"] == []
    assert gone.loc[ANN, "sources"] == []
    assert gone.loc[BOB, "groups"] == ["WooCommerce", "WooCommerce - Guests", "WooCommerce - Tea"]
    # The opt-in of an order that is gone counts for nothing.
    assert signal(database) == ("unknown", None)
    assert record(database, 7, "order")["gone_at"] is None


def test_the_opt_out_of_an_order_that_is_gone_stays(database: Database) -> None:
    commit(database, order(44, ANN, consent="opted_out"))
    commit(database, gone_orders=[44], started=150)
    assert signal(database) == ("opted_out", dated_until(10))


def test_an_order_that_another_sync_has_read_since_is_not_gone(database: Database) -> None:
    begin(database, "live", reading="touched")
    commit(database, order(44, ANN, read_at=at(160)), run_id="live", started=155)
    commit(database, gone_orders=[44], started=150)
    assert record(database, 44, "order")["gone_at"] is None


def test_what_a_reading_changes_is_told_by_records_and_by_contacts(database: Database) -> None:
    commit(database, customer(7, ANN), customer(8, BOB, consent="opted_in"), order(44, CAM))
    begin(database, "second")
    lost = customer(8, None, read_at=at(200), hash="other", invalid_reason="missing_phone")
    found = commit_reading(
        database,
        source="shop",
        run_id="second",
        reading=reading(lost, gone=[7], gone_orders=[44], started=199, read_until=200),
        sources=SOURCES,
        accept=lambda _: True,
    )
    told = {each.change: (each.count, each.examples) for each in found.measured if each.count}
    assert told.pop(Change.leaving_lists)[0] == 3
    assert told == {
        Change.customers_gone: (1, ("customer 7",)),
        Change.newly_invalid: (1, ("customer 8",)),
        Change.answers_lost: (1, ("customer 8",)),
    }
    assert found.leaving_because == {"customer gone": 1, "order gone": 1, "phone lost": 1}
