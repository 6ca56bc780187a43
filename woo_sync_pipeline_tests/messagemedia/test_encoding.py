from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from woo_sync_pipeline.clocks import ClockOffset
from woo_sync_pipeline.contacts.consent_event import ConsentEventKind
from woo_sync_pipeline.contacts.contact import StoreContact
from woo_sync_pipeline.contacts.subscription import NotApplied, SetBy, Signal, SubscriptionState
from woo_sync_pipeline.messagemedia.encoding import Action, ContactPlan, Vocabulary, plan_contact
from woo_sync_pipeline.messagemedia.models import Channel, Contact, CustomField, CustomFieldValue, ListRef
from woo_sync_pipeline_tests.contacts.people import PHONE, base_of, store
from woo_sync_pipeline_tests.contacts.people import gone_from_stores as gone
from woo_sync_pipeline_tests.contacts.situations import (
    BOTH,
    SUBSCRIBED,
    UNSUBSCRIBED,
    at,
    by_platform,
    by_us,
    dated,
    opted_out,
    undated,
)

CONTACT_ID = "025e93d3-051b-43f9-b12e-4b5842228dee"
SOURCE = CustomField("f-source", "Source", "source", "TEXT", 40)
EMAIL = CustomField("f-email", "Email", "email", "EMAIL", 30)
LISTS = ["WooCommerce", "WooCommerce - VIP", "WooCommerce - Guests", "Outlet", "Klaviyo"]
NO_OFFSET = ClockOffset(timedelta(), timedelta())
VOCABULARY = Vocabulary({name.casefold(): f"l-{name}" for name in LISTS}, SOURCE, EMAIL, NO_OFFSET)
NOW = at(100)


def sms(state: str | None = "SUBSCRIBED", phone: str = PHONE) -> Channel:
    return Channel(phone, "SMS", SubscriptionState(state) if state else None)


def contact(
    *,
    first: str = "Ann",
    last: str = "Lee",
    label: str = "WooCommerce",
    email: str = "ann@example.com",
    others: Mapping[str, str] | None = None,
    lists: Iterable[str] = ("WooCommerce",),
    channels: tuple[Channel, ...] = (sms(),),
    changed: int = 2,
) -> Contact:
    values = {SOURCE.id: label, EMAIL.id: email, **(others or {})}
    return Contact(
        id=CONTACT_ID,
        first_name=first,
        last_name=last,
        channels=channels,
        custom_fields=tuple(CustomFieldValue(key, key, value) for key, value in values.items() if value),
        lists=tuple(ListRef(f"l-{name}", name) for name in lists),
        last_modified_at=at(changed),
    )


def plan(wanted: StoreContact, platform: Contact | None) -> ContactPlan:
    return plan_contact(wanted, platform, VOCABULARY, now=NOW)


def values(plan: ContactPlan) -> dict[str, str]:
    return {each["id"]: each["value"] for each in plan.body["customFields"]}


def carried_out(plan: ContactPlan, before: Contact | None, *, changed: int = 90) -> Contact:
    """What the platform shows afterwards if arrays in an update replace what was there."""
    body = plan.body
    lists = {ref.name for ref in before.lists} if before else set()
    names = {list_id: list_id.removeprefix("l-") for list_id in VOCABULARY.list_ids.values()}
    lists |= {names[each["id"]] for each in body.get("lists", ())} | {names[each] for each in plan.joins}
    lists -= {names[each] for each in plan.leaves}
    shown = before or contact(first="", last="", label="", email="", lists=(), channels=())
    if "channels" in body:
        kept = [each for each in shown.channels if each.type not in ("SMS", "WHATSAPP")]
        written = [
            Channel(each["channelId"], each["type"], SubscriptionState(each["subscriptionState"]))
            for each in body["channels"]
        ]
        shown = replace(shown, channels=(*written, *kept))
    if "customFields" in body:
        fields = tuple(CustomFieldValue(each["id"], "", each["value"]) for each in body["customFields"])
        shown = replace(shown, custom_fields=fields)
    return replace(
        shown,
        first_name=body.get("firstName", shown.first_name),
        last_name=body.get("lastName", shown.last_name),
        lists=tuple(ListRef(f"l-{name}", name) for name in sorted(lists)),
        last_modified_at=at(changed),
    )


