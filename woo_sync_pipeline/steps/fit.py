"""From what was read to records fit for the state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from woo_sync_pipeline.contacts.normalise import NormaliseSettings, normalise_customers, normalise_orders
from woo_sync_pipeline.contacts.schemas import SourceRecord, validate
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.state.bulk import arrow_schema
from woo_sync_pipeline.state.columns import RECORD_COLUMNS
from woo_sync_pipeline.state.syncs import DOES_NOT_FIT, SyncContact

RECORD_SCHEMA: pa.Schema = arrow_schema({**RECORD_COLUMNS, "holds_contact": "boolean"})


@dataclass(frozen=True)
class NormalisedRecords:
    """records: one row per store record (columns of `RECORD_SCHEMA`).

    failures: rows that do not fit the model of a record (columns row_index, column, check; never values). A
    record that is among them is in neither form in `records`, and is read again by the next sync.
    left_out: these rows, each once, as a report shows them.
    unread: answers under a consent key that nobody understands, as `key = value`, and in how many records.
    """

    records: pd.DataFrame
    failures: pd.DataFrame
    left_out: tuple[SyncContact, ...] = ()
    unread: Mapping[str, int] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """How many rows do not fit the model of a record."""
        return int(self.failures["row_index"].dropna().nunique())

    @property
    def emails_dropped(self) -> int:
        """How many records have an email that is none."""
        return int(self.records["email_dropped"].sum())


def normalise_portions(
    source: WooCommerceSettings,
    *,
    customers: Iterable[pd.DataFrame],
    orders: Iterable[pd.DataFrame],
    guest_order_ids: Iterable[int],
) -> Iterator[NormalisedRecords]:
    """Customers and orders as records, portion by portion: what that takes in memory is that of one portion.

    Customers and guest orders hold a contact (`holds_contact`); orders of customers carry choices and products.
    """
    settings = NormaliseSettings(
        default_region=source.default_region,
        consent=source.consent.rules,
        tag_meta_keys=source.groups.meta_keys,
        role_groups=source.groups.roles is not False,
    )
    guests = pd.Index(list(guest_order_ids), dtype="int64")
    for rows in customers:
        yield _customer_records(source, rows, settings)
    for rows in orders:
        yield _order_records(source, rows, settings, guests)


def normalise_records(
    source: WooCommerceSettings,
    *,
    customers: pd.DataFrame,
    orders: pd.DataFrame,
    guest_order_ids: Iterable[int],
) -> NormalisedRecords:
    """Customers and orders as records, all at once."""
    of_customers, of_orders = normalise_portions(
        source, customers=[customers], orders=[orders], guest_order_ids=guest_order_ids
    )
    refused_orders = of_orders.failures.assign(row_index=of_orders.failures["row_index"] + len(customers))
    return NormalisedRecords(
        pd.concat([of_customers.records, of_orders.records], ignore_index=True),
        pd.concat([of_customers.failures, refused_orders], ignore_index=True),
        of_customers.left_out + of_orders.left_out,
        Counter(of_customers.unread) + Counter(of_orders.unread),
    )


def _customer_records(
    source: WooCommerceSettings, rows: pd.DataFrame, settings: NormaliseSettings
) -> NormalisedRecords:
    return _checked(
        source, rows, normalise_customers(rows, settings), {"order_status": "", "holds_contact": True}
    )


def _order_records(
    source: WooCommerceSettings, rows: pd.DataFrame, settings: NormaliseSettings, guests: pd.Index[int]
) -> NormalisedRecords:
    more = {
        "order_status": rows["status"],
        "holds_contact": rows["record_id"].isin(guests) & ~rows["is_anonymised"],
    }
    return _checked(source, rows, normalise_orders(rows, settings), more)


def _checked(
    source: WooCommerceSettings, rows: pd.DataFrame, records: pd.DataFrame, more: Mapping[str, object]
) -> NormalisedRecords:
    """The records that fit their model, with more columns; what the others fail."""
    good, failures = validate(SourceRecord, records)
    if failures["row_index"].isna().any():
        raise StateError(
            source=source.key,
            tried="check the records against their model",
            got=f"columns at fault: {', '.join(sorted(set(failures['column'])))}",
            next_step="This is a fault of woo_sync_pipeline or of a staged frame of another version: run the "
            "whole job again.",
        )
    # Empty means withheld, so what is read of visible meta must have a name even where it is nothing.
    basis = {True: "", False: source.consent.basis or "nothing"}
    columns = pd.DataFrame(
        {**more, "consent_basis": rows["meta"].isna().map(basis)},
        index=rows.index,
    )
    fits = np.ones(len(rows), dtype=bool)
    fits[failures["row_index"].astype(int)] = False
    for name in columns:
        good[name] = columns[name].to_numpy()[fits]
    good.rename(columns={"raw_phone_masked": "phone_masked"}, inplace=True)
    unread = good.pop("consent_unread")
    counted = dict(Counter(unread[unread != ""].tolist()))
    return NormalisedRecords(good, failures, tuple(_left_out(records, failures)), counted)


def _left_out(records: pd.DataFrame, failures: pd.DataFrame) -> Iterator[SyncContact]:
    rules: dict[int, list[str]] = {}
    for row, column, rule in failures.itertuples(index=False, name=None):
        rules.setdefault(int(row), []).append(f"{column or 'row'}: {rule}")
    for row, broken in sorted(rules.items()):
        yield left_out_contact(
            records["record_type"].iloc[row],
            int(records["record_id"].iloc[row]),
            f"{DOES_NOT_FIT} ({', '.join(broken)})",
        )


def left_out_contact(record_type: str, record_id: int, reason: str) -> SyncContact:
    """A store record that does not fit its model, as a report shows it: without the phone, which may be at fault."""
    return SyncContact(outcome="invalid", record_type=record_type, record_id=record_id, reason=reason)


def unreadable_contacts(record_type: str, rows: Iterable[Sequence[str]]) -> list[SyncContact]:
    """Rows of a store whose id cannot be read, as a report shows them: what the id is, and the phone, masked."""
    return [
        SyncContact(
            outcome="invalid",
            record_type=record_type,
            phone_masked=phone_masked,
            reason=f"{DOES_NOT_FIT} (id: {id_is})",
        )
        for id_is, phone_masked in rows
    ]


INVALID_COLUMNS = ("record_type", "record_id", "phone_masked", "invalid_reason", "holds_contact")


def invalid_contacts(records: pd.DataFrame) -> list[SyncContact]:
    """The records that should hold a contact and have no phone that can receive messages, with the reason.

    `records` has the columns `INVALID_COLUMNS`.
    """
    invalid = records[records["holds_contact"] & records["invalid_reason"].notna()]
    columns = ["record_type", "record_id", "phone_masked", "invalid_reason"]
    return [
        SyncContact(
            outcome="invalid",
            record_type=record_type,
            record_id=int(record_id),
            phone_masked=phone_masked,
            reason=reason,
        )
        for record_type, record_id, phone_masked, reason in invalid[columns].itertuples(
            index=False, name=None
        )
    ]
