"""The ledger of consent as a table, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from woo_sync_pipeline.contacts.consent_event import ConsentEventKind
from woo_sync_pipeline.contacts.subscription import NotApplied
from woo_sync_pipeline.reports.ledger_tables import ledger_csv, ledger_json, ledger_table
from woo_sync_pipeline.reports.times import interval_text, time_text
from woo_sync_pipeline.state.consent_ledger import LedgerEntry
from woo_sync_pipeline_tests.reports.samples import shown

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
YES = LedgerEntry(
    event_id=7,
    phone="+61491570006",
    what="yes",
    earliest=NOON,
    latest=NOON + MINUTE,
    is_dated=True,
    seen_at=NOON + DAY,
    source="shop",
    record_type="order",
    record_id="44",
    key="_wc_other/acme/sms-opt-in",
    value="1",
    sync_id=3,
    became="",
)
STOP = replace(
    YES,
    event_id=8,
    what="stop",
    earliest=None,
    source=None,
    record_type=None,
    record_id=None,
    key="",
    value="",
    sync_id=None,
)


@pytest.mark.parametrize(
    ("earliest", "latest", "text"),
    [
        (NOON, NOON, "2026-11-01 12:00:00"),
        (NOON, NOON + timedelta(milliseconds=999), "2026-11-01 12:00:00"),
        (NOON, NOON + MINUTE, "between 2026-11-01 12:00:00 and 12:01:00"),
        (NOON, NOON + DAY, "between 2026-11-01 12:00:00 and 2026-11-02 12:00:00"),
        (None, NOON, "before 2026-11-01 12:00:00"),
    ],
)
def test_when_something_happened_is_a_time_or_an_interval(
    earliest: datetime | None, latest: datetime, text: str
) -> None:
    assert interval_text(earliest, latest) == text


def test_no_time_is_no_text() -> None:
    assert time_text(None) == ""


def test_a_table_tells_when_what_and_where() -> None:
    title, _, _, yes, stop = (" ".join(line) for line in shown(ledger_table([YES, STOP], title="ledger")))
    assert title == "ledger"
    assert yes == (
        "between 2026-11-01 12:00:00 and 12:01:00 yes opted in shop: order 44 _wc_other/acme/sms-opt-in 1 "
        "2026-11-02 12:00:00 3"
    )
    assert stop == "before 2026-11-01 12:01:00 unsubscribed on MessageMedia 2026-11-02 12:00:00"


def test_what_a_shop_wrote_is_no_markup_and_what_became_of_it_is_told() -> None:
    entry = replace(YES, value="[red]1[/]", became="repeats an earlier one")
    *_, line = shown(ledger_table([entry], title=""))
    assert "[red]1[/]" in line
    assert line[-4:] == ["repeats", "an", "earlier", "one"]


@pytest.mark.parametrize("reason", NotApplied)
def test_that_an_opt_in_was_not_applied_is_told_with_what_to_do(reason: NotApplied) -> None:
    entry = replace(STOP, what="not_applied", became=reason.value)
    told = " ".join(word for line in shown(ledger_table([entry], title=""), width=400) for word in line)
    assert f"opted in, not applied {time_text(entry.seen_at)}" in told
    assert "set the contact to subscribed in MessageMedia" in told


def test_every_kind_of_entry_has_words_of_its_own() -> None:
    words = {replace(YES, what=kind.value).words for kind in ConsentEventKind}
    assert len(words) == len(ConsentEventKind)


def test_json_has_every_field_of_every_entry_over_all_pages() -> None:
    text = "".join(ledger_json(iter([[YES, STOP], [replace(YES, event_id=9)]])))
    first, stop, last = json.loads(text)
    assert list(first) == list(LedgerEntry.__dataclass_fields__)
    assert (first["event_id"], stop["event_id"], last["event_id"]) == (7, 8, 9)
    assert datetime.fromisoformat(first["earliest"]) == NOON
    assert (stop["earliest"], stop["source"], stop["sync_id"]) == (None, None, None)
    assert len(text.splitlines()) == 3 + 2


def test_csv_has_one_line_for_each_entry_over_all_pages() -> None:
    nasty = replace(YES, event_id=9, value='yes, "really"\nso')
    first, stop, last = csv.DictReader(io.StringIO("".join(ledger_csv(iter([[YES, STOP], [nasty]])))))
    assert list(first) == list(LedgerEntry.__dataclass_fields__)
    assert (first["phone"], first["what"], first["value"]) == (YES.phone, "yes", "1")
    assert first["latest"] == (NOON + MINUTE).isoformat()
    assert (stop["what"], stop["earliest"], stop["record_id"]) == ("stop", "", "")
    assert last["value"] == nasty.value


def test_without_entries_there_is_an_empty_list_and_a_heading() -> None:
    assert json.loads("".join(ledger_json(iter([])))) == []
    assert "".join(ledger_csv(iter([]))) == ",".join(LedgerEntry.__dataclass_fields__) + "\n"


def test_a_page_is_written_before_the_next_one_is_asked_for() -> None:
    asked = []

    def pages() -> Iterator[list[LedgerEntry]]:
        for number in range(3):
            asked.append(number)
            yield [YES]

    for form in (ledger_json, ledger_csv):
        asked.clear()
        parts = form(pages())
        next(parts)
        assert asked == []
        next(parts)
        assert asked == [0]
