"""The shape of a push plan, and the rules that nothing that is sent may break."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

import pandas as pd
import pandera.pandas as pa
from pandera.typing.pandas import DataFrame, Series

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.contact import StoreContact
from woo_sync_pipeline.contacts.schemas import ExactModel, are_phones
from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline.messagemedia.encoding import Action, ContactPlan

_STATES = ["", *(state.value for state in SubscriptionState)]


class PushPlan(ExactModel):
    """One row for each contact of a batch for which something is sent."""

    phone: Series[object] = pa.Field(unique=True)
    """E.164."""
    action: Series[object] = pa.Field(isin=[action.value for action in Action])
    """`none` where only lists are changed."""
    contact_id: Series[object] = pa.Field(nullable=True)
    """The contact on the platform, null where it is created."""
    consent: Series[object] = pa.Field(isin=[consent.value for consent in Consent])
    """The newest choice in the stores."""
    state: Series[object] = pa.Field(isin=_STATES)
    """The subscription state that is written, or "" where it is left alone."""
    state_before: Series[object] = pa.Field(isin=_STATES)
    """The state that the platform holds or, without the phone there, was last seen to hold; "" if it never did."""

    @pa.check("phone", ignore_na=False, name="e164")
    @classmethod
    def _phones(cls, phones: Series[object]) -> Series[bool]:
        return are_phones(phones)

    @pa.dataframe_check(name="only_a_creation_has_no_contact_id")
    @classmethod
    def _contact_id(cls, frame: pd.DataFrame) -> Series[bool]:
        return Series[bool](frame["contact_id"].isna() == (frame["action"] == Action.create.value))

    @pa.dataframe_check(name="a_creation_says_its_state")
    @classmethod
    def _state_of_creation(cls, frame: pd.DataFrame) -> Series[bool]:
        # The platform may take a channel without a state for subscribed.
        return Series[bool]((frame["action"] != Action.create.value) | (frame["state"] != ""))

    @pa.dataframe_check(name="an_opt_out_is_never_overruled")
    @classmethod
    def _opt_out(cls, frame: pd.DataFrame) -> Series[bool]:
        # Who subscribed on the platform after opting out in a store stays so, but not if the contact is made anew.
        subscribed = SubscriptionState.SUBSCRIBED.value
        stays = (frame["state_before"] == subscribed) & (frame["action"] != Action.create.value)
        widened = (frame["state"] == subscribed) & ~stays
        return Series[bool](~widened | (frame["consent"] != Consent.opted_out.value))


def push_plan(planned: Collection[tuple[StoreContact, ContactPlan]]) -> DataFrame[PushPlan]:
    """What is sent for these contacts as a frame; whether it fits its model is not yet checked."""
    rows = [
        (
            plan.phone,
            plan.action.value,
            plan.contact_id,
            store.consent.value,
            plan.state or "",
            plan.decision.state_before or "",
        )
        for store, plan in planned
    ]
    columns = list(PushPlan.to_schema().columns)
    return cast("DataFrame[PushPlan]", pd.DataFrame(rows, columns=columns, dtype=object))
