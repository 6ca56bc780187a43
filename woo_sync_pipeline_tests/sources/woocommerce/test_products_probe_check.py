from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.sources.woocommerce.check import check_store
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import (
    StoreAnswerMalformedError,
    StoreFilterIgnoredError,
    StoreKeyUnknownError,
    StoreRouteMissingError,
    StoreSecretRefusedError,
)
from woo_sync_pipeline.sources.woocommerce.live import NewestChange, newest_change
from woo_sync_pipeline.sources.woocommerce.products import product_tags
from woo_sync_pipeline.sources.woocommerce.reading_warnings import customers_up_to
from woo_sync_pipeline_tests.sources.woocommerce.conftest import SHOP_MANAGER
from woo_sync_pipeline_tests.sources.woocommerce.loopback import LoopbackStore, Reply, Request, of_rows

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_tag_names_are_decoded_and_drafts_are_in(shop: DemoStore, client: StoreClient) -> None:
    tea = shop.data.add_product("Tea", ["Café & Bar", " Loose ", "酒"])
    plain = shop.data.add_product("Plain", status="draft")
    others = [shop.data.add_product(f"Cup {number}", ["Cups"]) for number in range(120)]
    everything = product_tags(client, None)
    assert everything[tea] == ("Café & Bar", "Loose", "酒")
    assert everything[plain] == ()
    assert set(everything) == {tea, plain, *others}
    shop.data.delete_product(plain)
    assert product_tags(client, [tea, plain, 0]) == {tea: ("Café & Bar", "Loose", "酒")}


def test_names_of_tags_are_cleaned_as_those_of_customers_tags_are(
    shop: DemoStore, client: StoreClient
) -> None:
    odd = shop.data.add_product("Tea", ["Green  tea", "Green\u200b tea", "n/a", "B &amp;amp; B"])
    assert product_tags(client, [odd]) == {odd: ("Green tea", "B & B")}


def test_no_products_make_no_request(client: StoreClient) -> None:
    assert product_tags(client, []) == {}
    assert client.requests_made == 0


def test_a_quiet_store_shows_no_new_order_and_its_newest_customer(
    shop: DemoStore, client: StoreClient
) -> None:
    shop.data.place_order(created_at=NOON)
    assert newest_change(client, since=NOON) == NewestChange(order_modified_at=None, customer_id=1)
    assert client.requests_made == 3
    newest_change(client, since=NOON, statuses=["processing"])
    assert client.requests_made == 5


@pytest.mark.parametrize("status", ["completed", "trash"])
def test_the_newest_changed_order_and_the_newest_customer_are_seen(
    shop: DemoStore, client: StoreClient, status: str
) -> None:
    older, newer = shop.data.place_order(created_at=NOON), shop.data.place_order(created_at=NOON)
    shop.data.update_order(newer, modified_at=NOON + timedelta(seconds=5), status=status)
    shop.data.update_order(older, modified_at=NOON + timedelta(seconds=3))
    wholesaler = shop.data.register_customer(email="w@example.com", roles=["wholesale"])
    assert newest_change(client, since=NOON) == NewestChange(NOON + timedelta(seconds=5), wholesaler)


def test_a_draft_is_no_change(shop: DemoStore, client: StoreClient) -> None:
    shop.data.place_order(created_at=NOON, status="checkout-draft")
    assert newest_change(client, since=NOON - timedelta(days=1)).order_modified_at is None


def test_an_order_that_is_dated_ahead_of_the_store_s_clock_is_no_change_until_then(
    shop: DemoStore, client: StoreClient
) -> None:
    shop.data.clock = lambda: NOON
    shop.data.place_order(created_at=NOON, modified_at=NOON + timedelta(hours=1))
    shop.data.place_order(created_at=NOON, modified_at=NOON - timedelta(hours=1))
    since = NOON - timedelta(hours=2)
    assert newest_change(client, since=since).order_modified_at == NOON - timedelta(hours=1)
    shop.data.clock = lambda: NOON + timedelta(hours=1)
    assert newest_change(client, since=since, statuses=["processing"]).order_modified_at == NOON + timedelta(
        hours=1
    )


