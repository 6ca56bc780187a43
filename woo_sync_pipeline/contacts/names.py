"""Names of people and tags, as stores and their plugins keep them, made fit to be shown; email addresses.

An address is trimmed and checked for its shape, never for whether anybody reads it.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

MAX_NAME_LENGTH = 100
"""In characters (Unicode code points)."""

_LONGEST_READ = 4_000
"""Characters of a text that are looked at: unravelling one takes the cube of its length, and anybody may type one."""

_TAG = re.compile(
    r"</?(?:a|b|big|br|div|em|font|h[1-6]|i|img|p|script|small|span|strong|style|sub|sup|u)\b[^<>]*>", re.I
)
_PLACEHOLDERS = frozenset({"0", "null", "(null)", "n/a", "none", "undefined"})


@lru_cache(maxsize=1 << 14)
def clean_text(text: str) -> str:
    """Return `text` as a person would read it: entities decoded and markup removed, on one line, in NFC.

    Entities are decoded until none is left, because plugins encode what is already encoded. Control, bidi,
    zero-width and other invisible characters are removed, white space is collapsed, case is kept. Of a text of
    more than 4,000 characters the rest is left out.
    """
    text = text[:_LONGEST_READ]
    if text.isascii() and text.isprintable() and "&" not in text and "<" not in text:
        return " ".join(text.split())
    # Removing one thing may bring out another ("&am<b>p;"), so this goes on until nothing changes.
    while (cleaned := _clean_once(text)) != text:
        text = cleaned
    return text


def _clean_once(text: str) -> str:
    text = _TAG.sub(" ", html.unescape(text))
    return unicodedata.normalize("NFC", " ".join(strip_invisible(text).split()))


def strip_invisible(text: str) -> str:
    """Return `text` without control, bidi and zero-width characters; white space stays as it is."""
    if text.isascii() and text.isprintable():
        return text
    # Lone surrogates go too: no database or file can hold them.
    return "".join(
        char for char in text if char.isspace() or unicodedata.category(char) not in ("Cc", "Cf", "Cs")
    )


@lru_cache(maxsize=1 << 16)
def clean_name(text: str) -> str:
    """Return a name as it should be sent, or "" if `text` holds none.

    Cleaned as by `clean_text`, and at most `MAX_NAME_LENGTH` characters. Placeholders that plugins write ("0",
    "null", "n/a", "none", "-" and other bare punctuation) are no names.
    """
    while (cleaned := _name_once(text)) != text:
        text = cleaned
    return text


def _name_once(text: str) -> str:
    name = cut(clean_text(text), MAX_NAME_LENGTH)
    if name.casefold() in _PLACEHOLDERS or all(unicodedata.category(char)[0] in "PZ" for char in name):
        return ""
    return name


def json_in(text: str, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> object:
    """The list or object that a text holds as JSON, which may be entity-encoded; None where it holds neither.

    `pairs`: makes an object of its keys and values, else they become a `dict`.
    """
    for spelling in (text, html.unescape(text)):
        if spelling.lstrip()[:1] in ("[", "{"):
            with suppress(ValueError, RecursionError):
                return json.loads(spelling, object_pairs_hook=pairs)
    return None


def cut(text: str, length: int) -> str:
    """Return at most `length` code points of `text`, never parting a letter from its accents."""
    if len(text) <= length:
        return text
    end = length
    while end > 0 and unicodedata.category(text[end])[0] == "M":
        end -= 1
    return text[: end or length].rstrip()


_MAX_LENGTH = 254
_LONGEST_ADDRESS = 2_000
_LOCAL = re.compile(r"(?=.{1,64}\Z)[^\s@<>()\[\],;:\\\".]+(?:\.[^\s@<>()\[\],;:\\\".]+)*")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")

# Nine of ten addresses are plain: for these no more is to be done, as no part of a short one can be too long.
_PLAIN = re.compile(
    r"[\w+'-]+(?:\.[\w+'-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]", re.ASCII
)
_SHORT = 60

# Only with their semicolon, which no address has: "r&copy@example.com" is one.
_ENTITY = re.compile(r"&#?\w+;")


def clean_email(text: str) -> str:
    """Return the address decoded, trimmed and with its domain in lower case, or "" if it has not the shape of one.

    The local part keeps its case: by the standard only the receiving server may say that case means nothing.
    Addresses and domains in other scripts than Latin are accepted.
    """
    if len(text) <= _SHORT and _PLAIN.fullmatch(text):
        return text
    address = strip_invisible(_decoded(text[:_LONGEST_ADDRESS])).strip()
    if len(address) > _MAX_LENGTH:
        return ""
    local, _, typed_domain = address.rpartition("@")
    domain = _comparable(typed_domain)
    if domain != _comparable(domain):
        return ""  # Letters of no alphabet that domains are written in.
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(_ascii_form(domain)):
        return ""
    return f"{local}@{domain}"


def _decoded(text: str) -> str:
    while (decoded := _ENTITY.sub(lambda found: html.unescape(found[0]), text)) != text:
        text = decoded
    return text


def _comparable(domain: str) -> str:
    # Full-width letters and ideographic full stops are what a Japanese keyboard gives.
    return unicodedata.normalize("NFKC", domain).replace("。", ".").lower()


def _ascii_form(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
