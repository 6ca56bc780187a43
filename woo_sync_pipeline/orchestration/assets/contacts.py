"""Making contacts: normalised records, merged by phone over all sources."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import dagster as dg
import pandas as pd
from pydantic import Field

from woo_sync_pipeline.clocks import ClockOffset
from woo_sync_pipeline.config.settings import Settings, SourceSettings
from woo_sync_pipeline.contacts.limits import Change, ChangeSummary
from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.orchestration.asset_options import asset_options
from woo_sync_pipeline.orchestration.checks import Check, check_result, check_specs
from woo_sync_pipeline.orchestration.step import SyncStep, sync_step
from woo_sync_pipeline.reports.report import count_reasons
from woo_sync_pipeline.sources.woocommerce.known import next_cursor, replace_roles
from woo_sync_pipeline.sources.woocommerce.normalise import CUSTOMER, ORDER, raw_portions
from woo_sync_pipeline.sources.woocommerce.reading import telling_settings
from woo_sync_pipeline.state.bulk import arrow_schema
from woo_sync_pipeline.state.columns import CONTACT_COLUMNS, RECORD_COLUMNS
from woo_sync_pipeline.state.records import Reading, commit_reading
from woo_sync_pipeline.state.sources import with_refused_sources
from woo_sync_pipeline.steps import findings as judge
from woo_sync_pipeline.steps.brake import OptOutsSent, stopped_by_the_store
from woo_sync_pipeline.steps.brake import finding as brake_finding
from woo_sync_pipeline.steps.findings import Finding, RecordTally
from woo_sync_pipeline.steps.fit import RECORD_SCHEMA, fit_records
from woo_sync_pipeline.steps.urgent_opt_outs import send_opt_outs

RECORD_CHECKS = (
    Check.every_row_is_accounted_for,
    Check.every_phone_is_e164,
    Check.every_record_fits_its_model,
    Check.invalid_share_is_below_the_limit,
)
MERGE_CHECKS = (
    Check.no_phone_twice,
    Check.every_contact_fits_its_model,
    Check.consent_is_never_widened,
)
_MOST_UNREAD = 20


class MergeConfig(dg.Config):
    """How to merge."""

    accept_changes: bool = Field(
        default=False,
        description="Let through, this time, more changes at once than `limits` of the source let through unasked. The "
        "history notes who asked.",
    )


def contact_assets(
    settings: Settings, source: SourceSettings, partitions: dg.PartitionsDefinition[str]
) -> list[dg.AssetsDefinition]:
    """The assets that make contacts of what was read from one store."""
    key = dg.AssetKey([source.key, "contacts"])
    merged_key = dg.AssetKey([source.key, "merged_contacts"])

    @dg.asset(
        **asset_options(
            source,
            partitions,
            kinds={"pandas", "pandera"},
            columns=RECORD_COLUMNS,
            upstream=["customers", "orders", "guest_orders", "tags"],
            check_specs=check_specs(key, RECORD_CHECKS),
        )
    )
    def contacts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """One row per store record: a phone in E.164, names, email, choice, groups; or why it has no phone."""
        with sync_step(context, source) as step:
            customers, orders = step.read("customers"), step.read("orders")
            tally = RecordTally()
            with step.writing("contacts", schema=RECORD_SCHEMA) as staged:
                for raw in raw_portions(
                    source,
                    customers=customers.portions(),
                    orders=orders.portions(),
                    guest_order_ids=step.read("guest_orders").columns("record_id")["record_id"],
                ):
                    part = fit_records(raw, source=source.key, default_region=source.default_region)
                    staged.add(part.records)
                    tally.add(part)
                staged.notes = {
                    "emails_dropped": tally.emails_dropped,
                    "left_out": [[each.record_type, each.record_id, each.reason] for each in tally.left_out],
                    "unread_consent": dict(tally.unread.most_common(_MOST_UNREAD)),
                }
            invalid = tally.left_out + tally.invalid
            return step.result(
                tally.records,
                _record_checks(settings, tally, rows_read=customers.rows + orders.rows),
                invalid=len(invalid),
                invalid_reasons=count_reasons(invalid),
                emails_dropped=tally.emails_dropped,
            )

    @dg.asset(
        **asset_options(
            source,
            partitions,
            kinds={"pandas", "postgres"},
            columns=CONTACT_COLUMNS,
            upstream=["contacts"],
            check_specs=check_specs(merged_key, (*MERGE_CHECKS, Check.changes_are_within_limits)),
            # What is set for one asset counts for all: `SyncStep` reads it.
            config_schema=MergeConfig.to_config_schema(),
        )
    )
    def merged_contacts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """One row per phone that this window touches, merged over every source.

        Records, their hashes and the merged contacts go into the state in one transaction: what a crash
        interrupts before is read again, what it interrupts after is pushed by the next sync. Contacts that do
        not pass the checks never get there, nor does a reading that changes more at once than `limits` let through:
        of that only opt-outs are stored, and sent at once.
        """
        with sync_step(context, source) as step:
            findings: dict[Check, list[Finding]] = {check: [] for check in MERGE_CHECKS}
            sources = with_refused_sources(step.database, _merge_sources(settings), settings.refused_keys)
            explicit = [each.name for each in sources.values() if each.is_explicit]
            limits = source.limits.by_change
            with step.writing("merged_contacts", schema=arrow_schema(CONTACT_COLUMNS)) as staged:

                def passes(merged: pd.DataFrame) -> bool:
                    found = _merge_findings(merged, explicit_sources=explicit, first_row=staged.rows)
                    for check, finding in found.items():
                        findings[check].append(finding)
                    staged.add(merged)
                    return all(finding.passed for finding in found.values())

                changes = commit_reading(
                    step.database,
                    source=source.key,
                    run_id=step.run_id,
                    reading=_reading(step),
                    sources=sources,
                    accept=passes,
                    within_limits=lambda changes: step.accepts_changes or not changes.beyond(limits),
                )
                staged.notes = {
                    "changes": changes.to_json(),
                    "warnings": list(changes.nearly_beyond(limits)),
                }
            stopped = None
            if step.accepts_changes and changes.beyond(limits):
                step.mark_accepted()
            elif changes.beyond(limits):
                opt_outs = None if step.is_dry_run else _send_opt_outs(step, sources, explicit, changes)
                stopped = stopped_by_the_store(source.key, changes, limits, opt_outs=opt_outs)
            checks = [
                *(check_result(check, judge.together(found)) for check, found in findings.items()),
                check_result(
                    Check.changes_are_within_limits,
                    brake_finding(changes.measured, limits, stopped, changes.circumstances),
                ),
            ]
            return step.result(staged.rows, checks, stopped, changes=changes.to_json())

    return [contacts, merged_contacts]


def _send_opt_outs(
    step: SyncStep,
    sources: Mapping[str, MergeSource],
    explicit_sources: Sequence[str],
    changes: ChangeSummary,
) -> OptOutsSent:
    beyond = {each.change for each in changes.beyond(step.source.limits.by_change)}
    return send_opt_outs(
        step.database,
        step.connect_platform,
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
        max_concurrency=step.messagemedia.max_concurrency,
    )


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


def _reading(step: SyncStep) -> Reading:
    orders, customers, tags = step.read("orders"), step.read("customers"), step.read("tags")
    staged_roles = step.read("user_roles")
    roles = dict(staged_roles.frame.itertuples(index=False, name=None))
    return Reading(
        records=step.read("contacts").portions(),
        started_at=datetime.fromisoformat(orders.notes["started_at"]),
        read_until=datetime.fromisoformat(orders.notes["read_until"]),
        gone={
            record_type: step.read(frame).frame["record_id"].astype(str).tolist()
            for record_type, frame in ((CUSTOMER, "gone_customers"), (ORDER, "gone_orders"))
        },
        item_tags={str(number): names for number, names in tags.frame.itertuples(index=False, name=None)},
        cursor=next_cursor(
            step.watermark.cursor if step.watermark else {},
            customer_id=customers.notes["last_id"],
            order_id=orders.notes["last_id"],
        ),
        source_clock=ClockOffset.from_json(orders.notes["store_ahead_by"]),
        settings=telling_settings(step.source),
        on_erasure=step.source.on_erasure,
        beside=replace_roles(step.source.key, roles if staged_roles.notes["are_known"] else None),
    )


def _record_checks(settings: Settings, tally: RecordTally, *, rows_read: int) -> list[dg.AssetCheckResult]:
    findings = {
        Check.every_row_is_accounted_for: judge.every_row_is_accounted_for(
            rows_read=rows_read, records=tally.records, refused=tally.refused
        ),
        Check.every_phone_is_e164: judge.together(tally.phones),
        Check.every_record_fits_its_model: judge.together(tally.models),
        Check.invalid_share_is_below_the_limit: judge.invalid_share_is_below_the_limit(
            records=tally.holding, invalid=len(tally.invalid), limit=settings.alerts.max_invalid_share
        ),
    }
    return [check_result(check, finding) for check, finding in findings.items()]


def _merge_findings(
    merged: pd.DataFrame, *, explicit_sources: Sequence[str], first_row: int
) -> dict[Check, Finding]:
    return {
        Check.no_phone_twice: judge.no_phone_twice(merged, first_row=first_row),
        Check.every_contact_fits_its_model: judge.every_contact_fits_its_model(merged, first_row=first_row),
        Check.consent_is_never_widened: judge.consent_is_never_widened(
            merged, explicit_sources=explicit_sources, first_row=first_row
        ),
    }