def test_changes_are_seen_although_they_were_asked_for_since_a_time_that_has_not_come(
    shop: DemoStore, client: StoreClient
) -> None:
    shop.data.clock = lambda: NOON
    shop.data.place_order(created_at=NOON)
    assert newest_change(client, since=NOON + timedelta(days=1)).order_modified_at == NOON


def test_a_store_tells_what_it_is(shop: DemoStore, client: StoreClient) -> None:
    shop.data.register_customer(email="w@example.com", roles=["wholesale"])
    shop.data.place_order()
    check = check_store(client, needs_customer_meta=True)
    assert (check.name, check.timezone, check.customers_total) == ("Bean & Leaf", "Australia/Sydney", 2)
    assert check.version.release is not None
    assert check.customer_meta_visible
    assert check.warnings == ()
    assert client.requests_made == 7


HIDDEN = "_wc_other/shop/sms"


@pytest.mark.parametrize(
    ("keys", "mirrored", "named"),
    [
        (["sms"], [], []),
        (["sms", HIDDEN], [], [HIDDEN]),
        ([HIDDEN, "_sms_ok", "sms"], [], [HIDDEN, "_sms_ok"]),
        ([HIDDEN, "_sms_ok", "sms"], [HIDDEN], ["_sms_ok"]),
        ([HIDDEN, "sms"], [HIDDEN], []),
    ],
)
def test_a_choice_that_customers_can_change_unseen_is_warned_of(
    client: StoreClient, keys: list[str], mirrored: list[str], named: list[str]
) -> None:
    warnings = check_store(
        client, needs_customer_meta=False, consent_keys=keys, mirrored_keys=mirrored
    ).warnings
    if not named:
        assert warnings == ()
        return
    [warning] = warnings
    assert f"hides the meta {', '.join(named)} of customers" in warning
    for words in ("My account", "cannot be seen", "docs/consent.md", "consent.mirrored_by"):
        assert words in warning
    assert warning.count(". ") == 0


def say(shop: DemoStore, *values: Any, key: str = "sms", of: str = "customers") -> None:
    """Have one customer (of another role than the usual), or one order, for each value."""
    for value in values:
        if of == "customers":
            customer = shop.data.register_customer(
                email=f"c{len(shop.data.customers)}@example.com", roles=["vip"]
            )
            shop.data.set_user_meta(customer, key, value)
        else:
            shop.data.place_order(meta={key: value})


def unread(client: StoreClient, *keys: str, **options: Any) -> list[tuple[str, int]]:
    check = check_store(client, needs_customer_meta=True, consent_keys=keys or ("sms",), **options)
    return list(check.unread_consent.items())


def test_what_is_no_choice_in_the_newest_records_is_named_and_counted(
    shop: DemoStore, client: StoreClient
) -> None:
    say(shop, "vielleicht", "yes", "no", "1", "", "unsubscribed", "ja", "vielleicht")
    say(shop, "vielleicht", "", ["sms", "mail"], of="orders")
    say(shop, "hm", key=HIDDEN, of="orders")
    say(shop, "yes please", key="newsletter")
    assert unread(client, "sms", HIDDEN) == [
        ('sms = "vielleicht"', 3),
        (f'{HIDDEN} = "hm"', 1),
        ('sms = "ja"', 1),
        ('sms = ["sms","mail"]', 1),
    ]
    assert client.requests_made == 9
    assert unread(client, consent_words={"Ja": Consent.opted_in, "Vielleicht": Consent.opted_out}) == [
        ('sms = ["sms","mail"]', 1)
    ]


def test_a_no_to_the_opposite_question_is_understood(shop: DemoStore, client: StoreClient) -> None:
    say(shop, "no", "1", "nein", key="sms_optout")
    say(shop, "0", "2024-05-06", "stumm", key="abmeldung")
    assert unread(client, "sms_optout", "abmeldung") == [
        ('abmeldung = "stumm"', 1),
        ('sms_optout = "nein"', 1),
    ]
    words = {"nein": Consent.opted_out, "stumm": Consent.opted_out}
    assert unread(client, "sms_optout", "abmeldung", consent_words=words) == []


