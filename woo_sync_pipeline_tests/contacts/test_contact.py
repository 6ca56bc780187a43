"""What is written down of a contact while it is being sent is read back as it was, by later versions too."""

from __future__ import annotations

import json

import pytest

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.contact import ContactBase
from woo_sync_pipeline.contacts.subscription import NotApplied, SetBy, Signal, SubscriptionBase
from woo_sync_pipeline_tests.contacts.people import base_of, store
from woo_sync_pipeline_tests.contacts.situations import BASES, NOW, SIGNALS, UNSUBSCRIBED, at, dated, undated


@pytest.mark.parametrize(
    "base",
    [
        ContactBase(),
        base_of(store(signal=None)),
        base_of(store(sources=(), groups=())),
        ContactBase(
            "Ann",
            "",
            "ann@example.com",
            ("Shop",),
            (),
            undated(3, dated_at=2),
            SubscriptionBase(
                UNSUBSCRIBED, SetBy.platform, dated(2), at(4), NOW, at(5), NotApplied.perhaps_earlier
            ),
        ),
        *(base_of(store(signal=signal)) for signal in SIGNALS),
        *(base_of(store(), base) for base in BASES[::7]),
    ],
)
def test_a_base_is_read_back_as_it_was_written(base: ContactBase) -> None:
    assert ContactBase.from_json(json.loads(json.dumps(base.to_json()))) == base


def test_what_an_older_version_wrote_is_read_with_what_it_knew() -> None:
    older = {
        "first_name": "Ann",
        "last_name": None,
        "email": "",
        "sources": ["Shop"],
        "groups": None,
        "consent": "opted_in",
        "consent_at": "2026-11-01T00:03:00+00:00",
        "state": "UNSUBSCRIBED",
        "set_by": "platform",
        "applied_consent": "opted_out",
        "applied_at": "2026-11-01T00:02:00+00:00",
        "unsubscribed_seen_at": "2026-11-01T00:04:00+00:00",
    }
    signal = Signal(Consent.opted_in, at(3))
    applied = Signal(Consent.opted_out, at(2))
    subscription = SubscriptionBase(UNSUBSCRIBED, SetBy.platform, applied, at(4))
    assert ContactBase.from_json(older) == ContactBase("Ann", None, "", ("Shop",), None, signal, subscription)


def test_an_unknown_choice_of_an_older_version_is_none() -> None:
    older = {**ContactBase().to_json(), "consent": "unknown", "consent_at": None}
    assert ContactBase.from_json(older).signal is None


def test_the_consent_of_a_contact_is_that_of_its_newest_choice() -> None:
    assert store(signal=dated(1)).consent is Consent.opted_in
    assert store(signal=None).consent is Consent.unknown


def test_no_personal_data_is_shown() -> None:
    known = store(base=base_of(store()), in_flight=base_of(store()))
    for personal in ("Ann", "Lee", "ann@", known.phone, known.phone[1:]):
        assert personal not in repr(known)
