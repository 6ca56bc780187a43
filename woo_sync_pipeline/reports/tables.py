"""Reports and history as tables for a terminal, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from woo_sync_pipeline.contacts.limits import STORE
from woo_sync_pipeline.reports.report import SyncCounts, explain_reason
from woo_sync_pipeline.reports.times import plain_time, shown_id
from woo_sync_pipeline.state.syncs import SyncContact, SyncRun

_MOST_ROWS = 20


def history_table(syncs: Sequence[SyncRun]) -> Table:
    """One row per sync, newest first."""
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("sync", "source", "kind", "days", "started (UTC)", "seconds", "status"):
        table.add_column(column, justify="right" if column in ("sync", "seconds") else "left")
    for column in ("new", "updated", "unchanged", "invalid", "failed"):
        table.add_column(column, justify="right")
    for sync in syncs:
        counts = SyncCounts.from_json(sync.counts)
        numbers = (counts.new, counts.updated, counts.unchanged, counts.invalid, counts.failed)
        table.add_row(
            str(sync.sync_id),
            sync.source,
            kind_text(sync),
            days_text(sync.first_day, sync.last_day),
            f"{sync.started_at:%Y-%m-%d %H:%M:%S}",
            f"{(sync.finished_at - sync.started_at).total_seconds():.1f}" if sync.finished_at else "",
            sync.status,
            *(f"{number:,}" if sync.status == "succeeded" else "" for number in numbers),
        )
    return table


def report_title(sync: SyncRun, *, source_name: str) -> str:
    """One line that names the sync."""
    nothing_sent = ": nothing was sent" if sync.is_dry_run else ""
    days = days_text(sync.first_day, sync.last_day)
    return f"{source_name}: sync {sync.sync_id} ({kind_text(sync)}{nothing_sent}), {days}"


def kind_text(sync: SyncRun) -> str:
    """What kind of sync it was, and who let changes beyond the limits through."""
    dry = ", dry run" if sync.is_dry_run else ""
    accepted = f", changes accepted by {sync.accepted_by}" if sync.accepted_by else ""
    return f"{sync.kind}{accepted}{dry}"


def report_tables(
    sync: SyncRun, contacts: Sequence[SyncContact], *, noun: str = STORE
) -> list[RenderableType]:
    """What changed, the numbers, the reasons, what happened to the first contacts, and warnings; phones are masked.

    `noun`: what the source is, in a word (`SourceKind.noun`).
    """
    counts = SyncCounts.from_json(sync.counts)
    tables: list[RenderableType] = [_counts_table("contacts", number_rows(counts, noun=noun))]
    if counts.change_rows(noun):
        changed = _counts_table(f"changed in the {noun}", counts.change_rows(noun))
        changed.caption, changed.caption_justify = counts.changes.get("circumstances") or None, "left"
        tables.insert(0, changed)
    if counts.invalid_reasons:
        tables.append(_reasons_table(counts.invalid_reasons))
    if counts.unread_consent:
        unread = most_frequent(counts.unread_consent)
        tables.append(_counts_table("neither yes nor no", unread, number="records"))
    if contacts:
        tables.append(_contacts_table(contacts, noun))
    tables += [Text(f"warning: {warning}", style="yellow") for warning in counts.all_warnings]
    return tables


def report_json(sync: SyncRun, contacts: Sequence[SyncContact]) -> str:
    """Everything, with full phones: for the person who asks for it."""
    return json.dumps(
        {
            **sync_values(sync),
            "warnings": SyncCounts.from_json(sync.counts).all_warnings,
            "contacts": [{**vars(each), "record_id": shown_id(each.record_id)} for each in contacts],
        },
        indent=2,
        default=plain_time,
    )


def report_csv(contacts: Sequence[SyncContact], warnings: Sequence[str] = ()) -> str:
    """One line per warning, and one per contact, with full phones: for the person who asks for it."""
    buffer = io.StringIO()
    columns = list(SyncContact.__dataclass_fields__)
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    for warning in warnings:
        writer.writerow({"outcome": "warning", "reason": warning})
    for contact in contacts:
        writer.writerow({**vars(contact), "changes": " ".join(contact.changes)})
    return buffer.getvalue()


def history_json(syncs: Sequence[SyncRun]) -> str:
    """The syncs as a JSON list, newest first."""
    return json.dumps([sync_values(sync) for sync in syncs], indent=2, default=plain_time)


def sync_values(sync: SyncRun) -> dict[str, Any]:
    """A sync as a plain structure; of how far the source was read it has the highest customer id."""
    highest = (sync.cursor or {}).get("last_customer_id")
    values = {**asdict(sync), "counts": dict(sync.counts), "cursor": highest}
    return {"last_customer_id" if name == "cursor" else name: value for name, value in values.items()}


def days_text(first: date, last: date) -> str:
    """The days of a sync: `2026-11-01` or `2026-11-01 to 2026-11-03`."""
    return f"{first}" if first == last else f"{first} to {last}"


def number_rows(counts: SyncCounts, *, noun: str = STORE) -> list[tuple[str, int]]:
    """The lines of a report: what is counted, and how many; an indented label belongs to the one before.

    `noun`: what the source is, in a word. That customers were saved is told of stores alone.
    """
    saved = [("customers saved without a visible change", counts.saved_unseen)] if noun == STORE else []
    return [
        ("new", counts.new),
        ("updated", counts.updated),
        ("unchanged", counts.unchanged),
        ("failed", counts.failed),
        (f"invalid {noun} records", counts.invalid),
        ("  of these new or changed", counts.newly_invalid),
        ("subscribed", counts.subscribed),
        ("unsubscribed", counts.unsubscribed),
        ("found unsubscribed on MessageMedia", counts.unsubscribed_on_platform),
        ("opted in, not applied", counts.not_applied),
        (f"erased in the {noun}", counts.erased),
        *saved,
        ("groups", counts.groups),
        ("groups made", counts.groups_made),
    ]


def most_frequent(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """What was counted and how often, the most frequent first."""
    return sorted(counts.items(), key=lambda item: -item[1])


def listed(values: Mapping[str, float]) -> str:
    """Numbers in one line, each before its name."""
    return ", ".join(f"{value:,} {name}" for name, value in values.items())


def reasons_first(contacts: Sequence[SyncContact]) -> list[SyncContact]:
    """The lines with a reason before those without one: somebody has to do something about them."""
    return sorted(contacts, key=lambda contact: not contact.reason)


def record_name(contact: SyncContact) -> str:
    """The store record of a line: `customer 7`, `customer without an id`; "" for a line that is about none."""
    if contact.record_type is None:
        return ""
    return f"{contact.record_type} {'without an id' if contact.record_id is None else contact.record_id}"


def _counts_table(what: str, counts: Sequence[tuple[str, int]], *, number: str = "") -> Table:
    table = Table(what, Column(number, justify="right"), box=box.SIMPLE_HEAD)
    for label, count in counts:
        table.add_row(Text(label), f"{count:,}")
    return table


def _reasons_table(reasons: Mapping[str, int]) -> Table:
    table = Table("invalid because", Column("records", justify="right"), "", box=box.SIMPLE_HEAD)
    for reason, count in most_frequent(reasons):
        table.add_row(reason, f"{count:,}", explain_reason(reason))
    return table


def _contacts_table(contacts: Sequence[SyncContact], noun: str) -> Table:
    more = (
        f" (the first {_MOST_ROWS} of {len(contacts):,}; --csv has all)" if len(contacts) > _MOST_ROWS else ""
    )
    columns = ("outcome", "phone", "state", "changed", f"{noun} record", "reason")
    table = Table(*columns, title=f"what happened{more}", title_justify="left", box=box.SIMPLE_HEAD)
    for contact in reasons_first(contacts)[:_MOST_ROWS]:
        table.add_row(
            contact.outcome,
            contact.phone_masked,
            (contact.state or "").lower(),
            ", ".join(contact.changes),
            record_name(contact),
            # What a platform says may hold brackets, which a plain cell would take for markup.
            Text(contact.reason or ""),
        )
    return table
