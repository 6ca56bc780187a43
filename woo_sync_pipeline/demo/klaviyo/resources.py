"""Profiles, lists, segments and the account as JSON:API shows them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from woo_sync_pipeline.demo.klaviyo.fieldsets import LOCATION, PREDICTIONS, narrowed
from woo_sync_pipeline.demo.klaviyo.records import AccountDetails, ContactList, Group, Json, Profile, Segment
from woo_sync_pipeline.demo.klaviyo.subscriptions import iso

Wanted = frozenset[str] | None
"""The fields that were asked for; None: all."""


def resource(kind: str, record_id: str, attributes: Json, *, home: str, wanted: Wanted) -> Json:
    """A JSON:API resource; without relationships."""
    shown = attributes if wanted is None else narrowed(attributes, wanted)
    return {
        "type": kind,
        "id": record_id,
        "attributes": shown,
        "links": {"self": f"{home}/api/{kind}s/{record_id}/"},
    }


def profile_resource(
    profile: Profile,
    *,
    home: str,
    wanted: Wanted,
    additional: Collection[str],
    joined_group_at: datetime | None = None,
) -> Json:
    """One person. Subscriptions only if they are among the `additional` fields, `joined_group_at` if there is one."""
    attributes: Json = {
        "email": profile.email,
        "phone_number": profile.phone_number,
        "external_id": profile.external_id,
        "first_name": profile.first_name,
        "last_name": profile.last_name,
        "organization": profile.organization,
        "locale": profile.locale,
        "title": profile.title,
        "image": profile.image,
        "created": iso(profile.created),
        "updated": iso(profile.updated),
        "last_event_date": iso(profile.last_event_date),
        "location": None if profile.location is None else {**dict.fromkeys(LOCATION), **profile.location},
        "properties": profile.properties,
    }
    if joined_group_at is not None:
        attributes["joined_group_at"] = iso(joined_group_at)
    if "subscriptions" in additional:
        attributes["subscriptions"] = profile.subscriptions
    if "predictive_analytics" in additional:
        attributes["predictive_analytics"] = dict.fromkeys(PREDICTIONS)
    shown = resource("profile", profile.id, attributes, home=home, wanted=wanted)
    shown["relationships"] = _links_to(shown["links"]["self"], ("lists", "segments", "push-tokens"))
    return shown


def group_resource(group: Group, *, home: str, wanted: Wanted) -> Json:
    """A list or a segment."""
    attributes: Json = {"name": group.name, "created": iso(group.created), "updated": iso(group.updated)}
    if isinstance(group, ContactList):
        attributes["opt_in_process"] = group.opt_in_process
    else:
        attributes |= {
            "definition": None,
            "is_active": group.is_active,
            "is_processing": group.is_processing,
            "is_starred": group.is_starred,
        }
    shown = resource(kind_of(group), group.id, attributes, home=home, wanted=wanted)
    shown["relationships"] = _links_to(shown["links"]["self"], ("profiles", "tags", "flow-triggers"))
    return shown


def kind_of(group: Group) -> str:
    """The JSON:API type of a group."""
    return "segment" if isinstance(group, Segment) else "list"


def account_resource(account: AccountDetails, *, home: str, wanted: Wanted) -> Json:
    """The account."""
    address = dict.fromkeys(("address1", "address2", "city", "region", "country", "zip"))
    attributes: Json = {
        "test_account": False,
        "contact_information": {
            "default_sender_name": account.organization_name,
            "default_sender_email": "hello@klaviyo.example",
            "website_url": None,
            "organization_name": account.organization_name,
            "street_address": {**address, "country": account.country},
        },
        "industry": None,
        "timezone": account.timezone,
        "preferred_currency": account.currency,
        "public_api_key": account.id,
        "locale": account.locale,
    }
    return resource("account", account.id, attributes, home=home, wanted=wanted)


def _links_to(home: str, names: Collection[str]) -> Json:
    return {
        name: {"links": {"self": f"{home}relationships/{name}/", "related": f"{home}{name}/"}}
        for name in names
    }
