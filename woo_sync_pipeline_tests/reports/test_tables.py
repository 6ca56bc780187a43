"""Reports and history for a terminal, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import datetime

import pytest

from woo_sync_pipeline.reports.report import SyncCounts
from woo_sync_pipeline.reports.tables import (
    days_text,
    history_json,
    history_table,
    reasons_first,
    report_csv,
    report_json,
    report_tables,
    report_title,
)
from woo_sync_pipeline.state.syncs import SyncContact
from woo_sync_pipeline_tests.reports.samples import (
    COUNTS,
    CREATED,
    INVALID,
    LEFT_OUT,
    NOT_APPLIED,
    SYNC,
    UNREADABLE,
    UPDATED,
    shown,
    sync,
)


def test_the_history_has_one_line_per_sync_with_its_numbers() -> None:
    heading, _, row = shown(history_table([SYNC]))

    assert heading[:4] == ["sync", "source", "kind", "days"]
    assert heading[-5:] == ["new", "updated", "unchanged", "invalid", "failed"]
    assert row == [
        *["42", "shop", "manual", "2026-11-01", "to", "2026-11-03", "2026-11-01", "15:30:00", "12.3"],
        *["succeeded", "1,200", "34", "5", "7", "1"],
    ]


def test_a_record_without_an_id_is_named_by_its_kind() -> None:
    lines = [" ".join(line) for line in shown(*report_tables(SYNC, [UNREADABLE]))]
    assert "invalid 049•••••156 customer without an id does_not_fit (id: a text)" in lines


@pytest.mark.parametrize("status", ["running", "failed", "crashed"])
def test_a_sync_that_did_not_succeed_shows_no_numbers(status: str) -> None:
    *_, row = shown(history_table([sync(status=status, finished_at=None, counts={})]))

    assert row[-1] == status


def test_a_dry_run_is_called_one_wherever_it_is_shown() -> None:
    dry = sync(is_dry_run=True)

    assert "manual, dry run" in " ".join(shown(history_table([dry]))[-1])
    assert "nothing was sent" in report_title(dry, source_name="Shop")


def test_a_title_names_source_number_kind_and_days() -> None:
    assert report_title(SYNC, source_name="My Shop") == "My Shop: sync 42 (manual), 2026-11-01 to 2026-11-03"
    assert days_text(SYNC.first_day, SYNC.first_day) == "2026-11-01"


def test_a_report_shows_every_number_and_the_reasons_the_most_frequent_first() -> None:
    lines = shown(*report_tables(SYNC, []))

    for expected in (
        "new 1,200",
        "updated 34",
        "unchanged 5",
        "failed 1",
        "invalid store records 7",
        "of these new or changed 2",
        "subscribed 900",
        "unsubscribed 340",
        "found unsubscribed on MessageMedia 3",
        "opted in, not applied 8",
        "customers saved without a visible change 21",
        "groups 12",
        "groups made 6",
    ):
        assert expected.split() in lines, expected
    reasons = [line for line in lines if line[0] in COUNTS.invalid_reasons]
    assert [line[:2] for line in reasons] == [["not_mobile", "5"], ["too_short", "2"]]
    assert " ".join(reasons[1][2:]) == "The phone number has too few digits."


def test_answers_that_nobody_understands_are_shown_the_most_frequent_first() -> None:
    lines = [" ".join(line) for line in shown(*report_tables(SYNC, []))]

    start = lines.index("neither yes nor no records")
    assert lines[start + 2 : start + 4] == ["sms = a|b 1,006", "_wc_other/acme/sms-opt-in = maybe 4"]
    answers = {"sms = [red]yes[/red]": 1}
    *_, shown_as_it_is, warning = shown(
        *report_tables(sync(counts=SyncCounts(unread_consent=answers).to_json()), [])
    )
    assert shown_as_it_is == ["sms", "=", "[red]yes[/red]", "1"]
    assert warning[-5:] == ["no:", "sms", "=", "[red]yes[/red]", "(1)"]


def test_a_contact_whose_opt_in_is_not_applied_is_a_line_among_the_first_with_what_to_do() -> None:
    contacts = [*[CREATED] * 500, NOT_APPLIED, *[INVALID] * 500]
    lines = [" ".join(line) for line in shown(*report_tables(SYNC, contacts), width=300)]
    (row,) = csv.DictReader(io.StringIO(report_csv([NOT_APPLIED])))

    assert f"unchanged +61•••••777 unsubscribed {NOT_APPLIED.reason}" in lines
    assert "If the person wants messages" in row["reason"]
    assert (row["outcome"], row["phone"], row["state"]) == ("unchanged", NOT_APPLIED.phone, "UNSUBSCRIBED")
    (contact,) = json.loads(report_json(SYNC, [NOT_APPLIED]))["contacts"]
    assert (contact["outcome"], contact["reason"]) == ("unchanged", NOT_APPLIED.reason)


def test_lines_with_a_reason_come_first_and_else_stay_in_their_order() -> None:
    failed = replace(UPDATED, outcome="failed", reason="no")

    assert reasons_first([CREATED, UPDATED, failed, NOT_APPLIED, INVALID]) == [
        *[failed, NOT_APPLIED, INVALID],
        *[CREATED, UPDATED],
    ]


def test_a_report_without_invalid_records_or_contacts_is_the_numbers_alone() -> None:
    assert len(report_tables(sync(counts=SyncCounts(new=1).to_json()), [])) == 1


def test_the_report_of_an_older_version_that_did_not_count_made_groups_shows_none() -> None:
    older = {name: value for name, value in SYNC.counts.items() if name != "groups_made"}

    assert ["groups", "made", "0"] in shown(*report_tables(sync(counts=older), []))


def test_contacts_are_shown_with_masked_phones_and_what_happened() -> None:
    lines = shown(*report_tables(SYNC, [CREATED, UPDATED, INVALID]))

    assert ["new", "+61•••••678", "subscribed", "created"] in lines
    assert ["updated", "+61•••••999", "unsubscribed", "first_name,", "groups"] in lines
    assert ["invalid", "041•••••567", "customer", "31", "too_short"] in lines
    assert not [word for line in lines for word in line if "412345" in word]


def test_a_record_that_does_not_fit_is_a_line_with_the_rules_that_it_breaks() -> None:
    lines = [" ".join(line) for line in shown(*report_tables(SYNC, [LEFT_OUT]))]
    (row,) = csv.DictReader(io.StringIO(report_csv([LEFT_OUT])))

    assert f"invalid order 77 {LEFT_OUT.reason}" in lines
    assert {name: value for name, value in row.items() if value} == {
        "outcome": "invalid",
        "record_type": "order",
        "record_id": "77",
        "reason": LEFT_OUT.reason,
    }


def test_of_many_contacts_the_first_are_shown_and_the_rest_is_mentioned() -> None:
    lines = shown(*report_tables(SYNC, [CREATED] * 1234))

    assert sum(line[0] == "new" and line[1].startswith("+61") for line in lines) == 20
    assert "(the first 20 of 1,234; --csv has all)" in " ".join(word for line in lines for word in line)


@pytest.mark.parametrize("reason", ["[channels] must not be empty", "closed [/b] tag", "[red]alert"])
def test_what_a_platform_says_is_shown_as_it_is_brackets_and_all(reason: str) -> None:
    failed = replace(CREATED, outcome="failed", reason=reason)

    assert [line for line in shown(*report_tables(SYNC, [failed])) if reason in " ".join(line)]


def test_a_report_as_json_holds_the_sync_and_whole_contacts() -> None:
    report = json.loads(report_json(SYNC, [CREATED, INVALID]))

    assert SyncCounts.from_json(report["counts"]) == COUNTS
    assert (report["sync_id"], report["first_day"], report["error"]) == (42, "2026-11-01", None)
    assert datetime.fromisoformat(report["started_at"]) == SYNC.started_at
    assert report["contacts"] == [
        {**vars(CREATED), "changes": list(CREATED.changes)},
        {**vars(INVALID), "changes": [], "record_id": 31},
    ]


def test_a_report_as_csv_has_one_line_per_contact_and_whole_phones() -> None:
    rows = list(csv.DictReader(io.StringIO(report_csv([CREATED, UPDATED, INVALID]))))

    assert [row["phone"] for row in rows] == [CREATED.phone, UPDATED.phone, ""]
    assert rows[1]["changes"] == "first_name groups"
    assert (rows[2]["record_type"], rows[2]["record_id"], rows[2]["reason"]) == (
        "customer",
        "31",
        "too_short",
    )
    assert list(rows[0]) == list(SyncContact.__dataclass_fields__)


def test_a_csv_without_contacts_still_has_its_heading() -> None:
    assert report_csv([]).splitlines() == [",".join(SyncContact.__dataclass_fields__)]


def test_a_reason_with_commas_quotes_and_line_ends_stays_one_field() -> None:
    reason = 'said "no", twice\nand again'

    (row,) = csv.DictReader(io.StringIO(report_csv([replace(CREATED, reason=reason)])))

    assert row["reason"] == reason


def test_the_history_as_json_keeps_the_order_and_every_field() -> None:
    history = json.loads(history_json([sync(sync_id=2), sync(sync_id=1, finished_at=None)]))

    assert [each["sync_id"] for each in history] == [2, 1]
    names = ["last_customer_id" if name == "cursor" else name for name in SYNC.__dataclass_fields__]
    assert list(history[0]) == names
    assert history[0]["last_customer_id"] == 99
    assert history[1]["finished_at"] is None
    assert json.loads(history_json([])) == []
