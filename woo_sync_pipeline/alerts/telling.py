"""Telling everybody who is configured, but not all the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from woo_sync_pipeline.alerts.alert import Alert
from woo_sync_pipeline.alerts.delivery import post_webhook, send_email
from woo_sync_pipeline.config import AlertSettings
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.state.alerts import claim_alert, forget_alert
from woo_sync_pipeline.state.database import Database


def tell(
    alert: Alert,
    settings: AlertSettings,
    *,
    database: Callable[[], Database],
    log: Callable[[str], None],
) -> bool:
    """Deliver an alert unless the same trouble was told less than `min_interval_minutes` ago.

    Never raises for a receiver or a database that is down; what could not be delivered is logged. Returns whether
    anybody was told.
    """
    interval = timedelta(minutes=settings.min_interval_minutes)
    try:
        is_due = claim_alert(
            database(), source=alert.source, condition=alert.condition, min_interval=interval
        )
    except StateError as error:
        # Perhaps this is the very trouble that is to be told.
        log(f"how often this was told is not known: {error}")
        is_due = True
    if not is_due:
        log(f"{alert.title}: was told less than {settings.min_interval_minutes} minutes ago")
        return False
    receivers: list[str | None] = []
    if settings.webhook_url is not None:
        receivers.append(post_webhook(settings.webhook_url.get_secret_value(), alert))
    if settings.email is not None:
        receivers.append(send_email(settings.email, alert))
    for problem in filter(None, receivers):
        log(f"{alert.title}: {problem}")
    if None in receivers:
        return True
    try:
        forget_alert(database(), source=alert.source, condition=alert.condition)
    except StateError as error:
        log(f"{alert.title}: that nobody was told could not be noted: {error}")
    return False
