"""A sync and contacts to report on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rich.console import Console, RenderableType

from woo_sync_pipeline.contacts.subscription import NotApplied
from woo_sync_pipeline.reports.report import PageOf, SyncCounts
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.state.syncs import SyncContact, SyncRun

STARTED = datetime(2026, 11, 1, 15, 30, 0, tzinfo=UTC)

COUNTS = SyncCounts(
    new=1200,
    updated=34,
    unchanged=5,
    failed=1,
    invalid=7,
    newly_invalid=2,
    invalid_reasons={"too_short": 2, "not_mobile": 5},
    subscribed=900,
    unsubscribed=340,
    unsubscribed_on_platform=3,
    not_applied=8,
    erased=11,
    saved_unseen=21,
    unread_consent={"_wc_other/acme/sms-opt-in = maybe": 4, "sms = a|b": 1_006},
    groups=12,
    groups_made=6,
    emails_dropped=4,
    read={"customers": 1300, "orders": 80},
    requests={"store": 15, "platform": 1240},
    seconds={"customers": 1.5},
    warnings=("the store withholds customers' meta data",),
)

SYNC = SyncRun(
    sync_id=42,
    run_id="5f3c",
    source="shop",
    kind="manual",
    reading="sweep",
    is_dry_run=False,
    first_day=date(2026, 11, 1),
    last_day=date(2026, 11, 3),
    status="succeeded",
    started_at=STARTED,
    finished_at=STARTED + timedelta(seconds=12.34),
    committed_at=STARTED + timedelta(seconds=8),
    read_until=STARTED - timedelta(seconds=1),
    cursor={"last_customer_id": 99},
    counts=COUNTS.to_json(),
    error=None,
)

CREATED = SyncContact(
    outcome="new",
    phone="+61412345678",
    phone_masked="+61•••••678",
    state="SUBSCRIBED",
    changes=("created",),
)
UPDATED = SyncContact(
    outcome="updated",
    phone="+61412345999",
    phone_masked="+61•••••999",
    state="UNSUBSCRIBED",
    changes=("first_name", "groups"),
)
NOT_APPLIED = SyncContact(
    outcome="unchanged",
    phone="+61412345777",
    phone_masked="+61•••••777",
    state="UNSUBSCRIBED",
    reason=NotApplied.undated.sentence,
)
INVALID = SyncContact(
    outcome="invalid",
    phone_masked="041•••••567",
    record_type="customer",
    record_id="31",
    reason="too_short",
)
LEFT_OUT = SyncContact(
    outcome="invalid",
    record_type="order",
    record_id="77",
    reason="does_not_fit (email: text, tags: list_of_str)",
)
UNREADABLE = SyncContact(
    outcome="invalid", phone_masked="049•••••156", record_type="customer", reason="does_not_fit (id: a text)"
)


def sync(**changes: Any) -> SyncRun:
    """The sample sync with other values."""
    return replace(SYNC, **changes)


def shown(*renderables: RenderableType, width: int = 200) -> list[list[str]]:
    """What a terminal without colours shows: the words of each line that is not empty."""
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        for renderable in renderables:
            console.print(renderable)
    return [line.split() for line in captured.get().splitlines() if line.strip()]


def pages(store_url: str) -> PageOf:
    """Where records of a store are mended."""
    return WooCommerceSettings.model_construct(url=store_url).page_of
