"""Is a store fit to be synced? What it says of itself, and what would go wrong later."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from woo_sync_pipeline.contacts.consent import Consent, is_unread
from woo_sync_pipeline.contacts.consent_shapes import outline
from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.http.requester import is_loopback
from woo_sync_pipeline.privacy import redact
from woo_sync_pipeline.sources.base import CheckLine
from woo_sync_pipeline.sources.woocommerce.client import Row, StoreClient, connect
from woo_sync_pipeline.sources.woocommerce.errors import (
    StoreAuthError,
    StoreBlockedError,
    StoreFilterIgnoredError,
    StoreRouteMissingError,
)
from woo_sync_pipeline.sources.woocommerce.fields import is_empty, objects
from woo_sync_pipeline.sources.woocommerce.paging import PAGE_SIZE
from woo_sync_pipeline.sources.woocommerce.records import compact_json
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.sources.woocommerce.statuses import find_order_statuses
from woo_sync_pipeline.sources.woocommerce.versions import StoreVersion, find_version, lacking, unwritten_keys

_MOST_CLOCK_SKEW = 120.0
_MOST_VALUES_NAMED = 5
_LONGEST_VALUE_SHOWN = 40
_NO_WORDS: Mapping[str, Consent] = {}


@dataclass(frozen=True)
class StoreCheck:
    """What a store told. `timezone` is a name, or `UTC+10` for a store that has only an offset.

    A store that does not tell its name is called by its host. `lacking`: what its version, or how it is set up, lacks,
    and what is done instead; nobody has to do anything. `unread_consent`: what stands under a consent key of
    the newest records and is understood neither as a yes nor as a no, as `key = value` without personal data, and how
    often; the most frequent first.
    """

    name: str
    version: StoreVersion
    lacking: tuple[str, ...]
    timezone: str
    customers_total: int
    customer_meta_visible: bool
    unread_consent: Mapping[str, int]
    warnings: tuple[str, ...]


def check_store(
    client: StoreClient,
    *,
    needs_customer_meta: bool,
    statuses: Collection[str] = (),
    consent_keys: Collection[str] = (),
    mirrored_keys: Collection[str] = (),
    consent_words: Mapping[str, Consent] = _NO_WORDS,
) -> StoreCheck:
    """Try everything that a sync will need: customers, orders, their statuses, products, date filters.

    Seven requests, more before WooCommerce 9.6 or where the key may not see the version, and two more where there are
    `consent_keys`. `needs_customer_meta` says that consent or tags are read from customers' meta data; `statuses` are
    those of orders that the store is expected to have. `consent_keys` are all meta keys that choices are read from,
    `mirrored_keys` those of them that the store copies into a visible one, and `consent_words` the store's own words
    for a choice. Raises StoreError when the store cannot be synced; what can be lived with is among the `warnings`.
    """
    index = _index(client)
    namespaces = index.get("namespaces")
    if isinstance(namespaces, list) and namespaces and "wc/v3" not in namespaces:
        got = "WordPress without the API wc/v3 of WooCommerce"
        raise client.attempt("GET /").failed(StoreRouteMissingError, got)
    # Customers first: of all requests this one tells best what is wrong with a key.
    customers = client.get_list(
        "customers",
        {"role": "all", "orderby": "id", "order": "asc", "per_page": 1, "_fields": "id,meta_data"},
    )
    version = find_version(client)
    client.get_list("orders", {"per_page": 1, "_fields": "id"})
    client.get_list("products", {"per_page": 1, "_fields": "id"})
    _check_date_filter(client)
    of_statuses = _status_warnings(client, statuses)
    visible = any("meta_data" in row for row in customers.rows)
    unread = _unread_consent(client, consent_keys, consent_words)
    return StoreCheck(
        name=_name(client, index),
        version=version,
        lacking=lacking(version),
        timezone=_timezone(index),
        customers_total=len(customers.rows) if customers.total is None else customers.total,
        customer_meta_visible=visible,
        unread_consent=unread,
        warnings=(
            *of_statuses,
            *_block_field_warnings(version, consent_keys),
            *_warnings(client, meta_missing=needs_customer_meta and not visible),
            *_consent_warnings([key for key in consent_keys if key not in mirrored_keys], unread),
        ),
    )


def _index(client: StoreClient) -> Row:
    """WordPress' index, or nothing: security plugins close it to those without a login, and a sync needs it not."""
    try:
        return client.get_object("/", {"_fields": "name,gmt_offset,timezone_string,namespaces"})
    except (StoreAuthError, StoreBlockedError):
        return {}


def _name(client: StoreClient, index: Row) -> str:
    return html.unescape(str(index.get("name") or "")).strip() or urlsplit(client.settings.url).hostname or ""


def _check_date_filter(client: StoreClient) -> None:
    """An old WooCommerce ignores the filter without a word and would give every order for every window."""
    future: dict[str, str | int] = {
        "modified_after": "2999-01-01T00:00:00",
        "dates_are_gmt": "true",
        "per_page": 1,
        "_fields": "id",
    }
    if client.get_list("orders", future).rows:
        attempt = client.attempt("GET orders modified after the year 2999")
        raise attempt.failed(StoreFilterIgnoredError, "orders, so modified_after is ignored")


def _status_warnings(client: StoreClient, statuses: Collection[str]) -> list[str]:
    known = find_order_statuses(client)
    warnings = []
    if not known.are_told:
        warnings.append(
            f"The store does not tell its order statuses, so only {', '.join(known.slugs)} are read, and no status "
            "that a plugin adds: update WooCommerce to 9.6 or newer, or let OPTIONS /wp-json/wc/v3/orders through."
        )
    if unknown := ", ".join(status for status in statuses if status not in known.slugs):
        warnings.append(
            f"The store has no order status {unknown}: nothing comes from there. It has {', '.join(known.slugs)}."
        )
    return warnings


