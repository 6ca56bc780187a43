"""Making contacts: normalised records, merged by phone over all sources."""

from collections import Counter
from datetime import datetime

import dagster as dg

from woo_sync_pipeline.assets.definition import asset_options
from woo_sync_pipeline.assets.step import SyncStep, sync_step
from woo_sync_pipeline.config import Settings, SourceSettings
from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.reports.report import count_reasons
from woo_sync_pipeline.state.records import CONTACT_COLUMNS, RECORD_COLUMNS, Reading, commit_reading
from woo_sync_pipeline.sync.normalising import NormalisedRecords, invalid_contacts, normalise_records

EVERY_ROW = "every_row_is_accounted_for"
RECORDS_FIT = "every_record_fits_its_model"
NO_PHONE_TWICE = "no_phone_twice"


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
            check_specs=[
                dg.AssetCheckSpec(EVERY_ROW, asset=key, blocking=True),
                dg.AssetCheckSpec(RECORDS_FIT, asset=key),
            ],
        )
    )
    def contacts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """One row per store record: a phone in E.164, names, email, choice, groups; or why it has no phone."""
        with sync_step(context, source) as step:
            customers, orders = step.read("customers").frame, step.read("orders").frame
            guest_ids = step.read("guest_orders").frame["record_id"]
            found = normalise_records(source, customers=customers, orders=orders, guest_order_ids=guest_ids)
            invalid = invalid_contacts(found.records)
            checks = _record_checks(found, rows_read=len(customers) + len(orders))
            step.write("contacts", found.records, notes={"emails_dropped": found.emails_dropped})
            step.note_failed_checks(checks)
            return dg.MaterializeResult(
                metadata={
                    "dagster/row_count": len(found.records),
                    "sync": step.sync_id,
                    "invalid": len(invalid),
                    "invalid_reasons": count_reasons(invalid),
                    "emails_dropped": found.emails_dropped,
                },
                check_results=checks,
            )

    @dg.asset(
        **asset_options(
            source,
            partitions,
            kinds={"pandas", "postgres"},
            columns=CONTACT_COLUMNS,
            upstream=["contacts"],
            check_specs=[dg.AssetCheckSpec(NO_PHONE_TWICE, asset=merged_key, blocking=True)],
        )
    )
    def merged_contacts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """One row per phone that this window touches, merged over every source.

        Records, their hashes and the merged contacts go into the state in one transaction: what a crash
        interrupts before is read again, what it interrupts after is pushed by the next sync.
        """
        with sync_step(context, source) as step:
            merged = commit_reading(
                step.database,
                source=source.key,
                run_id=step.run_id,
                reading=_reading(step),
                sources={
                    each.key: MergeSource(each.name, each.consent.mode == "explicit")
                    for each in settings.sources
                },
            )
            check = dg.AssetCheckResult(
                check_name=NO_PHONE_TWICE,
                passed=not merged["phone"].duplicated().any(),
                metadata={"phones": len(merged)},
            )
            step.write("merged_contacts", merged)
            step.note_failed_checks([check])
            return dg.MaterializeResult(
                metadata={"dagster/row_count": len(merged), "sync": step.sync_id}, check_results=[check]
            )

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


def _record_checks(found: NormalisedRecords, *, rows_read: int) -> list[dg.AssetCheckResult]:
    bad_rows = found.failures["row_index"].dropna().nunique()
    by_rule = Counter(
        f"{column or 'row'}: {rule}"
        for column, rule in zip(found.failures["column"], found.failures["check"], strict=True)
    )
    return [
        dg.AssetCheckResult(
            check_name=EVERY_ROW,
            passed=len(found.records) + bad_rows == rows_read,
            metadata={"rows_read": rows_read, "records": len(found.records), "refused": int(bad_rows)},
        ),
        dg.AssetCheckResult(
            check_name=RECORDS_FIT,
            passed=found.failures.empty,
            severity=dg.AssetCheckSeverity.WARN,
            metadata=dict(by_rule),
        ),
    ]
