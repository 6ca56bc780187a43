from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from woo_sync_pipeline.steps.findings import (
    FEWEST_TO_JUDGE,
    RecordTally,
    consent_is_never_widened,
    every_contact_fits_its_model,
    every_phone_is_e164,
    every_record_fits_its_model,
    every_row_is_accounted_for,
    invalid_share_is_below_the_limit,
    no_phone_twice,
    together,
)
from woo_sync_pipeline.steps.fit import NormalisedRecords

ANN, BOB = "+61491570006", "+61491570156"


def found(records: int, failures: list[tuple[int, str | None, str]] | None = None) -> NormalisedRecords:
    return NormalisedRecords(
        pd.DataFrame({"record_id": range(records)}),
        pd.DataFrame(failures or [], columns=["row_index", "column", "check"]),
    )


def portion(rows: pd.DataFrame, *, holds_contact: bool) -> NormalisedRecords:
    rows = rows.assign(phone_masked="", holds_contact=holds_contact, email_dropped=False)
    return replace(found(0), records=rows)


def records(*phones: str | None) -> pd.DataFrame:
    return pd.DataFrame(
        {"record_type": "customer", "record_id": range(7, 7 + len(phones)), "phone": list(phones)}
    )


def merged(*rows: tuple[str, str, list[str], str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["phone", "consent", "sources", "status"])


def test_every_row_is_a_record_or_named_as_refused() -> None:
    assert every_row_is_accounted_for(rows_read=10, records=8, refused=2).passed
    lost = every_row_is_accounted_for(rows_read=11, records=8, refused=2)
    assert not lost.passed
    assert lost.description == "11 rows read, 8 records made, 2 refused"
    assert lost.numbers == {"rows_read": 11, "records": 8, "refused": 2}


def test_refused_records_are_counted_by_column_and_rule() -> None:
    assert every_record_fits_its_model(found(3)).passed
    finding = every_record_fits_its_model(found(1, [(0, "email", "str"), (2, None, "phone_or_reason")]))
    assert not finding.passed
    assert finding.numbers == {"refused": 2, "email: str": 1, "row: phone_or_reason": 1}
    assert finding.description.startswith("2 rows")


def test_absent_phones_are_no_wrong_phones() -> None:
    assert every_phone_is_e164(records(ANN, None, BOB)).passed
    assert every_phone_is_e164(records()).passed


@pytest.mark.parametrize(
    "wrong",
    ["0491570006", "+0491570006", "61491570006", ANN + " ", "+6149157000a", "+１２３４５６７８", "", "+61"],
)
def test_a_phone_that_is_not_e164_is_told_by_its_record_and_not_quoted(wrong: str) -> None:
    finding = every_phone_is_e164(records(ANN, wrong, None))
    assert not finding.passed
    assert finding.rows == ("customer 8",)
    assert finding.numbers == {"phones": 2, "wrong": 1}
    assert wrong == "" or wrong not in str(finding)


@pytest.mark.parametrize(("bad", "good", "passed"), [(20, 20, True), (21, 20, False), (0, 40, True)])
def test_the_share_of_invalid_records_has_a_limit(bad: int, good: int, passed: bool) -> None:
    finding = invalid_share_is_below_the_limit(records=bad + good, invalid=bad, limit=0.5)
    assert finding.passed is passed
    assert finding.numbers["invalid"] == bad
    assert "the limit is 50%" in finding.description


def test_of_a_few_records_no_share_is_judged() -> None:
    fewer = FEWEST_TO_JUDGE - 1
    few = invalid_share_is_below_the_limit(records=fewer, invalid=fewer, limit=0.5)
    assert few.passed
    assert "are not judged" in few.description
    enough = FEWEST_TO_JUDGE
    assert not invalid_share_is_below_the_limit(records=enough, invalid=enough, limit=0.5).passed


def test_what_was_checked_in_portions_is_told_as_one() -> None:
    good, bad = records(ANN, None), records("0491570006", BOB)
    finding = together([every_phone_is_e164(good), every_phone_is_e164(bad), every_phone_is_e164(good)])
    assert not finding.passed
    assert finding.description == "1 of 4 phones are not in E.164"
    assert finding.rows == ("customer 7",)
    assert together([every_phone_is_e164(good)] * 2).passed


def test_places_count_from_the_first_portion() -> None:
    twice = merged(*[(ANN, "unknown", [], "UNSUBSCRIBED")] * 2)
    assert no_phone_twice(twice, first_row=100).rows == ("row 101",)


def test_records_are_counted_over_all_portions() -> None:
    tally = RecordTally()
    for bad in (1, 2):
        rows = records(ANN, *[None] * bad)
        rows["invalid_reason"] = rows["phone"].map(lambda phone: None if phone else "not_mobile")
        tally.add(portion(rows, holds_contact=True))
    assert (tally.records, tally.contact_records, tally.refused, len(tally.invalid)) == (5, 5, 0, 3)


def test_answers_that_nobody_understands_are_counted_over_all_portions() -> None:
    tally = RecordTally()
    for unread in ({"sms = maybe": 2}, {"sms = maybe": 1, "sms = ja": 4}, {}):
        tally.add(
            replace(portion(records(ANN).assign(invalid_reason=None), holds_contact=True), unread=unread)
        )
    assert tally.unread.most_common() == [("sms = ja", 4), ("sms = maybe", 3)]


def test_orders_of_customers_need_no_phone_of_their_own() -> None:
    tally = RecordTally()
    tally.add(portion(records(None).assign(invalid_reason="missing_phone"), holds_contact=False))
    assert (tally.contact_records, tally.invalid) == (0, [])


def test_a_phone_comes_once_out_of_the_merge() -> None:
    rows: list[Any] = [(phone, "unknown", [], "UNSUBSCRIBED") for phone in (ANN, BOB, ANN)]
    assert no_phone_twice(merged(*rows[:2])).passed
    finding = no_phone_twice(merged(*rows))
    assert not finding.passed
    assert finding.rows == ("row 2",)
    assert ANN not in str(finding)


def test_contacts_that_do_not_fit_their_model_are_counted_by_rule() -> None:
    good = {
        "phone": ANN,
        "first_name": "Ann",
        "last_name": "",
        "email": "",
        "sources": ["Shop"],
        "groups": ["Shop"],
        "consent": "unknown",
        "consent_at": pd.NaT,
        "consent_dated_at": pd.NaT,
        "consent_origin": "",
        "status": "UNSUBSCRIBED",
    }
    bad = {**good, "phone": BOB, "groups": ["Shop", "Beans"], "first_name": 7}
    no_times = pd.DatetimeIndex([None] * 3, tz="UTC")
    contacts = pd.DataFrame([good, good, bad]).assign(consent_at=no_times, consent_dated_at=no_times)
    assert every_contact_fits_its_model(contacts.head(1)).passed
    finding = every_contact_fits_its_model(contacts)
    assert not finding.passed
    assert finding.numbers == {
        "contacts": 3,
        "refused": 1,
        "first_name: text": 1,
        "groups: sorted_distinct_texts": 1,
    }
    assert finding.rows == ("row 2",)
    assert BOB not in str(finding)


@pytest.mark.parametrize(
    ("consent", "sources", "status", "passed"),
    [
        ("opted_in", ["Shop"], "SUBSCRIBED", True),
        ("opted_in", ["Shop"], "UNSUBSCRIBED", True),
        ("opted_out", ["Shop"], "UNSUBSCRIBED", True),
        ("opted_out", ["Shop"], "SUBSCRIBED", False),
        ("opted_out", ["Outlet"], "SUBSCRIBED", False),
        ("opted_out", [], "SUBSCRIBED", False),
        ("unknown", ["Shop"], "UNSUBSCRIBED", True),
        ("unknown", ["Shop"], "SUBSCRIBED", False),
        ("unknown", ["Outlet", "Shop"], "SUBSCRIBED", False),
        ("unknown", ["Outlet"], "SUBSCRIBED", True),
        ("unknown", [], "SUBSCRIBED", True),
    ],
)
def test_consent_is_widened_by_nothing(consent: str, sources: list[str], status: str, passed: bool) -> None:
    """The source "Shop" asks for consent, the source "Outlet" infers it."""
    frame = merged((BOB, "opted_in", ["Shop"], "SUBSCRIBED"), (ANN, consent, sources, status))
    finding = consent_is_never_widened(frame, explicit_sources=["Shop"])
    assert finding.passed is passed
    assert finding.rows == (() if passed else ("row 1",))
    assert ANN not in str(finding)


def test_a_merge_of_nobody_passes() -> None:
    assert consent_is_never_widened(merged(), explicit_sources=["Shop"]).passed
    assert no_phone_twice(merged()).passed
