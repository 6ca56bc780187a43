"""Which customers of a store are new, changed or gone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa

from woo_sync_pipeline.sources.woocommerce.client import Row, StoreClient
from woo_sync_pipeline.sources.woocommerce.customers import customers_after, customers_by_id, sweep_customers
from woo_sync_pipeline.sources.woocommerce.errors import StoreAnswerMalformedError
from woo_sync_pipeline.sources.woocommerce.known import customer_hashes, users_with_several_roles
from woo_sync_pipeline.sources.woocommerce.records import CUSTOMER_SCHEMA, customer_page
from woo_sync_pipeline.sources.woocommerce.roles import several_roles, store_roles, with_all_roles
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut, UnreadableRow
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings, settings_fingerprint
from woo_sync_pipeline.state.database import Database

MOST_ROLES = 10
"""Of a store with more roles the first one of each user counts, unless all are asked for: each takes requests."""


@dataclass(frozen=True)
class CustomersRead:
    """changed: customers that are not known in this form (columns of `customer_page`).

    gone: ids that are known and that a complete reading lacked. meta_withheld: whether the store kept back
    the meta of customers, because the key is not an administrator's. saved_unseen: how many customers were saved since
    the complete reading before although nothing that the store shows of them has changed. left_out: how many more there
    are whose id cannot be read: then nobody is known to be gone. unreadable: the first of these. roles: of a complete
    reading all roles of the users who have several, by id; None of any other. roles_untold: whether they were wanted
    and the store does not tell them.
    """

    changed: pa.Table
    gone: frozenset[int]
    read: int
    last_id: int
    meta_withheld: bool
    saved_unseen: int = 0
    left_out: int = 0
    unreadable: Sequence[UnreadableRow] = ()
    roles: Mapping[int, Sequence[str]] | None = None
    roles_untold: bool = False


def sweep(
    client: StoreClient,
    database: Database,
    source: WooCommerceSettings,
    *,
    since: datetime | None,
    progress: Callable[[int], None],
) -> CustomersRead:
    """All customers of the store, compared with what is known: the new, the changed and the gone.

    `since` is when the complete reading before this one began, as late as that can be by the store's clock: what was
    saved before, that reading has seen.
    """
    customers = _Customers(database, source, customer_hashes(database, source.key), progress)
    roles, roles_untold = _roles_of_users(client, source)
    missing = set(customers.known)
    pages = sweep_customers(client, meta_keys=source.meta_keys, left_out=customers.left_out)
    customers.add(pages, roles, missing=missing, saved_since=since)
    # Perhaps it is those whose id cannot be read who seem to be gone.
    gone = frozenset[int]() if customers.left_out.count else frozenset(missing)
    found = replace(customers.found(gone), roles=roles, roles_untold=roles_untold)
    if customers.known and not found.read:
        # The key's own user is always there: a store that shows nobody hides everybody.
        raise StoreAnswerMalformedError(
            source=source.key,
            tried="read all customers",
            got=f"an empty list from a store of which {len(customers.known):,} customers are known",
            next_step="Nothing was changed. Look for a plugin or a firewall rule that hides users from the REST "
            "API, then run the sync again.",
        )
    return found


def touched(
    client: StoreClient,
    database: Database,
    source: WooCommerceSettings,
    *,
    last_id: int,
    customer_ids: Collection[int],
    progress: Callable[[int], None],
) -> CustomersRead:
    """Customers registered after `last_id` and those named: a handful of requests, not the whole store."""
    customers = _Customers(database, source, customer_hashes(database, source.key), progress)
    keys, left_out = source.meta_keys, customers.left_out
    customers.add(customers_after(client, last_id, meta_keys=keys, left_out=left_out))
    rest = {customer_id for customer_id in customer_ids if 0 < customer_id <= last_id}
    # What a customer does not show of the roles is as the last complete reading found it.
    roles = users_with_several_roles(database, source.key, rest)
    customers.add(customers_by_id(client, rest, meta_keys=keys, left_out=left_out), roles)
    found = customers.found()
    return replace(found, last_id=max(last_id, found.last_id))


def changed_accounts(
    client: StoreClient, database: Database, source: WooCommerceSettings, ids: Collection[int]
) -> frozenset[int]:
    """Those of these customers whose account is not known in its present form. A request for each hundred."""
    known = customer_hashes(database, source.key, ids)
    customers = _Customers(database, source, known, progress=lambda _: None)
    roles = users_with_several_roles(database, source.key, ids)
    customers.add(customers_by_id(client, ids, meta_keys=source.meta_keys), roles)
    return frozenset(customers.found().changed["record_id"].to_pylist())


@dataclass
class _Customers:
    """The customers of one reading, of which those are kept that are not known in their present form.

    `known` are hashes by id; `left_out` are those whose id cannot be read.
    """

    database: Database
    source: WooCommerceSettings
    known: dict[int, str]
    progress: Callable[[int], None]
    left_out: LeftOut = field(default_factory=LeftOut)
    read: int = 0
    last_id: int = 0
    saved_unseen: int = 0
    meta_withheld: bool = False

    def __post_init__(self) -> None:
        # As Arrow holds them: the way into pandas costs more than all the rest, and several times the memory.
        self.changed = [CUSTOMER_SCHEMA.empty_table()]

    def add(
        self,
        pages: Iterable[list[Row]],
        roles: Mapping[int, Sequence[str]] | None = None,
        *,
        missing: set[int] | None = None,
        saved_since: datetime | None = None,
    ) -> None:
        """Read these pages, with all `roles` of the users who have several; takes who comes out of `missing`."""
        fingerprint, read_at = settings_fingerprint(self.source), self.database.now()
        for rows in pages:
            page = customer_page(
                with_all_roles(rows, roles or {}),
                meta_keys=self.source.meta_keys,
                fingerprint=fingerprint,
                read_at=read_at,
                known=self.known,
                saved_since=saved_since,
            )
            self.changed.append(page.table)
            self.saved_unseen += page.known_but_saved
            ids = [row["id"] for row in rows]
            if missing is not None:
                missing.difference_update(ids)
            self.meta_withheld = self.meta_withheld or any("meta_data" not in row for row in rows)
            self.last_id = max(self.last_id, *ids)
            self.read += len(rows)
            self.progress(len(rows))

    def found(self, gone: frozenset[int] = frozenset()) -> CustomersRead:
        return CustomersRead(
            pa.concat_tables(self.changed),
            gone,
            self.read,
            self.last_id,
            self.meta_withheld,
            self.saved_unseen,
            left_out=self.left_out.count,
            unreadable=self.left_out.told,
        )


def _roles_of_users(
    client: StoreClient, source: WooCommerceSettings
) -> tuple[dict[int, tuple[str, ...]], bool]:
    """All roles of the users who have several, where they are wanted; and whether the store does not tell them."""
    wanted = source.groups.roles
    if wanted is False or wanted == "first":
        return {}, False
    roles = store_roles(client)
    if not roles:
        return {}, wanted == "all"
    if wanted is True and len(roles) > MOST_ROLES:
        return {}, False
    return several_roles(client, roles), False
