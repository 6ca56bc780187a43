"""`woo_sync.yaml`, read and validated: what is synchronised from where to where, and how."""

from __future__ import annotations

import os
from datetime import date, time
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import phonenumbers
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from woo_sync_pipeline.config_file import ConfigDocument, Problem, read_document

CONFIG_ENV = "WOO_SYNC_CONFIG"
DATABASE_URL_ENV = "WOO_SYNC_DATABASE_URL"
DEFAULT_CONFIG_FILE = "woo_sync.yaml"


def _refuse(message: str) -> PydanticCustomError:
    return PydanticCustomError("woo_sync", message.replace("{", "{{").replace("}", "}}"))


def _known_timezone(value: str) -> str:
    if value not in available_timezones():
        raise _refuse(
            f"{value!r} is no time zone. Write one of the IANA names, such as Australia/Sydney or UTC"
        )
    return value


def _known_region(value: str) -> str:
    region = value.upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise _refuse(
            f"{value!r} is no region that phone numbers can be read for. "
            "Write a two-letter country code, such as AU, NZ or GB"
        )
    return region


def _web_address(value: str) -> str:
    example = "Write the address alone, such as https://shop.example.com"
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _refuse(f"this is no web address. {example}")
    if parts.username or parts.password:
        raise _refuse(f"credentials do not belong into the address. {example}")
    if parts.query or parts.fragment or "/wp-json" in parts.path:
        raise _refuse(f"a query, a fragment or /wp-json is too much. {example}")
    return value.rstrip("/")


def _postgres_url(value: SecretStr) -> SecretStr:
    scheme = urlsplit(value.get_secret_value()).scheme
    if scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        raise _refuse(
            "only PostgreSQL is supported. Write postgresql://user:password@host:5432/database, "
            "or leave the key out to use the embedded PostgreSQL"
        )
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise _refuse("this is empty. Write a value, or ${NAME} to take it from the environment")
    return value.strip()


def _secret_not_blank(value: SecretStr) -> SecretStr:
    return SecretStr(_not_blank(value.get_secret_value()))


def _without_comma(value: str) -> str:
    if "," in value:
        # The label on the platform lists the names of all sources, parted by commas.
        raise _refuse("a comma in the name parts it in two on the platform. Write the name without it")
    return value


def _order_status(value: str) -> str:
    status = _not_blank(value)
    if status in {"draft", "auto-draft", "checkout-draft"}:
        raise _refuse(
            f"{status!r} is a checkout that nobody has finished, so no contact comes from it. Leave it out"
        )
    if status in {"any", "all"}:
        raise _refuse("write the statuses one by one, or leave order_statuses out for all of them but drafts")
    if status.startswith("wc-"):
        raise _refuse(f"write a status without wc-: {status.removeprefix('wc-')}")
    return status


