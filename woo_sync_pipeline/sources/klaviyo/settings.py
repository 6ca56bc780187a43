"""What the configuration says of a Klaviyo account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import AfterValidator, Field

from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.config.values import ApiKey, Name, WebAddress, no_secret

REVISION = "2026-07-15"
"""The revision of Klaviyo's API that this project was written for: it fixes the shape of answers."""

Chosen = Literal["all", "none"] | tuple[Name, ...]


class KlaviyoSettings(SourceSettings):
    """One Klaviyo account."""

    type: Literal["klaviyo"] = "klaviyo"
    api_key: ApiKey
    url: WebAddress = "https://a.klaviyo.com"
    revision: Annotated[
        str, Field(pattern=r"^\d{4}-\d\d-\d\d(\.[a-z0-9.-]{1,20})?$"), AfterValidator(no_secret)
    ] = REVISION
    lists: Chosen = "all"
    segments: Chosen = "all"
    max_share_of_limit: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.8
    verify_tls: bool | str = True
    use_environment_proxies: bool = False

    @property
    def meaning(self) -> Mapping[str, Any]:
        """See `SourceSettings.meaning`."""
        return {**super().meaning, "lists": _plain(self.lists), "segments": _plain(self.segments)}

    def page_of(self, record_type: str, record_id: str) -> str:
        """The page in Klaviyo on which a profile is edited."""
        return f"https://www.klaviyo.com/profile/{quote(record_id, safe='')}"


def _plain(chosen: Chosen) -> str | list[str]:
    return chosen if isinstance(chosen, str) else sorted(chosen)
