"""Customer tags and segments out of meta fields, and the names of the groups that they give."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from woo_sync_pipeline.contacts.names import clean_name, cut, json_in

MAX_GROUP_NAME_LENGTH = 100
"""In characters. The platform publishes no limit of its own."""

DEFAULT_NAME_FORMAT = "{source} - {tag}"

_PLACEHOLDER = re.compile(r"\{(source|tag)\}")
_BETWEEN_TAGS = re.compile(r"[,;\n]")
_PHP_SERIALIZED = re.compile(r"\s*(?:[aO]:\d+:|s:\d+:\")")
_FLAGS_ON = frozenset({"1", "yes", "true", "on"})
_FLAGS_OFF = frozenset({"", "0", "no", "false", "off"})


def tags_from_meta(value: object) -> tuple[str, ...]:
    """Return the tags that a meta value holds, cleaned, in order, each once whatever its case.

    Plugins write lists, objects (names as keys with flags as values, or names as values), objects with a `name`,
    text with commas or semicolons, and JSON as text. What is none of these gives no tags; never raises.
    """
    first_spelling: dict[str, str] = {}
    for tag in map(clean_name, _texts(value, text_is_a_list=True)):
        if tag:
            first_spelling.setdefault(tag.casefold(), tag)
    return tuple(first_spelling.values())


@dataclass(frozen=True)
class GroupNames:
    """Names of the platform lists of one source. `name_format` holds `{tag}` and usually `{source}`."""

    source_name: str
    name_format: str = DEFAULT_NAME_FORMAT

    @property
    def everybody(self) -> str:
        """The list of all contacts of the source: its name."""
        return self.source_name

    @property
    def guests(self) -> str:
        """The list of those who bought without an account."""
        return self._named("Guests")

    def of_tag(self, tag: str) -> str:
        """The list of a tag, at most `MAX_GROUP_NAME_LENGTH` characters: a long tag is cut, the rest is not.

        A tag whose list would be the one of the guests or of everybody gets `(tag)` behind its name: nobody
        becomes a guest by a tag.
        """
        name = self._named(tag)
        if name.casefold() in (self.guests.casefold(), self.everybody.casefold()):
            return self._named(f"{tag} (tag)")
        return name

    @property
    def room_for_tag(self) -> int:
        """Characters of a tag that fit into the name of its list; negative when not even the rest fits."""
        return MAX_GROUP_NAME_LENGTH - len(self._filled(""))

    @property
    def pattern(self) -> str:
        """A regular expression (of Python and of PostgreSQL) that the names of all lists of the source match."""
        parts = re.split(r"(\{source\}|\{tag\})", self.name_format)
        meaning = {"{source}": re.escape(self.source_name), "{tag}": ".+"}
        of_tags = "".join(meaning.get(part, re.escape(part)) for part in parts)
        return f"^({re.escape(self.source_name)}|{of_tags})$"

    def _named(self, tag: str) -> str:
        return self._filled(cut(tag, self.room_for_tag))

    def _filled(self, tag: str) -> str:
        values = {"source": self.source_name, "tag": tag}
        # In one go: a tag may itself be called "{source}".
        return _PLACEHOLDER.sub(lambda found: values[found[1]], self.name_format)


def _texts(value: object, *, text_is_a_list: bool, depth: int = 0) -> Iterator[str]:
    if depth > 3:
        return  # No plugin nests tags this deep.
    if isinstance(value, str):
        yield from _from_text(value, depth) if text_is_a_list else (value,)
    elif isinstance(value, Mapping):
        yield from _from_items(_values_of(value), depth)
    elif isinstance(value, list | tuple):
        yield from _from_items(value, depth)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15:
        yield str(value)


def _from_items(items: Iterable[object], depth: int) -> Iterator[str]:
    # A comma inside one item of a list belongs to its name.
    for item in items:
        yield from _texts(item, text_is_a_list=False, depth=depth + 1)


def _values_of(tags: Mapping[object, object]) -> list[object]:
    name = tags.get("name")
    if isinstance(name, str):
        return [name]
    # PHP writes a list with gaps as an object with numbers as keys.
    is_list = all(str(key).isdigit() for key in tags)
    if not is_list and all(_flag(value) is not None for value in tags.values()):
        return [key for key, value in tags.items() if _flag(value)]
    return list(tags.values())


def _flag(value: object) -> bool | None:
    """Return what a flag says, None for what is no flag."""
    if value is None or isinstance(value, bool):
        return bool(value)
    text = str(value).strip().casefold() if isinstance(value, str) else str(value) if value in (0, 1) else "?"
    return True if text in _FLAGS_ON else False if text in _FLAGS_OFF else None


def _from_text(text: str, depth: int) -> Iterator[str]:
    if (held := json_in(text)) is not None:
        yield from _texts(held, text_is_a_list=False, depth=depth)
        return
    # The semicolon of an entity parts no tags, so entities are decoded before splitting.
    if not _PHP_SERIALIZED.match(text):
        yield from _BETWEEN_TAGS.split(_decoded(text))


def _decoded(text: str) -> str:
    while (decoded := html.unescape(text)) != text:
        text = decoded
    return text
