"""From what was read to records fit for the state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from woo_sync_pipeline.config import SourceSettings
from woo_sync_pipeline.contacts.normalise import NormaliseSettings, normalise_customers, normalise_orders
from woo_sync_pipeline.contacts.schemas import SourceRecord, validate
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.state.records import RECORD_COLUMNS
from woo_sync_pipeline.state.syncs import SyncContact


@dataclass(frozen=True)
class NormalisedRecords:
    """records: one row per store record (columns `RECORD_COLUMNS` and `holds_contact`).

    failures: rows that do not fit the model of a record (columns row_index, column, check; never values). A
    record that is among them is in neither form in `records`, and is read again by the next sync.
    """

    records: pd.DataFrame
    failures: pd.DataFrame
    emails_dropped: int


def normalise_records(
    source: SourceSettings, *, customers: pd.DataFrame, orders: pd.DataFrame, guest_order_ids: Iterable[int]
) -> NormalisedRecords:
    """Customers and orders as records.

    Customers and guest orders hold a contact (`holds_contact`); orders of customers carry choices and products.
    """
    settings = NormaliseSettings(
        default_region=source.default_region,
        consent_meta_keys=source.consent.meta_keys,
        tag_meta_keys=source.groups.meta_keys,
        role_groups=source.groups.roles,
    )
    people = normalise_customers(customers, settings).assign(
        order_status="",
        consent_basis=_basis(customers["meta"], source.consent.meta_keys),
        holds_contact=True,
    )
    guests = set(guest_order_ids)
    buying = normalise_orders(orders, settings).assign(
        order_status=orders["status"].to_numpy(),
        consent_basis=_basis(orders["meta"], source.consent.meta_keys),
        holds_contact=[order_id in guests for order_id in orders["record_id"]],
    )
    extra = ["order_status", "consent_basis", "holds_contact"]
    everything = pd.concat([frame for frame in (people, buying) if len(frame)] or [people], ignore_index=True)
    good, failures = validate(SourceRecord, everything.drop(columns=extra))
    if failures["row_index"].isna().any():
        raise StateError(
            source=source.key,
            tried="check the records against their model",
            got=f"columns at fault: {', '.join(sorted(set(failures['column'])))}",
            next_step="This is a fault of woo_sync_pipeline or of a staged frame of another version: run the "
            "whole job again.",
        )
    bad_rows = set(failures["row_index"].dropna().astype(int))
    kept = everything[~everything.index.isin(bad_rows)].reset_index(drop=True)
    records = pd.concat([good, kept[extra]], axis=1).rename(columns={"raw_phone_masked": "phone_masked"})
    return NormalisedRecords(
        records[[*RECORD_COLUMNS, "holds_contact"]], failures, int(records["email_dropped"].sum())
    )


def invalid_contacts(records: pd.DataFrame) -> list[SyncContact]:
    """The records that should hold a contact and have no phone that can receive messages, with the reason."""
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


def _basis(metas: pd.Series[str], keys: tuple[str, ...]) -> list[str]:
    read = ",".join(keys)
    return ["" if withheld else read for withheld in metas.isna()]
