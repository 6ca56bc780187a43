"""A source whose people have ids that are no numbers, and whose groups are what they belong to by themselves."""

from __future__ import annotations

from typing import Any

from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.state.consent_ledger import ledger_of
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.erasures import erase_person
from woo_sync_pipeline.state.people import StoreRecord, read_naming, who_is_meant
from woo_sync_pipeline.state.syncs import Watermark, watermark
from woo_sync_pipeline_tests.state.stored import (
    ANN,
    BOB,
    CAM,
    SOURCES,
    Row,
    at,
    commit,
    contacts,
    customer,
    just_after,
    record,
    table,
)

ANNS_ID, BOBS_ID = "01GDDKASAP8TKDDA2GRZDSVP4H", "9-b é"
WITH_PROFILES = {**SOURCES, "klaviyo": MergeSource("Klaviyo", is_explicit=True)}
VIPS = {"Y6nRLr": ["VIP"], "X1": ["Wine"]}


def profile(record_id: str = ANNS_ID, phone: str | None = ANN, **changes: Any) -> Row:
    return customer(record_id, phone, **{"record_type": "profile", "item_ids": ["Y6nRLr"], **changes})


def read(database: Database, *rows: Row, gone: tuple[str, ...] = (), **options: Any) -> None:
    commit(
        database,
        *rows,
        source="klaviyo",
        sources=WITH_PROFILES,
        item_tags=VIPS,
        gone_of={"profile": gone},
        cursor={"changed_since": "2026-11-01T00:00:00Z"},
        **options,
    )


def test_people_with_text_ids_are_merged_with_those_of_a_store(database: Database) -> None:
    commit(database, customer(7, ANN), sources=WITH_PROFILES)
    read(database, profile(), profile(BOBS_ID, BOB, item_ids=["X1", "unknown"]))
    assert contacts(database)[ANN]["groups"] == ["Klaviyo", "Klaviyo - VIP", "WooCommerce"]
    assert contacts(database)[BOB]["groups"] == ["Klaviyo", "Klaviyo - Wine"]
    assert watermark(database, "klaviyo") == Watermark(at(100), {"changed_since": "2026-11-01T00:00:00Z"})


def test_what_they_choose_is_dated_and_noted_and_goes_along_to_another_phone(database: Database) -> None:
    read(database, profile())
    read(database, profile(consent="opted_out", read_at=at(200)), run_id="no", started=199)
    read(database, profile(phone=CAM, consent="opted_out", read_at=at(300)), run_id="moved", started=299)
    (entry, *_) = ledger_of(database, ANN)
    assert (entry.record_type, entry.record_id, entry.earliest) == ("profile", ANNS_ID, just_after(100))
    assert (contacts(database)[CAM]["consent"], contacts(database)[ANN]["groups"]) == ("opted_out", [])
    assert [(row["record_id"], row["phone"]) for row in table(database, "former_phones")] == [(ANNS_ID, ANN)]


def test_who_is_gone_leaves_and_who_is_known_is_not_stored_again(database: Database) -> None:
    read(database, profile(), profile(BOBS_ID, BOB))
    before = record(database, ANNS_ID, "profile", "klaviyo")
    read(database, profile(read_at=at(200)), gone=(BOBS_ID,), run_id="again", started=199)
    assert record(database, ANNS_ID, "profile", "klaviyo") == before
    assert (contacts(database)[ANN]["sources"], contacts(database)[BOB]["sources"]) == (["Klaviyo"], [])


def test_they_are_named_by_their_id_and_erased(database: Database) -> None:
    commit(database, customer(7, BOB), sources=WITH_PROFILES)
    read(database, profile(consent="opted_in"))
    naming = read_naming(f"klaviyo:{ANNS_ID}")
    assert naming is not None
    anns = StoreRecord("klaviyo", "profile", ANNS_ID)
    assert who_is_meant(database, naming).by_phone == {ANN: (anns,)}
    assert erase_person(database, [ANN]).records == (anns,)
    assert [row["record_id"] for row in table(database, "source_records")] == ["7"]
    assert ledger_of(database, ANN) == []
