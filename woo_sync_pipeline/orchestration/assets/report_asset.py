"""The report of a sync."""

from collections.abc import Sequence
from functools import partial

import dagster as dg

from woo_sync_pipeline.orchestration.step import SyncStep
from woo_sync_pipeline.orchestration.sync_asset import SyncAsset
from woo_sync_pipeline.reports.markdown import (
    markdown_changes,
    markdown_picture,
    markdown_report,
    markdown_to_be_mended,
)
from woo_sync_pipeline.reports.report import SyncCounts, count_reasons
from woo_sync_pipeline.sources.base import Extraction
from woo_sync_pipeline.state.contacts import count_held, source_totals
from woo_sync_pipeline.state.lent_phones import persons_not_to_mend
from woo_sync_pipeline.state.records import invalid_reasons
from woo_sync_pipeline.state.syncs import CONTACT_LINE_COLUMNS, SyncContact, finish_sync, list_syncs
from woo_sync_pipeline.steps.fit import (
    INVALID_COLUMNS,
    invalid_contacts,
    left_out_contact,
    unreadable_contacts,
)

_OF_PUSH = ("new", "updated", "failed", "unsubscribed_on_platform", "not_applied", "erased", "groups_made")


@partial(SyncAsset, columns=CONTACT_LINE_COLUMNS, kinds={"markdown", "postgres"}, after=["synced_contacts"])
def sync_report(step: SyncStep) -> dg.MaterializeResult:
    """What this sync did: new, updated, unchanged, invalid with reasons, subscribed, groups.

    Its rows are the lines of `woo-sync report`: contacts that were not simply unchanged, and invalid records.
    """
    contacts = step.read("contacts")
    without_phone = _to_mend(step, invalid_contacts(contacts.columns(*INVALID_COLUMNS)))
    left_out = [left_out_contact(*each) for each in contacts.notes.get("left_out", ())]
    for name, record_type in _making_records(step.kind.extractions).items():
        left_out += unreadable_contacts(record_type, step.read(name).notes["unreadable"])
    counts = _counts(step, without_phone, left_out)
    # They are few, and would be overlooked behind the others.
    invalid = left_out + without_phone
    sync = finish_sync(step.database, run_id=step.run_id, counts=counts.to_json(), invalid=invalid)
    step.resources.state.release(step.source.key)
    report = markdown_report(sync, counts, source_name=step.source.name, noun=step.kind.noun)
    return step.result(
        counts.new + counts.updated + counts.failed + counts.newly_invalid,
        **_changed_in_source(counts, step.kind.noun),
        report=dg.MetadataValue.md(report),
        **_pictures(step, counts),
        **_to_be_mended(invalid, step),
        **{name: getattr(counts, name) for name in ("new", "updated", "unchanged", "invalid", "failed")},
    )


def _to_mend(step: SyncStep, invalid: list[SyncContact]) -> list[SyncContact]:
    """Without the persons who have the phone of a record of theirs, or were erased in the source."""
    ids = [each.record_id for each in invalid if each.record_id is not None]
    settled = persons_not_to_mend(step.database, step.source.key, ids)
    return [each for each in invalid if (each.record_type, each.record_id) not in settled]


def _pictures(step: SyncStep, counts: SyncCounts) -> dict[str, dg.MarkdownMetadataValue]:
    # The live syncs, which are many, do without: the picture lives in the event log.
    if not step.is_sweep:
        return {}
    # Imported where it is used: a code location need not wait for matplotlib, and a live sync does without.
    from woo_sync_pipeline.reports.bars import MOST_SYNCS
    from woo_sync_pipeline.reports.chart import data_url, sync_chart

    latest = list_syncs(step.database, source=step.source.key, limit=MOST_SYNCS)
    chart = data_url(sync_chart(latest[::-1], counts.invalid_reasons, noun=step.kind.noun))
    return {"chart": dg.MetadataValue.md(markdown_picture(chart))}


def _changed_in_source(counts: SyncCounts, noun: str) -> dict[str, dg.MarkdownMetadataValue]:
    changes = markdown_changes(counts, noun=noun)
    return {f"changed in the {noun}": dg.MetadataValue.md(changes)} if changes else {}


def _to_be_mended(invalid: list[SyncContact], step: SyncStep) -> dict[str, dg.MarkdownMetadataValue]:
    if not invalid:
        return {}
    text = markdown_to_be_mended(invalid, page_of=step.source.page_of, noun=step.kind.noun)
    return {"to be mended": dg.MetadataValue.md(text)}


def _making_records(extractions: Sequence[Extraction]) -> dict[str, str]:
    """The extractions whose rows become records: the type of these by the name, in the order of names."""
    return dict(sorted((each.name, each.record_type) for each in extractions if each.record_type))


def _counts(step: SyncStep, without_phone: list[SyncContact], left_out: list[SyncContact]) -> SyncCounts:
    extractions = step.kind.extractions
    extracted = {each.name: step.read(each.name) for each in extractions}
    merged, synced, contacts = (
        step.read(name) for name in ("merged_contacts", "synced_contacts", "contacts")
    )
    staged = {**extracted, "contacts": contacts, "merged_contacts": merged, "synced_contacts": synced}
    pushed, sent_phones = synced.notes, set(synced.columns("phone")["phone"])
    totals = source_totals(step.database, step.source.name, name_format=step.source.groups.name_format)
    # A sweep has looked at all of the source, a live sync at what it touched.
    if step.is_sweep:
        unchanged = totals["contacts"] - count_held(step.database, step.source.name, sent_phones)
    else:
        unchanged = len(set(merged.columns("phone")["phone"]) - sent_phones)
    known = invalid_reasons(step.database, step.source.key) if step.is_sweep else count_reasons(without_phone)
    # What was left out is not in the state.
    reasons = known | count_reasons(left_out)
    return SyncCounts(
        **{name: pushed.get(name, 0) for name in _OF_PUSH},
        unchanged=unchanged,
        invalid=sum(reasons.values()),
        newly_invalid=len(without_phone) + len(left_out),
        invalid_reasons=reasons,
        subscribed=totals["subscribed"],
        unsubscribed=totals["unsubscribed"],
        saved_unseen=sum(frame.notes.get("saved_unseen", 0) for frame in extracted.values()),
        unread_consent=contacts.notes["unread_consent"],
        groups=totals["groups"],
        emails_dropped=contacts.notes["emails_dropped"],
        read={name: extracted[name].notes["read"] for name in _making_records(extractions)},
        requests={
            "store": sum(frame.notes["requests"] for frame in extracted.values()),
            "platform": pushed["requests"],
        },
        seconds={name: round(frame.notes["seconds"], 2) for name, frame in staged.items()},
        warnings=tuple(
            warning
            for frame in (*extracted.values(), merged, synced)
            for warning in frame.notes.get("warnings", ())
        ),
        changes=merged.notes["changes"],
    )
