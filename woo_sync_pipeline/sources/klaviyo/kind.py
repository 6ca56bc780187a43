"""Klaviyo as a kind of source. What takes long to import is imported where it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from woo_sync_pipeline.sources.base import (
    CheckLine,
    Discovered,
    Extraction,
    Look,
    Question,
    SourceKind,
    SourceStep,
)
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings

if TYPE_CHECKING:
    from woo_sync_pipeline.contacts.normalise import RawRecords
    from woo_sync_pipeline.state.database import Database
    from woo_sync_pipeline.state.records import Reading
    from woo_sync_pipeline.state.syncs import Watermark


class Klaviyo(SourceKind[KlaviyoSettings]):
    """Profiles, lists and segments of Klaviyo accounts."""

    type_name = "klaviyo"
    settings = KlaviyoSettings
    daily_reading = "reads all profiles and who is in which list and segment"
    live_looking = "whether a profile changed, and by turns whether one joined a list or segment"
    label = "Klaviyo"
    noun = "account"
    questions = (
        Question(
            "api_key",
            "klaviyo-key",
            "The private key of the Klaviyo account (pk_…)",
            "The private key of a Klaviyo account, pk_….",
            variable="KLAVIYO_API_KEY",
            begins="pk_",
            place="Klaviyo > Settings > API keys",
        ),
        Question(
            "url",
            "klaviyo-url",
            "The address of the API",
            "Where the API is. Default: Klaviyo's own address.",
            is_asked=False,
        ),
    )
    has_people_without_phone = True

    @property
    def extractions(self) -> Sequence[Extraction]:
        """See `extractions.py`."""
        from woo_sync_pipeline.sources.klaviyo.extractions import EXTRACTIONS

        return EXTRACTIONS

    def records(self, step: SourceStep[KlaviyoSettings]) -> Iterator[RawRecords]:
        """Profiles, which hold a contact, and in which lists and segments they are."""
        from woo_sync_pipeline.sources.klaviyo.normalise import raw_portions

        return raw_portions(
            profiles=step.read("profiles").portions(), memberships=step.read("memberships").portions()
        )

    def reading(self, step: SourceStep[KlaviyoSettings]) -> Reading:
        """Who is gone, what lists and segments are called, and how far the account has been read."""
        from woo_sync_pipeline.sources.klaviyo.committed import reading_of

        return reading_of(step)

    def check(self, source: KlaviyoSettings) -> Iterator[CheckLine]:
        """Try the account; see `check.py`."""
        from woo_sync_pipeline.sources.klaviyo.check import check_lines

        return check_lines(source)

    def timezone(self, values: Mapping[str, str]) -> str | None:
        """The time zone of the account."""
        from woo_sync_pipeline.sources.klaviyo.check import timezone_of

        return timezone_of(values)

    def discover(self, source: KlaviyoSettings, *, everything: bool) -> Discovered:
        """Which lists and segments there are, how many profiles have a phone and which consent; see `discover.py`."""
        from woo_sync_pipeline.sources.klaviyo.discover import discover_account

        return discover_account(source, everything=everything)

    def look(
        self, source: KlaviyoSettings, database: Database, mark: Watermark, memory: Mapping[str, Any]
    ) -> Look:
        """See `live.look_at_account`."""
        from woo_sync_pipeline.sources.klaviyo.live import look_at_account

        return look_at_account(source, database, mark, memory)


KLAVIYO = Klaviyo()
