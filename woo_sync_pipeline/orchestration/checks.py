"""Checks of assets: their names, whether they stop a sync, and what they look like in the UI."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import dagster as dg

from woo_sync_pipeline.steps.findings import Finding


class Check(StrEnum):
    """All checks. What does not pass a blocking one goes no further, neither into the state nor to the platform."""

    all_records_were_read = "all_records_of_the_store_were_read"
    every_row_is_accounted_for = "every_row_is_accounted_for"
    every_phone_is_e164 = "every_phone_is_e164"
    every_record_fits_its_model = "every_record_fits_its_model"
    invalid_share_is_below_the_limit = "invalid_share_is_below_the_limit"
    no_phone_twice = "no_phone_twice"
    every_contact_fits_its_model = "every_contact_fits_its_model"
    consent_is_never_widened = "consent_is_never_widened"
    changes_are_within_limits = "changes_are_within_limits"

    @property
    def is_blocking(self) -> bool:
        """Whether the sync ends here when it does not pass; the others warn."""
        return self not in _WARNINGS


_WARNINGS = (Check.every_record_fits_its_model, Check.invalid_share_is_below_the_limit)
_DESCRIPTIONS = {
    Check.all_records_were_read: "A reading of all customers has met at least as many as the store then counts.",
    Check.every_row_is_accounted_for: "Each row that was read became a record, or is named as one that cannot.",
    Check.every_phone_is_e164: "A phone is in E.164, or absent with a reason.",
    Check.every_record_fits_its_model: "No record was left out because it does not fit its model.",
    Check.invalid_share_is_below_the_limit: "Not more records without a usable phone than alerts.max_invalid_share.",
    Check.no_phone_twice: "One contact per phone.",
    Check.every_contact_fits_its_model: "A contact has a phone, texts, sorted lists, and a time with a known choice.",
    Check.consent_is_never_widened: "Nobody is to be subscribed who opted out, or who never chose where asking is due.",
    Check.changes_are_within_limits: "Not more changes at once than `limits` of the source let through unasked.",
}


def check_specs(asset: dg.AssetKey, checks: Iterable[Check]) -> list[dg.AssetCheckSpec]:
    """What an asset announces that it checks."""
    return [
        dg.AssetCheckSpec(
            check.value, asset=asset, blocking=check.is_blocking, description=_DESCRIPTIONS[check]
        )
        for check in checks
    ]


def check_result(check: Check, finding: Finding) -> dg.AssetCheckResult:
    """What a check found, as the UI shows it: counts and rows, never values."""
    severity = dg.AssetCheckSeverity.ERROR if check.is_blocking else dg.AssetCheckSeverity.WARN
    rows = {"rows": ", ".join(finding.rows)} if finding.rows else {}
    return dg.AssetCheckResult(
        check_name=check.value,
        passed=finding.passed,
        severity=severity,
        description=finding.description,
        metadata={**finding.numbers, **rows},
    )
