"""Judging the meta keys of a store: which hold consent to SMS, which hold tags, and what to configure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.privacy import redact
from woo_sync_pipeline.sources.woocommerce.discovery.companions import date_keys, visible_copies
from woo_sync_pipeline.sources.woocommerce.discovery.counting import KeyCount, MetaCounts, RecordKind
from woo_sync_pipeline.sources.woocommerce.discovery.key_names import (
    ADDRESS_FIELD,
    KeyPurpose,
    asks_the_opposite,
)
from woo_sync_pipeline.sources.woocommerce.discovery.meta_values import shown_key
from woo_sync_pipeline.sources.woocommerce.discovery.plugins import KNOWN_KEYS, KnownKey

LONGEST_KEY = 60
"""Characters of a meta key that the configuration takes."""

_LEAST_READ = 0.5
"""So much of what stands under a key must be an answer for it to be proposed."""
_MOST_LISTS = 100
"""More tags than that are no tags but something that each person has alone."""
_FEW_LISTS = 20
"""So many are no trouble, whoever has them."""
_LEAST_PEOPLE_PER_TAG = 1.5
_LONGEST_TAG = 60
_MANY = 20
"""Records after which it says something that none of them has a no."""


@dataclass(frozen=True)
class Finding:
    """One meta key, and what was judged of it.

    counts: by the kind of record. proposed: whether it is in the proposal; reason: why, or why not, as a sentence
    without a full stop. dated_by: the key that holds the time of its choice. mirrors: the hidden key whose visible
    copy it is. hides_customers: the store shows this key on orders and hides it on customers.
    """

    key: str
    purpose: KeyPurpose
    counts: Mapping[RecordKind, KeyCount]
    proposed: bool
    reason: str
    known: KnownKey | None = None
    dated_by: str = ""
    mirrors: str = ""
    hides_customers: bool = False

    @property
    def records(self) -> int:
        """How many records have it with a value."""
        return sum(count.records for count in self.counts.values())

    @property
    def newest(self) -> datetime | None:
        """When the newest record that has it was created or saved (UTC)."""
        return max((count.newest for count in self.counts.values() if count.newest), default=None)

    def read_as(self, meaning: Consent) -> int:
        """How many of its values are read so."""
        return sum(count.read_as(meaning) for count in self.counts.values())

    @property
    def suggested_words(self) -> dict[str, Consent]:
        """Words that it has and nobody understands, and what they mean, the most frequent first."""
        found: Counter[tuple[str, Consent]] = Counter()
        for count in self.counts.values():
            for value, times in count.values.items():
                if value.word is not None:
                    found[value.text, value.word] += times
        return {text: meaning for (text, meaning), _ in found.most_common()}


@dataclass(frozen=True)
class Findings:
    """What was found in a store: keys about consent, keys with tags, and other keys whose values are yes and no only.

    missing: keys that are configured and stand nowhere. hidden_meta: whether the store withholds the meta of customers.
    left_out: keys that were one too many to be counted. Keys whose names hold a phone or an e-mail address
    are nowhere; `unnamed` counts them.
    """

    consent: tuple[Finding, ...]
    tags: tuple[Finding, ...]
    answers_elsewhere: Mapping[str, int]
    records: Mapping[RecordKind, int]
    hidden_meta: bool
    missing: tuple[str, ...] = ()
    unnamed: int = 0
    left_out: int = 0

    @property
    def proposed_consent(self) -> tuple[Finding, ...]:
        """Keys to read choices from."""
        return tuple(each for each in self.consent if each.proposed)

    @property
    def proposed_tags(self) -> tuple[Finding, ...]:
        """Keys to read tags from."""
        return tuple(each for each in self.tags if each.proposed)


def judge(counts: MetaCounts) -> Findings:
    """Judge what was counted. Pure: nothing is read, and the same counts give the same findings.

    A key is proposed for consent only if its name, or what is known of its plugin, says that it is about SMS, and if
    at least half of what stands there is a yes or a no. In doubt it is not: who is not asked gets no messages.
    """
    by_key: dict[str, dict[RecordKind, KeyCount]] = {}
    unnamed = 0
    for (key, kind), count in counts.keys.items():
        if shown_key(key) is None:
            unnamed += 1
        else:
            by_key.setdefault(key, {})[kind] = count
    dates = dict(date_keys(by_key))
    copies = dict(visible_copies(by_key, counts))
    consent, tags, elsewhere = [], [], Counter[str]()
    for key, found in by_key.items():
        purpose = counts.purpose(key)
        if key in dates.values() and key not in counts.rules.keys:
            continue
        if purpose.is_about_consent or key in counts.rules.keys:
            consent.append(_about_consent(key, purpose, found, counts, dates, copies))
        elif purpose.is_about_tags or key in counts.tag_keys:
            tags.append(_about_tags(key, purpose, found, counts))
        elif (number := _only_answers(found)) > 0:
            elsewhere[key] = number
    return Findings(
        consent=tuple(sorted(consent, key=_order)),
        tags=tuple(sorted(tags, key=_order)),
        answers_elsewhere=dict(elsewhere.most_common()),
        records={kind: counts.records[kind] for kind in RecordKind},
        hidden_meta=counts.records[RecordKind.customers] > 0 and RecordKind.customers not in counts.has_meta,
        missing=tuple(key for key in (*counts.rules.keys, *counts.tag_keys) if key not in by_key),
        unnamed=unnamed,
        left_out=counts.left_out,
    )


_RANKS = (
    KeyPurpose.sms,
    KeyPurpose.unclear,
    KeyPurpose.tags,
    KeyPurpose.perhaps_tags,
    KeyPurpose.order_messages,
    KeyPurpose.email,
    KeyPurpose.other_channel,
    KeyPurpose.detail,
    KeyPurpose.none,
)


def _order(finding: Finding) -> tuple[bool, int, bool, int, str]:
    # Of the proposed ones customers' keys first: what stands on a person is more than what stands on an order.
    on_orders_only = RecordKind.customers not in finding.counts
    return not finding.proposed, _RANKS.index(finding.purpose), on_orders_only, -finding.records, finding.key


def _about_consent(
    key: str,
    purpose: KeyPurpose,
    found: Mapping[RecordKind, KeyCount],
    counts: MetaCounts,
    dates: Mapping[str, str],
    copies: Mapping[str, str],
) -> Finding:
    known = KNOWN_KEYS.get(key)
    finding = Finding(
        key=key,
        purpose=purpose,
        counts=found,
        proposed=False,
        reason="",
        known=known,
        dated_by=dates.get(key, ""),
        mirrors=copies.get(key, ""),
        hides_customers=key.startswith("_")
        and RecordKind.orders in found
        and key not in copies.values()
        and ADDRESS_FIELD.fullmatch(key) is None,
    )
    reason = _why_not(finding, configured=key in counts.rules.keys)
    proposed = not reason
    if proposed:
        reason = _why(finding, configured=key in counts.rules.keys)
    return replace(finding, proposed=proposed, reason=reason)


_NOT_FOR_SMS = {
    KeyPurpose.email: "it is about e-mail, which is no consent to SMS",
    KeyPurpose.other_channel: "it is about another channel, which is no consent to SMS",
    KeyPurpose.order_messages: "it is about messages on orders, which is no consent to marketing",
    KeyPurpose.detail: "it tells something of a choice, and is none",
    KeyPurpose.unclear: "its name does not tell whether it is about SMS. Look at what the box says that people tick",
    KeyPurpose.none: "its name does not tell that it is about consent",
}


def _why_not(finding: Finding, *, configured: bool) -> str:
    if configured:
        return ""
    if finding.purpose is not KeyPurpose.sms:
        return _NOT_FOR_SMS[finding.purpose]
    if len(finding.key) > LONGEST_KEY:
        return f"it has more than {LONGEST_KEY} characters, which the configuration does not take"
    if not finding.records:
        return "it is empty wherever it stands"
    read = finding.read_as(Consent.opted_in) + finding.read_as(Consent.opted_out) + _suggested(finding)
    # Under a key that asks for the opposite a no is understood, and says nothing.
    answers = max(read, sum(count.answers + count.dates for count in finding.counts.values()))
    if answers < _LEAST_READ * finding.records:
        return "most of what stands there is neither a yes nor a no"
    return ""


def _why(finding: Finding, *, configured: bool) -> str:
    if configured:
        doubt = "" if finding.purpose is KeyPurpose.sms else f", although {_NOT_FOR_SMS[finding.purpose]}"
        return f"it is configured{doubt}"
    if finding.mirrors:
        return f"it is the visible copy of {finding.mirrors}"
    text = "its name says so" if finding.known is None else f"{finding.known.plugin} writes it so"
    says_no = finding.read_as(Consent.opted_out) or any(
        value.suggested is Consent.opted_out for count in finding.counts.values() for value in count.values
    )
    if not says_no and finding.records >= _MANY:
        text += "; it never holds a no, so whoever takes the yes back is not seen here"
    return text


def _suggested(finding: Finding) -> int:
    return sum(
        times
        for count in finding.counts.values()
        for value, times in count.values.items()
        if value.suggested is not None
    )


def _about_tags(
    key: str, purpose: KeyPurpose, found: Mapping[RecordKind, KeyCount], counts: MetaCounts
) -> Finding:
    reason = "" if key in counts.tag_keys else _why_no_tags(key, purpose, found.get(RecordKind.customers))
    why = "it is configured" if key in counts.tag_keys else "its name says so"
    return Finding(key=key, purpose=purpose, counts=found, proposed=not reason, reason=reason or why)


def _why_no_tags(key: str, purpose: KeyPurpose, count: KeyCount | None) -> str:
    if count is None:
        return "tags are read from customers, and this stands on orders"
    if not count.tags:
        return "no tag was found in it"
    if len(key) > LONGEST_KEY:
        return f"it has more than {LONGEST_KEY} characters, which the configuration does not take"
    if count.more_tags or len(count.tags) > _MOST_LISTS:
        return f"it has more than {_MOST_LISTS} different values, each of which would become a list"
    if all(tag.isdigit() for tag in count.tags):
        return "it holds numbers, and lists would be called like them"
    if any(len(tag) > _LONGEST_TAG or redact(tag) != tag for tag in count.tags):
        return "some of its values look like texts, phones or e-mail addresses"
    if len(count.tags) > _FEW_LISTS and count.records < _LEAST_PEOPLE_PER_TAG * len(count.tags):
        return "almost every person has another value, each of which would become a list"
    if purpose is KeyPurpose.perhaps_tags:
        return "its name does not tell whether these are tags: each would become a list"
    return ""


def _only_answers(found: Mapping[RecordKind, KeyCount]) -> int:
    """How many records have it, if all of its values are a yes or a no; else 0."""
    records = sum(count.records for count in found.values())
    return records if records == sum(count.answers for count in found.values()) else 0


def opposite_keys(findings: Findings) -> tuple[str, ...]:
    """Keys of the proposal under which a yes is an opt-out, which only people who read their language know."""
    return tuple(each.key for each in findings.proposed_consent if asks_the_opposite(each.key))