def test_only_the_newest_hundred_of_each_are_looked_at(shop: DemoStore, client: StoreClient) -> None:
    say(shop, "old", *["hm"] * 100)
    say(shop, "old", *["hm"] * 100, of="orders")
    assert unread(client) == [('sms = "hm"', 200)]


def test_the_first_five_are_in_one_warning(shop: DemoStore, client: StoreClient) -> None:
    say(shop, *[f"v{number}" for number in range(7) for _ in range(10 - number)])
    [warning] = check_store(client, needs_customer_meta=True, consent_keys=["sms"]).warnings
    named = ", ".join(f'sms = "v{number}" ({10 - number}×)' for number in range(5))
    assert f": {named}, and 2 more. " in warning
    assert "consent.words" in warning


def test_values_are_shown_short_and_without_personal_data(shop: DemoStore, client: StoreClient) -> None:
    say(shop, "call 0491 570 156", "write to jane.doe@example.com", {"by": "jane.doe@example.com"})
    # Masked first, then cut.
    say(shop, f"{'x' * 140}@example.com jane.doe@example.com", "é" * 60, "half \ud83d")
    shown = dict(unread(client))
    assert 'sms = "call 049•••••156"' in shown
    assert 'sms = "write to j•••@•••.com"' in shown
    assert 'sms = {"by":"…"}' in shown
    assert 'sms = "x•••@•••.com j•••@•••.com"' in shown
    assert f'sms = "{"é" * 38}…' in shown
    assert 'sms = "half ?"' in shown
    assert "jane" not in "".join(shown)
    assert max(len(text.removeprefix("sms = ")) for text in shown) == 40


def test_of_a_consent_key_stored_twice_the_first_counts(connect: Callable[..., StoreClient]) -> None:
    twice = [{"key": "sms", "value": "hm"}, {"key": "sms", "value": "later"}, "odd", {"value": "no key"}]

    def answer(request: Request) -> Reply:
        if request.path == "/wp-json/":
            return Reply(b'{"name":"Shop"}')
        if request.path.endswith("system_status"):
            return Reply(b"{}")
        if request.path.endswith("statuses"):
            return of_rows([{"slug": "processing"}])
        return of_rows([] if "modified_after" in request.query else [{"id": 1, "meta_data": twice}])

    with LoopbackStore(answer) as server, connect(server.url) as client:
        assert unread(client) == [('sms = "hm"', 2)]


def test_without_consent_keys_no_values_are_looked_at(shop: DemoStore, client: StoreClient) -> None:
    say(shop, "hm")
    check = check_store(client, needs_customer_meta=True)
    assert check.unread_consent == {}
    assert client.requests_made == 7


@pytest.mark.parametrize("needed", [True, False])
def test_a_key_that_sees_no_meta_is_warned_of_where_meta_is_needed(
    shop: DemoStore, connect: Callable[..., StoreClient], needed: bool
) -> None:
    key = SHOP_MANAGER
    with connect(shop.url, consumer_key=key.consumer_key, consumer_secret=key.consumer_secret) as client:
        check = check_store(client, needs_customer_meta=needed)
    assert not check.customer_meta_visible
    assert [warning for warning in check.warnings if "administrator" in warning] == list(check.warnings)
    assert len(check.warnings) == int(needed)


def test_a_noisy_store_and_a_clock_that_is_off_are_warned_of(shop: DemoStore, client: StoreClient) -> None:
    shop.data.clock = lambda: datetime.now(UTC) - timedelta(minutes=5)
    shop.faults.next("notice", times=2)
    noisy, clock = check_store(client, needs_customer_meta=False).warnings
    assert "WP_DEBUG_DISPLAY" in noisy
    assert "300 seconds" in clock or "299 seconds" in clock or "301 seconds" in clock


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"consumer_secret": "cs_wrong"}, StoreSecretRefusedError),
        ({"consumer_key": "ck_unknown"}, StoreKeyUnknownError),
    ],
)
def test_a_wrong_key_is_named(
    shop: DemoStore, connect: Callable[..., StoreClient], settings: dict[str, str], kind: type[Exception]
) -> None:
    with connect(shop.url, **settings) as client, pytest.raises(kind):
        check_store(client, needs_customer_meta=False)


