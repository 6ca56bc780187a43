"""The ledger of consent as a table for a terminal, as JSON and as CSV, with everything in full: it is asked for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from woo_sync_pipeline.contacts.consent_event import ConsentEventKind
from woo_sync_pipeline.contacts.limits import STORE
from woo_sync_pipeline.contacts.subscription import NotApplied
from woo_sync_pipeline.reports.times import interval_text, shown_id, time_text
from woo_sync_pipeline.state.consent_ledger import LedgerEntry

_COLUMNS = tuple(LedgerEntry.__dataclass_fields__)


def ledger_table(entries: Sequence[LedgerEntry], *, title: str, noun: str = STORE) -> Table:
    """One row for each entry, in their order. `noun`: what all sources are, in a word."""
    columns = ("when", "dated", "what", f"{noun} record", "key", "value", "seen", "sync", "what became of it")
    table = Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for entry in entries:
        cells = (
            interval_text(entry.earliest, entry.latest),
            _dated_text(entry),
            entry.words,
            _record_text(entry),
            entry.key,
            entry.value,
            time_text(entry.seen_at),
            "" if entry.sync_id is None else str(entry.sync_id),
            _became_text(entry),
        )
        # What a shop wrote may hold brackets, which a plain cell would take for markup.
        table.add_row(*map(Text, cells))
    return table


def ledger_json(pages: Iterable[Sequence[LedgerEntry]]) -> Iterator[str]:
    """The parts of a JSON list, one entry a line; one part for each page."""
    yield "["
    separator = "\n"
    for page in pages:
        lines = (json.dumps(entry_values(entry), ensure_ascii=False) for entry in page)
        yield separator + ",\n".join(lines)
        separator = ",\n"
    yield "\n]\n"


def ledger_csv(pages: Iterable[Sequence[LedgerEntry]]) -> Iterator[str]:
    """The parts of a CSV file: its heading, and one part for each page."""
    yield ",".join(_COLUMNS) + "\n"
    for page in pages:
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, _COLUMNS, lineterminator="\n")
        writer.writerows(entry_values(entry) for entry in page)
        yield buffer.getvalue()


def entry_values(entry: LedgerEntry) -> dict[str, Any]:
    """An entry as a plain structure; times are texts."""
    values = {name: getattr(entry, name) for name in _COLUMNS} | {"record_id": shown_id(entry.record_id)}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }


def _dated_text(entry: LedgerEntry) -> str:
    if not entry.source:
        return ""
    return "yes" if entry.is_dated else "no"


def _record_text(entry: LedgerEntry) -> str:
    return f"{entry.source}: {entry.record_type} {entry.record_id}" if entry.source else ""


def _became_text(entry: LedgerEntry) -> str:
    if entry.what == ConsentEventKind.not_applied and entry.became in set(NotApplied):
        # The column before says already that it was not applied.
        return NotApplied(entry.became).sentence.partition(": ")[2]
    return entry.became
