"""A sync's report as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from woo_sync_pipeline.contacts.limits import STORE
from woo_sync_pipeline.reports.bars import COLOURS, INVALID_COLOUR, sync_bars
from woo_sync_pipeline.reports.report import PageOf, SyncCounts, explain_reason
from woo_sync_pipeline.reports.tables import (
    listed,
    most_frequent,
    number_rows,
    reasons_first,
    record_name,
    report_title,
)
from woo_sync_pipeline.state.syncs import SyncContact, SyncRun


def report_html(
    sync: SyncRun,
    contacts: Sequence[SyncContact],
    history: Sequence[SyncRun],
    *,
    source_name: str,
    page_of: PageOf,
    noun: str = STORE,
) -> str:
    """The numbers, bars of the last syncs (`history`, oldest first), and what happened to each contact.

    Phones are masked. Each invalid record links to where it can be mended, if `page_of` tells that.
    `noun`: what the source is, in a word.
    """
    counts = SyncCounts.from_json(sync.counts)
    environment = Environment(
        loader=PackageLoader("woo_sync_pipeline.reports", "."),
        autoescape=select_autoescape(["html", "j2"]),
        undefined=StrictUndefined,
    )
    return environment.get_template("report.html.j2").render(
        title=report_title(sync, source_name=source_name),
        noun=noun,
        sync=sync,
        counts=counts,
        changed=[(label.strip(), value) for label, value in counts.change_rows(noun)],
        numbers=[(label.strip(), value) for label, value in number_rows(counts, noun=noun)],
        reasons=[
            (reason, count, explain_reason(reason)) for reason, count in most_frequent(counts.invalid_reasons)
        ],
        unread=most_frequent(counts.unread_consent),
        invalid=[
            (contact, record_name(contact), _link(contact, page_of))
            for contact in contacts
            if contact.record_type is not None
        ],
        contacts=[contact for contact in reasons_first(contacts) if contact.record_type is None],
        bars=sync_bars(history),
        colours=COLOURS,
        invalid_colour=INVALID_COLOUR,
        most_invalid=max(counts.invalid_reasons.values(), default=1),
        read=listed(counts.read),
        requests=listed(counts.requests),
        seconds=", ".join(f"{name} {value:.1f}" for name, value in counts.seconds.items()),
    )


def _link(contact: SyncContact, page_of: PageOf) -> str:
    if contact.record_type is None or contact.record_id is None:
        return ""
    return page_of(contact.record_type, contact.record_id)
