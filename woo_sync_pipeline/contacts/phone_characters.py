"""The characters of phone fields, reduced to the few that a phone number is written with."""

from __future__ import annotations

import html
import unicodedata

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
