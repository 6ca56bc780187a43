"""What the platform shall hold of a contact: fields, label, lists and state, and what a look found out.

The state itself is decided in `subscription.py`, and has tests of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.consent_event import ConsentEvent, ConsentEventKind
from woo_sync_pipeline.contacts.contact import ShownContact, StoreContact
from woo_sync_pipeline.contacts.decision import (
    Decision,
    MembershipChange,
    decide_contact,
    decide_field,
    decide_label,
    decide_membership,
)
from woo_sync_pipeline.contacts.subscription import (
    NotApplied,
    ShownSubscription,
    Signal,
    SubscriptionBase,
    SubscriptionState,
    Verdict,
    next_base,
)
from woo_sync_pipeline_tests.contacts.people import base_of, gone_from_stores, store, there
from woo_sync_pipeline_tests.contacts.situations import (
    BOTH,
    NOW,
    SUBSCRIBED,
    UNSUBSCRIBED,
    at,
    by_platform,
    by_us,
    dated,
    every_situation,
    opted_out,
    shown,
    undated,
)


def decide(wanted: StoreContact, platform: ShownContact | None) -> Decision:
    return decide_contact(wanted, platform, now=NOW)


def test_a_new_contact_is_made_with_all_that_the_stores_know() -> None:
    made = decide(store(sources=("Outlet", "Shop"), groups=("Outlet", "Shop", "Shop - VIP")), None)
    assert made.creates
    assert (made.first_name, made.last_name, made.email) == ("Ann", "Lee", "ann@example.com")
    assert made.label == "Outlet, Shop"
    assert made.membership == MembershipChange(add=("Outlet", "Shop", "Shop - VIP"))
    assert (made.state, made.state_before) == (SUBSCRIBED, None)
    assert made.events == ()


def test_a_contact_in_step_is_left_as_it_is() -> None:
    made = decide(store(base=base_of(store())), there())
    assert not made.creates
    assert (made.first_name, made.last_name, made.email) == ("Ann", "Lee", "ann@example.com")
    assert (made.label, made.membership) == ("WooCommerce", MembershipChange())
    assert (made.state, made.state_before) == (SUBSCRIBED, SUBSCRIBED)
    assert made.events == ()


def test_what_the_store_changed_is_written_and_what_a_person_changed_there_stays() -> None:
    wanted = store(first_name="Anna", email="new@example.com", base=base_of(store()))
    made = decide(wanted, there(first_name="Annie", last_name="Leigh", label="VIP desk", lists=("Klaviyo",)))
    assert (made.first_name, made.last_name, made.email) == ("Anna", "Leigh", "new@example.com")
    assert (made.label, made.membership) == ("VIP desk", MembershipChange())


def test_a_contact_that_was_there_before_us_is_completed() -> None:
    made = decide(store(), there(first_name="", last_name="Leigh", label="Klaviyo", lists=("Klaviyo",)))
    assert (made.first_name, made.last_name) == ("Ann", "Leigh")
    assert (made.label, made.membership) == ("Klaviyo, WooCommerce", MembershipChange(add=("WooCommerce",)))


def test_a_contact_that_is_gone_from_every_store_keeps_all_but_our_lists_and_our_label() -> None:
    made = decide(
        gone_from_stores(base=base_of(store())),
        there(label="Klaviyo, WooCommerce", lists=("Klaviyo", "WooCommerce")),
    )
    assert not made.creates
    assert (made.first_name, made.last_name, made.email) == ("Ann", "Lee", "ann@example.com")
    assert (made.label, made.membership) == ("Klaviyo", MembershipChange(remove=("WooCommerce",)))
    assert made.state is SUBSCRIBED


@pytest.mark.parametrize("state", BOTH)
def test_a_contact_that_no_store_holds_is_not_made_and_its_state_is_not_forgotten(
    state: SubscriptionState,
) -> None:
    known = by_platform(state, opted_out(1), 2)
    made = decide(gone_from_stores(base=base_of(store(), known)), None)
    assert not made.creates
    assert (made.verdict, made.state, made.state_before) == (None, None, state)
    assert made.base.subscription == known
    assert made.base.sources == made.base.groups == ()
    assert made.events == ()
    assert decide(gone_from_stores(), None).base.subscription is None


def test_a_contact_deleted_there_is_made_anew_from_what_the_stores_know() -> None:
    wanted = store(groups=("WooCommerce", "VIP"), base=base_of(store(groups=("WooCommerce",))))
    made = decide(wanted, None)
    assert made.creates
    assert (made.first_name, made.label) == ("Ann", "WooCommerce")
    assert made.membership == MembershipChange(add=("WooCommerce", "VIP"))
    assert (made.state, made.state_before) == (UNSUBSCRIBED, SUBSCRIBED)


@pytest.mark.parametrize("platform", [None, there()])
def test_what_is_remembered_are_the_store_s_values(platform: ShownContact | None) -> None:
    made = decide(store(first_name="Anna", email="", signal=dated(3)), platform)
    base = replace(made.base, subscription=None)
    assert base == replace(base_of(store(first_name="Anna", email="", signal=dated(3))), subscription=None)


def test_a_contact_that_holds_the_phone_without_a_state_gets_the_one_of_the_store() -> None:
    made = decide(store(), replace(there(), subscription=None))
    assert not made.creates
    assert (made.state, made.state_before) == (SUBSCRIBED, None)


def test_the_state_is_decided_and_remembered_by_the_table() -> None:
    for each in list(every_situation())[::17]:
        base = base_of(store(), each.base) if each.base else None
        wanted = store(signal=each.signal, status=each.status, base=base)
        made = decide(wanted, there(each.shown) if each.shown else None)
        assert made.verdict == each.decide(), each
        remembered = next_base(each.decide(), signal=each.signal, base=each.base, shown=each.shown, now=NOW)
        assert made.base.subscription == remembered, each
        known = each.base.state if each.base else None
        assert made.state_before == (each.shown.state if each.shown else known), each


# What a look found out.

SEEN_AT = at(12)


def events(
    signal: Signal | None, base: SubscriptionBase | None, platform: ShownSubscription | None
) -> tuple[ConsentEvent, ...]:
    known = base_of(store(), replace(base, seen_at=SEEN_AT)) if base else None
    return decide(store(signal=signal, base=known), there(platform) if platform else None).events


def found(kind: ConsentEventKind) -> ConsentEvent:
    """Something that happened between the last look and this one."""
    return ConsentEvent(kind, SEEN_AT, NOW)


def refused(why: NotApplied) -> ConsentEvent:
    return ConsentEvent(ConsentEventKind.not_applied, NOW, NOW, why.value)


@pytest.mark.parametrize("state", BOTH)
@pytest.mark.parametrize("signal", [None, dated(1), opted_out(9)])
def test_a_look_that_sees_what_is_known_finds_nothing(
    signal: Signal | None, state: SubscriptionState
) -> None:
    assert events(signal, by_us(state, dated(1)), shown(state)) == ()
    assert events(signal, None, shown(SUBSCRIBED)) == ()
    assert events(signal, None, None) == ()


def test_a_stop_lies_between_the_last_look_and_this_one() -> None:
    base = by_us(SUBSCRIBED, dated(1))
    assert events(dated(1), base, shown(UNSUBSCRIBED, 20)) == (found(ConsentEventKind.stop),)
    assert events(opted_out(9), base, shown(UNSUBSCRIBED, 20)) == (found(ConsentEventKind.stop),)


def test_when_it_happened_at_the_earliest_is_unknown_without_an_earlier_look() -> None:
    wanted = store(base=base_of(store(), by_us(SUBSCRIBED, dated(1))))
    (event,) = decide(wanted, there(shown(UNSUBSCRIBED))).events
    assert (event.kind, event.earliest, event.latest) == (ConsentEventKind.stop, None, NOW)


def test_a_person_who_subscribed_there_again_is_told_of() -> None:
    base = by_us(UNSUBSCRIBED, opted_out(1))
    assert events(opted_out(1), base, shown(SUBSCRIBED)) == (found(ConsentEventKind.resubscribed),)


def test_a_deletion_is_told_of_with_what_it_keeps_from_being_applied() -> None:
    gone = found(ConsentEventKind.gone)
    assert events(opted_out(9), by_us(SUBSCRIBED, dated(1)), None) == (gone,)
    assert events(dated(1), by_platform(UNSUBSCRIBED, dated(1), 3), None) == (gone,)
    wanted = (gone, refused(NotApplied.perhaps_before_deletion))
    assert events(dated(9), by_us(SUBSCRIBED, dated(1)), None) == wanted


def test_an_opt_in_that_is_not_applied_is_told_of_once() -> None:
    base = by_platform(UNSUBSCRIBED, dated(1), 3)
    assert events(undated(9), base, shown(UNSUBSCRIBED)) == (refused(NotApplied.undated),)
    assert events(dated(1), None, shown(UNSUBSCRIBED)) == (refused(NotApplied.unsubscribed_before),)
    told = replace(base, applied=undated(9), not_applied=NotApplied.undated)
    assert events(undated(9), told, shown(UNSUBSCRIBED)) == ()
    assert events(undated(10), told, shown(UNSUBSCRIBED)) == ()


def test_an_opt_in_that_is_not_applied_for_another_reason_is_told_of_again() -> None:
    told = by_platform(UNSUBSCRIBED, undated(9), 12, not_applied=NotApplied.undated)
    assert events(dated(11), told, shown(UNSUBSCRIBED)) == (refused(NotApplied.perhaps_earlier),)


def test_what_an_interrupted_sync_had_brought_about_is_told_of_as_ours() -> None:
    base, sent = by_us(UNSUBSCRIBED, opted_out(1)), by_us(SUBSCRIBED, dated(3), modified=2)
    wanted = store(signal=dated(3), base=base_of(store(), base), in_flight=base_of(store(), sent))
    subscribed = ConsentEvent(ConsentEventKind.subscribed_by_sync, NOW, NOW)
    assert decide(wanted, there(shown(SUBSCRIBED, 9))).events == (subscribed,)
    # Whether it had arrived before a STOP can not be told.
    first, second = decide(wanted, there(shown(UNSUBSCRIBED, 9))).events
    assert (first.kind, second) == (ConsentEventKind.stop, refused(NotApplied.perhaps_earlier))
    assert [each.kind for each in decide(wanted, None).events] == [
        ConsentEventKind.gone,
        ConsentEventKind.not_applied,
    ]


def test_a_sync_s_own_changes_have_a_time_and_words() -> None:
    event = ConsentEvent.by_sync(SUBSCRIBED, at=NOW)
    assert event == ConsentEvent(ConsentEventKind.subscribed_by_sync, NOW, NOW)
    assert ConsentEvent.by_sync(UNSUBSCRIBED, at=NOW).kind is ConsentEventKind.unsubscribed_by_sync
    assert all(kind.words for kind in ConsentEventKind)
    assert len({kind.words for kind in ConsentEventKind}) == len(ConsentEventKind)


def test_a_verdict_is_none_only_where_there_is_and_shall_be_no_contact() -> None:
    assert decide(store(), None).verdict == Verdict(SUBSCRIBED)
    assert decide(gone_from_stores(), there()).verdict == Verdict(SUBSCRIBED)
    assert decide(gone_from_stores(), None).verdict is None


# Fields, lists and the label one by one.


@pytest.mark.parametrize(
    ("store", "base", "platform", "wanted"),
    [
        ("Ann", None, "", "Ann"),
        ("Ann", None, "Annie", "Annie"),
        ("", None, "Annie", "Annie"),
        ("Ann", "Ann", "Annie", "Annie"),
        ("Ann", "Ann", "", ""),
        ("Anna", "Ann", "Ann", "Anna"),
        ("Anna", "Ann", "Annie", "Anna"),
        ("", "Ann", "Ann", ""),
    ],
)
def test_a_field_is_written_only_if_the_store_changed_it(
    store: str, base: str | None, platform: str, wanted: str
) -> None:
    assert decide_field(store=store, base=base, platform=platform) == wanted
    assert decide_field(store=store, base=store, platform=wanted) == wanted


@pytest.mark.parametrize(
    ("store", "base", "platform", "add", "remove"),
    [
        (["W"], None, [], ["W"], []),
        (["W"], None, ["Klaviyo"], ["W"], []),
        (["W"], None, ["w"], [], []),
        (["W", "W - VIP"], ["W"], ["W", "Klaviyo"], ["W - VIP"], []),
        (["W"], ["W", "W - VIP"], ["W", "W - VIP", "Klaviyo"], [], ["W - VIP"]),
        (["W"], ["W", "W - VIP"], ["W"], [], []),
        (["W"], ["W"], [], [], []),
        (["W - vip"], ["W - VIP"], ["W - VIP"], [], []),
        ([], ["W"], ["W", "Klaviyo"], [], ["W"]),
        ([], None, ["W"], [], []),
    ],
)
def test_lists_are_joined_and_left_as_the_store_changed(
    store: list[str], base: list[str] | None, platform: list[str], add: list[str], remove: list[str]
) -> None:
    change = decide_membership(store=store, base=base, platform=platform)
    assert change == MembershipChange(tuple(add), tuple(remove))


names = st.sampled_from(
    ["Klaviyo", "Mailchimp", "Shop", "SHOP", "Outlet", "shop - vip", "Shop - VIP", "É", "é"]
)
name_sets = st.lists(names, max_size=5, unique=True)


def folded(values: Collection[str]) -> set[str]:
    return {value.casefold() for value in values}


@given(store=name_sets, base=st.none() | name_sets, platform=name_sets)
def test_membership_keeps_what_others_added_and_settles_at_once(
    store: list[str], base: list[str] | None, platform: list[str]
) -> None:
    change = decide_membership(store=store, base=base, platform=platform)
    ours = folded(base or [])
    assert folded(change.remove) <= ours & folded(platform)
    assert not folded(change.remove) & folded(store)
    assert folded(change.add) <= folded(store) - folded(platform) - ours
    after = (folded(platform) - folded(change.remove)) | folded(change.add)
    assert after >= folded(platform) - ours
    assert decide_membership(store=store, base=store, platform=after) == MembershipChange()


@pytest.mark.parametrize(
    ("store", "base", "platform", "label"),
    [
        (["WooCommerce"], None, "", "WooCommerce"),
        (["WooCommerce"], None, "Klaviyo", "Klaviyo, WooCommerce"),
        (["WooCommerce"], None, "Klaviyo,  Shopify", "Klaviyo, Shopify, WooCommerce"),
        (["WooCommerce"], None, "woocommerce, Klaviyo", "woocommerce, Klaviyo"),
        (["Outlet", "WooCommerce"], ["WooCommerce"], "Klaviyo, WooCommerce", "Klaviyo, Outlet, WooCommerce"),
        (
            ["Klaviyo", "WooCommerce"],
            ["WooCommerce"],
            "WooCommerce, Shopify",
            "Klaviyo, Shopify, WooCommerce",
        ),
        (["WooCommerce"], ["Outlet", "WooCommerce"], "Outlet, Klaviyo, WooCommerce", "Klaviyo, WooCommerce"),
        ([], ["WooCommerce"], "Klaviyo, WooCommerce", "Klaviyo"),
        ([], ["WooCommerce"], "WooCommerce", ""),
        (["WooCommerce"], ["WooCommerce"], "written by hand", "written by hand"),
    ],
)
def test_the_source_label_names_all_that_hold_the_contact(
    store: list[str], base: list[str] | None, platform: str, label: str
) -> None:
    assert decide_label(store=store, base=base, platform=platform) == label


@given(store=name_sets, base=st.none() | name_sets, platform=name_sets)
def test_the_source_label_keeps_other_names_in_their_order_and_settles_at_once(
    store: list[str], base: list[str] | None, platform: list[str]
) -> None:
    label = decide_label(store=store, base=base, platform=", ".join(platform))
    shown_names = label.split(", ") if label else []
    others = [name for name in platform if name.casefold() not in folded(store) | folded(base or [])]
    assert [name for name in shown_names if name in others] == others
    if base is None or set(base) != set(store):
        assert folded(store) <= folded(shown_names)
        assert not (folded(base or []) - folded(store)) & folded(shown_names)
    assert decide_label(store=store, base=store, platform=label) == label
