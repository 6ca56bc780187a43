"""The table of decisions, row by row, and what holds whatever happens in whatever order.

The promise about consent: a sync subscribes a phone only if an opt-in is newer than every opt-out that can be
known. Every opt-out in a store can be known. An opt-out on the platform can be known if the phone was recorded as
subscribed (or not recorded at all) when it was made, and as long as the contact on the platform or our record of
it exists. What can not be known is an opt-out that changed nothing there: of somebody who was recorded as
unsubscribed already, or of a contact that was deleted together with it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.decision import (
    MembershipChange,
    PlatformSubscription,
    SetBy,
    Signal,
    SubscriptionBase,
    SubscriptionState,
    decide_field,
    decide_label,
    decide_membership,
    decide_state,
    next_base,
    store_status,
)

SUBSCRIBED, UNSUBSCRIBED = SubscriptionState.SUBSCRIBED, SubscriptionState.UNSUBSCRIBED
BOTH = [SUBSCRIBED, UNSUBSCRIBED]


def at(minutes: int) -> datetime:
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=minutes)


def opted_in(minutes: int) -> Signal:
    return Signal(Consent.opted_in, at(minutes))


def opted_out(minutes: int) -> Signal:
    return Signal(Consent.opted_out, at(minutes))


def shown(state: SubscriptionState, changed: int = 0) -> PlatformSubscription:
    return PlatformSubscription(state, at(changed))


def by_us(state: SubscriptionState, applied: Signal | None = None) -> SubscriptionBase:
    return SubscriptionBase(state, SetBy.sync, applied)


def by_platform(
    state: SubscriptionState, applied: Signal | None = None, seen: int | None = None
) -> SubscriptionBase:
    return SubscriptionBase(state, SetBy.platform, applied, None if seen is None else at(seen))


def decide(
    signal: Signal | None,
    base: SubscriptionBase | None,
    platform: PlatformSubscription | None,
    status: SubscriptionState = SUBSCRIBED,
) -> SubscriptionState:
    return decide_state(signal=signal, status=status, base=base, platform=platform)


@pytest.mark.parametrize(
    ("consent", "explicit", "inferred"),
    [
        (Consent.opted_in, SUBSCRIBED, SUBSCRIBED),
        (Consent.unknown, UNSUBSCRIBED, SUBSCRIBED),
        (Consent.opted_out, UNSUBSCRIBED, UNSUBSCRIBED),
    ],
)
def test_the_store_status_follows_the_newest_signal_and_the_mode(
    consent: Consent, explicit: SubscriptionState, inferred: SubscriptionState
) -> None:
    assert store_status(consent, is_explicit=True) is explicit
    assert store_status(consent, is_explicit=False) is inferred


@pytest.mark.parametrize("status", BOTH)
@pytest.mark.parametrize("signal", [None, opted_in(1), opted_out(1)])
def test_a_contact_new_to_the_platform_gets_the_store_status(
    signal: Signal | None, status: SubscriptionState
) -> None:
    assert decide(signal, None, None, status) is status


@pytest.mark.parametrize("platform", BOTH)
@pytest.mark.parametrize("status", BOTH)
def test_a_contact_there_before_us_is_unsubscribed_by_a_known_opt_out(
    platform: SubscriptionState, status: SubscriptionState
) -> None:
    assert decide(opted_out(1), None, shown(platform, 5), status) is UNSUBSCRIBED


@pytest.mark.parametrize("platform", BOTH)
@pytest.mark.parametrize("status", BOTH)
@pytest.mark.parametrize("signal", [None, opted_in(9)])
def test_a_contact_there_before_us_otherwise_stays_as_it_is(
    signal: Signal | None, platform: SubscriptionState, status: SubscriptionState
) -> None:
    assert decide(signal, None, shown(platform, 5), status) is platform


@pytest.mark.parametrize("platform", BOTH)
@pytest.mark.parametrize("base_state", BOTH)
@pytest.mark.parametrize("status", BOTH)
@pytest.mark.parametrize(
    ("signal", "applied"),
    [
        (None, None),
        (None, opted_in(3)),
        (opted_in(3), opted_in(3)),
        (opted_out(3), opted_out(3)),
        (opted_in(3), opted_out(3)),
        (opted_in(2), opted_in(3)),
        (opted_out(2), opted_in(3)),
        (opted_in(2), opted_out(3)),
    ],
)
def test_without_a_newer_signal_the_platform_decides(
    signal: Signal | None,
    applied: Signal | None,
    platform: SubscriptionState,
    base_state: SubscriptionState,
    status: SubscriptionState,
) -> None:
    for base in (by_us(base_state, applied), by_platform(base_state, applied, 1)):
        assert decide(signal, base, shown(platform, 5), status) is platform


@pytest.mark.parametrize("platform", BOTH)
@pytest.mark.parametrize("base_state", BOTH)
@pytest.mark.parametrize("applied", [None, opted_in(3), opted_out(3), opted_in(4)])
def test_a_newer_opt_out_unsubscribes(
    applied: Signal | None, platform: SubscriptionState, base_state: SubscriptionState
) -> None:
    # At the very same time as an opt-in the opt-out counts as the newer one.
    assert decide(opted_out(4), by_us(base_state, applied), shown(platform, 9)) is UNSUBSCRIBED


def test_a_newer_opt_in_leaves_somebody_subscribed_on_the_platform_subscribed() -> None:
    assert decide(opted_in(4), by_platform(UNSUBSCRIBED, opted_out(1), 2), shown(SUBSCRIBED, 9)) is SUBSCRIBED


def test_a_newer_opt_in_takes_back_our_own_unsubscription() -> None:
    assert decide(opted_in(4), by_us(UNSUBSCRIBED, opted_out(1)), shown(UNSUBSCRIBED, 2)) is SUBSCRIBED


def test_an_opt_in_later_than_the_opt_out_on_the_platform_subscribes() -> None:
    assert decide(opted_in(4), by_us(SUBSCRIBED, opted_in(1)), shown(UNSUBSCRIBED, 3)) is SUBSCRIBED


def test_an_opt_in_later_than_the_opt_out_was_seen_subscribes_whatever_was_edited_since() -> None:
    base = by_platform(UNSUBSCRIBED, opted_in(1), seen=3)
    assert decide(opted_in(4), base, shown(UNSUBSCRIBED, 9)) is SUBSCRIBED


@pytest.mark.parametrize("signal_at", [2, 3])
def test_an_opt_in_perhaps_earlier_than_the_opt_out_on_the_platform_does_not_subscribe(
    signal_at: int,
) -> None:
    assert decide(opted_in(signal_at), by_us(SUBSCRIBED, opted_in(1)), shown(UNSUBSCRIBED, 3)) is UNSUBSCRIBED
    seen = by_platform(UNSUBSCRIBED, opted_in(1), seen=3)
    assert decide(opted_in(signal_at), seen, shown(UNSUBSCRIBED, 5)) is UNSUBSCRIBED


@pytest.mark.parametrize("state", BOTH)
def test_a_contact_deleted_on_the_platform_counts_as_we_last_saw_it(state: SubscriptionState) -> None:
    for base in (by_us(state, opted_in(1)), by_platform(state, opted_in(1), 2)):
        assert decide(opted_in(1), base, None, status=SUBSCRIBED) is state
        assert decide(None, base, None, status=UNSUBSCRIBED) is state


def test_an_opt_out_on_the_platform_outlives_the_contact() -> None:
    base = by_platform(UNSUBSCRIBED, opted_in(1), seen=5)
    assert decide(opted_in(4), base, None) is UNSUBSCRIBED
    assert decide(opted_in(6), base, None) is SUBSCRIBED


def test_a_state_that_we_brought_about_is_remembered_as_ours() -> None:
    base = next_base(
        decided=UNSUBSCRIBED,
        signal=opted_out(3),
        base=by_us(SUBSCRIBED),
        platform=shown(SUBSCRIBED),
        now=at(9),
    )
    assert base == SubscriptionBase(UNSUBSCRIBED, SetBy.sync, opted_out(3), None)


def test_a_new_contact_s_state_is_remembered_as_ours() -> None:
    base = next_base(decided=UNSUBSCRIBED, signal=None, base=None, platform=None, now=at(9))
    assert base == SubscriptionBase(UNSUBSCRIBED, SetBy.sync, None, None)


def test_an_opt_out_first_seen_on_the_platform_is_remembered_with_the_time_of_seeing() -> None:
    base = next_base(
        decided=UNSUBSCRIBED,
        signal=opted_in(1),
        base=by_us(SUBSCRIBED, opted_in(1)),
        platform=shown(UNSUBSCRIBED, 4),
        now=at(9),
    )
    assert base == SubscriptionBase(UNSUBSCRIBED, SetBy.platform, opted_in(1), at(9))


def test_who_set_a_state_and_when_it_was_seen_stay_while_the_state_stays() -> None:
    seen = by_platform(UNSUBSCRIBED, opted_in(1), seen=3)
    again = next_base(
        decided=UNSUBSCRIBED, signal=opted_in(1), base=seen, platform=shown(UNSUBSCRIBED, 8), now=at(9)
    )
    assert again == seen
    ours = by_us(UNSUBSCRIBED, opted_out(1))
    assert next_base(decided=UNSUBSCRIBED, signal=None, base=ours, platform=None, now=at(9)) == ours


def test_an_ignored_opt_in_is_taken_into_account_once_and_for_all() -> None:
    before = by_platform(UNSUBSCRIBED, opted_in(1), seen=5)
    after = next_base(
        decided=UNSUBSCRIBED, signal=opted_in(4), base=before, platform=shown(UNSUBSCRIBED, 5), now=at(9)
    )
    assert after.applied == opted_in(4)


def test_an_older_signal_never_replaces_the_one_taken_into_account() -> None:
    before = by_us(UNSUBSCRIBED, opted_out(4))
    after = next_base(
        decided=UNSUBSCRIBED, signal=opted_in(4), base=before, platform=shown(UNSUBSCRIBED), now=at(9)
    )
    assert after.applied == opted_out(4)


def test_an_opt_out_of_somebody_we_had_unsubscribed_can_not_be_seen() -> None:
    # Opted out in the store at 1, STOP at 5 that changes nothing, and an opt-in of 3 that arrives late.
    assert decide(opted_in(3), by_us(UNSUBSCRIBED, opted_out(1)), shown(UNSUBSCRIBED, 5)) is SUBSCRIBED


def test_an_opt_out_deleted_together_with_the_contact_can_not_be_seen() -> None:
    assert decide(None, by_us(SUBSCRIBED, opted_in(1)), None) is SUBSCRIBED


@dataclass
class Person:
    """One person, one phone, a store, a platform and a sync, and beside them what can be known of opt-outs."""

    is_explicit: bool
    now: int = 10
    signals: list[Signal] = field(default_factory=list)
    platform: PlatformSubscription | None = None
    base: SubscriptionBase | None = None
    opt_ins: list[datetime] = field(default_factory=list)
    store_opt_outs: list[datetime] = field(default_factory=list)
    platform_opt_out: datetime | None = None
    """The newest one that can be known and that no later act on the platform has taken back."""
    is_recorded: bool = False
    """Whether `base` knows of it."""

    def do(self, event: str) -> None:
        self.now += 1
        name, _, number = event.partition(" ")
        getattr(self, name)(int(number or 0))

    def opts_in(self, minutes_ago: int) -> None:
        self.signals.append(opted_in(self.now - minutes_ago))
        self.opt_ins.append(at(self.now - minutes_ago))

    def opts_out(self, minutes_ago: int) -> None:
        self.signals.append(opted_out(self.now - minutes_ago))
        self.store_opt_outs.append(at(self.now - minutes_ago))

    def opt_in_disappears(self, number: int) -> None:
        ins = [signal for signal in self.signals if signal.consent is Consent.opted_in]
        if ins:
            self.signals.remove(ins[number % len(ins)])

    def sends_stop(self, number: int) -> None:
        if self.platform is not None:
            self._unsubscribed_there()

    def sends_start(self, number: int) -> None:
        if self.platform is not None:
            self._subscribed_there()

    def is_added_by_others(self, number: int) -> None:
        if self.platform is None:
            self._unsubscribed_there() if number % 2 else self._subscribed_there()

    def is_edited(self, number: int) -> None:
        if self.platform is not None:
            self.platform = PlatformSubscription(self.platform.state, at(self.now))

    def is_deleted(self, number: int) -> None:
        self.platform = None
        if not self.is_recorded:
            self.platform_opt_out = None

    def base_is_lost(self, number: int) -> None:
        self.base = None
        self.is_recorded = False
        if self.platform is None:
            self.platform_opt_out = None

    def is_synced(self, number: int) -> None:
        decided, base = self._sync()
        self.base = base
        self.is_recorded = self.platform_opt_out is not None
        assert self._decide() is decided, "a second sync changes nothing"

    def is_synced_and_the_confirmation_is_lost(self, number: int) -> None:
        self._sync()

    def _sync(self) -> tuple[SubscriptionState, SubscriptionBase]:
        decided = self._decide()
        if decided is SUBSCRIBED and (self.platform is None or self.platform.state is UNSUBSCRIBED):
            opt_outs = [*self.store_opt_outs, *([self.platform_opt_out] if self.platform_opt_out else [])]
            if opt_outs:
                assert self.opt_ins, "subscribed after an opt-out without any opt-in"
                assert max(self.opt_ins) > max(opt_outs), "subscribed against a newer opt-out"
            self.platform_opt_out = None
        base = next_base(
            decided=decided,
            signal=self._newest(),
            base=self.base,
            platform=self.platform,
            now=at(self.now),
        )
        if self.platform is None or self.platform.state is not decided:
            self.platform = PlatformSubscription(decided, at(self.now))
        return decided, base

    def _decide(self) -> SubscriptionState:
        newest = self._newest()
        return decide_state(
            signal=newest,
            status=store_status(newest.consent if newest else Consent.unknown, is_explicit=self.is_explicit),
            base=self.base,
            platform=self.platform,
        )

    def _newest(self) -> Signal | None:
        return max(self.signals, key=lambda each: (each.at, each.consent is Consent.opted_out), default=None)

    def _unsubscribed_there(self) -> None:
        self.platform = PlatformSubscription(UNSUBSCRIBED, at(self.now))
        if self.base is None or self.base.state is SUBSCRIBED:
            self.platform_opt_out = at(self.now)
            self.is_recorded = False

    def _subscribed_there(self) -> None:
        self.platform = PlatformSubscription(SUBSCRIBED, at(self.now))
        self.opt_ins.append(at(self.now))
        self.platform_opt_out = None


EVENTS = [
    "opts_in",
    "opts_out",
    "opt_in_disappears",
    "sends_stop",
    "sends_start",
    "is_added_by_others",
    "is_edited",
    "is_deleted",
    "base_is_lost",
    "is_synced",
    "is_synced_and_the_confirmation_is_lost",
]
# Choices and syncs are what most of a life consists of.
FREQUENT = ["opts_in", "opts_in", "opts_out", "sends_stop", "is_synced", "is_synced", "is_synced"]
histories = st.lists(
    st.builds("{} {}".format, st.sampled_from([*EVENTS, *FREQUENT]), st.integers(0, 5)),
    min_size=3,
    max_size=16,
)


@settings(max_examples=1500, deadline=None)
@given(history=histories, is_explicit=st.booleans())
@example(history=["opts_in", "is_synced", "sends_stop", "opts_in 2", "is_synced"], is_explicit=True)
@example(
    history=["opts_in", "is_synced", "sends_stop", "is_synced", "opts_in 3", "is_synced"], is_explicit=True
)
@example(
    history=["opts_in", "is_synced", "sends_stop", "is_synced", "is_deleted", "is_synced"], is_explicit=False
)
@example(history=["opts_in", "is_synced", "opts_out", "opts_in 1", "is_synced"], is_explicit=False)
@example(
    history=["opts_out", "is_synced", "opts_in 4", "is_synced", "opts_in 5", "is_synced"], is_explicit=True
)
def test_nobody_is_subscribed_against_an_opt_out_that_can_be_known(
    history: list[str], is_explicit: bool
) -> None:
    person = Person(is_explicit)
    for event in history:
        person.do(event)


@settings(max_examples=1000, deadline=None)
@given(history=histories)
def test_without_any_opt_in_explicit_consent_subscribes_nobody(history: list[str]) -> None:
    opting_in = {"opts_in", "sends_start", "is_added_by_others"}
    person = Person(is_explicit=True)
    for event in history:
        if event.split()[0] not in opting_in:
            person.do(event)
    assert person.platform is None or person.platform.state is UNSUBSCRIBED


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
        (["Outlet", "WooCommerce"], ["WooCommerce"], "Klaviyo, WooCommerce", "Klaviyo, WooCommerce, Outlet"),
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
