from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from woo_sync_pipeline.contacts.groups import GroupNames
from woo_sync_pipeline.contacts.memberships import memberships, source_names

NAMES = {"shop": GroupNames("WooCommerce"), "outlet": GroupNames("Outlet", "{tag} ({source})")}

Holder = tuple[int, str, str, list[str]]
Purchase = tuple[int, str, str]


def lists_of(
    *holders: Holder,
    purchases: tuple[Purchase, ...] = (),
    count: int = 2,
    spelled: dict[str, str] | None = None,
) -> list[Any]:
    """Lists of phones 0, 1, …; holders are (phone, source, customer or order, tags), purchases (phone, source, tag)."""
    held = pd.DataFrame(list(holders), columns=["position", "source", "kind", "tags"])
    held["is_person"] = held["kind"] == "customer"
    bought = pd.DataFrame(list(purchases), columns=["position", "source", "tag"])
    positions = (held["position"].to_numpy(dtype=np.int64), bought["position"].to_numpy(dtype=np.int64))
    found = memberships(held, bought, positions=positions, count=count, names=NAMES, list_names=spelled or {})
    return list(found)


def test_lists_of_tags_are_named_as_their_source_says() -> None:
    assert lists_of((0, "shop", "customer", ["VIP"]), (0, "outlet", "customer", ["VIP"])) == [
        ["Outlet", "VIP (Outlet)", "WooCommerce", "WooCommerce - VIP"],
        [],
    ]


@pytest.mark.parametrize("tag", ["Guests", "guests"])
def test_a_customer_with_a_tag_named_guests_is_no_guest(tag: str) -> None:
    customer, guest = lists_of((0, "shop", "customer", [tag]), (1, "shop", "order", []))
    assert customer == ["WooCommerce", f"WooCommerce - {tag} (tag)"]
    assert guest == ["WooCommerce", "WooCommerce - Guests"]


def test_a_guest_who_bought_something_tagged_guests_is_on_both_lists() -> None:
    guest, _ = lists_of((0, "shop", "order", []), purchases=((0, "shop", "Guests"),))
    assert guest == ["WooCommerce", "WooCommerce - Guests", "WooCommerce - Guests (tag)"]


def test_a_customer_of_the_same_phone_makes_a_guest_none() -> None:
    assert lists_of((0, "shop", "order", []), (0, "shop", "customer", [])) == [["WooCommerce"], []]
    assert lists_of((0, "shop", "order", []), (0, "outlet", "customer", []))[0] == [
        "Outlet",
        "WooCommerce",
        "WooCommerce - Guests",
    ]


def test_a_list_that_exists_keeps_its_spelling_and_no_list_comes_twice() -> None:
    holders: list[Holder] = [(0, "shop", "customer", ["vip", "VIP"]), (0, "shop", "customer", ["Vip"])]
    assert lists_of(*holders, spelled={"woocommerce - vip": "WOOCOMMERCE - vip"})[0] == [
        "WOOCOMMERCE - vip",
        "WooCommerce",
    ]


def test_phones_with_the_same_lists_share_them_and_the_others_have_their_own() -> None:
    first, second, third = lists_of(
        (0, "shop", "customer", ["VIP"]),
        (1, "shop", "customer", ["VIP"]),
        (2, "shop", "customer", ["Wine"]),
        count=3,
    )
    assert first is second
    assert third == ["WooCommerce", "WooCommerce - Wine"]


def test_nobody_is_on_no_list() -> None:
    assert lists_of() == [[], []]
    assert lists_of(count=0) == []


def test_sources_are_named_once_and_in_order() -> None:
    held = pd.DataFrame({"source": ["shop", "outlet", "shop"]})
    positions = np.array([0, 0, 0], dtype=np.int64)
    assert list(source_names(held, positions=positions, count=2, names=NAMES)) == [
        ["Outlet", "WooCommerce"],
        [],
    ]
