"""From the records of a store to contacts-to-be: one row each, with a phone or the reason why there is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral
from typing import Literal, TypeVar

import pandas as pd

from woo_sync_pipeline.contacts.consent import consent_of
from woo_sync_pipeline.contacts.emails import clean_email
from woo_sync_pipeline.contacts.groups import tags_from_meta
from woo_sync_pipeline.contacts.names import clean_name, clean_text
from woo_sync_pipeline.contacts.phones import InvalidReason, ParsedPhone, parse_phone
from woo_sync_pipeline.privacy import mask_phone

UTC_TIME = pd.DatetimeTZDtype("us", "UTC")
_RecordType = Literal["customer", "order"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NormaliseSettings:
    """What a source's configuration says about reading its records.

    `default_region` is the ISO 3166 alpha-2 country of phones of records without a country. Consent and tags
    are read from the meta fields named by `consent_meta_keys` and `tag_meta_keys`; `role_groups` makes the
    customer's role a tag.
    """

    default_region: str
    consent_meta_keys: tuple[str, ...] = ()
    tag_meta_keys: tuple[str, ...] = ()
    role_groups: bool = False


def normalise_customers(frame: pd.DataFrame, settings: NormaliseSettings) -> pd.DataFrame:
    """Normalise registered customers, one output row per input row, in order.

    `frame` has the columns record_id, created_at, modified_at, role, email, first_name, last_name, the same
    names with `billing_` and `shipping_` in front, billing_email, {billing,shipping}_{phone,country}, meta (JSON
    text of an object, or None where the store withheld it), hash and read_at. The result has the columns of
    `schemas.SourceRecord`. Whatever customers and plugins wrote, nothing is raised.
    """
    metas = [_meta(value) for value in frame["meta"]]
    roles = [_role_tag(_text(role)) if settings.role_groups else "" for role in frame["role"]]
    return _normalise(
        frame,
        settings,
        record_type="customer",
        customer_ids=frame["record_id"],
        metas=metas,
        name_sources=("billing_", "", "shipping_"),
        email_columns=("email", "billing_email"),
        tags=[_tags(role, meta, settings.tag_meta_keys) for role, meta in zip(roles, metas, strict=True)],
        product_ids=[[] for _ in range(len(frame))],
    )


def normalise_orders(frame: pd.DataFrame, settings: NormaliseSettings) -> pd.DataFrame:
    """Normalise orders, one output row per input row, in order.

    `frame` has the columns record_id, created_at, modified_at, customer_id (0 for none), the `billing_` and
    `shipping_` columns of a customer, meta, product_ids (lists or arrays of int), hash and read_at. The result
    has the columns of `schemas.SourceRecord`; tags are empty, because an order has none of its own. Nothing is
    raised.
    """
    return _normalise(
        frame,
        settings,
        record_type="order",
        customer_ids=frame["customer_id"],
        metas=[_meta(value) for value in frame["meta"]],
        name_sources=("billing_", "shipping_"),
        email_columns=("billing_email",),
        tags=[[] for _ in range(len(frame))],
        product_ids=[_product_ids(ids) for ids in frame["product_ids"]],
    )


def rejected_records(records: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a `SourceRecord` frame that have no phone, as `schemas.RejectedRecord`, numbered from 0."""
    rejected = records[records["invalid_reason"].notna()].reset_index(drop=True)
    columns = ["record_type", "record_id", "region", "raw_phone_masked", "invalid_reason"]
    explanations = [InvalidReason(reason).explanation for reason in rejected["invalid_reason"]]
    return rejected[columns].assign(explanation=pd.Series(explanations, dtype=object))


