"""What a single value of the configuration may be."""

from __future__ import annotations

import re
from datetime import time
from functools import cache
from typing import Annotated
from urllib.parse import SplitResult, urlsplit
from zoneinfo import available_timezones

import phonenumbers
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from woo_sync_pipeline.config.postgres_url import problem_of_postgres_url
from woo_sync_pipeline.privacy import looks_like_secret

_OWNER = re.compile(
    r"team:[A-Za-z0-9_-]{1,60}|[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
)
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]+\]?")


def refuse(message: str) -> PydanticCustomError:
    """What a validator raises: why a value cannot be, and what to write instead.

    It never repeats the value: a secret may have been put there by mistake.
    """
    # Without a context to fill it with, the message is shown as it is, braces and all.
    return PydanticCustomError("woo_sync", message)


@cache
def _timezones() -> frozenset[str]:
    # Looking through the folders of the system takes longer than reading the file.
    return frozenset(available_timezones())


def _known_timezone(value: str) -> str:
    if value not in _timezones():
        raise refuse("this is no time zone. Write one of the IANA names, such as Australia/Sydney or UTC")
    return value


def _known_region(value: str) -> str:
    region = value.upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise refuse(
            "this is no region that phone numbers can be read for. "
            "Write a two-letter country code, such as AU, NZ or GB"
        )
    return region


def split_address(value: str) -> SplitResult | None:
    """The parts of a web address; None when they cannot be told apart."""
    try:
        parts = urlsplit(value)
        # Tried here because they may fail: the reasons that libraries give quote the address.
        _ = parts.port, (parts.hostname or "").encode("idna")
    except ValueError:
        return None
    return parts


def _web_address(value: str) -> str:
    example = "Write the address alone, such as https://shop.example.com"
    parts = split_address(value)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise refuse(f"this is no web address. {example}")
    if parts.username or parts.password or "@" in parts.netloc:
        raise refuse(f"credentials do not belong into the address. {example}")
    if parts.query or parts.fragment or "/wp-json" in parts.path:
        raise refuse(f"a query, a fragment or /wp-json is too much. {example}")
    if not _HOST.fullmatch(parts.hostname) and parts.hostname.isascii():
        raise refuse(f"this is no web address. {example}")
    return no_secret(value.rstrip("/"))


def _secret_web_address(value: SecretStr) -> SecretStr:
    parts = split_address(value.get_secret_value())
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise refuse("this is no web address. Write the whole of it, such as https://hooks.example.com/T0/B0")
    return value


def _email_address(value: str) -> str:
    local, _, domain = value.strip().rpartition("@")
    if not local or not domain or not value.isprintable() or set(value.strip()) & set(' ,;<>"'):
        raise refuse("this is no email address. Write the address alone, such as team@example.com")
    return value.strip()


def _owner(value: str) -> str:
    if not _OWNER.fullmatch(value):
        raise refuse(
            "write an email address, or team: and a name of letters, digits, underscores and hyphens. It is shown in "
            "the Dagster UI"
        )
    return value


def _postgres_url(value: SecretStr) -> SecretStr:
    problem = problem_of_postgres_url(value.get_secret_value())
    if problem is not None:
        raise refuse(problem)
    return value


def _host_name(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise refuse("this is no name of a host. Write it alone, such as smtp.example.com")
    return value


def _staging_url(value: str) -> str:
    # The rest of a path may be anything, such as the number of a volume.
    is_address = "://" in value
    if (is_address and looks_like_secret(value.partition("://")[2].rpartition("@")[2])) or (
        "/" not in value and looks_like_secret(value)
    ):
        raise refuse(_NOT_HERE)
    return value


def not_blank(value: str) -> str:
    """The text without blanks around it. Refuses one that has nothing else."""
    if not value.strip():
        raise refuse("this is empty. Write a value, or ${NAME} to take it from the environment")
    return value.strip()


def _secret_not_blank(value: SecretStr) -> SecretStr:
    return SecretStr(not_blank(value.get_secret_value()))


def _one_line(value: SecretStr) -> SecretStr:
    # A library that cannot put it into a header would quote it.
    text = value.get_secret_value()
    if not text.isascii() or not text.isprintable():
        raise refuse("a key is one line of letters, digits and signs. Copy it again from where it was made")
    return value


_NOT_HERE = (
    "this looks like a key or a password, and what stands here is shown to everybody. Write what belongs here; if it "
    "is a secret, write it as ${NAME} where it belongs"
)


def no_secret(value: str) -> str:
    """Refuse what looks like a secret in a value that is shown."""
    if looks_like_secret(value):
        raise refuse(_NOT_HERE)
    return value


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


def _time_of_day(value: object) -> object:
    # YAML 1.1 reads an unquoted 02:30 as a number in base sixty.
    if isinstance(value, int) and not isinstance(value, bool):
        return time(hour=value // 60 % 24, minute=value % 60)
    return value


Text = Annotated[str, AfterValidator(not_blank), Field(max_length=60)]
Name = Annotated[Text, AfterValidator(no_secret)]
"""A text that is shown."""
HostName = Annotated[Name, AfterValidator(_host_name)]
StagingUrl = Annotated[str, AfterValidator(_staging_url)]
NameFormat = Annotated[str, AfterValidator(_name_format), AfterValidator(no_secret)]
SourceName = Annotated[Name, AfterValidator(_without_comma)]
Timezone = Annotated[str, AfterValidator(_known_timezone)]
Region = Annotated[str, AfterValidator(_known_region)]
PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres_url)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Secret = Annotated[SecretStr, AfterValidator(_secret_not_blank)]
ApiKey = Annotated[Secret, AfterValidator(_one_line)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
SecretWebAddress = Annotated[SecretStr, AfterValidator(_secret_web_address)]
Owner = Annotated[str, AfterValidator(_owner), AfterValidator(no_secret)]
EmailAddress = Annotated[str, AfterValidator(_email_address)]


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, and neither a message nor its text repeats a value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def __str__(self) -> str:
        return repr(self)
