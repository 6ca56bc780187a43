"""The entries of the ledger of consent: what was chosen, seen and done, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from woo_sync_pipeline.contacts.subscription import SubscriptionState


class ConsentEventKind(StrEnum):
    """What an entry tells."""

    yes = "yes"
    no = "no"
    stop = "stop"
    resubscribed = "resubscribed"
    gone = "gone"
    subscribed_by_sync = "subscribed_by_sync"
    unsubscribed_by_sync = "unsubscribed_by_sync"
    not_applied = "not_applied"

    @property
    def words(self) -> str:
        """The same for people."""
        return _WORDS[self]


_WORDS = {
    ConsentEventKind.yes: "opted in",
    ConsentEventKind.no: "opted out",
    ConsentEventKind.stop: "unsubscribed on MessageMedia",
    ConsentEventKind.resubscribed: "subscribed again on MessageMedia",
    ConsentEventKind.gone: "deleted on MessageMedia",
    ConsentEventKind.subscribed_by_sync: "subscribed by a sync",
    ConsentEventKind.unsubscribed_by_sync: "unsubscribed by a sync",
    ConsentEventKind.not_applied: "opted in, not applied",
}


@dataclass(frozen=True)
class ConsentEvent:
    """One entry about a phone, without the phone. It happened between `earliest` (None: unknown) and `latest` (UTC).

    became: what became of it, in a word.
    """

    kind: ConsentEventKind
    earliest: datetime | None
    latest: datetime
    became: str = ""

    @classmethod
    def by_sync(cls, state: SubscriptionState, *, at: datetime) -> ConsentEvent:
        """That a sync brought a state about, and the platform confirmed it."""
        subscribed = state is SubscriptionState.SUBSCRIBED
        kind = ConsentEventKind.subscribed_by_sync if subscribed else ConsentEventKind.unsubscribed_by_sync
        return cls(kind, at, at)