def answering(index: bytes) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        if request.path == "/wp-json/":
            return Reply(index)
        return Reply(b"{}") if request.path.endswith("system_status") else of_rows([{"id": 1}])

    return answer


def test_an_index_that_is_closed_to_strangers_does_no_harm(connect: Callable[..., StoreClient]) -> None:
    """Security plugins close it to whoever has not logged in. A sync does not need it."""
    closed = b'{"code":"rest_cannot_access","message":"Only for users.","data":{"status":401}}'

    def answer(request: Request) -> Reply:
        if request.path == "/wp-json/":
            return Reply(closed, status=401)
        if request.path.endswith("system_status"):
            return Reply(b'{"environment":{"version":"11.0.1"}}')
        if request.path.endswith("statuses"):
            return of_rows([{"slug": "processing"}])
        return of_rows([] if "modified_after" in request.query else [{"id": 1, "meta_data": []}], total=7)

    with LoopbackStore(answer) as server, connect(server.url) as client:
        check = check_store(client, needs_customer_meta=True)
    assert (check.name, check.timezone, check.customers_total) == ("127.0.0.1", "time zone unknown", 7)
    assert check.warnings == ()


def test_wordpress_without_woocommerce_is_named(connect: Callable[..., StoreClient]) -> None:
    with (
        LoopbackStore(answering(b'{"name":"Blog","namespaces":["wp/v2"]}')) as server,
        connect(server.url) as client,
        pytest.raises(StoreRouteMissingError, match="without the API"),
    ):
        check_store(client, needs_customer_meta=False)


def test_the_newest_customer_may_be_deleted_while_it_is_looked_for(
    shop: DemoStore, client: StoreClient
) -> None:
    doomed = [shop.data.register_customer(email=f"{number}@example.com") for number in range(2)]

    def delete(path: str) -> None:
        if path == "customers" and doomed:
            shop.data.delete_customer(doomed.pop())

    shop.on_select = delete
    assert newest_change(client, since=NOON).customer_id == 1
    assert customers_up_to(client, 1) == 1


def test_the_moment_to_look_from_may_depend_on_the_store_s_clock(
    shop: DemoStore, client: StoreClient
) -> None:
    shop.data.place_order(created_at=NOON)
    told: list[datetime] = []

    def since(now: datetime) -> datetime:
        told.append(now)
        return now - timedelta(hours=2)

    shop.data.clock = lambda: NOON + timedelta(hours=1)
    newest = newest_change(client, since=since)
    assert newest.order_modified_at == NOON
    assert told == [NOON + timedelta(hours=1)]
    asked = len(shop.requests)
    newest_change(client, since=since)
    assert len(shop.requests) == asked + 2


def test_a_store_too_old_for_date_filters_is_refused(connect: Callable[..., StoreClient]) -> None:
    index = b'{"name":"Old","gmt_offset":5.5,"timezone_string":"","namespaces":["wc/v3"]}'
    with (
        LoopbackStore(answering(index)) as server,
        connect(server.url) as client,
        pytest.raises(StoreFilterIgnoredError, match="modified_after is ignored"),
    ):
        check_store(client, needs_customer_meta=False)


def test_a_store_that_does_not_tell_its_order_statuses_cannot_be_synced(
    shop: DemoStore, client: StoreClient
) -> None:
    """Every sync asks for them, whether or not the configuration names any."""
    shop.data.order_statuses.clear()
    with pytest.raises(StoreAnswerMalformedError, match="orders/statuses"):
        check_store(client, needs_customer_meta=False)


def test_statuses_that_the_store_does_not_have_are_named(shop: DemoStore, client: StoreClient) -> None:
    shop.data.order_statuses["in-the-kiln"] = "In the kiln"
    fine = check_store(client, needs_customer_meta=False, statuses=("in-the-kiln", "trash", "completed"))
    assert fine.warnings == ()
    [warning] = check_store(
        client, needs_customer_meta=False, statuses=("completed", "shiped", "pakced")
    ).warnings
    assert "no order status shiped, pakced" in warning
    assert "in-the-kiln" in warning
