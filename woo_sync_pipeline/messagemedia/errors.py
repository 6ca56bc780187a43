"""What can go wrong between us and MessageMedia, and whether doing it again later can help."""
# ruff: noqa: N818 (the names say what happened, as `except AlreadyExists:` reads best)

from __future__ import annotations

from typing import ClassVar

from woo_sync_pipeline.errors import WooSyncError

SOURCE = "messagemedia"


class PlatformError(WooSyncError):
    """Anything that MessageMedia refused, or that happened on the way there."""

    def __init__(self, *, tried: str, got: str, next_step: str, source: str = SOURCE) -> None:
        super().__init__(source=source, tried=tried, got=got, next_step=next_step)


class PlatformAuthError(PlatformError):
    """401 or 403: the credentials are not accepted. Every further request would fail as well: stop."""


class RequestRejected(PlatformError):
    """400: the platform read the request and found it invalid. The same request is refused again.

    `reasons` holds one text "name: code reason" per invalid field, already redacted. `invalid_ids` holds
    the ids (of contacts, lists or custom fields) that the platform does not know.
    """

    def __init__(
        self, *, reasons: tuple[str, ...] = (), invalid_ids: tuple[str, ...] = (), **told: str
    ) -> None:
        super().__init__(**told)
        self.reasons = reasons
        self.invalid_ids = invalid_ids

    def __reduce__(self) -> tuple[object, ...]:
        return (*super().__reduce__(), {"reasons": self.reasons, "invalid_ids": self.invalid_ids})


class ContactRejected(RequestRejected):
    """400 to a write: this one item is refused, the others are not concerned."""


class AlreadyExists(PlatformError):
    """409: another entity already holds this phone, list name, label or merge tag."""


class NotFound(PlatformError):
    """404: the entity is not, or no longer, there."""


class OutcomeUnknown(PlatformError):
    """A POST was sent and its answer never came: it may or may not have been carried out.

    Look the entity up before repeating the request; a repetition in the dark can make a second one.
    """

    # A later run looks the entity up first, so the work as a whole may be repeated.
    transient: ClassVar[bool] = True


class PlatformUnavailable(PlatformError):
    """The platform could not be reached, or was too busy, for longer than we are willing to wait."""

    transient: ClassVar[bool] = True


class ServerFault(PlatformUnavailable):
    """The platform broke at this very request, however often it was sent. It may take others.

    It answered 500; or a change got no answer but its gateway's (502, 504), or none.
    """


class PlatformProtocolError(PlatformError):
    """The answer is not one that the Contacts API is known to give."""


class PlatformTlsError(PlatformError):
    """The platform's certificate is not trusted. Nothing was sent."""
