"""A store, a platform and the syncs between them, all in one process and in a time of their own.

What a sync decides is the real thing: rows as the API shows them become records, the state is PostgreSQL, and plans are
what would be sent. Only the network is left out, and the clock is ours to move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.clocks import ClockOffset
from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline.demo.store.data import StoreData
from woo_sync_pipeline.demo.store.records import Meta
from woo_sync_pipeline.demo.store.rows import customer_builders, order_builders
from woo_sync_pipeline.messagemedia.encoding import Action, ContactPlan, Vocabulary, plan_contact
from woo_sync_pipeline.messagemedia.outcomes import PushOutcome
from woo_sync_pipeline.sources.woocommerce.fields import keep_used
from woo_sync_pipeline.sources.woocommerce.known import customer_hashes, order_hashes
from woo_sync_pipeline.sources.woocommerce.order_changes import guest_orders
from woo_sync_pipeline.sources.woocommerce.records import customer_page, order_table
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings, settings_fingerprint
from woo_sync_pipeline.state.columns import RECORD_COLUMNS
from woo_sync_pipeline.state.contacts import load_pending, note_in_flight, pending_phones, settle
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.known_account import note_states
from woo_sync_pipeline.state.records import Reading, commit_reading
from woo_sync_pipeline.state.syncs import begin_sync
from woo_sync_pipeline.steps.push import _confirmation
from woo_sync_pipeline_tests.lives.platform import EMAIL_FIELD, SOURCE_FIELD, MemoryPlatform
from woo_sync_pipeline_tests.lives.referee import Referee
from woo_sync_pipeline_tests.sources.woocommerce.normalised import normalised_records

ACCOUNT_KEY, BLOCK_KEY, CLASSIC_KEY = "sms_marketing_consent", "_wc_other/acme/sms-opt-in", "sms_at_checkout"
MIRROR_KEY, MIRROR_DATE_KEY = "sms_opt_in", "sms_opt_in_at"
SHOP = "Shop"
_ROOT = "http://127.0.0.1/wp-json/wc/v3"
_OVERLAP = timedelta(minutes=5)
_BETWEEN_WALKS = timedelta(hours=12)
_HEADER_ERROR = timedelta(milliseconds=400)
_TABLES = """consent_events, sync_run_contacts, sync_runs, contacts, source_records, platform_lists, tagged_items,
    sources"""


@dataclass(frozen=True)
class Person:
    """Somebody with one phone; without a customer id they order as a guest."""

    phone: str
    has_account: bool


@dataclass
class Circumstances:
    """What differs from one world to the next.

    store_ahead: how far the store's clock is ahead. is_behind_cdn: whether the store's answers bear the right time all
    the same.
    """

    is_explicit: bool = True
    stop_moves_date: bool = True
    is_behind_cdn: bool = False
    store_ahead: timedelta = timedelta()
    repeats_count: bool = False


@dataclass
class LifeWorld:
    """The world at one moment, which `pass_time` moves on."""

    database: Database
    circumstances: Circumstances
    now: datetime = datetime(2025, 1, 6, 8, 0, tzinfo=UTC)
    store: StoreData = field(init=False)
    platform: MemoryPlatform = field(init=False)
    referee: Referee = field(default_factory=Referee)
    customer_ids: dict[str, int] = field(default_factory=dict)
    sessions: dict[str, bool] = field(default_factory=dict)
    started_since_look: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)
    read_accounts: set[int] = field(default_factory=set)
    is_glitching: bool = False
    """Whether the store shows other choices in accounts than there are."""
    accounts_are_known: bool = True
    """Whether the choices in accounts were read since it last did: what is chosen before that may leave no trace."""
    violations: list[str] = field(default_factory=list)
    _readings: list[tuple[datetime, timedelta, datetime]] = field(default_factory=list)
    """Until when the store was read, by its own clock, by how much that was ahead, and when, by ours."""
    _swept_on: datetime | None = None
    """When a daily sync last read the store: the next one reads all orders of that day and since."""
    _read_orders: dict[int, datetime] = field(default_factory=dict)
    """When the orders that were read had last changed, by the store's clock at that time."""
    _last_id: int = 0
    _syncs: int = 0
    _walked_at: datetime | None = None

    def __post_init__(self) -> None:
        with self.database.transaction() as connection:
            connection.execute(
                sa.text(f"TRUNCATE {', '.join(f'woo_sync.{name.strip()}' for name in _TABLES.split(','))}")
            )
        self.store = StoreData(timezone="UTC")
        self.store.clock = lambda: self.now + self.circumstances.store_ahead
        self.store.mirror_field(BLOCK_KEY, into=MIRROR_KEY, dated=MIRROR_DATE_KEY)
        self.platform = MemoryPlatform(lambda: self.now, self.circumstances.stop_moves_date)
        consent = {
            "mode": "explicit" if self.circumstances.is_explicit else "inferred",
            "meta_keys": [ACCOUNT_KEY, BLOCK_KEY, CLASSIC_KEY],
            "mirrored_by": {BLOCK_KEY: MIRROR_KEY},
            "dated_by": {MIRROR_KEY: MIRROR_DATE_KEY},
        }
        self.source = WooCommerceSettings.model_validate(
            {
                "name": SHOP,
                "key": "shop",
                "url": "http://127.0.0.1",
                "consumer_key": "ck_of_nobody",
                "consumer_secret": "cs_of_nobody",
                "start_date": "2025-01-01",
                "default_region": "AU",
                "consent": consent,
                "groups": {"roles": False},
            }
        )

    def pass_time(self, by: timedelta) -> None:
        self.now += by

    @property
    def told_now(self) -> datetime:
        """What the store's answers say of the time, in whole seconds."""
        ahead = timedelta() if self.circumstances.is_behind_cdn else self.circumstances.store_ahead
        return (self.now + ahead).replace(microsecond=0)

    def sync(
        self,
        random: Random,
        *,
        is_live: bool,
        crash: str = "",
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """One sync; it may crash `before the commit`, `after the commit` or `while pushing`."""
        self._syncs += 1
        run_id, started_at = f"run {self._syncs}", self.now
        day = self.now.date()
        begin_sync(
            self.database,
            run_id=run_id,
            source="shop",
            kind="live" if is_live else "daily",
            reading="touched" if is_live and self._readings else "sweep",
            first_day=day,
            last_day=day,
        )
        touched = self._read(run_id, started_at, is_live=is_live and bool(self._readings), crash=crash)
        if crash in ("before the commit", "after the commit"):
            return
        self.pass_time(timedelta(seconds=2))
        meanwhile()
        before = set(self.platform.subscribed())
        self._push(random, run_id, touched, crash=crash, include_rejected=not is_live)
        self.violations += [
            f"{phone} said {', '.join(map(str, self.referee.words[phone]))}"
            for phone in self.platform.subscribed()
            # What a push that crashed had not come to is for the next one.
            if self.referee.forbids(phone) and not (crash and phone in before)
        ]
        if (
            not is_live
            and not crash
            and (self._walked_at is None or self.now - self._walked_at > _BETWEEN_WALKS)
        ):
            self._walk(run_id)

    def _read(self, run_id: str, started_at: datetime, *, is_live: bool, crash: str) -> list[str]:
        until = self.told_now + timedelta(seconds=1)
        ahead = self.told_now - self.now.replace(microsecond=0)
        lead = self._lead()
        offset = ClockOffset(ahead - _HEADER_ERROR, ahead + _HEADER_ERROR).ahead_by_more(lead)
        since = max((_known_until(*reading, ahead=ahead) for reading in self._readings), default=None)
        if since is not None and not is_live and self._swept_on is not None:
            since = min(since, self._swept_on.replace(hour=0, minute=0, second=0))
        changed = [
            order
            for order in self.store.orders.values()
            if order.modified_at < until and (since is None or order.modified_at >= since - _OVERLAP)
        ]
        known = order_hashes(self.database, "shop", [order.id for order in changed])
        keys, fingerprint = self.source.meta_keys, settings_fingerprint(self.source)
        orders = order_table(
            list(_rows(changed, order_builders(self.store, _ROOT), keys)),
            meta_keys=keys,
            fingerprint=fingerprint,
            read_at=self.now,
            known=known,
        )
        customers = list(self.store.customers.values())
        if is_live:
            named = set(orders["customer_id"].to_pylist())
            customers = [each for each in customers if each.id > self._last_id or each.id in named]
        known_customers = customer_hashes(self.database, "shop")
        table = customer_page(
            list(_rows(customers, customer_builders(self.store, _ROOT, shows_meta=True), keys)),
            meta_keys=keys,
            fingerprint=fingerprint,
            read_at=self.now,
            known=known_customers,
        ).table
        gone = set() if is_live else known_customers.keys() - self.store.customers.keys()
        found = normalised_records(
            self.source,
            customers=table.to_pandas(),
            orders=orders.to_pandas(),
            guest_order_ids=guest_orders(self.database, self.source, orders)["record_id"].to_pylist(),
        )
        assert found.failures.empty
        if crash == "before the commit":
            return []
        touched: list[str] = []

        def accept(merged: pd.DataFrame) -> bool:
            touched.extend(merged["phone"])
            return True

        last_id = max([self._last_id, *self.store.customers])
        commit_reading(
            self.database,
            source="shop",
            run_id=run_id,
            reading=Reading(
                records=[found.records[list(RECORD_COLUMNS)]],
                started_at=started_at,
                read_until=self.told_now,
                gone={"customer": list(map(str, gone))},
                source_clock=offset,
            ),
            sources={
                "shop": MergeSource(
                    SHOP, self.circumstances.is_explicit, repeats_count=self.circumstances.repeats_count
                )
            },
            accept=accept,
        )
        self._read_orders |= {order.id: order.modified_at for order in changed}
        if not is_live:
            self._swept_on = self.now
        # What changed while the store's clock was set back only a daily sync finds.
        waiting = {
            order.billing.get("phone", "")
            for order in self.store.orders.values()
            if self._read_orders.get(order.id) != order.modified_at
        }
        self.read_accounts.update(customer.id for customer in customers)
        sees_accounts = not is_live and not self.is_glitching
        self.accounts_are_known = self.accounts_are_known or sees_accounts
        self.referee.knows(("order", "account") if sees_accounts else ("order",), but_of=waiting)
        self._readings.append((self.told_now, offset.highest, started_at))
        self._last_id = last_id
        return touched

    def _lead(self) -> timedelta:
        newest = sorted(self.store.orders.values(), key=lambda order: -order.id)[:5]
        leads = (order.created_at - self.told_now for order in newest)
        return max((lead for lead in leads if lead <= timedelta(days=1)), default=timedelta())

    def _push(
        self, random: Random, run_id: str, touched: list[str], *, crash: str, include_rejected: bool
    ) -> None:
        phones = pending_phones(
            self.database, source_name=SHOP, touched=touched, include_rejected=include_rejected
        )
        plans = []
        for store in load_pending(self.database, phones):
            list_ids = {name.casefold(): self.platform.list_id(name.casefold()) for name in store.groups}
            vocabulary = Vocabulary(
                list_ids, SOURCE_FIELD, EMAIL_FIELD, ClockOffset(-_HEADER_ERROR, _HEADER_ERROR)
            )
            plans.append(
                plan_contact(store, self.platform.contacts.get(store.phone), vocabulary, now=self.now)
            )
        note_in_flight(self.database, [(plan.phone, plan.base) for plan in plans if not plan.sends_nothing])
        outcomes = []
        for plan in plans:
            if crash and random.random() < 0.5:
                continue
            modified_at = self.platform.carry_out(plan)
            outcomes.append(_outcome(plan, self.platform, modified_at))
        if crash:
            return
        settle(
            self.database,
            run_id=run_id,
            confirmations=[_confirmation(outcome, now=self.now) for outcome in outcomes],
            rejections=[],
            contacts=[],
        )
        self.started_since_look.difference_update(phones)
        self.confirmed.update(outcome.plan.phone for outcome in outcomes)

    def _walk(self, run_id: str) -> None:
        states = {
            phone: SubscriptionState(self.platform.state(phone) or "") for phone in self.platform.contacts
        }
        note_states(self.database, states, run_id=run_id, read_at=datetime.now(UTC) + timedelta(hours=1))
        # The database wrote down its own time.
        with self.database.transaction() as connection:
            for column in ("unsubscribed_seen_at", "base_seen_at"):
                connection.execute(
                    sa.text(f"UPDATE woo_sync.contacts SET {column} = :now WHERE {column} > '2026-01-01'"),
                    {"now": self.now},
                )
        self._walked_at = self.now
        with self.database.transaction() as connection:
            pending = connection.execute(sa.text("SELECT phone FROM woo_sync.contacts WHERE is_pending"))
            self.started_since_look &= set(pending.scalars())

    def not_applied(self) -> list[str]:
        """Phones that are not subscribed although their last word was yes."""
        subscribed = set(self.platform.subscribed())
        return [
            phone for phone in self.referee.words if self.referee.expects(phone) and phone not in subscribed
        ]


def _known_until(read: datetime, was_ahead: timedelta, started_at: datetime, *, ahead: timedelta) -> datetime:
    """Until when a reading has read the store by its present clock, which may have been set: as `watermark_by`."""
    until = min(read, read - was_ahead + ahead)
    was_set = abs(was_ahead - ahead) > timedelta(minutes=1)
    return min(until, started_at - timedelta(minutes=5)) if was_set else until


def glitch(world: LifeWorld, value: str) -> Callable[[], None]:
    """Let all consent in accounts read as `value` for a while; returns what ends it.

    But what was never read before: of that nobody can tell when it came.
    """
    customers = world.store.customers
    unread = {
        phone for phone, words in world.referee.words.items() if not all(word.can_be_known for word in words)
    }
    before = {
        customer.id: customer.meta[ACCOUNT_KEY]
        for customer in customers.values()
        if ACCOUNT_KEY in customer.meta and customer.address["billing_phone"] not in unread
    }
    for customer_id, known in before.items():
        customers[customer_id].meta[ACCOUNT_KEY] = Meta(known.id, value)
    world.is_glitching, world.accounts_are_known = True, False

    def end() -> None:
        for customer_id, known in before.items():
            if customer_id in customers:
                customers[customer_id].meta[ACCOUNT_KEY] = known
        world.is_glitching = False

    return end


def _rows(
    records: Iterable[Any], builders: dict[str, Callable[[Any], Any]], keys: Iterable[str]
) -> Iterator[dict[str, Any]]:
    names = "id date_created_gmt date_modified_gmt email first_name last_name role billing shipping meta_data"
    names += " status customer_id created_via line_items"
    used = {name: builders[name] for name in names.split() if name in builders}
    for record in records:
        yield keep_used({name: build(record) for name, build in used.items()}, meta_keys=tuple(keys))


def _outcome(plan: ContactPlan, platform: MemoryPlatform, modified_at: datetime | None) -> PushOutcome:
    known = platform.contacts.get(plan.phone)
    return PushOutcome(
        plan,
        known.id if known else None,
        plan.action is Action.create,
        plan.changes,
        modified_at=modified_at,
    )
