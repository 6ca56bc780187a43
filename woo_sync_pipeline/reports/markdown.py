"""A sync's report as Markdown, as the Dagster UI shows it."""

from __future__ import annotations

from collections.abc import Sequence

from woo_sync_pipeline.contacts.limits import STORE
from woo_sync_pipeline.reports.report import PageOf, SyncCounts, explain_reason
from woo_sync_pipeline.reports.tables import listed, most_frequent, number_rows, record_name, report_title
from woo_sync_pipeline.state.syncs import SyncContact, SyncRun

_MOST_RECORDS = 20


def markdown_report(sync: SyncRun, counts: SyncCounts, *, source_name: str, noun: str = STORE) -> str:
    """The numbers of a sync whose source is a `noun`. Short on purpose: the UI hides a long text behind a button."""
    lines = [
        f"### {_escaped(report_title(sync, source_name=source_name))}",
        "",
        "| contacts | |",
        "|---|---:|",
        *(f"| {label.strip()} | {value:,} |" for label, value in number_rows(counts, noun=noun)),
    ]
    if counts.invalid_reasons:
        lines += ["", "| invalid because | records | |", "|---|---:|---|"]
        lines += [
            f"| {reason} | {count:,} | {explain_reason(reason)} |"
            for reason, count in most_frequent(counts.invalid_reasons)
        ]
    if counts.unread_consent:
        lines += ["", "| neither yes nor no | records |", "|---|---:|"]
        lines += [
            f"| {_as_code(answer)} | {count:,} |" for answer, count in most_frequent(counts.unread_consent)
        ]
    lines += [
        "",
        f"Read {listed(counts.read)}. Requests: {listed(counts.requests)}. Seconds: {listed(counts.seconds)}.",
        *(f"\n**Warning:** {warning}" for warning in counts.all_warnings),
        "",
        f"What happened to each contact: `woo-sync report {sync.sync_id}`",
    ]
    return "\n".join(lines)


def markdown_changes(counts: SyncCounts, *, noun: str = STORE) -> str:
    """What the reading changes of what was known of a `noun`, and what explains it; empty if nothing is."""
    if not counts.change_rows(noun):
        return ""
    rows = [f"| {label.strip()} | {count:,} |" for label, count in counts.change_rows(noun)]
    return "\n".join(
        ["| contacts | |", "|---|---:|", *rows, "", counts.changes.get("circumstances", "")]
    ).rstrip()


def markdown_to_be_mended(invalid: Sequence[SyncContact], *, page_of: PageOf, noun: str = STORE) -> str:
    """The first of the invalid records, each with a link to where it can be mended (`page_of`).

    Phones are masked.
    """
    shown = invalid[:_MOST_RECORDS]
    more = f" (the first {len(shown)} of {len(invalid):,})" if len(invalid) > len(shown) else ""
    lines = [f"| {noun} record{more} | phone as typed | reason |", "|---|---|---|"]
    return "\n".join([*lines, *(_record_line(contact, page_of) for contact in shown)])


def markdown_picture(url: str) -> str:
    """A picture; a small one, as it lives in the event log."""
    return f"![the last syncs, and why records are invalid]({url})"


def _record_line(contact: SyncContact, page_of: PageOf) -> str:
    assert contact.record_type is not None
    record = record_name(contact)
    if contact.record_id is not None:
        record = f"[{record}]({page_of(contact.record_type, contact.record_id)})"
    return f"| {record} | {contact.phone_masked} | {_escaped(contact.reason or '')} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _as_code(text: str) -> str:
    # Keys have underscores, which would be taken for emphasis.
    return "`" + _escaped(text).replace("`", "'") + "`"
