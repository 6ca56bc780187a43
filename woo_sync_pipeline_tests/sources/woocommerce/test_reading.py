"""What a sweep and a touched reading pass on, against a demo store and a real state."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.demo.store import DemoStore, generate_store, rows
from woo_sync_pipeline.demo.store.records import NO_DATE
from woo_sync_pipeline.sources.woocommerce.errors import StoreAnswerMalformedError
from woo_sync_pipeline.sources.woocommerce.known import known_guest_orders
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.sources.woocommerce.conftest import SHOP_MANAGER
from woo_sync_pipeline_tests.sources.woocommerce.sources import (
    CONSENT,
    KEY,
    ORDER_CONSENT,
    TAGS,
    Read,
    SyncedSource,
)

MARY = {"first_name": "Mary", "phone": "0491 570 156", "country": "AU"}
JOHN = {"first_name": "John", "phone": "0491 570 157", "country": "AU"}


@pytest.fixture
def town() -> Iterator[DemoStore]:
    """A store with 2,000 customers, of whom some have a null modification date."""
    data = generate_store(seed=5, customers=2000, orders=0, now=datetime.now(UTC), consent_meta_key=CONSENT)
    with DemoStore(data) as store:
        yield store


def test_customers_who_are_deleted_while_their_page_is_made_are_gone_and_nobody_else(
    town: DemoStore, database: Database
) -> None:
    synced = SyncedSource(town, database)
    everybody = synced.sweep().customer_ids
    doomed = sorted(everybody)[150:1900:90]
    left = list(doomed)

    def delete(path: str) -> None:
        # Between the selection of a page and its loading, anywhere in the list.
        for number in left[:2]:
            left.remove(number)
            town.data.delete_customer(number)

    town.on_select = delete
    read = synced.sweep()
    town.on_select = None
    assert not left
    # Who was read before is found gone the next time.
    assert read.customers.gone <= set(doomed)
    later = synced.sweep().customers
    assert read.customers.gone | later.gone == set(doomed)
    assert later.read == len(everybody) - len(doomed)


def test_where_ids_cannot_be_read_the_others_are_read_and_nobody_is_gone(
    town: DemoStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = SyncedSource(town, database)
    everybody = synced.sweep().customer_ids
    odd, gone = sorted(everybody)[5], sorted(everybody)[9]
    town.data.delete_customer(gone)
    ids = rows.customer_builders

    def with_an_odd_id(*args: Any, **options: Any) -> rows.Builders:
        builders = ids(*args, **options)
        return {**builders, "id": lambda customer: "N7" if customer.id == odd else customer.id}

    monkeypatch.setattr(rows, "customer_builders", with_an_odd_id)
    found = synced.sweep().customers
    assert (found.read, found.left_out, found.gone) == (len(everybody) - 2, 1, frozenset())
    monkeypatch.undo()
    assert synced.sweep().customers.gone == {gone}


def test_a_sweep_passes_on_exactly_the_changed_the_new_and_the_gone(
    town: DemoStore, database: Database
) -> None:
    synced = SyncedSource(town, database)
    first = synced.sweep()
    data = town.data
    everybody = set(data.customers)
    assert first.customer_ids == everybody
    assert first.customers.read == len(everybody) == 2001
    quiet = synced.sweep()
    assert (quiet.customer_ids, quiet.customers.gone, quiet.customers.read) == (set(), frozenset(), 2001)

    never_modified = [number for number, person in data.customers.items() if person.modified_at is None]
    chosen = iter(
        [number for number in sorted(everybody)[50:] if data.customers[number].modified_at is not None][::37]
    )
    meta, added, removed, tagged, role, no_role, name, phone, email = (next(chosen) for _ in range(9))
    null_date = never_modified[20]
    data.set_user_meta(meta, CONSENT, "somehow else")
    data.set_user_meta(added, "billing_first_name", "Somebody")
    data.set_user_meta(removed, CONSENT, "will be removed")
    data.set_user_meta(tagged, TAGS, ["vip", "late"])
    data.set_roles(role, ["wholesale"])
    data.set_roles(no_role, ["shop_manager"])
    data.save_profile(name, first_name="Renamed")
    data.save_profile(phone, billing_phone="0491 570 159")
    data.save_profile(email, email="moved@example.com")
    data.set_user_meta(null_date, TAGS, "seldom")
    changed = {meta, added, removed, tagged, role, no_role, name, phone, email, null_date}
    assert len(changed) == 10
    gone = {next(chosen), next(chosen)}
    for number in gone:
        data.delete_customer(number)
    new = data.register_customer(email="new@example.com")
    # Saved without a change, or changed where nothing is read: neither is news.
    data.save_profile(next(chosen))
    data.set_user_meta(next(chosen), "wc_last_active", "1790000000")

    second = synced.sweep()
    assert second.customer_ids == {*changed, new}
    assert second.customers.gone == gone
    data.delete_user_meta(removed, CONSENT)
    third = synced.sweep()
    assert (third.customer_ids, third.customers.gone) == ({removed}, frozenset())


def test_changes_that_do_not_move_the_modification_date_are_among_those_found(
    town: DemoStore, database: Database
) -> None:
    """The ground for reading everybody: a filter by date would miss these."""
    synced = SyncedSource(town, database)
    synced.sweep()
    before = {number: person.modified_at for number, person in town.data.customers.items()}
    town.data.set_user_meta(10, CONSENT, "otherwise")
    town.data.set_roles(11, ["wholesale"])
    assert {number: person.modified_at for number, person in town.data.customers.items()} == before
    assert synced.sweep().customer_ids == {10, 11}


def test_other_settings_make_everybody_count_as_changed_once(town: DemoStore, database: Database) -> None:
    SyncedSource(town, database).sweep()
    other = SyncedSource(town, database, default_region="NZ")
    assert len(other.sweep().customer_ids) == 2001
    assert other.sweep().customer_ids == set()


def test_a_store_that_suddenly_shows_nobody_does_not_make_everybody_gone(
    shop: DemoStore, database: Database
) -> None:
    synced = SyncedSource(shop, database)
    synced.sweep()
    shop.data.delete_customer(1)
    with pytest.raises(StoreAnswerMalformedError, match="1 customers are known"):
        synced.sweep()


def test_when_nothing_happened_a_touched_reading_takes_four_requests(
    town: DemoStore, database: Database
) -> None:
    for number in range(2, 40):
        town.data.place_order(customer_id=number, billing=MARY)
    synced = SyncedSource(town, database)
    synced.sweep()
    town.requests.clear()
    quiet = synced.touched()
    # The statuses, the orders of the overlap (all known, so their customers are not read), the newest orders, which
    # show the clock, and the newest customers.
    assert quiet.requests == len(town.requests) == 4
    assert (quiet.order_ids, quiet.customer_ids, quiet.customers.gone) == (set(), set(), frozenset())


def test_ten_checkouts_by_old_new_and_unknown_buyers_take_fewer_than_ten_requests(
    town: DemoStore, database: Database
) -> None:
    data = town.data
    synced = SyncedSource(town, database)
    synced.sweep()
    product = data.add_product("Kettle", ["Kitchen"])
    existing = [100, 200, 300, 300]
    for number in set(existing):
        data.save_profile(number, billing_phone="0491 570 158")
    new = [data.register_customer(email=f"new{step}@example.com", billing=JOHN) for step in range(3)]
    orders = [
        data.place_order(customer_id=number, billing=MARY, product_ids=[product])
        for number in (*existing, *new, 0, 0, 0)
    ]
    assert len(orders) == 10
    town.requests.clear()
    read = synced.touched()
    assert read.requests == len(town.requests) == 6
    assert read.order_ids == set(orders)
    assert read.guests == set(orders[-3:])
    assert read.customer_ids == {*existing, *new}
    assert read.tags == {product: ("Kitchen",)}
    # What is read is known from then on: the overlap of the next window brings none of it again.
    again = synced.touched()
    assert (again.requests, again.order_ids, again.customer_ids) == (4, set(), set())


def test_a_touched_reading_concludes_of_nobody_that_he_is_gone(shop: DemoStore, database: Database) -> None:
    number = shop.data.register_customer(email="a@example.com")
    synced = SyncedSource(shop, database)
    synced.sweep()
    order = shop.data.place_order(customer_id=number, billing=MARY)
    shop.data.unindex_customer(number)
    read = synced.touched()
    assert (read.order_ids, read.customer_ids, read.customers.gone) == ({order}, set(), frozenset())


def test_the_orders_of_a_deleted_customer_make_no_guest(shop: DemoStore, database: Database) -> None:
    number = shop.data.register_customer(email="a@example.com", billing=MARY)
    theirs = shop.data.place_order(customer_id=number, billing=MARY)
    synced = SyncedSource(shop, database)
    synced.sweep()
    shop.data.delete_customer(number)
    guest = shop.data.place_order(billing=JOHN)
    read = synced.sweep()
    assert read.order_ids == {theirs, guest}
    assert read.guests == {guest}
    assert read.customers.gone == {number}


def test_tags_of_products_make_groups_only_as_long_as_they_are_wanted(
    shop: DemoStore, database: Database
) -> None:
    kettle = shop.data.add_product("Kettle", ["Kitchen"])
    shop.data.place_order(billing=MARY, product_ids=[kettle])
    everything = ["Shop", "Shop - Guests", "Shop - Kitchen"]
    for wanted, groups in ((True, everything), (False, everything[:2]), (True, everything)):
        SyncedSource(shop, database, groups={"product_tags": wanted}).sweep()
        with database.transaction() as connection:
            [found] = connection.execute(sa.text("SELECT groups FROM woo_sync.contacts")).scalars()
        assert found == groups


def test_old_orders_of_customers_deleted_later_make_no_guest_though_they_were_never_read(
    shop: DemoStore, database: Database
) -> None:
    """Deleting a customer changes all of their orders, those from before `orders_from` too."""
    data, now = shop.data, datetime.now(UTC)
    years_ago, last_week = now - timedelta(days=1500), now - timedelta(days=7)
    number = data.register_customer(email="a@example.com", billing=MARY)
    data.place_order(customer_id=number, billing=MARY, created_at=years_ago)
    read = data.place_order(customer_id=number, billing=MARY, created_at=last_week)
    synced = SyncedSource(shop, database, orders_from=(now - timedelta(days=365)).date())
    assert read in synced.sweep().order_ids
    data.delete_customer(number)
    first_day = datetime.combine(synced.source.orders_from or now, time.min, UTC)
    guests = {
        data.place_order(billing=JOHN, created_at=moment, modified_at=datetime.now(UTC))
        for moment in (first_day, last_week)
    }
    after = synced.touched()
    assert after.guests == guests
    assert after.order_ids == {read, *guests}


CHOSEN = ("processing", "completed")


def test_only_orders_of_the_chosen_statuses_make_guests_and_later_ones_are_followed(
    shop: DemoStore, database: Database
) -> None:
    data = shop.data
    paid, failed = data.place_order(billing=MARY), data.place_order(billing=JOHN, status="failed")
    synced = SyncedSource(shop, database, order_statuses=CHOSEN)
    first = synced.sweep()
    assert first.order_ids == first.guests == {paid}
    # Thrown away it is still followed; paid at last it makes a guest.
    data.trash_order(paid)
    data.set_order_status(failed, "completed")
    second = synced.touched()
    assert second.order_ids == second.guests == {paid, failed}
    statuses = {row["record_id"]: row["status"] for row in second.orders.to_pylist()}
    assert statuses == {paid: "trash", failed: "completed"}


def test_the_orders_of_customers_are_read_in_any_status_but_drafts(
    shop: DemoStore, database: Database
) -> None:
    number = shop.data.register_customer(email="a@example.com", billing=MARY)
    order = shop.data.place_order(customer_id=number, billing=MARY, status="failed")
    shop.data.place_order(customer_id=number, billing=MARY, status="checkout-draft")
    read = SyncedSource(shop, database, order_statuses=CHOSEN).sweep()
    assert (read.order_ids, read.guests) == ({order}, set())


def test_an_opt_out_of_a_known_phone_is_heard_whatever_became_of_the_order(
    shop: DemoStore, database: Database
) -> None:
    data = shop.data
    data.place_order(billing=MARY, meta={ORDER_CONSENT: "1"})
    synced = SyncedSource(shop, database, order_statuses=CHOSEN)
    synced.sweep()
    same_phone = {**MARY, "phone": "+61 491-570-156"}
    opt_out = data.place_order(billing=same_phone, status="failed", meta={ORDER_CONSENT: "0"})
    data.place_order(billing=same_phone, status="failed", meta={ORDER_CONSENT: "1"})
    data.place_order(billing=JOHN, status="failed", meta={ORDER_CONSENT: "0"})
    assert synced.touched().order_ids == {opt_out}


def test_without_a_choice_of_statuses_every_order_but_drafts_is_read(
    shop: DemoStore, database: Database
) -> None:
    orders = [shop.data.place_order(billing=MARY, status=status) for status in ("failed", "cancelled")]
    trashed = shop.data.place_order(billing=MARY)
    shop.data.trash_order(trashed)
    shop.data.place_order(billing=MARY, status="checkout-draft")
    assert SyncedSource(shop, database).sweep().order_ids == {*orders, trashed}


def test_a_key_that_hides_the_meta_of_customers_takes_nobody_out_of_a_group(
    shop: DemoStore, database: Database
) -> None:
    shop.data.register_customer(email="a@example.com", billing=MARY, meta={TAGS: ["VIP"]})
    SyncedSource(shop, database).sweep()
    manager = {"consumer_key": SHOP_MANAGER.consumer_key, "consumer_secret": SHOP_MANAGER.consumer_secret}
    read = SyncedSource(shop, database, **manager).sweep()
    assert read.customers.meta_withheld
    with database.transaction() as connection:
        [groups] = connection.execute(sa.text("SELECT groups FROM woo_sync.contacts")).scalars()
    assert groups == ["Shop", "Shop - Customer", "Shop - VIP"]


def test_orders_that_are_deleted_for_good_are_found_gone_and_others_are_not(
    shop: DemoStore, database: Database
) -> None:
    data = shop.data
    kept, trashed, deleted = (data.place_order(billing=MARY) for _ in range(3))
    number = data.register_customer(email="a@example.com", billing=JOHN)
    of_customer = data.place_order(customer_id=number, billing=JOHN)
    synced = SyncedSource(shop, database)
    assert synced.sweep().gone_orders == frozenset()
    assert known_guest_orders(database, KEY) == {kept, trashed, deleted}
    data.trash_order(trashed)
    for order in (deleted, of_customer):
        data.delete_order(order)
    read = synced.sweep()
    assert (set(read.gone_orders), read.unclear_orders) == ({deleted}, 0)
    # What is gone, or in the trash, holds no contact and need not be proven again.
    assert known_guest_orders(database, KEY) == {kept}
    assert synced.sweep().gone_orders == frozenset()


def test_an_order_that_comes_back_as_it_was_is_there_again(shop: DemoStore, database: Database) -> None:
    synced = SyncedSource(shop, database)
    order = shop.data.place_order(billing=MARY)
    synced.sweep()
    taken = shop.data.unindex_order(order)
    assert synced.sweep().gone_orders == {order}
    shop.data.index_order(taken)
    assert synced.touched().order_ids == {order}
    assert known_guest_orders(database, KEY) == {order}


def test_a_daily_reading_meets_orders_that_were_imported_with_an_old_date_or_none(
    shop: DemoStore, database: Database
) -> None:
    data, years_ago = shop.data, datetime.now(UTC) - timedelta(days=900)
    data.place_order(billing=MARY)
    synced = SyncedSource(shop, database)
    synced.sweep()
    imported = {
        data.place_order(billing=JOHN, created_at=years_ago, modified_at=modified)
        for modified in (years_ago, NO_DATE)
        for _ in range(130)
    }
    # A live reading looks at what was modified; what it meets is above what was imported.
    later = data.place_order(billing=MARY)
    assert synced.touched().order_ids == {later}
    assert synced.sweep().order_ids == imported
    # From then on nobody looks at them again.
    shop.requests.clear()
    assert synced.sweep().order_ids == set()
    newest_first = [each for each in shop.requests if each.query.get("_fields") == "id"]
    assert [each.query["include"] for each in newest_first if each.path.endswith("/orders")] != []
    assert not any(each.query.get("orderby") == "id" for each in newest_first if "/orders" in each.path)


def test_imported_orders_from_before_what_is_wanted_make_no_guest(
    shop: DemoStore, database: Database
) -> None:
    now = datetime.now(UTC)
    synced = SyncedSource(shop, database, orders_from=(now - timedelta(days=365)).date())
    synced.sweep()
    shop.data.place_order(billing=JOHN, created_at=now - timedelta(days=900), modified_at=NO_DATE)
    wanted = shop.data.place_order(billing=JOHN, created_at=now - timedelta(days=30), modified_at=NO_DATE)
    assert synced.sweep().order_ids == {wanted}


def test_a_store_that_was_restored_from_a_backup_shows_what_is_imported_after_that(
    shop: DemoStore, database: Database
) -> None:
    data, years_ago = shop.data, datetime.now(UTC) - timedelta(days=900)
    data.place_order(billing=MARY)
    synced = SyncedSource(shop, database)
    backup = next(data.next_post_id)
    lost = [data.place_order(billing=JOHN) for _ in range(3)]
    synced.sweep()
    for order in lost:
        data.delete_order(order)
    data.next_post_id = itertools.count(backup)
    assert synced.sweep().gone_orders == set(lost)
    imported = data.place_order(billing=JOHN, created_at=years_ago, modified_at=NO_DATE)
    assert imported < max(lost)
    assert synced.sweep().order_ids == {imported}


def roles_read(read: Read) -> dict[int, str]:
    return {row["record_id"]: row["role"] for row in read.customers.changed.to_pylist()}


def groups_of(database: Database) -> list[str]:
    with database.transaction() as connection:
        [groups] = connection.execute(sa.text("SELECT groups FROM woo_sync.contacts")).scalars()
        found: list[str] = groups
        return found


def test_all_roles_of_a_user_are_read_and_stay_when_a_live_reading_meets_the_user(
    shop: DemoStore, database: Database
) -> None:
    data = shop.data
    number = data.register_customer(email="a@example.com", billing=MARY, roles=["wholesale", "customer"])
    for step in range(5):
        data.register_customer(email=f"b{step}@example.com")
    synced = SyncedSource(shop, database)
    assert roles_read(synced.sweep())[number] == "wholesale\ncustomer"
    assert groups_of(database) == ["Shop", "Shop - Customer", "Shop - Wholesale"]
    # A live reading sees one of them only.
    data.save_profile(number, first_name="Maria")
    data.place_order(customer_id=number, billing=MARY)
    assert roles_read(synced.touched())[number] == "wholesale\ncustomer"
    assert groups_of(database) == ["Shop", "Shop - Customer", "Shop - Wholesale"]
    assert synced.sweep().customer_ids == set()
    # A second role moves no date, and is found.
    data.set_roles(number, ["wholesale", "editor"])
    assert roles_read(synced.sweep()) == {number: "wholesale\neditor"}
    assert groups_of(database) == ["Shop", "Shop - Editor", "Shop - Wholesale"]


@pytest.mark.parametrize(
    ("wanted", "extra_roles", "groups"),
    [
        (True, 0, ["Customer", "Wholesale"]),
        (True, 3, ["Wholesale"]),
        ("all", 3, ["Customer", "Wholesale"]),
        ("first", 0, ["Wholesale"]),
        (False, 0, []),
    ],
)
def test_where_there_are_few_roles_all_count_unless_it_is_said_otherwise(
    shop: DemoStore, database: Database, wanted: object, extra_roles: int, groups: list[str]
) -> None:
    shop.data.roles += [f"role_{number}" for number in range(extra_roles)]
    shop.data.register_customer(email="a@example.com", billing=MARY, roles=["wholesale", "customer"])
    SyncedSource(shop, database, groups={"roles": wanted}).sweep()
    assert groups_of(database) == ["Shop", *(f"Shop - {group}" for group in groups)]
