"""Which attributes there are, by type, and answers narrowed to those that were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

_Outline = Mapping[str, Any]


def _all_of(names: str, **nested: _Outline) -> _Outline:
    """An outline of attributes: those without parts by name, those with parts by their outline."""
    return {**{name: {} for name in names.split()}, **nested}


_CONSENT = "can_receive consent consent_timestamp created_timestamp last_updated metadata valid_until"
_SMS = "consent consent_timestamp last_updated method method_detail"
_WHATSAPP = _all_of(f"{_CONSENT} phone_number")
_SUBSCRIPTIONS = _all_of(
    "",
    email=_all_of(
        "",
        marketing=_all_of(
            "can_receive_email_marketing consent consent_timestamp custom_method_detail double_optin last_updated"
            " list_suppressions method method_detail suppression"
        ),
        open_tracking=_all_of(_CONSENT),
    ),
    mobile_push=_all_of("", marketing=_all_of("can_receive_push_marketing consent consent_timestamp")),
    sms=_all_of(
        "",
        marketing=_all_of(f"can_receive_sms_marketing {_SMS}"),
        transactional=_all_of(f"can_receive_sms_transactional {_SMS}"),
    ),
    whatsapp=_all_of("", conversational=_WHATSAPP, marketing=_WHATSAPP, transactional=_WHATSAPP),
)
PREDICTIONS = (
    "average_days_between_orders",
    "average_order_value",
    "churn_probability",
    "expected_date_of_next_order",
    "historic_clv",
    "historic_number_of_orders",
    "predicted_clv",
    "predicted_number_of_orders",
    "ranked_channel_affinity",
    "total_clv",
)
LOCATION = (
    "address1",
    "address2",
    "city",
    "country",
    "latitude",
    "longitude",
    "region",
    "zip",
    "timezone",
    "ip",
)
_PROFILE = _all_of(
    "created email external_id first_name id image last_event_date last_name locale organization phone_number"
    " properties title updated",
    location=_all_of(" ".join(LOCATION)),
    predictive_analytics=_all_of(" ".join(PREDICTIONS)),
    subscriptions=_SUBSCRIPTIONS,
)
_ADDRESS = _all_of("address1 address2 city country region zip")
_ACCOUNT = _all_of(
    "id industry locale preferred_currency public_api_key test_account timezone",
    contact_information=_all_of(
        "default_sender_email default_sender_name organization_name website_url", street_address=_ADDRESS
    ),
)
_PUSH_TOKEN = _all_of(
    "background created enablement_status id platform recorded_date token vendor",
    metadata=_all_of(
        "app_build app_id app_name app_version device_id device_model environment klaviyo_sdk manufacturer os_name"
        " os_version sdk_version"
    ),
)


def _paths(outline: _Outline, before: str = "") -> Iterator[str]:
    for name, parts in outline.items():
        yield f"{before}{name}"
        yield from _paths(parts, f"{before}{name}.")


FIELDS: Mapping[str, frozenset[str]] = {
    "account": frozenset(_paths(_ACCOUNT)),
    "conversation": frozenset({"channel", "id"}),
    "flow": frozenset({"archived", "created", "id", "name", "status", "trigger_type", "updated"}),
    "list": frozenset({"created", "id", "name", "opt_in_process", "updated"}),
    "profile": frozenset(_paths(_PROFILE)),
    "push-token": frozenset(_paths(_PUSH_TOKEN)),
    "segment": frozenset(
        _paths(
            _all_of(
                "created id is_active is_processing is_starred name updated",
                definition=_all_of("condition_groups"),
            )
        )
    ),
    "tag": frozenset({"id", "name"}),
}
"""The names that `fields[<type>]` may have, parts of objects with their way to them."""


@cache
def _outline(wanted: frozenset[str]) -> _Outline:
    """The wanted names with the outlines of their parts; an object that is named itself has none."""
    parts: dict[str, set[str]] = {}
    for path in wanted:
        name, _, part = path.partition(".")
        parts.setdefault(name, set()).add(part)
    return {name: {} if "" in below else _outline(frozenset(below)) for name, below in parts.items()}


def narrowed(attributes: Mapping[str, Any], wanted: frozenset[str]) -> dict[str, Any]:
    """The attributes that are wanted; of an object only the parts that are named, unless it is named itself."""
    return _within(attributes, _outline(wanted))


def _within(attributes: Mapping[str, Any], outline: _Outline) -> dict[str, Any]:
    return {
        name: _within(value, outline[name]) if outline[name] and isinstance(value, dict) else value
        for name, value in attributes.items()
        if name in outline
    }
