"""From the records of a store to contacts-to-be: one row each, with a phone or the reason why there is none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from woo_sync_pipeline.contacts.columns import (
    Distinct,
    Flags,
    Objects,
    each_distinct,
    is_empty,
    objects,
    texts,
)
from woo_sync_pipeline.contacts.consent import ChoiceRead, ConsentRules, read_choice
from woo_sync_pipeline.contacts.emails import clean_email
from woo_sync_pipeline.contacts.groups import tags_from_meta
from woo_sync_pipeline.contacts.names import clean_name, clean_text
from woo_sync_pipeline.contacts.phones import InvalidReason, ParsedPhone, parse_phone, phone_at_a_glance
from woo_sync_pipeline.contacts.schemas import SourceRecord
from woo_sync_pipeline.privacy import mask_phone

UTC_TIME = pd.DatetimeTZDtype("us", "UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class NormaliseSettings:
    """What a source's configuration says about reading its records.

    `default_region` is the ISO 3166 alpha-2 country of phones of records without a country. Consent is read by the
    rules of `consent`, tags from the meta fields named by `tag_meta_keys`. `role_groups` makes each of the
    customer's roles a tag.
    """

    default_region: str
    consent: ConsentRules = field(default_factory=ConsentRules)
    tag_meta_keys: tuple[str, ...] = ()
    role_groups: bool = False


def normalise_customers(frame: pd.DataFrame, settings: NormaliseSettings) -> DataFrame[SourceRecord]:
    """Normalise registered customers, one output row per input row, in order.

    `frame` has the columns record_id, created_at, modified_at, role (of several one a line), email,
    first_name, last_name, the same names with `billing_` and `shipping_` in front, billing_email,
    {billing,shipping}_{phone,country}, meta (JSON text of an object, or None where the store withheld it), hash and
    read_at. Rows with equal lists may share one. Whatever customers and plugins wrote, nothing is raised; whether the
    result fits its model is not yet checked.
    """
    metas = Distinct(frame["meta"].to_numpy(dtype=object))
    decoded = metas.map(_meta)
    roles = Distinct(texts(frame["role"]))
    role_tags = roles.map(_role_tags if settings.role_groups else _no_tags)
    meta_tags = [_meta_tags(meta, settings.tag_meta_keys) for meta in decoded]
    # Each pair of a role and a meta as one number, so that tags are made once for each pair that occurs.
    pairs = Distinct(roles.codes * max(len(decoded), 1) + metas.codes)
    tags = [_tags(role_tags[pair // len(decoded)], meta_tags[pair % len(decoded)]) for pair in pairs.cells]
    return _normalise(
        frame,
        settings,
        record_type="customer",
        customer_ids=frame["record_id"],
        name_sources=("billing_", "", "shipping_"),
        email_columns=("email", "billing_email"),
        choices=metas.over_rows([read_choice(meta, settings.consent) for meta in decoded]),
        tags=pairs.over_rows(tags),
        product_ids=_no_lists(len(frame)),
        is_erased=_without_address(frame),
    )


def normalise_orders(frame: pd.DataFrame, settings: NormaliseSettings) -> DataFrame[SourceRecord]:
    """Normalise orders, one output row per input row, in order.

    `frame` has the columns record_id, created_at, modified_at, customer_id (0 for none), is_renewal and
    is_anonymised (bool), the `billing_` and `shipping_` columns of a customer, meta, product_ids (lists or arrays of
    int), hash and read_at. Tags are empty, because an order has none of its own. The renewal of a subscription is made
    by nobody: its choice, a copy, says nothing. Neither does that of an anonymised order, which has no person any more:
    no phone, no name, no email. Nothing is raised; whether the result fits its model is not yet checked.
    """
    is_anonymised = frame["is_anonymised"].to_numpy(dtype=bool)
    if is_anonymised.any():
        # The store has put words and a number in the person's place.
        frame = frame.assign(**{name: frame[name].mask(is_anonymised, "") for name in _ADDRESS_COLUMNS})
    metas = Distinct(frame["meta"].to_numpy(dtype=object))
    return _normalise(
        frame,
        settings,
        record_type="order",
        customer_ids=frame["customer_id"],
        name_sources=("billing_", "shipping_"),
        email_columns=("billing_email",),
        choices=np.where(
            frame["is_renewal"].to_numpy(dtype=bool) | is_anonymised,
            objects([_SAYS_NOTHING], 1),
            metas.over_rows([read_choice(_meta(meta), settings.consent) for meta in metas.cells]),
        ),
        tags=_no_lists(len(frame)),
        product_ids=_product_lists(frame["product_ids"]),
        is_erased=is_anonymised,
    )


_RecordType = Literal["customer", "order"]
_SAYS_NOTHING = ChoiceRead()
_ADDRESS_COLUMNS = (
    *(f"billing_{name}" for name in ("first_name", "last_name", "phone", "country", "email")),
    *(f"shipping_{name}" for name in ("first_name", "last_name", "phone", "country")),
)


def _normalise(
    frame: pd.DataFrame,
    settings: NormaliseSettings,
    *,
    record_type: _RecordType,
    customer_ids: pd.Series[int],
    name_sources: Sequence[str],
    email_columns: Sequence[str],
    choices: Objects,
    tags: Objects,
    product_ids: Objects,
    is_erased: Flags,
) -> DataFrame[SourceRecord]:
    regions = _regions(frame, settings.default_region)
    phones, reasons, masked = _phones(texts(frame["billing_phone"]), texts(frame["shipping_phone"]), regions)
    first_names, last_names = _names(frame, name_sources)
    emails, emails_dropped = _emails([texts(frame[column]) for column in email_columns])
    count = len(frame)
    records = pd.DataFrame(
        {
            "record_type": objects([record_type] * count, count),
            "record_id": frame["record_id"].astype("int64").array,
            "customer_id": customer_ids.astype("Int64").fillna(0).array,
            "phone": phones,
            "region": regions,
            "raw_phone_masked": masked,
            "first_name": first_names,
            "last_name": last_names,
            "email": emails,
            "email_dropped": emails_dropped,
            "consent": objects((choice.consent.value for choice in choices), count),
            "consent_origin": objects((_origin(record_type, choice) for choice in choices), count),
            "consent_key": objects((choice.key for choice in choices), count),
            "consent_value": objects((choice.value for choice in choices), count),
            "consent_answers": objects((choice.answers for choice in choices), count),
            "consent_unread": objects((choice.unread for choice in choices), count),
            "said_at": pd.Series(
                objects((choice.said_at for choice in choices), count), dtype=UTC_TIME
            ).array,
            "tags": tags,
            "product_ids": product_ids,
            "created_at": frame["created_at"].astype(UTC_TIME).array,
            "modified_at": frame["modified_at"].astype(UTC_TIME).array,
            "invalid_reason": reasons,
            "is_erased": is_erased,
            "hash": frame["hash"].array,
            "read_at": frame["read_at"].astype(UTC_TIME).array,
        }
    )
    return cast("DataFrame[SourceRecord]", records)


def _regions(frame: pd.DataFrame, default: str) -> Objects:
    """The country to read a row's phones with: billing, else shipping, else the default one, "" if there is none."""
    regions = each_distinct(_country, texts(frame["billing_country"]))
    for others in (each_distinct(_country, texts(frame["shipping_country"])), _country(default)):
        regions = np.where(is_empty(regions), others, regions)
    return regions


