"""What a single value of the configuration may be."""

from __future__ import annotations

from datetime import time
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import phonenumbers
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError


def refuse(message: str) -> PydanticCustomError:
    """What a validator raises: why a value cannot be, and what to write instead."""
    # Without a context to fill it with, the message is shown as it is, braces and all.
    return PydanticCustomError("woo_sync", message)


def _known_timezone(value: str) -> str:
    if value not in available_timezones():
        raise refuse(
            f"{value!r} is no time zone. Write one of the IANA names, such as Australia/Sydney or UTC"
        )
    return value


def _known_region(value: str) -> str:
    region = value.upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise refuse(
            f"{value!r} is no region that phone numbers can be read for. "
            "Write a two-letter country code, such as AU, NZ or GB"
        )
    return region


def _web_address(value: str) -> str:
    example = "Write the address alone, such as https://shop.example.com"
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise refuse(f"this is no web address. {example}")
    if parts.username or parts.password:
        raise refuse(f"credentials do not belong into the address. {example}")
    if parts.query or parts.fragment or "/wp-json" in parts.path:
        raise refuse(f"a query, a fragment or /wp-json is too much. {example}")
    return value.rstrip("/")


def _secret_web_address(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise refuse("this is no web address. Write the whole of it, such as https://hooks.example.com/T0/B0")
    return value


def _email_address(value: str) -> str:
    local, _, domain = value.strip().rpartition("@")
    if not local or not domain or not value.isprintable() or set(value.strip()) & set(' ,;<>"'):
        raise refuse("this is no email address. Write the address alone, such as team@example.com")
    return value.strip()


def _postgres_url(value: SecretStr) -> SecretStr:
    scheme = urlsplit(value.get_secret_value()).scheme
    if scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        raise refuse(
            "only PostgreSQL is supported. Write postgresql://user:password@host:5432/database, "
            "or leave the key out to use the embedded PostgreSQL"
        )
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise refuse("this is empty. Write a value, or ${NAME} to take it from the environment")
    return value.strip()


def _secret_not_blank(value: SecretStr) -> SecretStr:
    return SecretStr(_not_blank(value.get_secret_value()))


def _name_format(value: str) -> str:
    example = "Write one such as '{source} - {tag}'"
    text = value.strip()
    if text.count("{tag}") != 1:
        raise refuse(f"the names of lists must contain {{tag}}, once: it stands for the tag. {example}")
    around = text.replace("{tag}", "").replace("{source}", "", 1)
    if set(around) & set("{}"):
        raise refuse(f"only {{source}} and {{tag}} stand for something here, each once. {example}")
    if len(around) > 20:
        raise refuse(
            f"more than 20 characters around {{source}} and {{tag}} leave no room for tags. {example}"
        )
    return text


def _without_comma(value: str) -> str:
    if "," in value:
        # The label on the platform lists the names of all sources, parted by commas.
        raise refuse("a comma in the name parts it in two on the platform. Write the name without it")
    return value


def _order_status(value: str) -> str:
    status = _not_blank(value)
    if status in {"draft", "auto-draft", "checkout-draft"}:
        raise refuse(
            f"{status!r} is a checkout that nobody has finished, so no contact comes from it. Leave it out"
        )
    if status in {"any", "all"}:
        raise refuse("write the statuses one by one, or leave order_statuses out for all of them but drafts")
    if status.startswith("wc-"):
        raise refuse(f"write a status without wc-: {status.removeprefix('wc-')}")
    return status


def _some_statuses(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise refuse("name at least one status, or leave order_statuses out for all of them but drafts")
    return value


def _time_of_day(value: object) -> object:
    # YAML 1.1 reads an unquoted 02:30 as a number in base sixty.
    if isinstance(value, int) and not isinstance(value, bool):
        return time(hour=value // 60 % 24, minute=value % 60)
    return value


Name = Annotated[str, AfterValidator(_not_blank), Field(max_length=60)]
NameFormat = Annotated[str, AfterValidator(_name_format)]
SourceName = Annotated[Name, AfterValidator(_without_comma)]
Timezone = Annotated[str, AfterValidator(_known_timezone)]
Region = Annotated[str, AfterValidator(_known_region)]
PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres_url)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Secret = Annotated[SecretStr, AfterValidator(_secret_not_blank)]
OrderStatuses = Annotated[
    tuple[Annotated[str, AfterValidator(_order_status)], ...], AfterValidator(_some_statuses)
]
WebAddress = Annotated[str, AfterValidator(_web_address)]
SecretWebAddress = Annotated[SecretStr, AfterValidator(_secret_web_address)]
EmailAddress = Annotated[str, AfterValidator(_email_address)]


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, and no message repeats a value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
