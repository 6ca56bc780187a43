"""How phone numbers are spelled: with which characters, by machines that misspell them, and by rules of the past."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

_ONE_NUMBER = re.compile(r"[+\d][\d\s+().-]*\d", re.ASCII)
_DECIMAL = re.compile(r"(\+?\d{7,15})\.0", re.ASCII)
_PLUS_TWICE = re.compile(r"\+[\s(]*(\d{1,3})[\s).-]*\+[\s(]*(?=\1)", re.ASCII)
_LAYOUT = r"[\s().-]*"
# A code of one digit is twice there by a slip of the finger as well, and what is meant then nobody knows.
_CODE_TWICE = tuple(re.compile(rf"\+{_LAYOUT}(\d{{{length}}}){_LAYOUT}(?=\1)", re.ASCII) for length in (2, 3))
_COUNTRY_CODES = frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE))
_OLD_MEXICAN_MOBILE = re.compile(r"(?:\+|00)521(\d{10})", re.ASCII)
_OLD_MEXICAN_MOBILE_AT_HOME = re.compile(r"(?:04[45]|521)(\d{10})", re.ASCII)


def known_region(region: str) -> str:
    """The ISO 3166 code that is meant, in upper case."""
    code = region.strip().upper()
    # What everybody calls it, and the standard does not.
    return "GB" if code == "UK" else code


def other_spellings(text: str, region: str, *, is_too_long: bool) -> Iterator[str]:
    """How a field that holds one number may be meant, which cannot be read as it stands.

    `text` is plain (see `plain_characters`), `region` in upper case; `is_too_long` says that it has too many digits
    for a number.
    """
    text = text.strip().lstrip("( ")
    if decimal := _DECIMAL.fullmatch(text):
        # A spreadsheet took the number for an amount.
        text = decimal[1]
        yield text
    if not _ONE_NUMBER.fullmatch(text):
        return
    # A widget puts the country's code before what was typed with it.
    if (twice := _PLUS_TWICE.match(text)) and twice[1] in _COUNTRY_CODES:
        yield f"+{text[twice.end() :]}"
    if "+" in text[1:]:
        return
    for pattern in _CODE_TWICE if is_too_long else ():
        if (twice := pattern.match(text)) and twice[1] in _COUNTRY_CODES:
            yield f"+{text[twice.end() :]}"
    # Until 2019 Mexico's mobiles had a 1 behind the country's code, and 044 or 045 before them at home.
    bare = re.sub(_LAYOUT, "", text)
    old = _OLD_MEXICAN_MOBILE.fullmatch(bare)
    if old is None and region == "MX":
        old = _OLD_MEXICAN_MOBILE_AT_HOME.fullmatch(bare)
    if old is not None:
        yield f"+52{old[1]}"


_PLUS_SIGNS = frozenset("+⁺₊﹢➕")
BLOCKER = "\ufffd"
"""Stands for a character that cannot be inside a phone number."""


class _Characters(dict[int, str | None]):
    """A `str.translate` table, filled as characters are met, that leaves ASCII text for the patterns below."""

    def __missing__(self, code: int) -> str | None:
        self[code] = replacement = _plain_character(chr(code))
        return replacement


def _plain_character(char: str) -> str | None:
    category = unicodedata.category(char)
    if char in "\n\r\v\f\x85" or category in ("Zl", "Zp"):
        return "\n"
    if char == "\t" or category == "Zs":
        return " "
    if category in ("Cc", "Cf") or category.startswith("M"):
        return None  # Bidi and zero-width marks, the variation selector of a keycap emoji.
    if char in _PLUS_SIGNS:
        return "+"
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if char.isascii():
        return char.lower()
    if 0xFF01 <= ord(char) <= 0xFF5E:
        return chr(ord(char) - 0xFEE0).lower()
    if char in "、،":
        return ","
    if char == "؛":
        return ";"
    if char in "⁄∕":
        return "/"
    if category == "Pd" or char in "−ー":
        return "-"
    if category.startswith("L"):
        # Lower-casing may give two characters; one that stays a letter is all that matters here.
        return char.lower()[0]
    # Superscripts and the like are not digits, and pictures end a number; other punctuation is layout.
    return " " if category.startswith("P") or category in ("Sm", "Sk", "Sc") else BLOCKER


_CHARACTERS = _Characters()


def plain_characters(text: str) -> str:
    """Return `text` in ASCII digits, plus, lower-case letters, layout and line ends, with invisible marks removed.

    Digits of every script become ASCII digits; whatever cannot be inside a phone number becomes `BLOCKER`.
    """
    # "&#43;61…" and "&nbsp;" are what some checkout plugins leave in the field.
    return (html.unescape(text) if "&" in text else text).translate(_CHARACTERS)
