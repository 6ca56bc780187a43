"""Reading a sample of a store, the newest customers and orders, and judging where it keeps consent and tags."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from woo_sync_pipeline.sources.base import Discovered
from woo_sync_pipeline.sources.woocommerce.client import Row, StoreClient, connect
from woo_sync_pipeline.sources.woocommerce.discovery.counting import MetaCounts, RecordKind
from woo_sync_pipeline.sources.woocommerce.discovery.findings import Findings, judge
from woo_sync_pipeline.sources.woocommerce.discovery.proposal import proposal, proposal_lines
from woo_sync_pipeline.sources.woocommerce.discovery.showing import (
    consent_table,
    finding_values,
    notes,
    tags_table,
)
from woo_sync_pipeline.sources.woocommerce.errors import StoreError
from woo_sync_pipeline.sources.woocommerce.fields import objects
from woo_sync_pipeline.sources.woocommerce.paging import in_order_of_ids
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.sources.woocommerce.statuses import order_statuses
from woo_sync_pipeline.sources.woocommerce.values import parse_gmt

_FIELDS = "id,date_created_gmt,date_modified_gmt,meta_data"


def newest_customers(client: StoreClient, *, most: int | None) -> Iterator[Row]:
    """The newest `most` users of any role (None: all of them), newest first, with nothing but dates and meta.

    Rows whose id cannot be read are left out. Raises StoreError.
    """
    yield from _newest(client, "customers", {"role": "all"}, most)


def newest_orders(client: StoreClient, *, most: int | None) -> Iterator[Row]:
    """The newest `most` orders of every status but drafts (None: all), newest first; the rest as for customers."""
    yield from _newest(client, "orders", {"status": ",".join(order_statuses(client))}, most)


def meta_of(row: Row) -> dict[str, Any] | None:
    """The meta of a row by key, None where the store withholds it. Of a key that is there twice the first counts."""
    if "meta_data" not in row:
        return None
    backwards = reversed(objects(row["meta_data"]))
    return {item["key"]: item.get("value") for item in backwards if isinstance(item.get("key"), str)}


def last_moment(row: Row) -> datetime | None:
    """When a row was last saved, as far as the store tells: many changes of meta move no date. UTC."""
    moments = [parse_gmt(row.get("date_modified_gmt")), parse_gmt(row.get("date_created_gmt"))]
    return max(filter(None, moments), default=None)


def _newest(client: StoreClient, path: str, params: dict[str, str | int], most: int | None) -> Iterator[Row]:
    left = most
    for page in in_order_of_ids(
        client,
        path,
        {"_fields": _FIELDS, **params},
        tried=f"reading the newest {path}",
        descending=True,
        # Of a sample nothing is read that would not be looked at.
        ahead=client.settings.max_concurrency if most is None else 1,
        left_out=LeftOut(),
    ):
        yield from page if left is None else page[:left]
        if left is not None and (left := left - len(page)) <= 0:
            return


SAMPLE = 1_000
"""Newest customers, and newest orders, that are looked at unless all are asked for."""


@dataclass(frozen=True)
class Discovery:
    """What was found in one store. `active_plugins` are folders of plugins; None where the store does not tell."""

    source: WooCommerceSettings
    findings: Findings
    active_plugins: frozenset[str] | None

    @property
    def notes(self) -> list[str]:
        """What cannot be seen, and what to do about it."""
        return list(notes(self.findings, active_plugins=self.active_plugins))

    @property
    def proposal(self) -> dict[str, dict[str, Any]]:
        """The sections `consent` and `groups` to configure, as values."""
        return proposal(self.findings, **self._configured)

    @property
    def proposal_lines(self) -> list[str]:
        """The same as lines of YAML."""
        return proposal_lines(self.findings, **self._configured)

    @property
    def _configured(self) -> dict[str, Any]:
        """What is written of these sections in the configuration, without what is not."""
        return {
            "consent": self.source.consent.model_dump(mode="json", exclude_unset=True),
            "groups": self.source.groups.model_dump(mode="json", exclude_unset=True),
        }

    def values(self) -> dict[str, Any]:
        """Everything as a plain structure, for JSON."""
        return {
            "source": self.source.key,
            "read": {str(kind): number for kind, number in self.findings.records.items()},
            "consent": [finding_values(each) for each in self.findings.consent],
            "tags": [finding_values(each) for each in self.findings.tags],
            "answers_elsewhere": dict(self.findings.answers_elsewhere),
            "notes": self.notes,
            "proposal": self.proposal,
            "yaml": "\n".join(self.proposal_lines) + "\n",
        }

    def shown(self) -> Discovered:
        """The same for a terminal."""
        read = ", ".join(f"{number:,} {kind}" for kind, number in self.findings.records.items())
        tables = [
            table(self.findings)
            for table, found in ((consent_table, self.findings.consent), (tags_table, self.findings.tags))
            if found
        ]
        return Discovered(
            title=f"{self.source.name}: {read} were read",
            tables=tables,
            notes=self.notes,
            sections="consent and groups",
            lines=self.proposal_lines,
            proposes=bool(self.findings.proposed_consent or self.findings.proposed_tags),
            values=self.values(),
        )


def discover_source(
    source: WooCommerceSettings,
    *,
    everything: bool = False,
    connect: Callable[[WooCommerceSettings], StoreClient] = connect,
) -> Discovery:
    """Read the newest 1,000 customers and orders of a store (`everything`: all), and judge their meta.

    Nothing of it is kept. Raises StoreError.
    """
    most = None if everything else SAMPLE
    counts = MetaCounts(rules=source.consent.rules, tag_keys=source.groups.meta_keys)
    with connect(source) as client:
        for row in newest_customers(client, most=most):
            counts.add(RecordKind.customers, meta_of(row), at=last_moment(row))
        for row in newest_orders(client, most=most):
            counts.add(RecordKind.orders, meta_of(row), at=last_moment(row))
        plugins = _active_plugins(client)
    return Discovery(source, judge(counts), plugins)


def _active_plugins(client: StoreClient) -> frozenset[str] | None:
    try:
        status = client.get_object("system_status", {"_fields": "active_plugins"})
    except StoreError:
        # Worth a remark in what is shown, and no reason to show nothing.
        return None
    files = (str(each.get("plugin") or "") for each in objects(status.get("active_plugins")))
    return frozenset(file.partition("/")[0] for file in files if file)