def test_a_new_contact_is_created_with_all_that_the_store_knows() -> None:
    made = plan(store(groups=("WooCommerce", "WooCommerce - VIP")), None)
    assert (made.action, made.contact_id, made.changes) == (Action.create, None, ("created",))
    assert made.body == {
        "firstName": "Ann",
        "lastName": "Lee",
        "channels": [{"channelId": PHONE, "type": "SMS", "subscriptionState": "SUBSCRIBED"}],
        "customFields": [
            {"id": "f-source", "value": "WooCommerce"},
            {"id": "f-email", "value": "ann@example.com"},
        ],
        "lists": [{"id": "l-WooCommerce"}, {"id": "l-WooCommerce - VIP"}],
    }
    assert made.joins == made.leaves == ()
    assert made.base.subscription == replace(by_us(SUBSCRIBED, dated(1), modified=None), seen_at=NOW)


def test_a_new_contact_says_nothing_where_the_store_knows_nothing() -> None:
    bare = store(first_name="", last_name="", email="", signal=None, status=UNSUBSCRIBED)
    made = plan(bare, None)
    assert made.body == {
        "channels": [{"channelId": PHONE, "type": "SMS", "subscriptionState": "UNSUBSCRIBED"}],
        "customFields": [{"id": "f-source", "value": "WooCommerce"}],
        "lists": [{"id": "l-WooCommerce"}],
    }


def test_a_contact_in_step_needs_nothing() -> None:
    wanted = store(base=base_of(store()))
    made = plan(wanted, contact())
    assert made.sends_nothing
    assert (made.action, made.contact_id, made.changes) == (Action.none, CONTACT_ID, ())


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({"first_name": "Anna"}, {"firstName": "Anna"}),
        ({"last_name": "Leigh"}, {"lastName": "Leigh"}),
        ({"last_name": ""}, {"lastName": ""}),
        (
            {"email": "new@example.com"},
            {
                "customFields": [
                    {"id": "f-source", "value": "WooCommerce"},
                    {"id": "f-email", "value": "new@example.com"},
                ]
            },
        ),
        ({"email": ""}, {"customFields": [{"id": "f-source", "value": "WooCommerce"}]}),
        (
            {"signal": opted_out(50), "status": UNSUBSCRIBED},
            {"channels": [{"channelId": PHONE, "type": "SMS", "subscriptionState": "UNSUBSCRIBED"}]},
        ),
    ],
)
def test_an_update_has_exactly_the_fields_that_changed(changes: dict[str, Any], body: dict[str, Any]) -> None:
    made = plan(store(base=base_of(store()), **changes), contact())
    assert (made.action, made.contact_id) == (Action.update, CONTACT_ID)
    assert made.body == body
    assert made.joins == made.leaves == ()


def test_what_a_person_changed_on_the_platform_stays() -> None:
    edited = contact(first="Annie", email="private@example.com", label="VIP desk", lists=["Klaviyo"])
    wanted = store(base=base_of(store()), last_name="Leigh")
    made = plan(wanted, edited)
    assert made.body == {"lastName": "Leigh"}
    assert made.joins == made.leaves == ()


def test_other_people_s_custom_fields_go_along() -> None:
    wanted = store(base=base_of(store()), email="new@example.com")
    made = plan(wanted, contact(others={"f-points": "120", "f-shoe": "42"}))
    assert values(made) == {
        "f-source": "WooCommerce",
        "f-email": "new@example.com",
        "f-points": "120",
        "f-shoe": "42",
    }
    assert made.changes == ("email",)


