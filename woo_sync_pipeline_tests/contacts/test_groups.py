from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.groups import group_name, guests_group, tags_from_meta

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (["vip", "wine club", "Sydney"], ("vip", "wine club", "Sydney")),
        ("vip, wine club,Sydney", ("vip", "wine club", "Sydney")),
        ("vip; wine club;;", ("vip", "wine club")),
        ("vip\nwine club", ("vip", "wine club")),
        ("Wine &amp; Cheese; VIP", ("Wine & Cheese", "VIP")),
        ("Wine &amp;amp; Cheese; VIP", ("Wine & Cheese", "VIP")),
        (["Wine, red", "VIP"], ("Wine, red", "VIP")),
        ('["vip", "wine club"]', ("vip", "wine club")),
        ("[&quot;vip&quot;]", ("vip",)),
        ('{"vip": "1", "old": "0"}', ("vip",)),
        ({"vip": True, "old": False, "new": 1, "off": "", "on": "yes"}, ("vip", "new", "on")),
        ({"0": "vip", "2": "wine club"}, ("vip", "wine club")),
        ({"first": "vip", "second": "wine club"}, ("vip", "wine club")),
        (
            [{"id": 5, "name": "VIP", "slug": "vip"}, {"id": 6, "name": "Wine &amp; Cheese"}],
            ("VIP", "Wine & Cheese"),
        ),
        ({"id": 5, "name": "VIP"}, ("VIP",)),
        (["VIP", "vip", " Vip ", "Straße", "STRASSE"], ("VIP", "Straße")),
        (["  two\u00a0 words\u200b ", "", None, True, "null"], ("two words",)),
        (7, ("7",)),
    ],
)
def test_tags_are_found_in_what_plugins_write(value: object, tags: tuple[str, ...]) -> None:
    assert tags_from_meta(value) == tags


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        "",
        " , ;",
        [],
        {},
        1.5,
        10**400,
        object(),
        'a:1:{i:0;s:3:"vip";}',
        [[[[["deep"]]]]],
        "-",
        "0",
    ],
)
def test_what_holds_no_tags_gives_none(value: object) -> None:
    assert tags_from_meta(value) == ()


def test_broken_or_bottomless_json_is_read_as_text() -> None:
    assert tags_from_meta("[vip, wine") == ("[vip", "wine")
    assert tags_from_meta("[" * 100_000) == ()
    assert tags_from_meta("[1" + "1" * 5000 + "]")


@given(json_values)
def test_any_json_gives_clean_distinct_tags(value: object) -> None:
    tags = tags_from_meta(value)
    assert all(tag and tag == " ".join(tag.split()) and len(tag) <= 100 for tag in tags)
    assert len({tag.casefold() for tag in tags}) == len(tags)


@given(
    st.one_of(
        st.lists(json_values, max_size=4), st.dictionaries(st.text(max_size=5), json_values, max_size=4)
    )
)
def test_json_as_text_gives_the_same_tags_as_the_value(value: object) -> None:
    assert tags_from_meta(json.dumps(value)) == tags_from_meta(json.loads(json.dumps(value)))


def test_groups_are_named_after_their_source() -> None:
    assert group_name("WooCommerce", "VIP") == "WooCommerce - VIP"
    assert guests_group("WooCommerce") == "WooCommerce - Guests"


def test_group_names_have_at_most_a_hundred_characters() -> None:
    assert group_name("Shop", "x" * 200) == "Shop - " + "x" * 93
