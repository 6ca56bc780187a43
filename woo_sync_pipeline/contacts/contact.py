"""A contact as the stores have it, and what we know of it since the platform last confirmed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.decision import SetBy, Signal, SubscriptionBase, SubscriptionState


@dataclass(frozen=True)
class ContactBase:
    """The store's values when the platform last confirmed the contact, field by field; None: never confirmed."""

    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    sources: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    consent: Consent = Consent.unknown
    consent_at: datetime | None = None
    subscription: SubscriptionBase | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain structure that `from_json` reads back."""
        subscription = self.subscription
        applied = subscription.applied if subscription else None
        return {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
            "sources": self.sources,
            "groups": self.groups,
            "consent": self.consent.value,
            "consent_at": _written(self.consent_at),
            "state": subscription.state.value if subscription else None,
            "set_by": subscription.set_by.value if subscription else None,
            "unsubscribed_seen_at": _written(subscription.unsubscribed_seen_at if subscription else None),
            "applied_consent": applied.consent.value if applied else None,
            "applied_at": _written(applied.at if applied else None),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ContactBase:
        """The base that `to_json` wrote."""
        applied = None
        if values["applied_consent"]:
            applied = Signal(Consent(values["applied_consent"]), datetime.fromisoformat(values["applied_at"]))
        subscription = None
        if values["state"]:
            subscription = SubscriptionBase(
                SubscriptionState(values["state"]),
                SetBy(values["set_by"]),
                applied,
                _read(values["unsubscribed_seen_at"]),
            )
        return cls(
            first_name=values["first_name"],
            last_name=values["last_name"],
            email=values["email"],
            sources=_tuple(values["sources"]),
            groups=_tuple(values["groups"]),
            consent=Consent(values["consent"]),
            consent_at=_read(values["consent_at"]),
            subscription=subscription,
        )


@dataclass(frozen=True)
class StoreContact:
    """One phone's merged form over all stores, with its base and what was being sent when a sync crashed."""

    phone: str = field(repr=False)
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    email: str = field(repr=False)
    sources: tuple[str, ...]
    groups: tuple[str, ...]
    consent: Consent
    consent_at: datetime | None
    status: SubscriptionState
    base: ContactBase | None = None
    in_flight: ContactBase | None = None

    @property
    def signal(self) -> Signal | None:
        """The newest known choice, if there is one."""
        if self.consent is Consent.unknown or self.consent_at is None:
            return None
        return Signal(self.consent, self.consent_at)


def _written(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _read(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
