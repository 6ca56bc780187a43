from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.groups import MAX_GROUP_NAME_LENGTH, GroupNames, tags_from_meta
from woo_sync_pipeline_tests.examples import examples

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


@settings(max_examples=examples(250), deadline=None)
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
    names = GroupNames("WooCommerce")
    assert names.everybody == "WooCommerce"
    assert names.guests == "WooCommerce - Guests"
    assert names.of_tag("VIP") == "WooCommerce - VIP"


@pytest.mark.parametrize("tag", ["Guests", "guests", "GUESTS"])
def test_a_tag_named_guests_makes_nobody_a_guest(tag: str) -> None:
    assert GroupNames("Shop").of_tag(tag) == f"Shop - {tag} (tag)"


def test_a_tag_named_like_the_source_is_not_the_list_of_everybody() -> None:
    assert GroupNames("Shop", "{tag}").of_tag("shop") == "shop (tag)"


@pytest.mark.parametrize(
    ("name_format", "guests", "vip"),
    [
        ("{source}: {tag}", "Shop: Guests", "Shop: VIP"),
        ("{tag} ({source})", "Guests (Shop)", "VIP (Shop)"),
        ("{tag}", "Guests", "VIP"),
        ("100% {tag} {other}", "100% Guests {other}", "100% VIP {other}"),
    ],
)
def test_the_format_of_names_is_the_user_s(name_format: str, guests: str, vip: str) -> None:
    names = GroupNames("Shop", name_format)
    assert (names.guests, names.of_tag("VIP")) == (guests, vip)


def test_a_tag_called_like_a_placeholder_stays_as_it_is() -> None:
    assert GroupNames("Shop").of_tag("{source} {tag}") == "Shop - {source} {tag}"


@pytest.mark.parametrize("name_format", ["{source} - {tag}", "{tag} of {source}"])
def test_a_name_of_more_than_a_hundred_characters_is_cut_in_the_tag(name_format: str) -> None:
    name = GroupNames("S" * 60, name_format).of_tag("x" * 200)
    assert len(name) == MAX_GROUP_NAME_LENGTH
    assert "S" * 60 in name
    assert set(name) == set(name_format.format(source="S", tag="x"))


@given(
    st.text(min_size=1, max_size=150), st.sampled_from(["{source} - {tag}", "{tag}", "{tag} @ {source} ["])
)
def test_the_pattern_knows_every_list_of_the_source_and_no_other_source(tag: str, name_format: str) -> None:
    names = GroupNames("Shop (AU)", name_format)
    name = names.of_tag("".join(tag.split()) or "VIP")
    assert len(name) <= MAX_GROUP_NAME_LENGTH
    assert name.casefold() not in (names.guests.casefold(), names.everybody.casefold())
    for each in (name, names.guests, names.everybody):
        assert re.search(names.pattern, each, re.DOTALL)
    if "{source}" in name_format:
        assert not re.search(names.pattern, GroupNames("Shop", name_format).of_tag("VIP"))
