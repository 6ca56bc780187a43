from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from woo_sync_pipeline.alerts.alert import FailedCheck, Failure, error_alerts, failure_alert
from woo_sync_pipeline.state.syncs import SyncRun

RUN = "1a2b3c4d-0000-0000-0000-000000000000"


def sync(**changes: Any) -> SyncRun:
    day, moment = date(2026, 11, 22), datetime(2026, 11, 23, tzinfo=UTC)
    values: dict[str, Any] = {
        **{"sync_id": 12, "run_id": RUN, "source": "shop", "kind": "daily", "reading": "sweep"},
        **{"is_dry_run": False, "first_day": day, "last_day": day, "status": "succeeded"},
        **{"started_at": moment, "finished_at": moment, "committed_at": moment, "read_until": moment},
        **{"cursor": {"last_customer_id": 7}, "counts": {}, "error": None},
    }
    return SyncRun(**{**values, **changes})


def test_a_failure_is_told_with_its_source_its_reason_and_the_next_step() -> None:
    alert = failure_alert(
        source="shop", run_id=RUN, sync=sync(), failure=Failure("GET orders: 503", "Wait for the host.")
    )
    assert alert.text == (
        "shop: daily sync 12 failed. GET orders: 503. Wait for the host. (Dagster run 1a2b3c4d)"
    )
    assert alert.to_json() == {
        "text": alert.text,
        "source": "shop",
        "sync": 12,
        "kind": "daily",
        "status": "failed",
        "error": "GET orders: 503",
        "next_step": "Wait for the host.",
    }


def test_a_failure_without_a_reason_is_told_as_the_history_noted_it() -> None:
    alert = failure_alert(source="shop", run_id=RUN, sync=sync(error="no_phone_twice failed"), failure=None)
    assert alert.error == "no_phone_twice failed"
    assert "Dagster UI" in alert.next_step


def test_a_run_that_never_began_a_sync_is_told_by_its_number() -> None:
    alert = failure_alert(source="retention", run_id=RUN, sync=None, failure=None)
    assert alert.title == "retention: run 1a2b3c4d failed"
    assert (alert.sync, alert.kind) == (None, None)
    assert "the process ended" in alert.text


def test_a_sync_without_errors_is_not_told() -> None:
    assert list(error_alerts(source="shop", sync=sync(counts={"failed": 0, "new": 3}), checks=[])) == []


def test_failed_contacts_and_failed_checks_are_different_troubles() -> None:
    checks = [FailedCheck("invalid_share_is_below_the_limit", "30 of 40 records")]
    contacts, share = error_alerts(source="shop", sync=sync(counts={"failed": 1200}), checks=checks)
    assert contacts.text.startswith(
        "shop: daily sync 12 completed with errors. MessageMedia refused 1,200 contacts. `woo-sync report 12`"
    )
    assert "invalid_share_is_below_the_limit did not pass: 30 of 40 records" in share.text
    assert len({contacts.condition, share.condition}) == 2


def test_what_a_server_said_is_told_without_persons_and_secrets_and_in_moderate_length() -> None:
    said = "contact +61 491 570 006 of ann@example.com, consumer_secret=cs_abcdef123456 " + "x" * 9000
    alert = failure_alert(source="shop", run_id=RUN, sync=None, failure=Failure(said, said))
    told = str(alert.to_json())
    for secret in ("570 006", "ann@", "cs_abcdef"):
        assert secret not in told
    assert len(alert.text) < 4000
