"""What the configuration says of a Klaviyo account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field, SecretStr

from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.config.values import ApiKey, WebAddress, no_secret, not_blank, refuse

REVISION = "2026-07-15"
"""The revision of Klaviyo's API that this project was written for: it fixes the shape of answers."""


def _revision(value: str) -> str:
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        raise refuse("this is no revision. Leave it out, or write a date such as 2026-07-15") from None
    return no_secret(value)


def _some_names(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise refuse("name at least one, or write all or none")
    if {"all", "none"} & set(value):
        raise refuse("write all or none alone, without brackets; a list of that name cannot be chosen by it")
    return value


def _address(value: str) -> str:
    if urlsplit(value).path.strip("/"):
        raise refuse("write the address without a path, or leave it out")
    return value


def _key(value: SecretStr) -> SecretStr:
    if " " in value.get_secret_value():
        raise refuse("write the private key alone, pk_…, without a word before it")
    return value


GroupName = Annotated[str, AfterValidator(not_blank), AfterValidator(no_secret)]
Chosen = Literal["all", "none"] | Annotated[tuple[GroupName, ...], AfterValidator(_some_names)]


class KlaviyoSettings(SourceSettings):
    """One Klaviyo account."""

    type: Literal["klaviyo"] = "klaviyo"
    api_key: Annotated[ApiKey, AfterValidator(_key)]
    url: Annotated[WebAddress, AfterValidator(_address)] = "https://a.klaviyo.com"
    revision: Annotated[
        str, Field(pattern=r"^\d{4}-\d\d-\d\d(\.[a-z0-9.-]{1,20})?$"), AfterValidator(_revision)
    ] = REVISION
    lists: Chosen = "all"
    segments: Chosen = "all"
    max_share_of_limit: Annotated[float, Field(ge=0.01, le=1, allow_inf_nan=False, strict=True)] = 0.8
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
