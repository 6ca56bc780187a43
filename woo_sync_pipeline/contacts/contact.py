"""A contact as the stores have it, as the platform shows it, and what the platform last confirmed of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.subscription import (
    NotApplied,
    SetBy,
    ShownSubscription,
    Signal,
    SubscriptionBase,
    SubscriptionState,
)

OnErasure: TypeAlias = Literal["unsubscribe", "delete", "report"]
"""What happens on the platform to a person who was erased in a store."""


@dataclass(frozen=True)
class KeptFields:
    """A contact's names and address as they were confirmed before it left every store."""

    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ContactBase:
    """The store's values when the platform last confirmed the contact, field by field; None: never confirmed.

    before_leaving: what they were before, for a contact that has left every store. taken_off: lists, by name, that it
    was found to have been taken off on the platform.
    """

    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    sources: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    signal: Signal | None = None
    subscription: SubscriptionBase | None = None
    before_leaving: KeptFields | None = None
    taken_off: tuple[str, ...] = ()

    @property
    def fields(self) -> KeptFields:
        """The names and the address that the store's are compared with: a contact that returns had never left."""
        return self.before_leaving or KeptFields(self.first_name, self.last_name, self.email)

    def to_values(self) -> dict[str, Any]:
        """Its values one by one, those of choice and state among them, by the names that `from_values` reads."""
        known = self.subscription
        return {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
            "sources": self.sources,
            "groups": self.groups,
            **_signal_values("consent", self.signal),
            "state": known and known.state.value,
            "set_by": known and known.set_by.value,
            "unsubscribed_seen_at": known and known.unsubscribed_seen_at,
            "seen_at": known and known.seen_at,
            "modified_at": known and known.modified_at,
            "not_applied": known and known.not_applied,
            **_signal_values("applied", known.applied if known else None),
            "before_leaving": self.before_leaving and asdict(self.before_leaving),
            "taken_off": self.taken_off,
        }

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> ContactBase:
        """The base whose `to_values` these are, or that of an older version, which knew less."""
        subscription = None
        if values["state"]:
            not_applied = values.get("not_applied")
            subscription = SubscriptionBase(
                SubscriptionState(values["state"]),
                SetBy(values["set_by"]),
                read_signal(values, "applied"),
                values["unsubscribed_seen_at"],
                values.get("seen_at"),
                values.get("modified_at"),
                NotApplied(not_applied) if not_applied else None,
            )
        return cls(
            first_name=values["first_name"],
            last_name=values["last_name"],
            email=values["email"],
            sources=_tuple(values["sources"]),
            groups=_tuple(values["groups"]),
            signal=read_signal(values, "consent"),
            subscription=subscription,
            before_leaving=KeptFields(**kept) if (kept := values.get("before_leaving")) else None,
            taken_off=tuple(values.get("taken_off", ())),
        )

    def to_json(self) -> dict[str, Any]:
        """A plain structure that `from_json` reads back."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in self.to_values().items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ContactBase:
        """The base that `to_json` wrote, or that of an older version, which knew less."""
        return cls.from_values(
            {
                name: datetime.fromisoformat(value) if value and name.endswith("_at") else value
                for name, value in values.items()
            }
        )


@dataclass(frozen=True)
class StoreContact:
    """One phone's merged form over all stores, with its base and what was being sent when a sync crashed.

    status: the subscription state of a contact that is new to the platform. is_under_way: whether what was being sent
    was so a moment ago, by the same push, and only its answer is missing. is_erased: whether the person was erased in
    the store, and no other record has the phone: what we wrote of the person shall go.
    """

    phone: str = field(repr=False)
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    email: str = field(repr=False)
    sources: tuple[str, ...]
    groups: tuple[str, ...]
    signal: Signal | None
    status: SubscriptionState
    base: ContactBase | None = None
    in_flight: ContactBase | None = None
    is_under_way: bool = False
    is_erased: bool = False

    @property
    def consent(self) -> Consent:
        """What the newest choice is."""
        return self.signal.consent if self.signal else Consent.unknown


@dataclass(frozen=True)
class ShownContact:
    """A contact as the platform shows it; `lists` are names, `label` is the text of its field `Source`.

    `subscription` is None when the phone has no state there.
    """

    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    email: str = field(repr=False)
    label: str
    lists: tuple[str, ...]
    subscription: ShownSubscription | None


_SIGNAL_KEYS = {
    "consent": ("consent", "consent_at", "consent_dated_at"),
    "applied": ("applied_consent", "applied_at", "applied_dated_at"),
}


def _signal_values(name: str, signal: Signal | None) -> dict[str, Any]:
    told = (signal.consent.value, signal.at, signal.dated_at) if signal else (None, None, None)
    return dict(zip(_SIGNAL_KEYS[name], told, strict=True))


def read_signal(values: Mapping[str, Any], name: str) -> Signal | None:
    """The signal `consent` or `applied` among the values of a base, or of a row; None where nothing was chosen."""
    consent, at, dated_at = _SIGNAL_KEYS[name]
    if not values[consent] or values[at] is None or values[consent] == Consent.unknown:
        return None
    return Signal(Consent(values[consent]), values[at], values.get(dated_at))


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
