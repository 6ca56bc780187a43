"""A shop that changes between two syncs, on an account that others use as well, and syncing it until it is done."""

from __future__ import annotations

from typing import Any

from woo_sync_pipeline.demo.platform import ContactSnapshot, DemoPlatform
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.errors import PlatformError
from woo_sync_pipeline.messagemedia.settings import PlatformSettings
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.steps.push import push_pending
from woo_sync_pipeline_tests.state.stored import Row, at, begin, commit, customer
from woo_sync_pipeline_tests.steps.pushed import Pushed, pushed

CONTACTS, LISTS = "/api/v1/contacts/contacts", "/api/v1/contacts/lists"
SHOP, OUTLET = "WooCommerce", "Outlet"
_MOST_SYNCS = 12


def phone(number: int) -> str:
    return f"+6149157{number:04d}"


def connect(platform: DemoPlatform, **changes: Any) -> PlatformClient:
    settings: dict[str, Any] = {"max_concurrency": 4, "backoff": 0.004, "attempts": 6, **changes}
    return PlatformClient(PlatformSettings(platform.url, platform.api_key, platform.api_secret, **settings))


def person(number: int, **changes: Any) -> Row:
    """Every third has not chosen, every third opted out, every third opted in."""
    consent = ("unknown", "opted_out", "opted_in")[number % 3]
    tags = [f"Tag {number % 2}"]
    return customer(
        number, phone(number), **{"first_name": f"Ann {number}", "consent": consent, "tags": tags, **changes}
    )


def furnish(platform: DemoPlatform) -> None:
    """What others have on the account: contacts of their own, and some that are the shop's customers too."""
    people = platform.directory
    for number in (0, 1, 2, 100, 101):
        people.add_contact(
            phone(number),
            first_name=f"Foreign {number}",
            state="UNSUBSCRIBED" if number % 2 else "SUBSCRIBED",
            channels=[("WHATSAPP", phone(500 + number), "UNSUBSCRIBED")],
            custom_fields={"source": "Klaviyo", "shoe": "42"},
            lists=["Newsletter"],
        )


def change_shop(database: Database, *, first: bool) -> None:
    """The shop as it first was, or as it is a day later."""
    if first:
        commit(database, *(person(number) for number in range(18)))
        return
    rows = [
        *(person(number, first_name=f"Anna {number}") for number in range(0, 4)),
        *(person(number, email=f"ann{number}@example.com") for number in range(4, 8)),
        *(person(number, tags=["VIP"]) for number in range(8, 11)),
        *(person(number, consent="opted_in") for number in (12, 13, 15)),
        *(person(number) for number in range(18, 27)),
    ]
    commit(database, *({**row, "read_at": at(200)} for row in rows), gone=[16, 17], started=199)


def sync(database: Database, platform: DemoPlatform, *, source: str = SHOP, **changes: Any) -> Pushed:
    """One push of all that is pending. Raises what the push raises."""
    run_id = f"run of {'shop' if source == SHOP else 'outlet'}"
    begin(database, run_id, source="shop" if source == SHOP else "outlet")
    phones = pending_phones(database, source_name=source, touched=[], include_rejected=True)
    with connect(platform, **changes) as client:
        return pushed(push_pending, database, client, phones, run_id=run_id, progress=lambda _: None)


def sync_until_done(database: Database, platform: DemoPlatform, **changes: Any) -> int:
    """Sync again as long as something is pending; returns how many syncs it took."""
    for number in range(1, _MOST_SYNCS + 1):
        try:
            summary = sync(database, platform, **changes)
        except PlatformError as failure:
            if not failure.transient:
                raise
        else:
            assert summary.counts["failed"] == 0, summary.contacts
        if not pending_phones(database, source_name=SHOP, touched=[], include_rejected=True):
            return number
    raise AssertionError(f"not done after {_MOST_SYNCS} syncs")


def account(platform: DemoPlatform) -> tuple[dict[str, ContactSnapshot], list[str], int]:
    """All that the account holds, with the number of contacts: none may be there twice."""
    return platform.directory.snapshot(), platform.directory.list_names(), len(platform.directory)