def _block_field_warnings(version: StoreVersion, keys: Collection[str]) -> list[str]:
    unwritten = ", ".join(unwritten_keys(version, keys))
    if not unwritten:
        return []
    return [
        f"consent.meta_keys has {unwritten}, which WooCommerce itself writes only since 8.9 (8.5 to 8.8 keep all "
        f"fields of the block checkout together, which is not read): update WooCommerce {version.text}, or name the "
        "key of the plugin that asks."
    ]


def _unread_consent(
    client: StoreClient, keys: Collection[str], words: Mapping[str, Consent]
) -> dict[str, int]:
    if not keys:
        return {}
    newest: dict[str, str | int] = {
        "orderby": "id",
        "order": "desc",
        "per_page": PAGE_SIZE,
        "_fields": "id,meta_data",
    }
    customers = client.get_list("customers", {**newest, "role": "all"}).rows
    orders = client.get_list("orders", newest).rows
    found = Counter(
        f"{key} = {_shown(value)}"
        for row in (*customers, *orders)
        for key, value in _values(row, keys).items()
        if not is_empty(value) and is_unread(value, words, key=key)
    )
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _values(row: Row, keys: Collection[str]) -> dict[str, object]:
    """What stands under these meta keys; of a key that is stored twice the first counts, as in a sync."""
    backwards = reversed(objects(row.get("meta_data")))
    return {item["key"]: item.get("value") for item in backwards if item.get("key") in tuple(keys)}


def _shown(value: object) -> str:
    # Masked before it is cut: half of an email or phone is none that a mask knows.
    text = redact(compact_json(outline(value)), limit=100 * _LONGEST_VALUE_SHOWN)
    return text if len(text) <= _LONGEST_VALUE_SHOWN else text[: _LONGEST_VALUE_SHOWN - 1] + "…"


def _consent_warnings(unmirrored_keys: Iterable[str], unread: Mapping[str, int]) -> list[str]:
    found = []
    if hidden := ", ".join(key for key in unmirrored_keys if key.startswith("_")):
        found.append(
            f"WooCommerce's API hides the meta {hidden} of customers (the name begins with _), so those who change it "
            "in My account cannot be seen: docs/consent.md has a snippet that mirrors it into visible, dated meta "
            "(consent.mirrored_by)."
        )
    if unread:
        named = [f"{text} ({count}×)" for text, count in list(unread.items())[:_MOST_VALUES_NAMED]]
        more = len(unread) - len(named)
        found.append(
            f"The newest records say of consent what is understood neither as a yes nor as a no: {', '.join(named)}"
            f"{f', and {more} more' if more else ''}. If it is a choice, add the word to consent.words; else the key "
            "is not one of consent."
        )
    return found


def _warnings(client: StoreClient, *, meta_missing: bool) -> list[str]:
    found = []
    if meta_missing:
        found.append(
            "The store withholds customers' meta data, so their consent and tags cannot be read: the API key "
            "must belong to an administrator (WooCommerce > Settings > Advanced > REST API, field User)."
        )
    if client.notices:
        found.append(
            f"The store's JSON is not as it should be ({client.first_notice}), and is read all the same: set "
            "WP_DEBUG_DISPLAY to false in wp-config.php, or update the plugin that does it. Comments come from caches: "
            "exclude /wp-json/ from them."
        )
    url = urlsplit(client.settings.url)
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        found.append(
            "The url is http: the key is safe (requests are signed), but customers' names and phones cross "
            "the network in the clear. Use the store's https:// url."
        )
    if client.server_time is not None:
        skew = abs((client.now() - client.server_time).total_seconds())
        if skew > _MOST_CLOCK_SKEW:
            found.append(
                f"The store's clock and this machine's differ by {skew:.0f} seconds: set both by NTP. Signed "
                "requests over http fail from 900 seconds on."
            )
    return found


def _timezone(index: Row) -> str:
    name = str(index.get("timezone_string") or "")
    offset = index.get("gmt_offset")
    if name or isinstance(offset, bool) or not isinstance(offset, int | float | str):
        return name or "time zone unknown"
    return f"UTC{float(offset or 0):+g}"


def check_lines(
    source: WooCommerceSettings, connect: Callable[[WooCommerceSettings], StoreClient] = connect
) -> Iterator[CheckLine]:
    """Try one store: a failure is one line, what can be lived with one line each."""
    keys = [key for key in source.meta_keys if not key.startswith("_")]
    try:
        with connect(source) as client:
            found = check_store(
                client,
                needs_customer_meta=bool(keys),
                statuses=source.order_statuses or (),
                consent_keys=source.consent.keys,
                mirrored_keys=source.consent.mirrored_by,
                consent_words=source.consent.words.meanings,
            )
    except WooSyncError as error:
        yield CheckLine("FAIL", source.key, str(error))
        return
    yield CheckLine(
        "ok",
        source.key,
        f"{found.name}, WooCommerce {found.version}, {found.timezone}, {found.customers_total:,} customers",
    )
    for lack in found.lacking:
        yield CheckLine("ok", source.key, lack)
    for warning in found.warnings:
        yield CheckLine("warn", source.key, warning)
    if not source.consent.keys:
        yield CheckLine(
            "warn",
            source.key,
            "consent.meta_keys is empty: no choice of anybody is read, so in mode "
            f"{source.consent.mode} {'nobody' if source.consent.mode == 'explicit' else 'everybody'} is subscribed: "
            "`woo-sync discover` finds the keys that the store has",
        )
