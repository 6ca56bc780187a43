"""Small checks that compose into the shape of a request. Each notes what is wrong and never raises."""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import date
from urllib.parse import urlsplit

from woo_sync_pipeline.demo.platform.answers import InvalidField

Check = Callable[[str, object, list[InvalidField]], None]

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def text(
    *,
    max_length: int | None = None,
    not_blank: bool = False,
    choices: Collection[str] = (),
    form: Callable[[str], bool] | None = None,
) -> Check:
    """Accept a text without control characters."""

    def check(name: str, value: object, wrong: list[InvalidField]) -> None:
        if value is None:
            wrong.append(InvalidField(name, "must_not_be_null", "must not be null"))
        elif not isinstance(value, str):
            wrong.append(InvalidField(name, "type_mismatch", "must be a text"))
        elif not_blank and not value.strip():
            wrong.append(InvalidField(name, "must_not_be_empty", "must not be blank"))
        elif max_length is not None and len(value) > max_length:
            wrong.append(InvalidField(name, "invalid_length", f"must have at most {max_length} characters"))
        elif choices and value not in choices:
            wrong.append(InvalidField(name, "type_mismatch", f"must be one of {', '.join(sorted(choices))}"))
        elif any(unicodedata.category(each) in ("Cc", "Cs") for each in value):
            wrong.append(InvalidField(name, "invalid_format", "must not contain control characters"))
        elif form is not None and not form(value):
            wrong.append(InvalidField(name, "invalid_format", f"has not the expected form: {value}"))

    return check


def integer(minimum: int, maximum: int) -> Check:
    """Accept a whole number within bounds."""

    def check(name: str, value: object, wrong: list[InvalidField]) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            wrong.append(InvalidField(name, "type_mismatch", "must be a whole number"))
        elif not minimum <= value <= maximum:
            wrong.append(
                InvalidField(name, "constraint_violation", f"must be between {minimum} and {maximum}")
            )

    return check


def array(item: Check, *, max_items: int | None = None, not_empty: bool = False) -> Check:
    """Accept an array of items of one shape."""

    def check(name: str, value: object, wrong: list[InvalidField]) -> None:
        if not isinstance(value, list):
            wrong.append(InvalidField(name, "type_mismatch", "must be an array"))
        elif not_empty and not value:
            wrong.append(InvalidField(name, "must_not_be_empty", "must not be empty"))
        elif max_items is not None and len(value) > max_items:
            wrong.append(InvalidField(name, "invalid_length", f"must have at most {max_items} items"))
        else:
            for position, each in enumerate(value):
                item(f"{name}[{position}]", each, wrong)

    return check


def record(properties: Mapping[str, Check], *, required: Collection[str] = ()) -> Check:
    """Accept an object with these properties and no others."""

    def check(name: str, value: object, wrong: list[InvalidField]) -> None:
        if not isinstance(value, dict):
            wrong.append(InvalidField(name, "type_mismatch", "must be an object"))
            return
        prefix = f"{name}." if name else ""
        for key in required:
            if key not in value:
                wrong.append(InvalidField(prefix + key, "missing_parameter", "is required"))
        for key, each in value.items():
            if key in properties:
                properties[key](prefix + key, each, wrong)
            else:
                wrong.append(InvalidField(prefix + str(key), "incorrect_operation", "is not known"))

    return check


def is_uuid(value: str) -> bool:
    """Tell whether this is a UUID in its canonical form with hyphens."""
    try:
        return str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def is_e164(value: str) -> bool:
    """Tell whether this is a phone in E.164 form."""
    return E164.fullmatch(value) is not None


def is_date(value: str) -> bool:
    """Tell whether this is a day written as 2026-08-18."""
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def fits_type(field_type: str, value: str) -> bool:
    """Tell whether a custom field of this type takes this value."""
    match field_type:
        case "EMAIL":
            return _EMAIL.fullmatch(value) is not None
        case "NUMBER":
            return _NUMBER.fullmatch(value) is not None
        case "DATE":
            return is_date(value)
        case "PHONE":
            return is_e164(value)
        case "URL":
            parts = urlsplit(value)
            return parts.scheme in ("http", "https") and bool(parts.netloc)
        case _:
            return True
