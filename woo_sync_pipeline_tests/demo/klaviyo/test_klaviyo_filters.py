"""What can be filtered by, in which words, and what is refused."""

from __future__ import annotations

import pytest

from woo_sync_pipeline.demo.klaviyo import KlaviyoData
from woo_sync_pipeline_tests.demo.klaviyo.support import Asker, Clock

ADA, BOB, ZOE = "ada@example.com", "o'brien@example.com", "zoe@example.com"


@pytest.fixture
def people(data: KlaviyoData, clock: Clock) -> dict[str, str]:
    """Three people by address, who were made at noon, a minute past, and two minutes past."""
    made = {}
    for number, email in enumerate((ADA, BOB, ZOE)):
        phone = f"+6141234567{number}"
        made[email] = data.add_profile(email=email, phone_number=phone, external_id=f"woo-{number}")
        clock.tick(60)
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'equals(email,"{ADA}")', [ADA]),
        (f"equals(email,'{ADA}')", [ADA]),
        (f"equals(email,['{ADA}'])", [ADA]),
        (f'equals(email,"{BOB}")', [BOB]),
        (r"equals(email,'o\'brien@example.com')", [BOB]),
        (f'any(email,["{ADA}","{ZOE}","x@example.com"])', [ADA, ZOE]),
        (f'any(email, ["{ADA}", "{ZOE}"])', None),
        (f'any(email,["{ADA}", "{ZOE}"])', [ADA, ZOE]),
        ("any(email,[])", []),
        ('equals(phone_number,"+61412345671")', [BOB]),
        ('any(external_id,["woo-0","woo-2"])', [ADA, ZOE]),
        ('equals(_kx,"abc")', []),
        ("greater-than(created,2026-11-23T12:00:00Z)", [BOB, ZOE]),
        ("greater-than(created,2026-11-23T11:59:59Z)", [ADA, BOB, ZOE]),
        ("less-than(created,2026-11-23T12:01:00+00:00)", [ADA]),
        ("less-than(created,2026-11-23T23:01:00+11:00)", [ADA]),
        ("greater-than(updated,2026-11-23T12:00:30.5Z)", [BOB, ZOE]),
        ("greater-than(updated,2026-11-23T12:00:00Z),less-than(updated,2026-11-23T12:02:00Z)", [BOB]),
        (f'greater-than(updated,2026-11-23T12:00:00Z),any(email,["{ADA}","{ZOE}"])', [ZOE]),
    ],
)
@pytest.mark.parametrize("sort", ["id", "updated", "email"])
def test_filters_of_profiles(
    ask: Asker, people: dict[str, str], text: str, expected: list[str] | None, sort: str
) -> None:
    if expected is None:
        assert ask.error("/profiles", 400, filter=text, sort=sort)["source"] == {"parameter": "filter"}
    else:
        assert ask.walk("/profiles", filter=text, sort=sort, **{"page[size]": 1}) == [
            people[email] for email in expected
        ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "equals",
        "equals(email)",
        "equals(email,)",
        'equals(email,"a"',
        'equals(email,"a"))',
        'equals(email,"a"),',
        'equals(email,"a") ,equals(id,"b")',
        'equals(email,"a"),,equals(id,"b")',
        "equals(email,a)",
        'equals(first_name,"Ada")',
        'contains(email,"a")',
        'any(email,"a")',
        'greater-than(email,"a")',
        "greater-or-equal(updated,2026-11-23T12:00:00Z)",
        "less-or-equal(created,2026-11-23T12:00:00Z)",
        "equals(updated,2026-11-23T12:00:00Z)",
        "greater-than(updated,2026-11-23T12:00:00)",
        "greater-than(updated,2026-11-23T12:00:00 00:00)",
        "greater-than(updated,2026-11-23)",
        "greater-than(updated,2026-13-23T12:00:00Z)",
        'greater-than(updated,"2026-11-23T12:00:00Z")',
        "greater-than(joined_group_at,2026-11-23T12:00:00Z)",
        'and(equals(email,"a"),equals(id,"b"))',
    ],
)
def test_what_is_no_filter_of_profiles_is_refused(ask: Asker, text: str) -> None:
    error = ask.error("/profiles", 400, filter=text)
    assert (error["code"], error["source"]) == ("invalid", {"parameter": "filter"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("greater-than(joined_group_at,2026-11-23T13:01:00Z)", [ZOE]),
        ("greater-or-equal(joined_group_at,2026-11-23T13:01:00Z)", [BOB, ZOE]),
        ("less-than(joined_group_at,2026-11-23T13:01:00Z)", [ADA]),
        ("less-or-equal(joined_group_at,2026-11-23T13:01:00Z)", [ADA, BOB]),
        (
            "greater-or-equal(joined_group_at,2026-11-23T13:01:00Z),"
            "less-or-equal(joined_group_at,2026-11-23T13:01:00Z)",
            [BOB],
        ),
        (f'any(email,["{ADA}","{BOB}"]),greater-than(joined_group_at,2026-11-23T13:00:00Z)', [BOB]),
        ('any(push_token,["a"])', []),
    ],
)
@pytest.mark.parametrize("kind", ["lists", "segments"])
def test_filters_of_members(
    ask: Asker,
    data: KlaviyoData,
    clock: Clock,
    people: dict[str, str],
    kind: str,
    text: str,
    expected: list[str],
) -> None:
    clock.tick(57 * 60)
    group = data.add_list("A") if kind == "lists" else data.add_segment("A")
    for email in people:
        data.join(group, people[email])
        clock.tick(60)
    met = ask.walk(f"/{kind}/{group}/profiles", filter=text, sort="joined_group_at", **{"page[size]": 1})
    assert met == [people[email] for email in expected]


