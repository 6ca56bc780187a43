"""Counting the meta keys of customers and orders, and what stands under them, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from woo_sync_pipeline.contacts.consent import Consent, ConsentRules, is_unread, stated_time
from woo_sync_pipeline.contacts.groups import tags_from_meta
from woo_sync_pipeline.sources.woocommerce.discovery.key_names import (
    KeyPurpose,
    asks_the_opposite,
    is_of_the_shop_itself,
    purpose_of,
)
from woo_sync_pipeline.sources.woocommerce.discovery.meta_values import (
    OTHER_LANGUAGES,
    ShownValue,
    shown_value,
)
from woo_sync_pipeline.sources.woocommerce.discovery.plugins import KNOWN_KEYS
from woo_sync_pipeline.sources.woocommerce.fields import is_empty

_MOST_KEYS = 2_000
"""Of each kind of record. Plugins may write keys that have a number in their name, a new one for each record."""
_MOST_VALUES = 200
_MOST_TAGS = 500


class RecordKind(StrEnum):
    """Records that have meta."""

    customers = "customers"
    orders = "orders"


@dataclass
class KeyCount:
    """What stands under one key of one kind of record.

    records: how many have it with a value. empty: how many with none, which is how WordPress keeps a box that is not
    ticked. values: how often each comes, as it may be shown; those beyond the first 200 are `more_values`. tags: how
    many records have each, where the key may hold tags. dates: how many values are dates. answers: how many are a yes
    or a no, and no date. newest: when the newest record that has it was created or saved (UTC).
    """

    records: int = 0
    empty: int = 0
    dates: int = 0
    answers: int = 0
    values: Counter[ShownValue] = field(default_factory=Counter)
    more_values: int = 0
    tags: Counter[str] = field(default_factory=Counter)
    more_tags: int = 0
    newest: datetime | None = None

    def read_as(self, meaning: Consent) -> int:
        """How many values are read so: `unknown` counts those that nobody understands."""
        return sum(count for value, count in self.values.items() if value.reading is meaning)


@dataclass
class MetaCounts:
    """All keys of the records that were read.

    rules: how the source is configured to read choices. tag_keys: keys that it is configured to read tags from.
    has_meta: whether any record of the kind showed meta at all. left_out: keys beyond the first 2,000 of a kind.
    """

    rules: ConsentRules = field(default_factory=ConsentRules)
    tag_keys: Collection[str] = ()
    records: Counter[RecordKind] = field(default_factory=Counter)
    has_meta: set[RecordKind] = field(default_factory=set)
    keys: dict[tuple[str, RecordKind], KeyCount] = field(default_factory=dict)
    left_out: int = 0
    _of_kind: Counter[RecordKind] = field(default_factory=Counter)

    def add(self, kind: RecordKind, meta: Mapping[str, Any] | None, *, at: datetime | None) -> None:
        """One more record: its meta by key, None where the store withholds it. `at` is tz-aware: created or saved."""
        self.records[kind] += 1
        if meta is None:
            return
        self.has_meta.add(kind)
        for key, value in meta.items():
            count = self._count_of(key, kind)
            if count is None:
                continue
            if is_empty(value):
                count.empty += 1
                continue
            count.records += 1
            if at is not None and (count.newest is None or at > count.newest):
                count.newest = at
            self._note(key, value, count)

    def purpose(self, key: str) -> KeyPurpose:
        """What a key is for: as its plugin is known to use it, else as its name says."""
        known = KNOWN_KEYS.get(key)
        return known.purpose if known is not None else purpose_of(key)

    def _count_of(self, key: str, kind: RecordKind) -> KeyCount | None:
        count = self.keys.get((key, kind))
        if count is None:
            if not key or (self.purpose(key) is KeyPurpose.none and is_of_the_shop_itself(key)):
                return None
            if self._of_kind[kind] >= _MOST_KEYS:
                self.left_out += 1
                return None
            self._of_kind[kind] += 1
            count = self.keys[key, kind] = KeyCount()
        return count

    def _note(self, key: str, value: object, count: KeyCount) -> None:
        purpose = self.purpose(key)
        if stated_time(value) is not None:
            count.dates += 1
        elif not is_unread(value, self.rules.words):
            count.answers += 1
        if purpose.is_about_consent or key in self.rules.keys:
            known = KNOWN_KEYS.get(key)
            shown = shown_value(
                key,
                value,
                words=self.rules.words,
                more_words={**OTHER_LANGUAGES, **(known.words if known is not None else {})},
                is_opt_out=key in self.rules.opt_out_keys or asks_the_opposite(key),
            )
            if shown in count.values or len(count.values) < _MOST_VALUES:
                count.values[shown] += 1
            else:
                count.more_values += 1
        if purpose.is_about_tags or key in self.tag_keys:
            for tag in tags_from_meta(value):
                if tag in count.tags or len(count.tags) < _MOST_TAGS:
                    count.tags[tag] += 1
                else:
                    count.more_tags += 1
