"""Making contacts: normalised records, merged by phone over all sources."""

from datetime import datetime

import dagster as dg
import pandas as pd

from woo_sync_pipeline.assets.checks import Check, check_result, check_specs
from woo_sync_pipeline.assets.definition import asset_options
from woo_sync_pipeline.assets.step import SyncStep, sync_step
from woo_sync_pipeline.config import Settings, SourceSettings
from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.reports.report import count_reasons
from woo_sync_pipeline.state.records import CONTACT_COLUMNS, RECORD_COLUMNS, Reading, commit_reading
from woo_sync_pipeline.sync import checks as judge
from woo_sync_pipeline.sync.normalising import NormalisedRecords, invalid_contacts, normalise_records

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
            customers, orders = step.read("customers").frame, step.read("orders").frame
            guest_ids = step.read("guest_orders").frame["record_id"]
            found = normalise_records(source, customers=customers, orders=orders, guest_order_ids=guest_ids)
            invalid = invalid_contacts(found.records)
            checks = _record_checks(settings, found, rows_read=len(customers) + len(orders))
            step.write("contacts", found.records, notes={"emails_dropped": found.emails_dropped})
            return step.result(
                len(found.records),
                checks,
                invalid=len(invalid),
                invalid_reasons=count_reasons(invalid),
                emails_dropped=found.emails_dropped,
            )

    @dg.asset(
        **asset_options(
            source,
            partitions,
            kinds={"pandas", "postgres"},
            columns=CONTACT_COLUMNS,
            upstream=["contacts"],
            check_specs=check_specs(merged_key, MERGE_CHECKS),
        )
    )
    def merged_contacts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """One row per phone that this window touches, merged over every source.

        Records, their hashes and the merged contacts go into the state in one transaction: what a crash
        interrupts before is read again, what it interrupts after is pushed by the next sync. Contacts that do
        not pass the checks never get there.
        """
        with sync_step(context, source) as step:
            checks: list[dg.AssetCheckResult] = []

            def passes(merged: pd.DataFrame) -> bool:
                checks.extend(_merge_checks(settings, merged))
                return all(check.passed for check in checks)

            merged = commit_reading(
                step.database,
                source=source.key,
                run_id=step.run_id,
                reading=_reading(step),
                sources={
                    each.key: MergeSource(each.name, each.consent.mode == "explicit", each.groups.name_format)
                    for each in settings.sources
                },
                accept=passes,
            )
            step.write("merged_contacts", merged)
            return step.result(len(merged), checks)

    return [contacts, merged_contacts]


def _reading(step: SyncStep) -> Reading:
    orders, customers, tags = step.read("orders"), step.read("customers"), step.read("tags")
    return Reading(
        records=step.read("contacts").frame,
        gone_customer_ids=step.read("gone_customers").frame["record_id"].tolist(),
        product_tags=dict(tags.frame.itertuples(index=False, name=None)),
        started_at=datetime.fromisoformat(orders.notes["started_at"]),
        read_until=datetime.fromisoformat(orders.notes["read_until"]),
        last_customer_id=customers.notes["last_id"],
    )


def _record_checks(
    settings: Settings, found: NormalisedRecords, *, rows_read: int
) -> list[dg.AssetCheckResult]:
    limit = settings.alerts.max_invalid_share
    findings = {
        Check.every_row_is_accounted_for: judge.every_row_is_accounted_for(found, rows_read=rows_read),
        Check.every_phone_is_e164: judge.every_phone_is_e164(found.records),
        Check.every_record_fits_its_model: judge.every_record_fits_its_model(found),
        Check.invalid_share_is_below_the_limit: judge.invalid_share_is_below_the_limit(
            found.records, limit=limit
        ),
    }
    return [check_result(check, finding) for check, finding in findings.items()]


def _merge_checks(settings: Settings, merged: pd.DataFrame) -> list[dg.AssetCheckResult]:
    explicit = [source.name for source in settings.sources if source.consent.mode == "explicit"]
    findings = {
        Check.no_phone_twice: judge.no_phone_twice(merged),
        Check.every_contact_fits_its_model: judge.every_contact_fits_its_model(merged),
        Check.consent_is_never_widened: judge.consent_is_never_widened(merged, explicit_sources=explicit),
    }
    return [check_result(check, finding) for check, finding in findings.items()]