def test_other_channels_go_along_with_their_states() -> None:
    channels = (
        Channel("+61491570156", "SMS", SubscriptionState.SUBSCRIBED),
        sms("SUBSCRIBED"),
        Channel(PHONE, "WHATSAPP", SubscriptionState.SUBSCRIBED),
        Channel("+61491570157", "WHATSAPP", None),
        Channel("ann@example.com", "EMAIL", SubscriptionState.SUBSCRIBED),
        Channel("x", "GBM", SubscriptionState.SUBSCRIBED),
    )
    wanted = store(base=base_of(store()), signal=opted_out(50), status=UNSUBSCRIBED)
    made = plan(wanted, contact(channels=channels))
    # A state that is not known is no subscription; EMAIL and GBM cannot be written, and stay by themselves.
    assert made.body == {
        "channels": [
            {"channelId": PHONE, "type": "SMS", "subscriptionState": "UNSUBSCRIBED"},
            {"channelId": "+61491570156", "type": "SMS", "subscriptionState": "SUBSCRIBED"},
            {"channelId": PHONE, "type": "WHATSAPP", "subscriptionState": "SUBSCRIBED"},
            {"channelId": "+61491570157", "type": "WHATSAPP", "subscriptionState": "UNSUBSCRIBED"},
        ]
    }


def test_a_phone_held_for_whatsapp_only_gets_the_store_status_for_sms() -> None:
    made = plan(store(), contact(channels=(Channel(PHONE, "WHATSAPP", SubscriptionState.SUBSCRIBED),)))
    assert made.body["channels"] == [
        {"channelId": PHONE, "type": "SMS", "subscriptionState": "SUBSCRIBED"},
        {"channelId": PHONE, "type": "WHATSAPP", "subscriptionState": "SUBSCRIBED"},
    ]


def test_a_phone_unsubscribed_from_whatsapp_only_is_not_subscribed_to_sms() -> None:
    made = plan(store(), contact(channels=(Channel(PHONE, "WHATSAPP", SubscriptionState.UNSUBSCRIBED),)))
    assert made.body["channels"] == [
        {"channelId": PHONE, "type": "SMS", "subscriptionState": "UNSUBSCRIBED"},
        {"channelId": PHONE, "type": "WHATSAPP", "subscriptionState": "UNSUBSCRIBED"},
    ]


def test_lists_of_a_contact_that_exists_are_joined_and_left_apart_from_it() -> None:
    before = store(groups=("WooCommerce", "WooCommerce - Guests"))
    wanted = store(groups=("WooCommerce", "WooCommerce - VIP"), base=base_of(before))
    made = plan(wanted, contact(lists=["woocommerce", "WooCommerce - Guests", "Klaviyo"]))
    assert (made.action, made.body) == (Action.none, {})
    assert made.joins == ("l-WooCommerce - VIP",)
    assert made.leaves == ("l-WooCommerce - Guests",)
    assert made.changes == ("groups",)
    assert not made.sends_nothing


def test_a_list_that_is_not_in_the_vocabulary_is_an_error() -> None:
    with pytest.raises(KeyError):
        plan(store(groups=("WooCommerce", "Unheard of")), None)


def test_a_contact_gone_from_all_stores_leaves_our_lists_and_our_label_and_nothing_else() -> None:
    platform = contact(
        label="Klaviyo, WooCommerce", lists=["WooCommerce", "Klaviyo"], others={"f-shoe": "42"}
    )
    made = plan(gone(base=base_of(store())), platform)
    assert made.body == {
        "customFields": [
            {"id": "f-source", "value": "Klaviyo"},
            {"id": "f-email", "value": "ann@example.com"},
            {"id": "f-shoe", "value": "42"},
        ]
    }
    assert (made.joins, made.leaves) == ((), ("l-WooCommerce",))
    assert made.base.sources == made.base.groups == ()
    kept = replace(by_us(SUBSCRIBED, dated(1), modified=2), seen_at=NOW)
    assert made.base.subscription == kept


def test_a_contact_gone_from_all_stores_is_not_created() -> None:
    known = base_of(store(), by_platform(UNSUBSCRIBED, None, 50))
    made = plan(gone(base=known), None)
    assert (made.action, made.body, made.joins) == (Action.none, {}, ())
    assert made.sends_nothing
    assert made.base.subscription == known.subscription
    assert plan(gone(), None).base.subscription is None