def test_members_of_a_segment_can_be_asked_by_id(
    ask: Asker, data: KlaviyoData, people: dict[str, str]
) -> None:
    segment, contact_list = data.add_segment("A"), data.add_list("A")
    for group in (segment, contact_list):
        data.join(group, *people.values())
    text = f'any(profile_id,["{people[BOB]}"])'
    assert ask.ids(f"/segments/{segment}/profiles", filter=text) == [people[BOB]]
    ask.error(f"/lists/{contact_list}/profiles", 400, filter=text)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("lists", 'any(name,["VIP"])', ["VIP", "VIP"]),
        ("lists", 'any(name,["News, and more"])', ["News, and more"]),
        ("lists", "greater-than(created,2026-11-23T12:00:00Z)", ["VIP"]),
        ("lists", 'equals(name,"VIP")', None),
        ("lists", "less-than(created,2026-11-23T12:00:00Z)", None),
        ("lists", "equals(is_active,true)", None),
        ("segments", "equals(is_active,true)", ["Engaged"]),
        ("segments", "any(is_active,[true,false])", ["Asleep", "Engaged"]),
        ("segments", "equals(is_active,yes)", None),
        ("segments", "equals(is_starred,false)", ["Asleep", "Engaged"]),
    ],
)
def test_filters_of_lists_and_segments(
    ask: Asker, data: KlaviyoData, clock: Clock, kind: str, text: str, expected: list[str] | None
) -> None:
    data.add_list("VIP")
    data.add_list("News, and more")
    data.add_segment("Engaged")
    data.add_segment("Asleep", is_active=False)
    clock.tick(60)
    data.add_list("VIP")
    if expected is None:
        ask.error(f"/{kind}", 400, filter=text)
    else:
        assert [
            row["attributes"]["name"] for row in ask.rows(f"/{kind}", filter=text, sort="name")
        ] == expected


def test_a_list_is_found_by_its_id(ask: Asker, data: KlaviyoData) -> None:
    wanted, _ = data.add_list("A"), data.add_list("A")
    assert ask.ids("/lists", filter=f'equals(id,"{wanted}")') == [wanted]


def test_suppressed_addresses_can_be_filtered_and_sorted_by(ask: Asker, data: KlaviyoData) -> None:
    plain, bounced = data.add_profile(), data.add_profile()
    suppression = [{"reason": "HARD_BOUNCE", "timestamp": "2026-11-20T00:00:00+00:00"}]
    marketing = {"can_receive_email_marketing": False, "consent": "SUBSCRIBED", "suppression": suppression}
    data.set_consent(bounced, "email", "marketing", marketing)
    field = "subscriptions.email.marketing.suppression"
    assert ask.ids("/profiles", filter=f'equals({field}.reason,"HARD_BOUNCE")') == [bounced]
    assert ask.ids("/profiles", filter=f"greater-or-equal({field}.timestamp,2026-11-20T00:00:00Z)") == [
        bounced
    ]
    assert ask.ids("/profiles", filter=f"greater-than({field}.timestamp,2026-11-20T00:00:00Z)") == []
    assert ask.walk("/profiles", sort=f"-{field}.timestamp", **{"page[size]": 1}) == [bounced, plain]
