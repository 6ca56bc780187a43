"""Names of people and tags, as stores and their plugins keep them, made fit to be shown."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

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


def cut(text: str, length: int) -> str:
    """Return at most `length` code points of `text`, never parting a letter from its accents."""
    if len(text) <= length:
        return text
    end = length
    while end > 0 and unicodedata.category(text[end])[0] == "M":
        end -= 1
    return text[: end or length].rstrip()
