"""Making contacts: normalised records, merged by phone over all sources."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import dagster as dg
import pandas as pd

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.contacts.limits import Change, ChangeSummary
from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.contacts.phones import InvalidReason
from woo_sync_pipeline.orchestration import checks
from woo_sync_pipeline.orchestration.checks import check_result
from woo_sync_pipeline.orchestration.step import SyncStep
from woo_sync_pipeline.orchestration.sync_asset import SyncAsset
from woo_sync_pipeline.reports.report import count_reasons
from woo_sync_pipeline.sources.base import CheckSpec, Finding, Option
from woo_sync_pipeline.state.bulk import arrow_schema
from woo_sync_pipeline.state.columns import CONTACT_COLUMNS, RECORD_COLUMNS
from woo_sync_pipeline.state.records import Reading, commit_opt_outs, commit_reading
from woo_sync_pipeline.state.sources import with_refused_sources
from woo_sync_pipeline.steps import findings
from woo_sync_pipeline.steps.brake import OptOutsSent, send_opt_outs, stopped_by_the_source
from woo_sync_pipeline.steps.brake import finding as brake_finding
from woo_sync_pipeline.steps.findings import RecordTally
from woo_sync_pipeline.steps.fit import RECORD_SCHEMA, fit_records

RECORD_CHECKS = (
    checks.EVERY_ROW_IS_ACCOUNTED_FOR,
    checks.EVERY_PHONE_IS_E164,
    checks.EVERY_RECORD_FITS_ITS_MODEL,
    checks.INVALID_SHARE_IS_BELOW_THE_LIMIT,
)
MERGE_CHECKS = (
    checks.NO_PHONE_TWICE,
    checks.EVERY_CONTACT_FITS_ITS_MODEL,
    checks.CONSENT_IS_NEVER_WIDENED,
)
_MOST_UNREAD = 20


@partial(SyncAsset, columns=RECORD_COLUMNS, kinds={"pandas", "pandera"}, after=None, checks=RECORD_CHECKS)
def contacts(step: SyncStep) -> dg.MaterializeResult:
    """One row per store record: a phone in E.164, names, email, choice, groups; or why it has no phone."""
    tally = RecordTally()
    with step.writing("contacts", schema=RECORD_SCHEMA) as staged:
        for raw in step.kind.records(step.of_source()):
            part = fit_records(raw, source=step.source.key, default_region=step.source.default_region)
            staged.add(part.records)
            tally.add(part)
        staged.notes = {
            "emails_dropped": tally.emails_dropped,
            "left_out": [[each.record_type, each.record_id, each.reason] for each in tally.left_out],
            "unread_consent": dict(tally.unread.most_common(_MOST_UNREAD)),
        }
    invalid = tally.left_out + tally.invalid
    rows_read = sum(step.read(each.name).rows for each in step.kind.extractions if each.record_type)
    return step.result(
        tally.records,
        _record_checks(step, tally, rows_read=rows_read),
        invalid=len(invalid),
        invalid_reasons=count_reasons(invalid),
        emails_dropped=tally.emails_dropped,
    )


@partial(
    SyncAsset,
    columns=CONTACT_COLUMNS,
    kinds={"pandas", "postgres"},
    after=["contacts"],
    checks=(*MERGE_CHECKS, checks.CHANGES_ARE_WITHIN_LIMITS),
    options=[
        Option(
            "accept_changes",
            False,
            "Let through, this time, more changes at once than `limits` of the source let through unasked. The "
            "history notes who asked.",
        )
    ],
    sends=True,
)
def merged_contacts(step: SyncStep) -> dg.MaterializeResult:
    """One row per phone that this window touches, merged over every source.

    Records, their hashes and the merged contacts go into the state in one transaction: what a crash
    interrupts before is read again, what it interrupts after is pushed by the next sync. Contacts that do
    not pass the checks never get there, nor does a reading that changes more at once than `limits` let through:
    of that only opt-outs are stored, and sent at once.
    """
    found: dict[CheckSpec, list[Finding]] = {check: [] for check in MERGE_CHECKS}
    sources = with_refused_sources(step.database, _merge_sources(step.settings), step.settings.refused_keys)
    explicit = [each.name for each in sources.values() if each.is_explicit]
    limits = step.source.limits.by_change
    with step.writing("merged_contacts", schema=arrow_schema(CONTACT_COLUMNS)) as staged:

        def passes(merged: pd.DataFrame) -> bool:
            of_portion = _merge_findings(merged, explicit_sources=explicit, first_row=staged.rows)
            for check, finding in of_portion.items():
                found[check].append(finding)
            staged.add(merged)
            return all(finding.passed for finding in of_portion.values())

        changes = commit_reading(
            step.database,
            source=step.source.key,
            run_id=step.run_id,
            reading=_reading(step),
            sources=sources,
            accept=passes,
            within_limits=lambda changes: step.accepts_changes or not changes.beyond(limits),
        )
        staged.notes = {
            "changes": changes.to_json(),
            "warnings": list(changes.nearly_beyond(limits, noun=step.kind.noun)),
        }
    stopped = None
    if step.accepts_changes and changes.beyond(limits):
        step.mark_accepted()
    elif changes.beyond(limits):
        opt_outs = None if step.is_dry_run else _send_opt_outs(step, sources, explicit, changes)
        stopped = stopped_by_the_source(
            step.source.key, changes, limits, opt_outs=opt_outs, noun=step.kind.noun
        )
    of_limits = brake_finding(changes.measured, limits, stopped, changes.circumstances, noun=step.kind.noun)
    results = [
        *(check_result(check, findings.together(each)) for check, each in found.items()),
        check_result(checks.CHANGES_ARE_WITHIN_LIMITS, of_limits),
    ]
    return step.result(staged.rows, results, stopped, changes=changes.to_json())


def _reading(step: SyncStep) -> Reading:
    return replace(
        step.kind.reading(step.of_source()),
        records=step.read("contacts").portions(),
        settings=step.source.meaning,
        on_erasure=step.source.on_erasure,
    )


def _send_opt_outs(
    step: SyncStep,
    sources: Mapping[str, MergeSource],
    explicit_sources: Sequence[str],
    changes: ChangeSummary,
) -> OptOutsSent:
    """Store the opt-outs of a reading that is stopped, and send them."""
    beyond = {each.change for each in changes.beyond(step.source.limits.by_change)}
    commit_opt_outs(
        step.database,
        source=step.source.key,
        run_id=step.run_id,
        reading=_reading(step),
        sources=sources,
        accept=lambda merged: all(
            finding.passed
            for finding in _merge_findings(merged, explicit_sources=explicit_sources, first_row=0).values()
        ),
        # That very many have no answer any more is hardly their own will.
        with_emptied=Change.answers_lost not in beyond,
    )
    return send_opt_outs(step.database, step.connect_platform, source=step.source.key, run_id=step.run_id)


def _merge_sources(settings: Settings) -> dict[str, MergeSource]:
    return {
        each.key: MergeSource(
            each.name,
            each.consent.mode == "explicit",
            each.groups.name_format,
            repeats_count=each.consent.repeated_yes == "counts",
        )
        for each in settings.sources
    }


def _record_checks(step: SyncStep, tally: RecordTally, *, rows_read: int) -> list[dg.AssetCheckResult]:
    unusual = tally.invalid
    if step.kind.has_people_without_phone:
        unusual = [each for each in unusual if each.reason != InvalidReason.missing_phone]
    of_records = {
        checks.EVERY_ROW_IS_ACCOUNTED_FOR: findings.every_row_is_accounted_for(
            rows_read=rows_read, records=tally.records, refused=tally.refused
        ),
        checks.EVERY_PHONE_IS_E164: findings.together(tally.phones),
        checks.EVERY_RECORD_FITS_ITS_MODEL: findings.together(tally.models),
        checks.INVALID_SHARE_IS_BELOW_THE_LIMIT: findings.invalid_share_is_below_the_limit(
            records=tally.contact_records - (len(tally.invalid) - len(unusual)),
            invalid=len(unusual),
            limit=step.settings.alerts.max_invalid_share,
        ),
    }
    return [check_result(check, finding) for check, finding in of_records.items()]


def _merge_findings(
    merged: pd.DataFrame, *, explicit_sources: Sequence[str], first_row: int
) -> dict[CheckSpec, Finding]:
    return {
        checks.NO_PHONE_TWICE: findings.no_phone_twice(merged, first_row=first_row),
        checks.EVERY_CONTACT_FITS_ITS_MODEL: findings.every_contact_fits_its_model(
            merged, first_row=first_row
        ),
        checks.CONSENT_IS_NEVER_WIDENED: findings.consent_is_never_widened(
            merged, explicit_sources=explicit_sources, first_row=first_row
        ),
    }