def test_an_opt_out_outlives_the_customer() -> None:
    wanted = gone(base=base_of(store()), signal=opted_out(50))
    made = plan(wanted, contact())
    assert made.body["channels"] == [{"channelId": PHONE, "type": "SMS", "subscriptionState": "UNSUBSCRIBED"}]


def test_a_contact_that_comes_back_is_completed_again() -> None:
    left = plan(gone(base=base_of(store())), contact())
    after = carried_out(left, contact())
    made = plan(store(base=left.base), after)
    assert values(made)["f-source"] == "WooCommerce"
    assert made.joins == ("l-WooCommerce",)


@pytest.mark.parametrize("set_by", SetBy)
@pytest.mark.parametrize("state", BOTH)
def test_a_contact_deleted_on_the_platform_is_created_unsubscribed(
    state: SubscriptionState, set_by: SetBy
) -> None:
    """Perhaps its last word was a STOP."""
    known = replace(by_platform(state, dated(1), 60 if state is UNSUBSCRIBED else None), set_by=set_by)
    made = plan(store(base=base_of(store(), known)), None)
    assert made.action is Action.create
    assert made.body["channels"][0]["subscriptionState"] == "UNSUBSCRIBED"


def test_a_contact_of_another_integration_is_completed_and_otherwise_left_alone() -> None:
    klaviyo = contact(
        first="Annie",
        last="",
        label="Klaviyo",
        email="",
        others={"f-points": "120"},
        lists=["Klaviyo"],
        channels=(sms("UNSUBSCRIBED"),),
    )
    made = plan(store(), klaviyo)
    assert made.action is Action.update
    after = carried_out(made, klaviyo)
    assert (after.first_name, after.last_name) == ("Annie", "Lee")
    assert after.custom_value("f-source") == "Klaviyo, WooCommerce"
    assert after.custom_value("f-email") == "ann@example.com"
    assert after.custom_value("f-points") == "120"
    assert [ref.name for ref in after.lists] == ["Klaviyo", "WooCommerce"]
    assert after.sms_state(PHONE) == "UNSUBSCRIBED"
    assert "channels" not in made.body
    assert made.base.subscription is not None
    assert made.base.subscription.set_by is SetBy.platform
    assert plan(store(base=made.base), after).sends_nothing


def test_an_opt_out_seen_on_the_platform_is_counted_once() -> None:
    wanted = store(base=base_of(store()), first_name="Anna")
    made = plan(wanted, contact(channels=(sms("UNSUBSCRIBED"),)))
    assert made.was_unsubscribed_on_platform
    assert "channels" not in made.body
    again = plan(replace(wanted, base=made.base), contact(first="Anna", channels=(sms("UNSUBSCRIBED"),)))
    assert not again.was_unsubscribed_on_platform


def test_an_opt_in_that_is_not_applied_is_counted_and_explained_once() -> None:
    unsubscribed = contact(channels=(sms("UNSUBSCRIBED"),))
    wanted = store(base=base_of(store(), by_platform(UNSUBSCRIBED, opted_out(1), 3)), signal=undated(60))
    made = plan(wanted, unsubscribed)
    assert made.refuses_anew
    assert made.not_applied_sentence == NotApplied.undated.sentence
    assert made.sends_nothing
    again = plan(replace(wanted, base=made.base), unsubscribed)
    assert (again.refuses_anew, again.not_applied_sentence) == (False, None)
    assert again.decision.verdict is not None
    assert again.decision.verdict.not_applied is NotApplied.undated
    applied = plan(store(), None)
    assert (applied.refuses_anew, applied.not_applied_sentence) == (False, None)


@pytest.mark.parametrize(("ahead", "is_subscribed"), [(0, False), (4, False), (6, True), (-6, False)])
def test_when_the_contact_was_changed_is_told_by_our_clock(ahead: int, is_subscribed: bool) -> None:
    """Unsubscribed by us, changed by somebody at 64 of the platform's clock, and an opt-in of an order at 59."""
    offset = ClockOffset(timedelta(minutes=ahead), timedelta(minutes=ahead))
    wanted = store(base=base_of(store(), by_us(UNSUBSCRIBED, opted_out(10))), signal=dated(59))
    shown = contact(channels=(sms("UNSUBSCRIBED"),), changed=64)
    made = plan_contact(wanted, shown, replace(VOCABULARY, clock_offset=offset), now=NOW)
    assert (made.state is SUBSCRIBED) is is_subscribed