def _country(text: str) -> str:
    code = text.strip().upper()
    # "Australia" or "??" is no country code: as good as none.
    return code if len(code) == 2 and code.isascii() and code.isalpha() else ""


def _phones(billing: Objects, shipping: Objects, regions: Objects) -> tuple[Objects, Objects, Objects]:
    """For each row the phone; where there is none, the reason and what was typed, masked."""
    count = len(regions)
    reasons: Objects = np.full(count, None, dtype=object)
    masked = objects([""] * count, count)
    phones = objects(map(phone_at_a_glance, billing.tolist(), regions.tolist()), count)
    for row in np.flatnonzero(phones == None):  # noqa: E711 - compares each cell
        phone, typed = _choose_phone(billing[row], shipping[row], regions[row])
        phones[row] = phone.e164
        if phone.reason is not None:
            reasons[row] = phone.reason.value
            masked[row] = mask_phone(clean_text(typed))
    return phones, reasons, masked


def _choose_phone(billing: str, shipping: str, region: str) -> tuple[ParsedPhone, str]:
    """Return the phone to use, or the reason to report, and the text that it was typed as."""
    read_billing = parse_phone(billing, region)
    if read_billing.e164 or (billing and not shipping):
        return read_billing, billing
    read_shipping = parse_phone(shipping, region)
    if read_shipping.e164 or read_billing.reason is InvalidReason.missing_phone:
        return read_shipping, shipping
    return read_billing, billing