def _some_statuses(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise _refuse("name at least one status, or leave order_statuses out for all of them but drafts")
    return value


def _time_of_day(value: object) -> object:
    # YAML 1.1 reads an unquoted 02:30 as a number in base sixty.
    if isinstance(value, int) and not isinstance(value, bool):
        return time(hour=value // 60 % 24, minute=value % 60)
    return value


Name = Annotated[str, AfterValidator(_not_blank), Field(max_length=60)]
Secret = Annotated[SecretStr, AfterValidator(_secret_not_blank)]
OrderStatus = Annotated[str, AfterValidator(_order_status)]
WebAddress = Annotated[str, AfterValidator(_web_address)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ConsentSettings(_Settings):
    """Where a store keeps the choice about SMS marketing, and what the absence of a choice means."""

    mode: Literal["explicit", "inferred"] = "explicit"
    meta_keys: tuple[Name, ...] = Field(default=(), description="meta keys of customers and of orders")


class GroupSettings(_Settings):
    """Which properties of customers become lists on the platform."""

    roles: bool = True
    product_tags: bool = True
    meta_keys: tuple[Name, ...] = ()


class SourceSettings(_Settings):
    """One WooCommerce store."""

    name: Annotated[Name, AfterValidator(_without_comma)]
    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    type: Literal["woocommerce"] = "woocommerce"
    url: WebAddress
    consumer_key: Secret
    consumer_secret: Secret
    verify_tls: bool | str = True
    start_date: date
    orders_from: date | None = None
    order_statuses: Annotated[tuple[OrderStatus, ...], AfterValidator(_some_statuses)] | None = None
    default_region: Annotated[str, AfterValidator(_known_region)]
    consent: ConsentSettings = ConsentSettings()
    groups: GroupSettings = GroupSettings()
    max_concurrency: Annotated[int, Field(ge=1, le=32)] = 4
    max_requests_per_second: Annotated[float, Field(gt=0, le=1000)] | None = None
    daily_at: Annotated[time, BeforeValidator(_time_of_day)] = time(2, 0)
    live_interval_seconds: Annotated[int, Field(ge=5, le=86_400)] = 30

    @property
    def meta_keys(self) -> tuple[str, ...]:
        """All meta keys that are read from this store, each once."""
        return tuple(dict.fromkeys((*self.consent.meta_keys, *self.groups.meta_keys)))


class MessageMediaSettings(_Settings):
    """The MessageMedia account whose contact directory is kept in step."""

    base_url: WebAddress
    api_key: Secret
    api_secret: Secret
    auth: Literal["basic", "hmac"] = "basic"
    max_concurrency: Annotated[int, Field(ge=1, le=128)] = 16
    max_requests_per_second: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = None


class Settings(_Settings):
    """The whole of `woo_sync.yaml`."""

    database_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = None
    timezone: Annotated[str, AfterValidator(_known_timezone)] = "UTC"
    staging_url: str | None = None
    messagemedia: MessageMediaSettings
    sources: Annotated[tuple[SourceSettings, ...], Field(min_length=1)]

    _directory: Path = PrivateAttr(default_factory=Path.cwd)

    @model_validator(mode="after")
    def _sources_differ(self) -> Self:
        for attribute in ("key", "name"):
            seen: set[str] = set()
            for source in self.sources:
                value = str(getattr(source, attribute)).casefold()
                if value in seen:
                    raise _refuse(
                        f"two sources have the {attribute} {getattr(source, attribute)!r}. "
                        f"Give each source a {attribute} of its own"
                    )
                seen.add(value)
        return self

    @property
    def data_directory(self) -> Path:
        """Where local data lives: `.woo_sync/` beside the configuration file."""
        return self._directory / ".woo_sync"

    @property
    def staging_location(self) -> str:
        """Path or URL below which frames pass from asset to asset."""
        return self.staging_url or str(self.data_directory / "staging")

    def source(self, key: str) -> SourceSettings:
        """The source with this key. Raises `KeyError` when there is none."""
        for source in self.sources:
            if source.key == key:
                return source
        raise KeyError(key)


def config_path() -> Path:
    """The configuration file in force: `WOO_SYNC_CONFIG`, else `woo_sync.yaml` in the working directory."""
    return Path(os.environ.get(CONFIG_ENV, DEFAULT_CONFIG_FILE)).expanduser().absolute()


def load_settings(path: Path | None = None) -> Settings:
    """Read and validate a configuration file (the one of `config_path()` by default).

    Raises `ConfigurationError` that lists everything wrong in it: file, line, path of the key, what to write.
    """
    document = read_document((path or config_path()).absolute())
    try:
        settings = Settings.model_validate(document.values)
    except ValidationError as invalid:
        # A list whose only item is wrong is reported as too short as well: that is no help to anybody.
        has_sources = document.has(("sources", 0))
        errors = [error for error in invalid.errors() if not (has_sources and error["type"] == "too_short")]
        raise document.error([_problem(document, error) for error in errors]) from None
    settings._directory = document.path.parent
    return settings


def _problem(document: ConfigDocument, error: object) -> Problem:
    assert isinstance(error, dict)
    location = tuple(error["loc"])
    kind, message = str(error["type"]), str(error["msg"])
    if kind == "extra_forbidden":
        known = _known_keys(location[:-1])
        message = f"this key is not known. Known here: {', '.join(known)}"
    elif kind == "missing":
        message = "this key is missing. See woo_sync.example.yaml for what it means"
    elif kind == "string_pattern_mismatch":
        message = "write lower-case letters, digits and underscores, a letter first, such as my_store"
    # A union adds the names of its branches to the location: they are no keys of the file.
    while location and not document.has(location) and kind not in {"missing", "extra_forbidden"}:
        location = location[:-1]
    return Problem(location, message)


def _known_keys(location: tuple[str | int, ...]) -> list[str]:
    models: dict[tuple[str, ...], type[BaseModel]] = {
        (): Settings,
        ("messagemedia",): MessageMediaSettings,
        ("sources",): SourceSettings,
        ("sources", "consent"): ConsentSettings,
        ("sources", "groups"): GroupSettings,
    }
    names = tuple(part for part in location if isinstance(part, str))
    return list(models[names].model_fields)