def test_of_a_clock_that_is_not_known_exactly_the_latest_time_counts() -> None:
    offset = ClockOffset(timedelta(minutes=4), timedelta(minutes=9))
    wanted = store(base=base_of(store(), by_us(UNSUBSCRIBED, opted_out(10))), signal=dated(59))
    shown = contact(channels=(sms("UNSUBSCRIBED"),), changed=64)
    made = plan_contact(wanted, shown, replace(VOCABULARY, clock_offset=offset), now=NOW)
    assert made.state is None
    assert made.not_applied_sentence == NotApplied.perhaps_earlier.sentence


def test_a_crash_between_creating_and_confirming_is_recognised() -> None:
    sent = plan(store(), None)
    made = plan(store(in_flight=sent.base), carried_out(sent, None))
    assert made.sends_nothing
    assert made.base == sent.base


def test_a_name_that_changed_after_the_crash_is_sent() -> None:
    sent = plan(store(), None)
    wanted = store(
        in_flight=sent.base, first_name="Anna", email="new@example.com", groups=("WooCommerce - VIP",)
    )
    made = plan(wanted, carried_out(sent, None))
    assert made.body["firstName"] == "Anna"
    assert "lastName" not in made.body
    assert values(made)["f-email"] == "new@example.com"
    assert (made.joins, made.leaves) == (("l-WooCommerce - VIP",), ("l-WooCommerce",))
    assert made.changes == ("first_name", "email", "groups")


def test_an_opt_out_in_reply_to_what_the_crash_left_behind_stays() -> None:
    sent = plan(store(), None)
    answered = replace(carried_out(sent, None, changed=95), channels=(sms("UNSUBSCRIBED"),))
    made = plan(store(in_flight=sent.base), answered)
    assert "channels" not in made.body
    later = store(in_flight=sent.base, signal=dated(94))
    assert "channels" not in plan(later, answered).body


def test_what_never_reached_the_platform_is_sent_after_the_crash() -> None:
    sent = plan(store(base=base_of(store()), first_name="Anna", groups=("WooCommerce - VIP",)), contact())
    made = plan(
        store(base=base_of(store()), in_flight=sent.base, first_name="Anna", groups=("WooCommerce - VIP",)),
        contact(),
    )
    assert made.body == {"firstName": "Anna"}
    assert (made.joins, made.leaves) == (("l-WooCommerce - VIP",), ("l-WooCommerce",))


def test_a_list_taken_away_by_a_person_stays_away_after_a_crash() -> None:
    before = store(groups=("WooCommerce", "WooCommerce - VIP"))
    sent = replace(before, first_name="Anna", base=base_of(before))
    in_flight = plan(sent, contact(lists=["WooCommerce"])).base
    made = plan(replace(sent, in_flight=in_flight), contact(first="Anna", lists=["WooCommerce"]))
    assert made.joins == ()
    assert made.sends_nothing


def test_a_label_that_the_crash_left_behind_goes_when_the_store_has_left_again() -> None:
    both = store(sources=("Outlet", "WooCommerce"), base=base_of(store()))
    sent = plan(both, contact(label="Klaviyo, WooCommerce"))
    shown = carried_out(sent, contact(label="Klaviyo, WooCommerce"))
    assert shown.custom_value("f-source") == "Klaviyo, Outlet, WooCommerce"
    made = plan(store(base=base_of(store()), in_flight=sent.base), shown)
    assert values(made)["f-source"] == "Klaviyo, WooCommerce"


