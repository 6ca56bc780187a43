"""The consents of a profile, as answers show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from woo_sync_pipeline.demo.klaviyo.records import Json

SUBSCRIBED, UNSUBSCRIBED, NEVER_SUBSCRIBED = "SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED"


def iso(moment: datetime | None) -> str | None:
    """A moment as answers show it: `2026-11-01T08:15:00+00:00`."""
    return None if moment is None else moment.isoformat()


def sms_marketing(
    consent: str,
    *,
    can_receive: bool | None = None,
    consent_timestamp: datetime | None = None,
    last_updated: datetime | None = None,
    method: str | None = None,
    method_detail: str | None = None,
) -> Json:
    """The object `sms.marketing`. Unless told otherwise, who is subscribed can receive."""
    return {
        "can_receive_sms_marketing": consent == SUBSCRIBED if can_receive is None else can_receive,
        "consent": consent,
        "consent_timestamp": iso(consent_timestamp),
        "method": method,
        "method_detail": method_detail,
        "last_updated": iso(last_updated),
    }


def email_marketing(consent: str, *, consent_timestamp: datetime | None = None) -> Json:
    """The object `email.marketing`."""
    return {
        "can_receive_email_marketing": consent != UNSUBSCRIBED,
        "consent": consent,
        "consent_timestamp": iso(consent_timestamp),
        "last_updated": iso(consent_timestamp),
        "method": "FORM" if consent_timestamp else None,
        "method_detail": "" if consent_timestamp else None,
        "custom_method_detail": None,
        "double_optin": None,
        "suppression": [],
        "list_suppressions": [],
    }


def sms_transactional(consent: str, *, consent_timestamp: datetime | None = None) -> Json:
    """The object `sms.transactional`."""
    return {
        "can_receive_sms_transactional": consent == SUBSCRIBED,
        "consent": consent,
        "consent_timestamp": iso(consent_timestamp),
        "method": "CHECKOUT" if consent_timestamp else None,
        "method_detail": "" if consent_timestamp else None,
        "last_updated": iso(consent_timestamp),
    }


def push_marketing(consent: str, *, consent_timestamp: datetime | None = None) -> Json:
    """The object `mobile_push.marketing`."""
    return {
        "can_receive_push_marketing": consent == SUBSCRIBED,
        "consent": consent,
        "consent_timestamp": iso(consent_timestamp),
    }


def whatsapp_marketing(
    consent: str, *, consent_timestamp: datetime | None = None, phone_number: str | None = None
) -> Json:
    """The object `whatsapp.marketing`."""
    return {
        "consent": consent,
        "consent_timestamp": iso(consent_timestamp),
        "last_updated": iso(consent_timestamp),
        "created_timestamp": iso(consent_timestamp),
        "metadata": None,
        "can_receive": consent == SUBSCRIBED,
        "valid_until": None,
        "phone_number": phone_number,
    }


NOBODY_ASKED: Json = {
    "email": {"marketing": email_marketing(NEVER_SUBSCRIBED), "open_tracking": None},
    "sms": {
        "marketing": sms_marketing(NEVER_SUBSCRIBED),
        "transactional": sms_transactional(NEVER_SUBSCRIBED),
    },
    "mobile_push": {"marketing": push_marketing(NEVER_SUBSCRIBED)},
    "whatsapp": {
        "marketing": whatsapp_marketing(NEVER_SUBSCRIBED),
        "transactional": None,
        "conversational": None,
    },
}
"""What a new profile has. All new profiles share it: a change puts another object into its place."""


def with_consent(subscriptions: Json | None, channel: str, purpose: str, consent: Any) -> Json:
    """The subscriptions with another consent at one place, such as `sms` and `marketing`; the given one stays."""
    kept = NOBODY_ASKED if subscriptions is None else subscriptions
    return {**kept, channel: {**(kept.get(channel) or {}), purpose: consent}}


def consent_at(subscriptions: Json | None, channel: str, purpose: str) -> Json:
    """What stands at one place; nothing where any part of the way is null."""
    return ((subscriptions or {}).get(channel) or {}).get(purpose) or {}
