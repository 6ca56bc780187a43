"""What every source has in the configuration, of whatever kind it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from woo_sync_pipeline.config.refused import SOURCE_KEY
from woo_sync_pipeline.config.values import (
    NameFormat,
    Region,
    Section,
    SourceName,
    TimeOfDay,
    no_secret,
)
from woo_sync_pipeline.contacts.contact import OnErasure
from woo_sync_pipeline.contacts.groups import DEFAULT_NAME_FORMAT
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


class ConsentSettings(Section):
    """What the absence of a choice means, and whether a repeated one is a new one."""

    mode: Literal["explicit", "inferred"] = "explicit"
    repeated_yes: Literal["ignored", "counts"] = Field(
        default="ignored", description="whether an opt-in that repeats an older one is a new choice"
    )


class GroupSettings(Section):
    """How the lists are named that contacts are put on."""

    name_format: NameFormat = DEFAULT_NAME_FORMAT


class SourceSettings(Section):
    """An entry of `sources`; the settings of a kind of source are a class of their own that begins with these."""

    name: SourceName
    key: Annotated[str, Field(pattern=SOURCE_KEY), AfterValidator(no_secret)]
    type: str
    start_date: date
    default_region: Region
    consent: ConsentSettings = ConsentSettings()
    groups: GroupSettings = GroupSettings()
    limits: LimitsSettings = LimitsSettings()
    on_erasure: OnErasure = "unsubscribe"
    daily_at: TimeOfDay = time(2, 0)
    live_interval_seconds: Annotated[int, Field(ge=5, le=86_400)] = 30

    @property
    def meaning(self) -> Mapping[str, Any]:
        """The settings by which the contacts of unchanged records become others, by their names in the file."""
        return {
            "name": self.name,
            "default_region": self.default_region,
            "consent": self.consent.model_dump(mode="json"),
            "groups": self.groups.model_dump(mode="json"),
        }

    def page_of(self, record_type: str, record_id: str) -> str:
        """Where a person can mend a record in the source; "" where there is no such page."""
        return ""
