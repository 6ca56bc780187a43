from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.merge import (
    MergeInput,
    MergeSource,
    deciding_signals,
    field_origins,
    merge_contacts,
)
from woo_sync_pipeline.contacts.schemas import MergedContact

ANN, BOB = "+61491570006", "+61491570156"
SOURCES = {
    "shop": MergeSource("WooCommerce", is_explicit=True),
    "outlet": MergeSource("Outlet", is_explicit=False),
}
HOLDER_COLUMNS = [
    "phone",
    "source",
    "record_type",
    "record_id",
    "is_person",
    "first_name",
    "last_name",
    "email",
    "tags",
    "created_at",
    "modified_at",
]
SIGNAL_COLUMNS = [
    "phone",
    "source",
    "consent",
    "choice_from",
    "choice_until",
    "choice_returned_at",
    "choice_is_dated",
    "is_stop",
    "consent_origin",
]

Row = dict[str, Any]


def at(minutes: int | None) -> pd.Timestamp | None:
    # The state gives times as objects, None where there is none.
    return None if minutes is None else pd.Timestamp("2026-11-01", tz="UTC") + pd.Timedelta(minutes=minutes)


def customer(phone: str = ANN, **changes: Any) -> Row:
    own = {"record_type": "customer", "record_id": "7", "is_person": True, "tags": []}
    row = dict.fromkeys(HOLDER_COLUMNS, "") | own
    return row | {"phone": phone, "source": "shop", "created_at": at(0), "modified_at": None} | changes


def guest(phone: str = ANN, **changes: Any) -> Row:
    return customer(phone, **{"record_type": "order", "record_id": "44", "is_person": False, **changes})


def signal(
    consent: str,
    minutes: int | None,
    phone: str = ANN,
    source: str = "shop",
    origin: str = "key",
    *,
    until: int | None = None,
    returned: int | None = None,
    dated: bool = False,
    is_stop: bool = False,
) -> Row:
    """A choice of this minute, or of some time from then `until` another one."""
    return {
        "phone": phone,
        "source": source,
        "consent": consent,
        "choice_from": at(minutes),
        "choice_until": at(minutes if until is None else until),
        "choice_returned_at": at(returned),
        "choice_is_dated": dated,
        "is_stop": is_stop,
        "consent_origin": origin,
    }


def bought(tag: str, phone: str = ANN, source: str = "shop") -> Row:
    return {"phone": phone, "source": source, "tag": tag}