def _names(frame: pd.DataFrame, sources: Iterable[str]) -> tuple[Objects, Objects]:
    """The first pair of names that is not empty; never the first name of one and the last of another."""
    chosen_first = chosen_last = objects([""] * len(frame), len(frame))
    for source in sources:
        first, last = (
            each_distinct(clean_name, texts(frame[f"{source}{part}"])) for part in ("first_name", "last_name")
        )
        missing = is_empty(chosen_first) & is_empty(chosen_last)
        chosen_first, chosen_last = (
            np.where(missing, first, chosen_first),
            np.where(missing, last, chosen_last),
        )
    return chosen_first, chosen_last


def _emails(columns: Sequence[Objects]) -> tuple[Objects, Flags]:
    """The first valid address of each row, "" if there is none, and whether one was given but none is valid."""
    count = len(columns[0])
    emails = objects(map(clean_email, columns[0].tolist()), count)
    for column in columns[1:]:
        missing = np.flatnonzero(is_empty(emails))
        emails[missing] = objects(map(clean_email, column[missing].tolist()), len(missing))
    missing = np.flatnonzero(is_empty(emails))
    dropped = np.zeros(count, dtype=bool)
    for column in columns:
        dropped[missing] |= ~is_empty(objects(map(clean_text, column[missing].tolist()), len(missing)))
    return emails, dropped


def _without_address(frame: pd.DataFrame) -> Flags:
    """Which rows have nothing at all in their addresses."""
    empty = np.ones(len(frame), dtype=bool)
    for name in _ADDRESS_COLUMNS:
        empty &= is_empty(texts(frame[name]))
    return empty


def _no_lists(count: int) -> Objects:
    empty: list[object] = []
    return objects([empty] * count, count)


def _meta(value: object) -> Mapping[str, object]:
    if not isinstance(value, str):
        return {}
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _origin(record_type: _RecordType, choice: ChoiceRead) -> str:
    return f"{record_type} meta {choice.found_under}" if choice.found_under else ""


def _role_tag(role: str) -> str:
    """Make a role's slug readable: "shop_manager" becomes "Shop manager"."""
    words = clean_name(role.replace("_", " ").replace("-", " "))
    return words[:1].upper() + words[1:]


def _role_tags(roles: str) -> list[str]:
    """The tags of a customer's roles, which are parted by line ends."""
    return [_role_tag(role) for role in roles.splitlines()]


def _no_tags(_: str) -> list[str]:
    return []


def _meta_tags(meta: Mapping[str, object], keys: Iterable[str]) -> list[str]:
    return [tag for key in keys for tag in tags_from_meta(meta.get(key))]


def _tags(role_tags: Iterable[str], meta_tags: Iterable[str]) -> list[str]:
    first_spelling: dict[str, str] = {}
    for tag in (*role_tags, *meta_tags):
        if tag:
            first_spelling.setdefault(tag.casefold(), tag)
    return list(first_spelling.values())


def _product_lists(column: pd.Series[Any]) -> Objects:
    lists: dict[bytes | tuple[int, ...], list[int]] = {}

    def shared(value: object) -> list[int]:
        is_array = isinstance(value, np.ndarray) and value.dtype == np.int64
        # Arrays with the same ids have the same bytes, which are the quickest to compare.
        key = cast(np.ndarray, value).tobytes() if is_array else _product_ids(value)
        found = lists.get(key)
        if found is None:
            found = lists[key] = list(_product_ids(value))
        return found

    return objects(map(shared, column), len(column))


def _product_ids(value: object) -> tuple[int, ...]:
    """Return the ids as plain int. 0 stands for a product that was deleted, so it names none."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return ()
    return tuple(int(number) for number in value if isinstance(number, Integral) and int(number) > 0)
