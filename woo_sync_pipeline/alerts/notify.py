"""Notifying each configured receiver, but not all the time; and retrying what could not be delivered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeAlias

from woo_sync_pipeline.alerts import delivery
from woo_sync_pipeline.alerts.alert import Alert
from woo_sync_pipeline.alerts.delivery import Problem, deliver, post_webhook, send_email
from woo_sync_pipeline.config.receivers import AlertSettings
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.state.alerts import (
    AlertKey,
    claim_alert,
    claim_kept_alert,
    forget_kept_alerts,
    note_told,
    note_untold,
)
from woo_sync_pipeline.state.database import Database

KEPT = timedelta(days=3)
"""How long it is tried to deliver an alert: longer than a weekend, and not so long that it means nothing any more."""

_WINDOW = 60.0
_AT_A_TIME = 10.0

Log: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class _Receiver:
    name: str
    send: Callable[[Alert], Problem | None]


class Patience:
    """How long receivers may keep a process waiting.

    One evaluation of a sensor may have many alerts, and all of it must be over within 60 s.
    """

    def __init__(self) -> None:
        self._waits: list[tuple[str, float, float]] = []

    def is_spent(self, receiver: str) -> bool:
        """Whether this receiver has failed for so long within the last minute that it is better left alone."""
        since = time.monotonic() - _WINDOW
        self._waits = [wait for wait in self._waits if wait[1] > since]
        return sum(seconds for name, _, seconds in self._waits if name == receiver) > delivery.PATIENCE

    def note_failure(self, receiver: str, seconds: float) -> None:
        """This receiver has failed, which took so long."""
        self._waits.append((receiver, time.monotonic(), seconds))


def notify(
    alert: Alert,
    settings: AlertSettings,
    *,
    database: Callable[[], Database],
    log: Log,
    patience: Patience | None = None,
) -> bool:
    """Deliver an alert to each receiver that was not told of the same trouble within `min_interval_minutes`.

    What a receiver does not take is kept for `retry_undelivered`. Never raises for a receiver or a database that is
    down; what could not be delivered is logged. Returns whether anybody was told.
    """
    patience = patience or Patience()
    # A list: one who was told shall not keep the others from being told.
    told = [
        _notify(receiver, alert, settings, database=database, log=log, patience=patience)
        for receiver in _receivers(settings)
    ]
    return any(told)


def retry_undelivered(settings: AlertSettings, *, database: Database, log: Log) -> int:
    """Deliver what receivers have not taken before, of what is due; returns how many alerts they took.

    What is too old to matter is given up. A receiver that fails is left alone until the next time.
    """
    given_up = forget_kept_alerts(database, kept=KEPT)
    if given_up:
        log(f"alerts that could not be delivered within {KEPT.days} days and were given up: {given_up}")
    return sum(_retry_undelivered(receiver, database=database, log=log) for receiver in _receivers(settings))


def _receivers(settings: AlertSettings) -> Iterator[_Receiver]:
    if settings.webhook_url is not None:
        yield _Receiver("webhook", partial(post_webhook, settings.webhook_url.get_secret_value()))
    if settings.email is not None:
        yield _Receiver("email", partial(send_email, settings.email))


def _notify(
    receiver: _Receiver,
    alert: Alert,
    settings: AlertSettings,
    *,
    database: Callable[[], Database],
    log: Log,
    patience: Patience,
) -> bool:
    key = AlertKey(alert.source, alert.condition, receiver.name)
    interval = timedelta(minutes=settings.min_interval_minutes)
    state: Database | None = None
    try:
        state = database()
        is_due = claim_alert(state, key, message=alert.to_message(), min_interval=interval)
    except StateError as error:
        # Perhaps this is the very trouble that is to be told.
        log(f"how often this was told is not known: {error}")
        state, is_due = None, True
    if not is_due:
        log(
            f"{alert.title}: the {receiver.name} was told less than {settings.min_interval_minutes} minutes ago"
        )
        return False
    # What is not kept has this one chance, however long it takes.
    if state is not None and patience.is_spent(receiver.name):
        log(f"{alert.title}: the {receiver.name} does not answer and is told later")
        is_taken = False
    else:
        began = time.monotonic()
        problem = deliver(partial(receiver.send, alert))
        is_taken = _is_taken(problem, alert, log)
        if not is_taken:
            patience.note_failure(receiver.name, time.monotonic() - began)
    if state is not None:
        try:
            (note_told if is_taken else note_untold)(state, key)
        except StateError as error:
            # It stays claimed for a while and is then delivered: perhaps once more, but not never.
            log(f"{alert.title}: whether the {receiver.name} was told could not be noted: {error}")
    return is_taken


def _retry_undelivered(receiver: _Receiver, *, database: Database, log: Log) -> int:
    ends = time.monotonic() + _AT_A_TIME
    told = 0
    while time.monotonic() < ends:
        kept = claim_kept_alert(database, receiver=receiver.name)
        if kept is None:
            break
        alert = Alert.from_message(kept.message, delayed_since=kept.happened_at)
        if not _is_taken(receiver.send(alert), alert, log):
            note_untold(database, kept.key)
            break
        note_told(database, kept.key)
        told += 1
    return told


def _is_taken(problem: Problem | None, alert: Alert, log: Log) -> bool:
    if problem is None:
        return True
    log(f"{alert.title}: {problem.text}")
    return problem.was_taken
