"""The JSON in the body of an answer, behind or before what plugins print, and what they say there."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from typing import Any

from woo_sync_pipeline.privacy import redact

_BLANK = "\ufeff \t\r\n"
# Where JSON can begin after a notice: at the start of a line or after a tag, and shaped as an API's answer.
_JSON_START = re.compile(r"(?:^|[\n>\ufeff])[\s\ufeff]*(\[\s*[{\]]|\{\s*[\"}])")
# What cache plugins sign pages with. Anything else behind the JSON may be the end of a page that failed.
_COMMENTS = re.compile(r"(?:[\s\ufeff]*<!--(?:(?!-->).){0,2000}-->)*[\s\ufeff]*", re.S)
_HEADING = re.compile(r"<(title|h[1-3])\b[^<>]*>(.{1,400}?)</\1\s*>", re.I | re.S)
_MARKUP = re.compile(r"<[^<>]*>")
_PHP_MESSAGE = re.compile(
    r"\b(?:fatal error|parse error|warning|notice|deprecated)\s*:.{1,400}?\bon line \d+", re.I | re.S
)
_SERVER_FOLDER = re.compile(r"\S*/(?=wp-content/)")
_LOOKED_AT = 4000
"""Characters of a foreign text: the rest of it tells no more."""
_LONGEST_NUMBER = 400
"""Digits. Python refuses to read a number of thousands, and nobody means one."""


@dataclass(frozen=True)
class Parsed:
    """The JSON of an answer, and the text that stood before and behind it, which belongs to nothing.

    is_mended: some of its letters were no UTF-8, and were replaced.
    """

    value: Any = field(repr=False)
    before: str = field(default="", repr=False)
    behind: str = field(default="", repr=False)
    is_mended: bool = False

    @property
    def had_text_before(self) -> bool:
        """Whether anything but blanks stood before the JSON, be it a byte order mark."""
        return bool(self.before.strip(" \t\r\n"))

    @property
    def is_odd(self) -> bool:
        """Whether it was read although something of it was wrong."""
        return self.had_text_before or bool(self.behind) or self.is_mended

    @property
    def notice(self) -> str:
        """What was wrong, in a few words that are safe to show."""
        if self.had_text_before:
            if said := printed(self.before):
                return said
            characters = len(self.before.strip(_BLANK))
            return (
                f"{characters} characters that are no message of PHP" if characters else "a byte order mark"
            )
        return "a comment behind the JSON" if self.behind else "letters that are no UTF-8"


def parse_json(body: bytes) -> Parsed:
    """Read the JSON of a body, also behind a byte order mark or a PHP notice, and before an HTML comment.

    Letters that are no UTF-8 are replaced: they cost a name, not the page. Raises ValueError when there is not one
    complete JSON value. A cut body is never mended: were the search to go on inside of it, its tail `[]` would look
    like an empty store.
    """
    try:
        text, is_mended = body.decode("utf-8"), False
    except UnicodeDecodeError:
        text, is_mended = body.decode("utf-8", "replace"), True
    text = text.rstrip(_BLANK)
    start = len(text) - len(text.lstrip(_BLANK))
    if text[start : start + 1] not in ("[", "{"):
        found = _JSON_START.search(text)
        if found is None:
            raise ValueError("no JSON in the body")
        start = found.start(1)
    try:
        value, end = _first_value(text, start)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    behind = text[end:]
    if behind and not _COMMENTS.fullmatch(behind):
        raise ValueError("something else than a comment behind the JSON")
    return Parsed(value, text[:start], behind.strip(_BLANK), is_mended)


def _first_value(text: str, start: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, start)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # A number of thousands of digits, which is kept as a text.
        return _PATIENT_DECODER.raw_decode(text, start)


def _number(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits


_DECODER = json.JSONDecoder()
_PATIENT_DECODER = json.JSONDecoder(parse_int=_number)


def printed(text: str) -> str:
    """What a plugin or a page says: PHP's message, or the title or heading. "" when there is none of these.

    Nothing else of a foreign text is shown: what a plugin prints may be a person, in a form that no mask knows.
    """
    head = text[:_LOOKED_AT]
    if json_start := _JSON_START.search(head):
        head = head[: json_start.start(1)]
    words = html.unescape(_MARKUP.sub("", head))
    if message := _PHP_MESSAGE.search(words):
        # The trace holds the arguments of calls.
        said = message[0].partition("Stack trace")[0]
        return redact(_SERVER_FOLDER.sub("", said), limit=160).strip()
    heading = _HEADING.search(head)
    return redact(html.unescape(_MARKUP.sub(" ", heading[2])), limit=80) if heading else ""
