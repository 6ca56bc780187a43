"""What is told: the source, what happened, the next step; never a person, never a secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from woo_sync_pipeline.contacts.limits import counted
from woo_sync_pipeline.privacy import redact
from woo_sync_pipeline.state.syncs import SyncRun

_LIMIT = 1_900
"""Characters of a text that are told; the history and the Dagster UI have all of it."""


@dataclass(frozen=True)
class Failure:
    """Why a run failed, and what to do about it."""

    error: str
    next_step: str = (
        "Open the run in the Dagster UI: the failed step says more. Nothing is lost, the next sync goes on."
    )


@dataclass(frozen=True)
class FailedCheck:
    """A check that did not pass in a run, which may have succeeded all the same."""

    name: str
    description: str
    ended_the_run: bool = False


@dataclass(frozen=True)
class Alert:
    """One message. Of a run that never began a sync, `sync` and `kind` are None; without a run `run_id` is too.

    condition: alerts of the same source and the same condition are the same trouble.
    delayed_since: when it happened, if it could not be told then.
    """

    source: str
    condition: str
    status: str
    error: str
    next_step: str
    run_id: str | None = None
    sync: int | None = None
    kind: str | None = None
    delayed_since: datetime | None = None

    @classmethod
    def from_message(cls, message: Mapping[str, Any], *, delayed_since: datetime) -> Self:
        """The alert that `to_message` has written down at this time."""
        return cls(**message, delayed_since=delayed_since)

    def to_message(self) -> dict[str, str | int | None]:
        """What is to be written down of an alert that cannot be told at once: nothing that is not told either."""
        shown = replace(self, error=self._shown(self.error), next_step=self._shown(self.next_step))
        message = asdict(shown)
        del message["delayed_since"]
        return message

    @property
    def title(self) -> str:
        """One line without the details."""
        if self.sync is not None:
            return f"{self.source}: {self.kind} sync {self.sync} {self.status}"
        return f"{self.source}: {f'run {self.run_id[:8]} ' if self.run_id else ''}{self.status}"

    @property
    def text(self) -> str:
        """The whole message for people."""
        error = self._shown(self.error).rstrip(".")
        run = f" (Dagster run {self.run_id[:8]})" if self.run_id else ""
        return f"{self.title}. {error}. {self._shown(self.next_step)}{run}{self._delay}"

    def to_json(self) -> dict[str, str | int | None]:
        """The message for programs; receivers such as Slack show `text`."""
        return {
            "text": self.text,
            "source": self.source,
            "sync": self.sync,
            "kind": self.kind,
            "status": self.status,
            "error": self._shown(self.error),
            "next_step": self._shown(self.next_step),
        }

    @property
    def _delay(self) -> str:
        if self.delayed_since is None:
            return ""
        return f" It happened at {self.delayed_since.astimezone(UTC):%Y-%m-%d %H:%M} UTC and could not be told then."

    @staticmethod
    def _shown(text: str) -> str:
        return redact(text, limit=_LIMIT)


def failure_alert(
    *, source: str, run_id: str, sync: SyncRun | None, failure: Failure | None, kind: str = "unknown"
) -> Alert:
    """A run failed: the reason is the failure's own, else what the history noted.

    kind: the name of the kind of failure, such as that of its exception. Another kind is another trouble.
    """
    if failure is None:
        noted = sync.error if sync is not None else None
        failure = Failure(noted or "the process ended before the run did")
    return Alert(
        source=source,
        condition=f"failed: {kind}",
        status="failed",
        error=failure.error,
        next_step=failure.next_step,
        run_id=run_id,
        sync=sync.sync_id if sync else None,
        kind=sync.kind if sync else None,
    )


def configuration_alert(*, source: str, error: str, next_step: str) -> Alert:
    """The configuration of a source cannot be used."""
    return Alert(source, "configuration", "not synced", error, next_step)


def error_alerts(*, source: str, sync: SyncRun, checks: Iterable[FailedCheck]) -> Iterator[Alert]:
    """A sync succeeded, but contacts failed or checks did not pass."""

    def alert(condition: str, error: str, next_step: str) -> Alert:
        status = "completed with errors"
        return Alert(source, condition, status, error, next_step, sync.run_id, sync.sync_id, sync.kind)

    failed = int(sync.counts.get("failed", 0))
    if failed:
        yield alert(
            "contacts failed",
            f"MessageMedia refused {counted(failed, 'contact')}",
            f"`woo-sync report {sync.sync_id}` names them, with the reasons; the next daily sync tries them again.",
        )
    for check in checks:
        yield alert(
            f"check {check.name}",
            f"the check {check.name} did not pass: {check.description}",
            f"`woo-sync report {sync.sync_id}` shows the records that are concerned and links to them.",
        )
