"""The part `limits` of a source: how much of what is known may change in one sync."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from woo_sync_pipeline.config.values import Section
from woo_sync_pipeline.contacts.limits import Change, Limit


class LimitSettings(Section):
    """Up to `at_least` pass, and where that is more the share (0 to 1) of what there was."""

    share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Limit.share
    at_least: Annotated[int, Field(ge=0)] = Limit.at_least


class LimitsSettings(Section):
    """A limit for each kind of change; what is beyond one stops the sync before anything is stored or sent."""

    customers_gone: LimitSettings = LimitSettings()
    leaving_lists: LimitSettings = LimitSettings()
    newly_subscribed: LimitSettings = LimitSettings()
    newly_unsubscribed: LimitSettings = LimitSettings()
    newly_invalid: LimitSettings = LimitSettings()
    answers_lost: LimitSettings = LimitSettings()
    missing_on_platform: LimitSettings = LimitSettings()

    @property
    def by_change(self) -> Mapping[Change, Limit]:
        """The limit of each change."""
        return {change: Limit(**getattr(self, change.value).model_dump()) for change in Change}