def _normalise(
    frame: pd.DataFrame,
    settings: NormaliseSettings,
    *,
    record_type: _RecordType,
    customer_ids: pd.Series,
    metas: Sequence[Mapping[str, object]],
    name_sources: Sequence[str],
    email_columns: Sequence[str],
    tags: Sequence[list[str]],
    product_ids: Sequence[list[int]],
) -> pd.DataFrame:
    regions = _map_rows(
        frame,
        ("billing_country", "shipping_country"),
        lambda billing, shipping: _region(billing, shipping, settings.default_region),
    )
    phones = [
        _choose_phone(_text(billing), _text(shipping), region)
        for billing, shipping, region in zip(
            frame["billing_phone"], frame["shipping_phone"], regions, strict=True
        )
    ]
    names = _map_rows(
        frame,
        [f"{source}{part}" for source in name_sources for part in ("first_name", "last_name")],
        _choose_name,
    )
    emails = _map_rows(frame, email_columns, _choose_email)
    consents = [consent_of(meta, settings.consent_meta_keys) for meta in metas]
    return pd.DataFrame(
        {
            "record_type": _objects(record_type for _ in range(len(frame))),
            "record_id": frame["record_id"].astype("int64").array,
            "customer_id": customer_ids.astype("Int64").fillna(0).array,
            "phone": _objects(phone.e164 for phone, _ in phones),
            "region": _objects(regions),
            "raw_phone_masked": _objects(mask_phone(clean_text(typed)) for _, typed in phones),
            "first_name": _objects(first for first, _ in names),
            "last_name": _objects(last for _, last in names),
            "email": _objects(email for email, _ in emails),
            "email_dropped": pd.Series([dropped for _, dropped in emails], dtype=bool),
            "consent": _objects(consent.value for consent, _ in consents),
            "consent_origin": _objects(f"{record_type} meta {key}" if key else "" for _, key in consents),
            "tags": _objects(tags),
            "product_ids": _objects(product_ids),
            "created_at": frame["created_at"].astype(UTC_TIME).array,
            "modified_at": frame["modified_at"].astype(UTC_TIME).array,
            "invalid_reason": _objects(phone.reason and phone.reason.value for phone, _ in phones),
            "hash": frame["hash"].array,
            "read_at": frame["read_at"].astype(UTC_TIME).array,
        }
    )


def _objects(values: Iterable[object]) -> pd.Series:
    return pd.Series(list(values), dtype=object)


def _map_rows(frame: pd.DataFrame, columns: Sequence[str], choose: Callable[..., T]) -> list[T]:
    """Call `choose` with the texts of these columns, row by row."""
    return [choose(*map(_text, row)) for row in zip(*(frame[column] for column in columns), strict=True)]


def _text(value: object) -> str:
    """Return a cell as text: plugins store phones as numbers, and absent cells come as None or NaN."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return ""


def _region(billing: str, shipping: str, default: str) -> str:
    for country in (billing, shipping, default):
        code = country.strip().upper()
        # "Australia" or "??" is no country code: as good as none.
        if len(code) == 2 and code.isascii() and code.isalpha():
            return code
    return ""


def _choose_phone(billing: str, shipping: str, region: str) -> tuple[ParsedPhone, str]:
    """Return the phone to use, or the reason to report, and the text that it was typed as."""
    read_billing = parse_phone(billing, region)
    if read_billing.e164:
        return read_billing, billing
    read_shipping = parse_phone(shipping, region)
    if read_shipping.e164 or read_billing.reason is InvalidReason.missing_phone:
        return read_shipping, shipping
    return read_billing, billing


def _choose_name(*names: str) -> tuple[str, str]:
    """Return the first pair of names that is not empty; never the first name of one and the last of another."""
    cleaned = [clean_name(name) for name in names]
    for first, last in zip(cleaned[::2], cleaned[1::2], strict=True):
        if first or last:
            return first, last
    return "", ""


def _choose_email(*typed: str) -> tuple[str, bool]:
    """Return the first valid address, "" if there is none, and whether one was given but none is valid."""
    for text in typed:
        if email := clean_email(text):
            return email, False
    return "", any(clean_text(text) for text in typed)


def _meta(value: object) -> Mapping[str, object]:
    if not isinstance(value, str):
        return {}
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


@lru_cache(maxsize=1024)
def _role_tag(role: str) -> str:
    """Make a role's slug readable: "shop_manager" becomes "Shop manager"."""
    words = clean_name(role.replace("_", " ").replace("-", " "))
    return words[:1].upper() + words[1:]


def _tags(role: str, meta: Mapping[str, object], keys: Iterable[str]) -> list[str]:
    first_spelling: dict[str, str] = {}
    for tag in (role, *_meta_tags(meta, keys)):
        if tag:
            first_spelling.setdefault(tag.casefold(), tag)
    return list(first_spelling.values())


def _meta_tags(meta: Mapping[str, object], keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        yield from tags_from_meta(meta.get(key))


def _product_ids(value: object) -> list[int]:
    """Return the ids as plain int. 0 stands for a product that was deleted, so it names none."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return []
    return [int(number) for number in value if isinstance(number, Integral) and int(number) > 0]
