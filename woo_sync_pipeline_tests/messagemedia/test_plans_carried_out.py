"""Whatever the stores, the base and the platform say: what holds once a plan was carried out."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.contact import ContactBase, StoreContact
from woo_sync_pipeline.contacts.subscription import SubscriptionBase, SubscriptionState
from woo_sync_pipeline.messagemedia.encoding import Action, ContactPlan
from woo_sync_pipeline.messagemedia.models import Channel, Contact
from woo_sync_pipeline_tests.contacts.people import PHONE, base_of, store
from woo_sync_pipeline_tests.contacts.situations import (
    BASES,
    SUBSCRIBED,
    UNSUBSCRIBED,
    dated,
    opted_out,
    undated,
)
from woo_sync_pipeline_tests.messagemedia.test_encoding import LISTS, carried_out, contact, plan, sms

texts = st.sampled_from(["", "Ann", "Anna"])
mails = st.sampled_from(["", "ann@example.com", "new@example.com"])
own_lists = st.sets(st.sampled_from(LISTS[:4])).map(lambda found: tuple(sorted(found)))
choices = st.sampled_from(
    [
        {"signal": None, "status": UNSUBSCRIBED},
        {"signal": dated(1), "status": SUBSCRIBED},
        {"signal": dated(60), "status": SUBSCRIBED},
        {"signal": undated(55), "status": SUBSCRIBED},
        {"signal": undated(60, dated_at=52), "status": SUBSCRIBED},
        {"signal": opted_out(50), "status": UNSUBSCRIBED},
    ]
)
stores = st.builds(
    lambda first, email, sources, groups, choice: store(
        first_name=first,
        email=email,
        sources=tuple(sorted(sources)),
        groups=groups if sources else (),
        **choice,
    ),
    texts,
    mails,
    st.sets(st.sampled_from(["WooCommerce", "Outlet"])),
    own_lists,
    choices,
)
platforms = st.none() | st.builds(
    lambda first, label, email, lists, state, changed: contact(
        first=first,
        label=label,
        email=email,
        lists=lists,
        others={"f-points": "120"},
        channels=(sms(state), Channel(PHONE, "WHATSAPP", SubscriptionState.UNSUBSCRIBED)),
        changed=changed,
    ),
    texts,
    st.sampled_from(["", "Klaviyo", "WooCommerce", "Klaviyo, WooCommerce"]),
    mails,
    st.sets(st.sampled_from(LISTS)),
    st.sampled_from(["SUBSCRIBED", "UNSUBSCRIBED"]),
    st.integers(0, 99),
)

bases = st.none() | st.sampled_from(BASES)


@given(earlier=st.none() | stores, known=bases, wanted=stores, platform=platforms)
def test_a_plan_carried_out_and_confirmed_leaves_nothing_to_do(
    earlier: StoreContact | None,
    known: SubscriptionBase | None,
    wanted: StoreContact,
    platform: Contact | None,
) -> None:
    base = base_of(earlier, known) if earlier else None
    made = plan(replace(wanted, base=base), platform)
    after = carried_out(made, platform) if made.action is not Action.none or platform else None
    again = plan(replace(wanted, base=made.base), after)
    assert again.sends_nothing
    assert without_date(again) == without_date(made)


def without_date(plan: ContactPlan) -> ContactBase:
    """What is remembered, but for the contact's date: carrying the plan out has moved it."""
    subscription = plan.base.subscription
    return replace(plan.base, subscription=subscription and replace(subscription, modified_at=None))


@given(earlier=st.none() | stores, known=bases, wanted=stores, platform=platforms)
def test_a_plan_carried_out_but_not_confirmed_is_recognised(
    earlier: StoreContact | None,
    known: SubscriptionBase | None,
    wanted: StoreContact,
    platform: Contact | None,
) -> None:
    base = base_of(earlier, known) if earlier else None
    made = plan(replace(wanted, base=base), platform)
    if made.sends_nothing:
        return
    after = carried_out(made, platform)
    again = plan(replace(wanted, base=base, in_flight=made.base), after)
    assert again.sends_nothing


@given(earlier=st.none() | stores, known=bases, wanted=stores, platform=platforms)
def test_what_belongs_to_others_is_there_afterwards(
    earlier: StoreContact | None,
    known: SubscriptionBase | None,
    wanted: StoreContact,
    platform: Contact | None,
) -> None:
    if platform is None:
        return
    base = base_of(earlier, known) if earlier else None
    made = plan(replace(wanted, base=base), platform)
    after = carried_out(made, platform)
    assert after.custom_value("f-points") == "120"
    assert Channel(PHONE, "WHATSAPP", SubscriptionState.UNSUBSCRIBED) in after.channels
    ours = {name.casefold() for name in (base.groups or ())} if base else set()
    assert {ref.name for ref in platform.lists if ref.name.casefold() not in ours} <= {
        ref.name for ref in after.lists
    }
    if "Klaviyo" in (platform.custom_value("f-source") or ""):
        assert "Klaviyo" in (after.custom_value("f-source") or "")
