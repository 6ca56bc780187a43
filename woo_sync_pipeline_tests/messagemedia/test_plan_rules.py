"""The rules of a push plan: each is broken by hand here, and by no plan that the project makes."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.contact import StoreContact
from woo_sync_pipeline.contacts.schemas import validate
from woo_sync_pipeline.contacts.subscription import SubscriptionBase, SubscriptionState
from woo_sync_pipeline.messagemedia.models import Channel, Contact
from woo_sync_pipeline.messagemedia.plan_rules import PushPlan, push_plan
from woo_sync_pipeline_tests.contacts.people import PHONE, base_of, store
from woo_sync_pipeline_tests.contacts.situations import (
    BASES,
    SUBSCRIBED,
    UNSUBSCRIBED,
    by_platform,
    by_us,
    dated,
    opted_out,
)
from woo_sync_pipeline_tests.messagemedia.test_encoding import CONTACT_ID, contact, plan, sms
from woo_sync_pipeline_tests.messagemedia.test_plans_carried_out import platforms, stores

OTHER = "+61491570156"


def row(**changes: object) -> dict[str, object]:
    return {
        "phone": PHONE,
        "action": "update",
        "contact_id": CONTACT_ID,
        "consent": "opted_in",
        "state": "",
        "state_before": "UNSUBSCRIBED",
        **changes,
    }


CREATION = {"action": "create", "contact_id": None, "state": "SUBSCRIBED", "state_before": ""}
OPTED_OUT = {"consent": "opted_out", "state": "SUBSCRIBED"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"action": "none"},
        {"state": "SUBSCRIBED"},
        CREATION,
        {**CREATION, "consent": "opted_out", "state": "UNSUBSCRIBED"},
        {"consent": "opted_out", "state": "UNSUBSCRIBED", "state_before": "SUBSCRIBED"},
        # Subscribed on the platform after the opt-out.
        {"consent": "opted_out", "state": "SUBSCRIBED", "state_before": "SUBSCRIBED"},
    ],
)
def test_what_a_plan_may_do_fits(changes: dict[str, object]) -> None:
    good, failures = validate(PushPlan, pd.DataFrame([row(phone=OTHER), row(**changes)]))
    assert failures.empty
    assert len(good) == 2


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"phone": "0491570006"}, "phone: e164"),
        ({"phone": OTHER}, "phone: field_uniqueness"),
        ({"action": "delete"}, "action: isin"),
        ({"contact_id": None}, "row: only_a_creation_has_no_contact_id"),
        ({"action": "none", "contact_id": None}, "row: only_a_creation_has_no_contact_id"),
        ({**CREATION, "contact_id": CONTACT_ID}, "row: only_a_creation_has_no_contact_id"),
        ({**CREATION, "state": ""}, "row: a_creation_says_its_state"),
        ({"state": "subscribed"}, "state: isin"),
        ({"consent": "perhaps"}, "consent: isin"),
        ({**OPTED_OUT}, "row: an_opt_out_is_never_overruled"),
        ({**CREATION, **OPTED_OUT}, "row: an_opt_out_is_never_overruled"),
        ({**CREATION, **OPTED_OUT, "state_before": "UNSUBSCRIBED"}, "row: an_opt_out_is_never_overruled"),
        ({**CREATION, **OPTED_OUT, "state_before": "SUBSCRIBED"}, "row: an_opt_out_is_never_overruled"),
    ],
)
def test_what_a_plan_may_never_do_is_named_by_its_rule(changes: dict[str, object], rule: str) -> None:
    _, failures = validate(PushPlan, pd.DataFrame([row(phone=OTHER), row(**changes)]))
    assert 1 in set(failures["row_index"])
    broken = [
        f"{column or 'row'}: {check}"
        for column, check in zip(failures["column"], failures["check"], strict=True)
    ]
    assert any(each.startswith(rule) for each in broken)
    assert "+61" not in failures.to_csv()


def test_a_plan_becomes_a_row_with_what_it_writes_and_what_was_there_before() -> None:
    # Another phone of the same contact stays subscribed, and says nothing of this one.
    there = contact(channels=(sms("SUBSCRIBED"), Channel(OTHER, "SMS", SubscriptionState.SUBSCRIBED)))
    unsubscribing = store(signal=opted_out(50), status=UNSUBSCRIBED)
    renamed = store(first_name="Anna", base=base_of(store()))
    rows = push_plan([(each, plan(each, there)) for each in (unsubscribing, renamed)]).to_dict("records")

    assert rows[0] == row(consent="opted_out", state="UNSUBSCRIBED", state_before="SUBSCRIBED")
    assert rows[1] == row(state="", state_before="SUBSCRIBED")
    assert push_plan([(store(), plan(store(), None))]).to_dict("records") == [row(**CREATION)]


def test_who_subscribed_on_the_platform_and_was_deleted_there_is_made_anew_unsubscribed() -> None:
    known = by_platform(SUBSCRIBED, opted_out(50))
    wanted = store(signal=opted_out(50), status=UNSUBSCRIBED)
    wanted = replace(wanted, base=base_of(wanted, known))
    planned = push_plan([(wanted, plan(wanted, None))])

    assert planned["state"].tolist() == ["UNSUBSCRIBED"]
    assert planned["state_before"].tolist() == ["SUBSCRIBED"]
    assert validate(PushPlan, planned)[1].empty


def test_what_is_not_applied_is_no_subscription() -> None:
    wanted = store(first_name="Anna", signal=dated(60), base=base_of(store(), by_us(SUBSCRIBED, dated(1))))
    unsubscribed = contact(channels=(sms("UNSUBSCRIBED"),))
    rows = push_plan([(wanted, plan(wanted, unsubscribed))]).to_dict("records")
    assert rows == [row(state="", state_before="UNSUBSCRIBED")]


remembered = st.sampled_from(BASES)
channels = st.sets(
    st.builds(
        Channel,
        st.sampled_from([PHONE, OTHER]),
        st.sampled_from(["SMS", "WHATSAPP"]),
        st.none() | st.sampled_from(SubscriptionState),
    )
).map(tuple)


@settings(deadline=None)
@given(
    wanted=stores,
    earlier=st.none() | stores,
    interrupted=st.none() | stores,
    known=remembered,
    sent=remembered,
    platform=platforms,
    shown=channels,
)
def test_every_plan_that_is_made_fits_its_model(
    wanted: StoreContact,
    earlier: StoreContact | None,
    interrupted: StoreContact | None,
    known: SubscriptionBase,
    sent: SubscriptionBase,
    platform: Contact | None,
    shown: tuple[Channel, ...],
) -> None:
    base = base_of(earlier, known) if earlier else None
    in_flight = base_of(interrupted, sent) if interrupted else None
    wanted = replace(wanted, base=base, in_flight=in_flight)
    for there in (platform, platform and replace(platform, channels=shown)):
        made = plan(wanted, there)
        if not made.sends_nothing:
            assert validate(PushPlan, push_plan([(wanted, made)]))[1].empty