@pytest.mark.parametrize("signal", [dated(60), undated(60)])
@pytest.mark.parametrize("moves_date", [True, False])
def test_a_stop_after_an_unconfirmed_subscription_stays(signal: Signal, moves_date: bool) -> None:
    """Opted out at 10, opted in at 60, the sync that subscribed crashed at 90, STOP at 95."""
    unsubscribed = by_us(UNSUBSCRIBED, opted_out(10), modified=11)
    wanted = store(base=base_of(store(), unsubscribed), signal=signal)
    before = contact(channels=(sms("UNSUBSCRIBED"),), changed=11)
    sent = plan(wanted, before)
    assert sent.state is SUBSCRIBED
    there = carried_out(sent, before, changed=90)
    answered = replace(there, channels=(sms("UNSUBSCRIBED"),), last_modified_at=at(95 if moves_date else 90))
    crashed = replace(wanted, in_flight=sent.base)
    made = plan(crashed, answered)
    assert "channels" not in made.body
    assert [each.kind for each in made.decision.events] == [
        ConsentEventKind.stop,
        ConsentEventKind.not_applied,
    ]
    assert "channels" not in plan(replace(wanted, base=made.base), answered).body
    # If it never reached the platform, nothing has changed there since the opt-in, which then counts.
    assert plan(crashed, before).body == sent.body


def test_an_email_that_is_too_long_is_not_sent() -> None:
    wanted = store(email=f"{'a' * 40}@example.com")
    made = plan(wanted, None)
    assert made.body["customFields"] == [{"id": "f-source", "value": "WooCommerce"}]
    after = carried_out(made, None)
    assert plan(replace(wanted, base=made.base), after).sends_nothing


def test_an_email_that_becomes_too_long_leaves_no_wrong_one() -> None:
    wanted = store(base=base_of(store()), email=f"{'a' * 40}@example.com")
    assert values(plan(wanted, contact())) == {"f-source": "WooCommerce"}


def test_a_label_that_does_not_fit_keeps_as_many_whole_names_as_do() -> None:
    sources = ("A store with a long name", "Another one with a long name", "Outlet")
    made = plan(store(sources=sources), None)
    assert values(made)["f-source"] == "A store with a long name"
    after = carried_out(made, None)
    assert plan(store(sources=sources, base=made.base), after).sends_nothing


def test_what_others_wrote_is_never_cut_to_a_limit_of_ours() -> None:
    platform = contact(label=f"Klaviyo, {'x' * 60}", email=f"{'a' * 40}@example.com")
    wanted = store(base=base_of(store()), first_name="Anna")
    assert plan(wanted, platform).body == {"firstName": "Anna"}


def test_others_names_are_not_cut_out_of_the_label_to_make_room_for_ours() -> None:
    platform = contact(label=f"Klaviyo, {'x' * 60}")
    assert "customFields" not in plan(store(email="ann@example.com"), platform).body
    # Ours alone is what goes when nothing of theirs would be lost by it.
    both = contact(label=f"Klaviyo, WooCommerce, {'x' * 30}")
    assert values(plan(gone(base=base_of(store())), both))["f-source"] == f"Klaviyo, {'x' * 30}"


def test_a_list_that_only_has_the_name_of_ours_is_not_taken_for_it() -> None:
    namesake = replace(contact(lists=()), lists=(ListRef("l-theirs", "WooCommerce"),))
    assert plan(store(base=base_of(store(groups=()))), namesake).joins == ("l-WooCommerce",)
    assert plan(gone(base=base_of(store())), namesake).leaves == ()
    sent = plan(store(), namesake)
    assert plan(store(in_flight=sent.base), namesake).joins == ("l-WooCommerce",)


def test_a_field_without_a_limit_takes_any_length() -> None:
    vocabulary = replace(
        VOCABULARY, source_field=replace(SOURCE, max_length=None), email_field=replace(EMAIL, max_length=None)
    )
    long_name, long_email = "x" * 300, f"{'a' * 300}@example.com"
    made = plan_contact(store(sources=(long_name,), email=long_email), None, vocabulary, now=NOW)
    assert values(made) == {"f-source": long_name, "f-email": long_email}


def test_neither_contacts_nor_plans_show_personal_data() -> None:
    known = store(base=base_of(store()), in_flight=base_of(store()))
    shown = f"{known!r} {plan(known, None)!r} {plan(known, contact())!r}"
    for personal in ("Ann", "Lee", "ann@", PHONE, PHONE[1:]):
        assert personal not in shown
