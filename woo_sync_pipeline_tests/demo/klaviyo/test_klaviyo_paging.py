"""Walks by cursor: complete on data that stands still, and what they meet when it moves."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo, KlaviyoData
from woo_sync_pipeline.demo.klaviyo.paging import Page, Position, cut_page
from woo_sync_pipeline_tests.demo.klaviyo.support import NOON, Asker, Clock


def add_people(data: KlaviyoData, clock: Clock, count: int) -> list[str]:
    """People who are made one a second."""
    people = []
    for number in range(count):
        clock.tick()
        people.append(data.add_profile(email=f"p{number:03}@example.com"))
    return people


@pytest.mark.parametrize("sort", ["id", "created", "updated", "email"])
@pytest.mark.parametrize("size", [1, 7, 25, 100])
def test_a_walk_meets_everybody_once_in_order(
    ask: Asker, data: KlaviyoData, clock: Clock, sort: str, size: int
) -> None:
    people = add_people(data, clock, 25)
    assert ask.walk("/profiles", sort=sort, **{"page[size]": size}) == people
    assert ask.walk("/profiles", sort=f"-{sort}", **{"page[size]": size}) == people[::-1]


def test_people_who_share_a_moment_are_told_apart_by_their_ids(ask: Asker, data: KlaviyoData) -> None:
    people = {data.add_profile(email=None) for _ in range(25)}
    for sort in ("updated", "-created", "email"):
        met = ask.walk("/profiles", sort=sort, **{"page[size]": 10})
        assert sorted(met) == sorted(people)


def test_without_a_size_there_are_twenty_on_a_page(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    add_people(data, clock, 41)
    assert [len(page) for page in ask.pages("/profiles")] == [20, 20, 1]


def test_lists_come_ten_at_a_time(ask: Asker, data: KlaviyoData) -> None:
    names = [f"List {number:02}" for number in range(23)]
    made = [data.add_list(name) for name in names]
    assert [len(page) for page in ask.pages("/lists", sort="name")] == [10, 10, 3]
    assert ask.walk("/lists", sort="name") == made
    assert sorted(ask.walk("/lists", sort="-id")) == sorted(made)


def test_a_full_last_page_has_no_next(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    add_people(data, clock, 20)
    assert [len(page) for page in ask.pages("/profiles", **{"page[size]": 10})] == [10, 10]


def test_next_is_a_whole_address_with_all_parameters(
    ask: Asker, server: DemoKlaviyo, data: KlaviyoData, clock: Clock
) -> None:
    add_people(data, clock, 3)
    params = {
        "sort": "-created",
        "filter": "greater-than(created,2026-11-01T00:00:00+00:00)",
        "page[size]": "2",
        "fields[profile]": "email,created",
    }
    link = ask.get("/profiles", **params).json()["links"]["next"]
    assert link.startswith(f"{server.url}/api/profiles?")
    given = {name: value for name, (value,) in parse_qs(urlsplit(link).query).items()}
    assert given.pop("page[cursor]")
    assert given == params
    assert ask.key.secret not in link


def test_pages_lead_back(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    people = add_people(data, clock, 7)
    for sort, expected in (("id", people), ("-id", people[::-1])):
        pages = [ask.get("/profiles", sort=sort, **{"page[size]": 3}).json()]
        while link := pages[-1]["links"].get("next"):
            pages.append(ask.get(link).json())
        assert "prev" not in pages[0]["links"]
        back = ask.get(pages[2]["links"]["prev"]).json()
        assert [row["id"] for row in back["data"]] == expected[3:6]
        first = ask.get(back["links"]["prev"]).json()
        assert [row["id"] for row in first["data"]] == expected[:3]
        assert "prev" not in first["links"]


def cursor_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["page[cursor]"][0]


def test_a_cursor_can_be_given_by_itself(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    people = add_people(data, clock, 5)
    params = {"sort": "id", "page[size]": 2}
    link = ask.get("/profiles", **params).json()["links"]["next"]
    assert ask.ids("/profiles", **{**params, "page[cursor]": cursor_of(link)}) == people[2:4]


@pytest.mark.parametrize(
    ("address", "params"),
    [
        ("/profiles", {"sort": "updated"}),
        ("/profiles", {"sort": "-id"}),
        ("/profiles", {"sort": "id", "filter": "greater-than(updated,2026-11-01T00:00:00Z)"}),
        ("/lists", {"sort": "id"}),
    ],
)
def test_a_cursor_is_good_for_its_own_query_only(
    ask: Asker, data: KlaviyoData, clock: Clock, address: str, params: dict[str, str]
) -> None:
    add_people(data, clock, 3)
    link = ask.get("/profiles", sort="id", **{"page[size]": 1}).json()["links"]["next"]
    error = ask.error(address, 400, **params, **{"page[cursor]": cursor_of(link)})
    assert error["source"] == {"parameter": "page[cursor]"}
    assert "another query" in error["detail"]


@pytest.mark.parametrize("cursor", ["", "2", "bm9ib2R5", "WzEsMl0=", "é", "a" * 200])
def test_made_up_cursors_are_refused(ask: Asker, cursor: str) -> None:
    assert ask.error("/profiles", 400, **{"page[cursor]": cursor})["source"]["parameter"] == "page[cursor]"


def test_cursors_expire_when_the_account_says_so(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    add_people(data, clock, 3)
    data.cursor_lifetime = timedelta(minutes=5)
    link = ask.get("/profiles", **{"page[size]": 1}).json()["links"]["next"]
    clock.tick(300)
    assert ask.get(link).status_code == 200
    clock.tick(1)
    assert "expired" in ask.error(link, 400)["detail"]


def test_sorted_by_id_who_changes_during_a_walk_comes_once(
    ask: Asker, data: KlaviyoData, clock: Clock
) -> None:
    people = add_people(data, clock, 10)
    met = []
    for page in ask.pages("/profiles", sort="id", **{"page[size]": 3}):
        met += page
        clock.tick()
        data.change_profile(people[0], first_name="Ada")
        data.change_profile(people[9], first_name="Zoë")
    assert met == people


def test_sorted_by_updated_who_changes_comes_twice(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    people = add_people(data, clock, 10)
    pages = ask.pages("/profiles", sort="updated", **{"page[size]": 4})
    met = next(pages)
    clock.tick()
    data.change_profile(people[1], first_name="Ada")
    for page in pages:
        met += page
    assert met == [*people, people[1]]


def test_sorted_by_updated_with_a_frozen_end_who_changes_is_missed(
    ask: Asker, data: KlaviyoData, clock: Clock
) -> None:
    people = add_people(data, clock, 10)
    clock.tick()
    end = clock().isoformat()
    pages = ask.pages("/profiles", sort="updated", filter=f"less-than(updated,{end})", **{"page[size]": 4})
    met = next(pages)
    data.change_profile(people[8], first_name="Ada")
    for page in pages:
        met += page
    assert met == [*people[:8], people[9]]


def test_the_order_that_is_usual_misses_who_changes(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    people = add_people(data, clock, 6)
    pages = ask.pages("/profiles", **{"page[size]": 2})
    met = next(pages)
    clock.tick()
    data.change_profile(people[0], first_name="Ada")
    for page in pages:
        met += page
    assert met == people[:0:-1]


def test_who_is_deleted_or_merged_during_a_walk_makes_nobody_else_missing(
    ask: Asker, data: KlaviyoData, clock: Clock
) -> None:
    people = add_people(data, clock, 9)
    pages = ask.pages("/profiles", sort="id", **{"page[size]": 3})
    met = next(pages)
    data.delete_profile(people[2])
    data.merge_profiles(people[4], into=people[0])
    for page in pages:
        met += page
    assert met == [*people[:4], *people[5:]]


def test_who_is_made_during_a_walk_by_id_comes_at_its_end(
    ask: Asker, data: KlaviyoData, clock: Clock
) -> None:
    people = add_people(data, clock, 4)
    pages = ask.pages("/profiles", sort="id", **{"page[size]": 3})
    met = next(pages)
    new = add_people(data, clock, 1)
    for page in pages:
        met += page
    assert met == [*people, *new]


def test_a_hook_can_change_people_between_pages(
    ask: Asker, server: DemoKlaviyo, data: KlaviyoData, clock: Clock
) -> None:
    people = add_people(data, clock, 4)
    seen: list[str] = []

    def delete_the_last(path: str) -> None:
        seen.append(path)
        if len(seen) == 2:
            data.delete_profile(people[3])

    server.on_request = delete_the_last
    assert ask.walk("/profiles", sort="id", **{"page[size]": 2}) == people[:3]
    assert seen == ["/api/profiles"] * 2


def test_members_come_by_when_they_joined(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    people = add_people(data, clock, 7)
    group = data.add_list("Newsletter")
    order = [people[place] for place in (3, 1, 6, 0, 5)]
    for profile in order:
        clock.tick()
        data.join(group, profile)
    address = f"/lists/{group}/profiles"
    assert ask.walk(address, sort="joined_group_at", **{"page[size]": 2}) == order
    assert ask.walk(address, sort="-joined_group_at", **{"page[size]": 2}) == order[::-1]
    joined = [row["attributes"]["joined_group_at"] for row in ask.rows(address, sort="joined_group_at")]
    assert joined == [(NOON + timedelta(seconds=8 + place)).isoformat() for place in range(5)]


def test_who_leaves_and_comes_back_during_a_walk_is_met_twice(
    ask: Asker, data: KlaviyoData, clock: Clock
) -> None:
    people = add_people(data, clock, 4)
    group = data.add_segment("Engaged")
    for profile in people:
        clock.tick()
        data.join(group, profile)
    pages = ask.pages(f"/segments/{group}/profiles", sort="joined_group_at", **{"page[size]": 2})
    met = next(pages)
    clock.tick()
    data.leave(group, people[0])
    data.join(group, people[0])
    for page in pages:
        met += page
    assert met == [*people, people[0]]


keys = st.lists(st.tuples(st.integers(0, 5), st.text("abc", max_size=3)), max_size=30, unique=True).map(
    sorted
)


@given(index=keys, size=st.integers(1, 8), descending=st.booleans(), wanted=st.sampled_from(["", "a", "bc"]))
def test_pages_of_any_size_are_the_whole_there_and_back(
    index: list[tuple[int, str]], size: int, descending: bool, wanted: str
) -> None:
    def matches(record_id: str) -> bool:
        return wanted in record_id

    def page(position: Position | None) -> Page:
        return cut_page(index, position, size=size, descending=descending, matches=matches)

    expected = [key for key in index if matches(key[1])]
    if descending:
        expected.reverse()
    pages = [page(None)]
    while pages[-1].has_next:
        pages.append(page(Position(pages[-1].keys[-1])))
    assert [key for each in pages for key in each.keys] == expected
    assert all(len(each.keys) == size for each in pages[:-1])
    back = pages[-1]
    met = back.keys
    while back.has_previous and back.keys:
        back = page(Position(back.keys[0], is_back=True))
        met = [*back.keys, *met]
    assert met == expected
