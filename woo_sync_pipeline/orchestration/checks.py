"""Checks of assets (names, whether they stop a sync) and errors, as the UI shows them."""

from __future__ import annotations

import dagster as dg

from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.sources.base import CheckSpec, Finding

EVERY_ROW_IS_ACCOUNTED_FOR = CheckSpec(
    "every_row_is_accounted_for", "Each row that was read became a record, or is named as one that cannot."
)
EVERY_PHONE_IS_E164 = CheckSpec("every_phone_is_e164", "A phone is in E.164, or absent with a reason.")
EVERY_RECORD_FITS_ITS_MODEL = CheckSpec(
    "every_record_fits_its_model",
    "No record was left out because it does not fit its model.",
    is_blocking=False,
)
INVALID_SHARE_IS_BELOW_THE_LIMIT = CheckSpec(
    "invalid_share_is_below_the_limit",
    "Not more records without a usable phone than alerts.max_invalid_share.",
    is_blocking=False,
)
NO_PHONE_TWICE = CheckSpec("no_phone_twice", "One contact per phone.")
EVERY_CONTACT_FITS_ITS_MODEL = CheckSpec(
    "every_contact_fits_its_model",
    "A contact has a phone, texts, sorted lists, and a time with a known choice.",
)
CONSENT_IS_NEVER_WIDENED = CheckSpec(
    "consent_is_never_widened",
    "Nobody is to be subscribed who opted out, or who never chose where asking is due.",
)
CHANGES_ARE_WITHIN_LIMITS = CheckSpec(
    "changes_are_within_limits",
    "Not more changes at once than `limits` of the source let through unasked.",
)


def check_spec(check: CheckSpec, asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """What an asset announces that it checks."""
    return dg.AssetCheckSpec(
        check.name, asset=asset, blocking=check.is_blocking, description=check.description
    )


def check_result(check: CheckSpec, finding: Finding) -> dg.AssetCheckResult:
    """What a check found, as the UI shows it: counts and rows, never values."""
    severity = dg.AssetCheckSeverity.ERROR if check.is_blocking else dg.AssetCheckSeverity.WARN
    rows = {"rows": ", ".join(finding.rows)} if finding.rows else {}
    return dg.AssetCheckResult(
        check_name=check.name,
        passed=finding.passed,
        severity=severity,
        description=finding.description,
        metadata={**finding.numbers, **rows},
    )


def failure_of(error: WooSyncError) -> dg.Failure:
    """The failure of a step, as the UI and alerts show it."""
    return dg.Failure(
        description=str(error),
        metadata={
            "source": error.source,
            "tried": error.tried,
            "came back": error.got,
            "what to do": error.next_step,
            "error": type(error).__name__,
        },
        allow_retries=error.transient,
    )
