"""What an account keeps: keys, profiles, lists, segments."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

Json = dict[str, Any]

Scope = Literal["accounts:read", "lists:read", "profiles:read", "segments:read"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True)
class ApiKey:
    """A private key of the account and what it may read."""

    secret: str = field(repr=False)
    scopes: frozenset[Scope] = frozenset(SCOPES)


@dataclass(frozen=True)
class AccountDetails:
    """What the account says of itself. `id` is its public key too."""

    id: str = "DemoKl"
    organization_name: str = "Demo Klaviyo"
    timezone: str = "Australia/Sydney"
    country: str = "Australia"
    currency: str = "AUD"
    locale: str = "en-AU"


@dataclass(slots=True)
class Profile:
    """One person. `subscriptions` is as answers show it; it is replaced, never changed in place."""

    id: str
    created: datetime
    updated: datetime
    email: str | None = None
    phone_number: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    external_id: str | None = None
    organization: str | None = None
    locale: str | None = None
    title: str | None = None
    image: str | None = None
    last_event_date: datetime | None = None
    location: Json | None = None
    properties: Json = field(default_factory=dict)
    subscriptions: Json | None = None


@dataclass(slots=True)
class ContactList:
    """A list that people are put on. Its name need not be unique."""

    id: str
    name: str
    created: datetime
    updated: datetime
    opt_in_process: Literal["single_opt_in", "double_opt_in"] = "single_opt_in"


@dataclass(slots=True)
class Segment:
    """A group by conditions. While `is_processing` its membership is not complete."""

    id: str
    name: str
    created: datetime
    updated: datetime
    is_active: bool = True
    is_processing: bool = False
    is_starred: bool = False


Group = ContactList | Segment
