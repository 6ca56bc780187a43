"""From the store's customers and orders to the records, and the end of a reading, that every source gives."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from numbers import Integral
from typing import Any, cast

import numpy as np
import pandas as pd

from woo_sync_pipeline.clocks import ClockOffset
from woo_sync_pipeline.contacts.columns import Distinct, Flags, Objects, is_empty, objects, texts
from woo_sync_pipeline.contacts.consent import ChoiceRead, read_choice
from woo_sync_pipeline.contacts.groups import tags_from_meta
from woo_sync_pipeline.contacts.names import clean_name
from woo_sync_pipeline.contacts.normalise import RawRecords
from woo_sync_pipeline.sources.base import SourceStep
from woo_sync_pipeline.sources.woocommerce.fields import ADDRESS_COLUMNS
from woo_sync_pipeline.sources.woocommerce.known import next_cursor, replace_roles
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.state.records import Reading

CUSTOMER, ORDER = "customer", "order"
"""The types of records."""

_SAYS_NOTHING = ChoiceRead()
_TRASH = "trash"
_NOT_BOUGHT = ("pending", "failed", "cancelled", "refunded", _TRASH)
"""Statuses of orders by which nothing was bought, or nothing was kept."""


def raw_portions(
    settings: WooCommerceSettings,
    *,
    customers: Iterable[pd.DataFrame],
    orders: Iterable[pd.DataFrame],
    guest_order_ids: Iterable[int],
) -> Iterator[RawRecords]:
    """Customers and orders as raw records, portion by portion: what that takes in memory is that of one portion."""
    guests = pd.Index(list(guest_order_ids), dtype="int64")
    for rows in customers:
        yield customer_records(rows, settings)
    for rows in orders:
        yield order_records(rows, settings, guests)


def customer_records(frame: pd.DataFrame, settings: WooCommerceSettings) -> RawRecords:
    """Registered customers, who hold a contact each.

    `frame` has the columns of `records.CUSTOMER_SCHEMA`: role (of several one a line), meta (JSON text of an object, or
    None where the store withheld it) and others.
    """
    rules, metas = settings.consent.rules, Distinct(frame["meta"].to_numpy(dtype=object))
    decoded = metas.map(_meta)
    roles = Distinct(texts(frame["role"]))
    role_tags = roles.map(_no_tags if settings.groups.roles is False else _role_tags)
    meta_tags = [_meta_tags(meta, settings.groups.meta_keys) for meta in decoded]
    # Each pair of a role and a meta as one number, so that tags are made once for each pair that occurs.
    pairs = Distinct(roles.codes * max(len(decoded), 1) + metas.codes)
    tags = [_tags(role_tags[pair // len(decoded)], meta_tags[pair % len(decoded)]) for pair in pairs.cells]
    ids = _id_texts(frame["record_id"])
    return _raw_records(
        frame,
        settings,
        record_type=CUSTOMER,
        record_ids=ids,
        person_ids=ids,
        is_person=True,
        names=[_names(frame, kind) for kind in ("billing_", "", "shipping_")],
        emails=[frame["email"], frame["billing_email"]],
        choices=metas.over_rows([read_choice(meta, rules) for meta in decoded]),
        tags=pairs.over_rows(tags),
        item_ids=_no_lists(len(frame)),
        status=np.full(len(frame), "", dtype=object),
        is_discarded=np.zeros(len(frame), dtype=bool),
        holds_contact=np.ones(len(frame), dtype=bool),
        is_erased=_without_address(frame),
    )


def order_records(
    frame: pd.DataFrame, settings: WooCommerceSettings, guest_order_ids: pd.Index[int]
) -> RawRecords:
    """Orders: those of guests hold a contact each, those of customers tell what these chose and bought.

    `frame` has the columns of `records.ORDER_SCHEMA`: customer_id (0 for none, negative where it cannot be read),
    product_ids (lists or arrays of int) and others. Tags are empty, because an order has none of its own; items are
    what was bought. The renewal of a subscription is made by nobody: its choice, a copy, says nothing. Neither does
    that of an anonymised order, which has no person any more: no phone, no name, no email.
    """
    is_anonymised = frame["is_anonymised"].to_numpy(dtype=bool)
    if is_anonymised.any():
        # The store has put words and a number in the person's place.
        frame = frame.assign(**{name: frame[name].mask(is_anonymised, "") for name in ADDRESS_COLUMNS})
    rules, metas = settings.consent.rules, Distinct(frame["meta"].to_numpy(dtype=object))
    customers = frame["customer_id"].astype("Int64").fillna(0)
    is_guests, status = frame["record_id"].isin(guest_order_ids).to_numpy(dtype=bool), frame["status"]
    return _raw_records(
        frame,
        settings,
        record_type=ORDER,
        record_ids=_id_texts(frame["record_id"]),
        person_ids=objects(map(_person_id, customers.tolist()), len(frame)),
        is_person=False,
        names=[_names(frame, kind) for kind in ("billing_", "shipping_")],
        emails=[frame["billing_email"]],
        choices=np.where(
            frame["is_renewal"].to_numpy(dtype=bool) | is_anonymised,
            objects([_SAYS_NOTHING], 1),
            metas.over_rows([read_choice(_meta(meta), rules) for meta in metas.cells]),
        ),
        tags=_no_lists(len(frame)),
        item_ids=np.where(
            status.isin(_NOT_BOUGHT), _no_lists(len(frame)), _product_ids(frame["product_ids"])
        ),
        status=status.to_numpy(dtype=object),
        is_discarded=(status == _TRASH).to_numpy(dtype=bool),
        holds_contact=is_guests & ~is_anonymised,
        is_erased=is_anonymised,
        person_rule=("customer_id", "greater_than_or_equal_to(0)"),
    )


def _raw_records(frame: pd.DataFrame, settings: WooCommerceSettings, **own: Any) -> RawRecords:
    # Empty means withheld, so what is read of visible meta must have a name even where it is nothing.
    basis = np.where(frame["meta"].isna(), "", settings.consent.basis or "nothing").astype(object)
    return RawRecords(
        **own,
        phones=[frame["billing_phone"], frame["shipping_phone"]],
        countries=[frame["billing_country"], frame["shipping_country"]],
        consent_basis=basis,
        created_at=frame["created_at"],
        modified_at=frame["modified_at"],
        hash=frame["hash"],
        read_at=frame["read_at"],
    )


def _id_texts(ids: pd.Series[int]) -> Objects:
    return objects(map(str, ids.tolist()), len(ids))


def _person_id(customer_id: int) -> str | None:
    """The id of an order's customer: "" for a guest's, None where it cannot be read."""
    return str(customer_id) if customer_id > 0 else "" if customer_id == 0 else None


def _names(frame: pd.DataFrame, kind: str) -> tuple[pd.Series[Any], pd.Series[Any]]:
    return frame[f"{kind}first_name"], frame[f"{kind}last_name"]


def _without_address(frame: pd.DataFrame) -> Flags:
    """Which rows have nothing at all in their addresses."""
    empty = np.ones(len(frame), dtype=bool)
    for name in ADDRESS_COLUMNS:
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


def _product_ids(column: pd.Series[Any]) -> Objects:
    """The lists as texts; rows with equal ones share one."""
    lists: dict[bytes | tuple[str, ...], list[str]] = {}

    def shared(value: object) -> list[str]:
        # Arrays with the same ids have the same bytes, which are the quickest to compare.
        is_array = isinstance(value, np.ndarray) and value.dtype == np.int64
        key = cast(np.ndarray, value).tobytes() if is_array else _ids_of(value)
        found = lists.get(key)
        if found is None:
            found = lists[key] = list(_ids_of(value))
        return found

    return objects(map(shared, column), len(column))


def _ids_of(value: object) -> tuple[str, ...]:
    """The ids of a list. 0 stands for a product that was deleted, so it names none."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return ()
    return tuple(str(int(number)) for number in value if isinstance(number, Integral) and int(number) > 0)


def reading_of(step: SourceStep[WooCommerceSettings]) -> Reading:
    """What the extractions of one sync found, but for the records themselves."""
    orders, customers = step.read("orders").notes, step.read("customers").notes
    tags, roles = step.read("tags").frame, step.read("user_roles").frame
    read_roles = dict(roles.itertuples(index=False, name=None)) if customers["roles_are_known"] else None
    return Reading(
        records=(),
        started_at=datetime.fromisoformat(orders["started_at"]),
        read_until=datetime.fromisoformat(orders["read_until"]),
        gone={
            record_type: step.read(frame).frame["record_id"].astype(str).tolist()
            for record_type, frame in ((CUSTOMER, "gone_customers"), (ORDER, "gone_orders"))
        },
        item_tags={str(number): names for number, names in tags.itertuples(index=False, name=None)},
        cursor=next_cursor(
            step.watermark.cursor if step.watermark else {},
            customer_id=customers["last_id"],
            order_id=orders["last_id"],
        ),
        source_clock=ClockOffset.from_json(orders["store_ahead_by"]),
        beside=replace_roles(step.source.key, read_roles),
    )
