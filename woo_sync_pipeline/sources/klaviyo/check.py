"""Is an account fit to be synced? What the key may read, and what would go wrong later."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

from pydantic import ValidationError

from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.privacy import redact
from woo_sync_pipeline.sources.base import CheckLine
from woo_sync_pipeline.sources.klaviyo.account import account_details
from woo_sync_pipeline.sources.klaviyo.client import KlaviyoClient, Row, connect
from woo_sync_pipeline.sources.klaviyo.errors import KlaviyoScopeMissingError
from woo_sync_pipeline.sources.klaviyo.groups import Group, list_groups
from woo_sync_pipeline.sources.klaviyo.profiles import PROFILE_FIELDS
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings

_MOST_CLOCK_SKEW = 120.0
_NO_SUCH = (
    "there is no {name} in the account, so nobody is put on its list: spell it as it stands in Klaviyo, or take it out "
    "of `lists` and `segments`"
)


def check_lines(
    source: KlaviyoSettings, connect: Callable[[KlaviyoSettings], KlaviyoClient] = connect
) -> Iterator[CheckLine]:
    """Try one account: a failure is one line, what can be lived with one line each.

    Five requests in a small account.
    """
    lines: list[CheckLine] = []
    try:
        with connect(source) as client:
            name = _account_name(client, source, lines)
            newest = client.get("profiles", {**PROFILE_FIELDS, "sort": "-updated"})
            listing = list_groups(client, source)
            groups = list(listing.chosen)
            if groups:
                # Reading members needs scopes of its own.
                _try_members(client, groups[0])
            lines += _warnings(client, source, newest, groups, list(listing.missing))
    except WooSyncError as error:
        yield CheckLine("FAIL", source.key, str(error))
        return
    lists = sum(group.kind == "list" for group in groups)
    told = f"{name}, {lists:,} lists and {len(groups) - lists:,} segments"
    yield CheckLine("ok", source.key, told)
    yield from lines


def timezone_of(settings: Mapping[str, str]) -> str | None:
    """The name of an account's time zone, given its key; None where it tells none, or cannot be asked."""
    made_up = {"name": "Klaviyo", "key": "init", "start_date": "2026-01-01", "default_region": "AU"}
    try:
        source = KlaviyoSettings.model_validate({**made_up, **settings})
        with connect(source) as client:
            told = account_details(client).get("timezone")
    except (WooSyncError, ValidationError):
        # Whatever is wrong with the account, the check of the source tells it better.
        return None
    return told if isinstance(told, str) else None


def _account_name(client: KlaviyoClient, source: KlaviyoSettings, lines: list[CheckLine]) -> str:
    try:
        attributes = account_details(client)
    except KlaviyoScopeMissingError:
        # A sync needs it not.
        text = "the key may not read the account (scope accounts:read), which a sync does not need"
        lines.append(CheckLine("ok", source.key, text))
        return "Klaviyo"
    contact = attributes.get("contact_information")
    organisation = contact.get("organization_name") if isinstance(contact, dict) else None
    parts = (organisation, attributes.get("timezone"), attributes.get("public_api_key"))
    shown = [part for part in parts if isinstance(part, str) and part.strip()]
    return ", ".join(["Klaviyo account", *shown]).replace("account, ", "account ", 1)


def _try_members(client: KlaviyoClient, group: Group) -> None:
    client.get(
        f"{group.kind}s/{group.group_id}/profiles", {"page[size]": 1, "fields[profile]": "joined_group_at"}
    )


def _warnings(
    client: KlaviyoClient, source: KlaviyoSettings, newest: list[Row], groups: list[Group], missing: list[str]
) -> Iterator[CheckLine]:
    for name in missing:
        yield CheckLine("warn", source.key, _NO_SUCH.format(name=name))
    if newest and not any(_has_subscriptions(row) for row in newest):
        yield CheckLine(
            "warn",
            source.key,
            "Klaviyo gives profiles without their subscriptions, so nobody's consent is known: leave `revision` of "
            "this source out",
        )
    asleep = [group.name for group in groups if not group.is_active]
    if asleep:
        yield CheckLine(
            "warn",
            source.key,
            f"Klaviyo does not keep up inactive segments ({', '.join(map(redact, asleep))}): who is in them is as it "
            "was when they were made inactive",
        )
    url = urlsplit(client.settings.url)
    if url.scheme == "http" and not _is_loopback(url.hostname or ""):
        yield CheckLine(
            "warn", source.key, "The url is http: the key and people's phones cross the network in the clear."
        )
    if client.server_time is not None:
        skew = abs((client.now() - client.server_time).total_seconds())
        if skew > _MOST_CLOCK_SKEW:
            text = (
                f"Klaviyo's clock and this machine's differ by {skew:.0f} seconds: set this machine's by NTP."
            )
            yield CheckLine("warn", source.key, text)


def _has_subscriptions(row: Row) -> bool:
    attributes = row.get("attributes")
    return isinstance(attributes, dict) and "subscriptions" in attributes


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
