"""The one family of exceptions that this project raises on purpose."""

from __future__ import annotations

from typing import ClassVar


class WooSyncError(Exception):
    """Something went wrong that a person can act on.

    Every message names where it happened (`source`), what was tried, what came back and what to do next.
    The texts must already be free of secrets and personal data: `privacy.redact` whatever a server said.
    """

    transient: ClassVar[bool] = False
    """True when doing the same again later may succeed without anybody changing anything."""

    def __init__(self, *, source: str, tried: str, got: str, next_step: str) -> None:
        self.source = source
        self.tried = tried
        self.got = got
        self.next_step = next_step
        super().__init__(f"{source}: {tried}: {got.rstrip('.')}. {next_step}")

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword-only arguments need help to cross a process boundary.
        return (_rebuild, (type(self), self.source, self.tried, self.got, self.next_step))


def _rebuild(kind: type[WooSyncError], source: str, tried: str, got: str, next_step: str) -> WooSyncError:
    error = kind.__new__(kind)
    WooSyncError.__init__(error, source=source, tried=tried, got=got, next_step=next_step)
    return error


class ConfigurationError(WooSyncError):
    """The configuration file is missing, unreadable or says something that cannot be."""


class SourceError(WooSyncError):
    """A source cannot be read, or gives what cannot be."""


class StateError(WooSyncError):
    """The state database cannot be used."""


class ChangesStoppedError(WooSyncError):
    """More would change at once than is let through without being asked."""


class PlanError(WooSyncError):
    """What is about to be sent breaks a rule: a fault of this project, found before it did any harm."""


class StagingError(WooSyncError):
    """A staged frame is missing or unreadable."""


class TransientStateError(StateError):
    """The state database cannot be reached just now."""

    transient: ClassVar[bool] = True


class DiskFullError(WooSyncError):
    """There is no room for a file: somebody has to make some."""


class StateDiskFullError(StateError):
    """The disk of the state database is full: somebody has to make room."""