def merge(
    *holders: Row,
    signals: Sequence[Row] = (),
    purchases: Sequence[Row] = (),
    phones: Sequence[str] = (ANN,),
    sources: Mapping[str, MergeSource] = SOURCES,
    list_names: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    known = known_from(holders, signals, purchases)
    return merge_contacts(known, phones=phones, sources=sources, list_names=list_names or {})


def known_from(
    holders: Sequence[Row], signals: Sequence[Row] = (), purchases: Sequence[Row] = ()
) -> MergeInput:
    return MergeInput(
        holders=pd.DataFrame(list(holders), columns=HOLDER_COLUMNS),
        signals=pd.DataFrame(list(signals), columns=SIGNAL_COLUMNS),
        purchases=pd.DataFrame(list(purchases), columns=["phone", "source", "tag"]),
    )


def merge_one(*holders: Row, **options: Any) -> Row:
    merged = merge(*holders, **options)
    assert merged["phone"].tolist() == [ANN]
    return {str(name): value for name, value in merged.iloc[0].items()}


def test_a_registered_customer_comes_before_a_guest_however_new() -> None:
    merged = merge_one(
        guest(first_name="Annie", email="guest@example.com", created_at=at(900), modified_at=at(950)),
        customer(first_name="Ann", email="ann@example.com"),
    )
    assert (merged["first_name"], merged["email"]) == ("Ann", "ann@example.com")


@pytest.mark.parametrize("kind", [customer, guest])
def test_among_equals_the_most_recently_modified_counts(kind: Any) -> None:
    merged = merge_one(
        kind(record_id="1", first_name="old", created_at=at(50), modified_at=at(60)),
        kind(record_id="2", first_name="new", created_at=at(0), modified_at=at(70), source="outlet"),
    )
    assert merged["first_name"] == "new"


def test_a_record_never_modified_counts_from_its_creation() -> None:
    merged = merge_one(
        customer(record_id="1", first_name="edited", created_at=at(0), modified_at=at(60)),
        customer(record_id="2", first_name="registered later", created_at=at(61), modified_at=None),
        customer(record_id="3", first_name="of unknown age", created_at=None, modified_at=None),
    )
    assert merged["first_name"] == "registered later"


def test_each_field_comes_from_the_first_record_that_has_it() -> None:
    merged = merge_one(
        customer(record_id="1", first_name="Ann", modified_at=at(60)),
        customer(record_id="2", first_name="Anna", last_name="Lee", modified_at=at(50)),
        guest(first_name="Annie", last_name="Guest", email="ann@example.com", modified_at=at(99)),
    )
    assert (merged["first_name"], merged["last_name"], merged["email"]) == ("Ann", "Lee", "ann@example.com")


def test_the_record_that_gave_each_field_is_known() -> None:
    rows = [
        customer(record_id="1", first_name="Ann", modified_at=at(60)),
        customer(record_id="2", first_name="Anna", last_name="Lee", modified_at=at(50), source="outlet"),
        guest(first_name="Annie", last_name="Guest", email="ann@example.com", modified_at=at(99)),
        customer(BOB, source="closed", first_name="Bob"),
    ]
    origins = field_origins(known_from(rows), phones=[BOB, ANN], sources=SOURCES)
    assert origins.to_numpy().tolist() == [
        [ANN, "first_name", "shop", "customer", "1"],
        [ANN, "last_name", "outlet", "customer", "2"],
        [ANN, "email", "shop", "order", "44"],
    ]
    assert field_origins(known_from([]), phones=[ANN], sources=SOURCES).empty


def test_the_signal_that_decided_is_known_with_all_that_is_told_of_it() -> None:
    signals = [
        signal("opted_in", 30, source="outlet"),
        signal("unknown", 50),
        signal("opted_out", 30),
        signal("opted_out", 60, source="closed"),
        signal("opted_in", 10, BOB),
    ]
    decided = deciding_signals(known_from([], signals), phones=[BOB, ANN], sources=SOURCES)
    assert decided["phone"].tolist() == [ANN, BOB]
    assert decided["consent"].tolist() == ["opted_out", "opted_in"]
    assert list(decided.columns) == SIGNAL_COLUMNS
    assert deciding_signals(known_from([]), phones=[ANN], sources=SOURCES).empty


def test_a_customer_is_in_the_store_s_list_and_no_guest() -> None:
    merged = merge_one(customer(), guest())
    assert merged["sources"] == ["WooCommerce"]
    assert merged["groups"] == ["WooCommerce"]


def test_a_guest_is_in_the_store_s_list_and_in_the_guests() -> None:
    assert merge_one(guest())["groups"] == ["WooCommerce", "WooCommerce - Guests"]


def test_a_customer_of_one_store_may_be_a_guest_of_another() -> None:
    merged = merge_one(customer(), guest(source="outlet"))
    assert merged["sources"] == ["Outlet", "WooCommerce"]
    assert merged["groups"] == ["Outlet", "Outlet - Guests", "WooCommerce"]


def test_a_customer_with_a_guest_s_phone_leaves_another_guest_a_guest() -> None:
    merged = merge(customer(ANN), guest(BOB), phones=[ANN, BOB])
    assert merged["groups"].tolist() == [["WooCommerce"], ["WooCommerce", "WooCommerce - Guests"]]


def test_tags_and_purchases_give_lists_of_their_store() -> None:
    merged = merge_one(
        customer(tags=["VIP"]), guest(source="outlet", tags=["Wholesale"]), purchases=[bought("Café & Bar")]
    )
    assert merged["groups"] == [
        "Outlet",
        "Outlet - Guests",
        "Outlet - Wholesale",
        "WooCommerce",
        "WooCommerce - Café & Bar",
        "WooCommerce - VIP",
    ]


def test_tags_that_differ_in_case_are_one_list() -> None:
    merged = merge(customer(ANN, tags=["vip"]), customer(BOB, tags=["VIP"]), phones=[ANN, BOB])
    assert merged["groups"].tolist() == [["WooCommerce", "WooCommerce - VIP"]] * 2
    merged = merge(customer(tags=["vip"]), purchases=[bought("Vip")], list_names={})
    assert merged["groups"].tolist() == [["WooCommerce", "WooCommerce - Vip"]]


def test_a_list_that_exists_keeps_its_spelling() -> None:
    names = {"woocommerce - vip": "woocommerce - ViP"}
    merged = merge_one(customer(tags=["VIP"]), purchases=[bought("vip")], list_names=names)
    assert merged["groups"] == ["WooCommerce", "woocommerce - ViP"]


def test_a_tag_named_guests_is_not_the_list_of_the_guests() -> None:
    assert merge_one(customer(tags=["guests"]))["groups"] == ["WooCommerce", "WooCommerce - guests (tag)"]
    merged = merge(customer(ANN, tags=["guests"]), guest(BOB), phones=[ANN, BOB])
    assert [groups[1] for groups in merged["groups"]] == [
        "WooCommerce - guests (tag)",
        "WooCommerce - Guests",
    ]


@pytest.mark.parametrize(
    ("holders", "status"),
    [
        ([customer()], "UNSUBSCRIBED"),
        ([customer(source="outlet")], "SUBSCRIBED"),
        ([customer(), customer(source="outlet")], "UNSUBSCRIBED"),
        ([guest(), customer(source="outlet")], "UNSUBSCRIBED"),
    ],
)
def test_one_explicit_store_makes_an_unknown_choice_no_subscription(holders: list[Row], status: str) -> None:
    assert merge_one(*holders)["status"] == status


def test_an_opt_out_counts_for_the_inferred_store_as_well() -> None:
    merged = merge_one(customer(source="outlet"), signals=[signal("opted_out", 1)])
    assert merged["status"] == "UNSUBSCRIBED"


def test_records_of_stores_that_are_not_configured_do_not_count() -> None:
    merged = merge_one(
        customer(first_name="Ann", modified_at=at(1)),
        customer(source="closed", first_name="Closed", tags=["VIP"], modified_at=at(9)),
        signals=[signal("opted_in", 9, source="closed")],
        purchases=[bought("Sale", source="closed")],
    )
    assert (merged["first_name"], merged["groups"], merged["consent"]) == ("Ann", ["WooCommerce"], "unknown")
    assert merged["sources"] == ["WooCommerce"]


def test_a_phone_that_no_record_holds_any_more_has_a_row() -> None:
    merged = merge_one(signals=[signal("opted_out", 4)])
    assert (merged["first_name"], merged["last_name"], merged["email"]) == ("", "", "")
    assert merged["sources"] == merged["groups"] == []
    assert (merged["consent"], merged["status"]) == ("opted_out", "UNSUBSCRIBED")


def test_phones_with_and_without_records_go_together() -> None:
    merged = merge(customer(ANN, first_name="Ann"), phones=[BOB, ANN, BOB])
    assert merged["phone"].tolist() == [ANN, BOB]
    assert merged["first_name"].tolist() == ["Ann", ""]
    assert merged["sources"].tolist() == [["WooCommerce"], []]


def test_no_phones_give_no_rows_and_all_columns() -> None:
    merged = merge(phones=[])
    assert merged.empty
    assert list(merged.columns) == list(MergedContact.to_schema().columns)


PHONES = [f"+614915700{number:02d}" for number in range(40)]
TAGS = ["vip", "VIP", "Guests", "Café", "CAFÉ", "Wine"]
THREE_STORES = {
    **SOURCES,
    "market": MergeSource("Market", is_explicit=True, name_format="{tag} ({source})"),
}


@dataclass(frozen=True)
class Known:
    """Records of forty phones in three stores, and in one that is closed."""

    holders: list[Row]
    signals: list[Row]
    purchases: list[Row]

    def merged(
        self, sources: Mapping[str, MergeSource] = THREE_STORES, phones: Sequence[str] = PHONES
    ) -> list[Row]:
        merged = merge(
            *self.holders, signals=self.signals, purchases=self.purchases, phones=phones, sources=sources
        )
        return [
            {
                str(key): None if key in ("consent_at", "consent_dated_at") and pd.isna(value) else value
                for key, value in row.items()
            }
            for row in merged.to_dict("records")
        ]

    def each(self, change: Callable[[list[Row]], list[Row]]) -> Known:
        return Known(change(self.holders), change(self.signals), change(self.purchases))


def many_records(random: Random) -> Known:
    def some(most: int) -> range:
        return range(random.randint(0, most))

    minutes = [None, *range(7)]
    stores = [*THREE_STORES, "closed"]
    holders = [
        random.choice([customer, guest])(
            phone,
            source=random.choice(stores),
            first_name=random.choice(["", "Ann", "Bob", "Cam"]),
            last_name=random.choice(["", "Lee", "Day"]),
            email=random.choice(["", "ann@example.com", "bob@example.com"]),
            created_at=at(random.choice(minutes)),
            modified_at=at(random.choice(minutes)),
            tags=random.sample(TAGS, random.randint(0, 2)),
        )
        for phone in PHONES
        for _ in some(5)
    ]
    return Known(
        # A store numbers its customers and its orders, each once.
        [row | {"record_id": str(number)} for number, row in enumerate(holders, start=1)],
        [any_signal(random, phone, random.choice(stores)) for phone in PHONES for _ in some(4)],
        [bought(random.choice(TAGS), phone, random.choice(stores)) for phone in PHONES for _ in some(2)],
    )


def any_signal(random: Random, phone: str, source: str) -> Row:
    """A choice as records can have it: only opt-ins are dated or come back, only opt-outs are STOPs."""
    consent = random.choice(["opted_in", "opted_in", "opted_out", "opted_out", "unknown"])
    minute = random.choice([None, *range(7)])
    # Of an opt-out it is always known by when it was made.
    until = random.randint(minute or 0, 7)
    return signal(
        consent,
        minute,
        phone,
        source,
        random.choice(TAGS),
        until=until,
        returned=random.choice([None, None, 6]) if consent == "opted_in" else None,
        dated=consent == "opted_in" and minute is not None and random.random() < 0.5,
        is_stop=consent == "opted_out" and random.random() < 0.3,
    )


# Of forty phones each: more than a thousand cases.
many = settings(max_examples=30, deadline=None)
randoms = st.builds(Random, st.integers(0, 2**32 - 1))


@many
@given(randoms)
def test_neither_the_order_of_records_nor_that_of_stores_matters(random: Random) -> None:
    known = many_records(random)
    shuffled = known.each(lambda rows: random.sample(rows, len(rows)))
    assert shuffled.merged(dict(reversed(THREE_STORES.items()))) == known.merged()


@many
@given(randoms)
def test_merging_again_and_records_that_are_met_twice_change_nothing(random: Random) -> None:
    known = many_records(random)
    merged = known.merged()
    assert known.merged() == merged
    assert known.each(lambda rows: [*rows, *rows]).merged() == merged


@many
@given(randoms)
def test_phones_merged_in_portions_give_the_same_contacts(random: Random) -> None:
    known = many_records(random)
    first = random.sample(PHONES, random.randint(0, len(PHONES)))
    portions = [known.merged(phones=part) for part in (first, sorted(set(PHONES) - set(first)))]
    together = sorted((row for portion in portions for row in portion), key=lambda row: str(row["phone"]))
    # Only the spelling of a list may differ, for which merging asks what exists (`list_names`).
    assert [folded(row) for row in together] == [folded(row) for row in known.merged()]


def folded(row: Row) -> Row:
    return row | {"groups": sorted(name.casefold() for name in row["groups"])}


@many
@given(randoms)
def test_every_phone_is_there_once_with_a_row_that_its_records_explain(random: Random) -> None:
    known = many_records(random)
    merged = known.merged()
    origins = field_origins(known_from(known.holders), phones=PHONES, sources=THREE_STORES)
    given_by = {
        (phone, field): (source, record_id)
        for phone, field, source, _, record_id in origins.itertuples(index=False, name=None)
    }
    assert len(given_by) == len(origins)
    assert [row["phone"] for row in merged] == PHONES
    for row in merged:
        own = [
            each for each in known.holders if each["phone"] == row["phone"] and each["source"] in THREE_STORES
        ]
        assert row["sources"] == sorted({THREE_STORES[each["source"]].name for each in own})
        assert set(row["sources"]) <= set(row["groups"])
        assert len({name.casefold() for name in row["groups"]}) == len(row["groups"])
        for source, name in (("shop", "WooCommerce - Guests"), ("market", "Guests (Market)")):
            kinds = {each["record_type"] for each in own if each["source"] == source}
            assert (name in row["groups"]) == (kinds == {"order"})
        own.sort(key=rank)
        for field in ("first_name", "last_name", "email"):
            giver = next((each for each in own if each[field]), None)
            assert row[field] == (giver[field] if giver else "")
            assert given_by.get((row["phone"], field)) == (
                (giver["source"], giver["record_id"]) if giver else None
            )
        is_explicit = any(THREE_STORES[each["source"]].is_explicit for each in own)
        subscribed = row["consent"] == "opted_in" or (row["consent"] == "unknown" and not is_explicit)
        assert row["status"] == ("SUBSCRIBED" if subscribed else "UNSUBSCRIBED")


def rank(holder: Row) -> tuple[bool, float, str, int]:
    """Customers before guests, then the most recently modified; ids break ties."""
    changed = holder["modified_at"] or holder["created_at"]
    return (
        holder["record_type"] != "customer",
        -changed.timestamp() if changed else math.inf,
        holder["source"],
        int(holder["record_id"]),
    )
