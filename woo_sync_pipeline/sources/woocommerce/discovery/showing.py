"""What was found in a store, as tables for a terminal and as a plain structure. Values are masked already."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.sources.woocommerce.discovery.counting import KeyCount, RecordKind
from woo_sync_pipeline.sources.woocommerce.discovery.findings import Finding, Findings
from woo_sync_pipeline.sources.woocommerce.discovery.key_names import CHECKOUT_FIELD, KeyPurpose
from woo_sync_pipeline.sources.woocommerce.discovery.meta_values import masked
from woo_sync_pipeline.sources.woocommerce.discovery.plugins import KLAVIYO

_MOST_VALUES_SHOWN = 8
_MOST_TAGS_SHOWN = 6
_MOST_ELSEWHERE = 12

_NO_SMS = (KeyPurpose.email, KeyPurpose.other_channel, KeyPurpose.order_messages, KeyPurpose.detail)
_READINGS = {Consent.opted_in: "yes", Consent.opted_out: "no", Consent.unknown: "unread"}


def consent_table(findings: Findings) -> Table:
    """One row for each key about consent, the proposed ones first."""
    columns = ("meta key", "for", "found on", "values, and how they are read", "newest", "proposed")
    table = Table(*columns, title="keys that may hold consent", title_justify="left", box=box.SIMPLE_HEAD)
    for each in findings.consent:
        _add(table, findings, each, each.key, str(each.purpose), of_values="\n".join(_value_lines(each)))
    return table


def tags_table(findings: Findings) -> Table:
    """One row for each key that may hold tags, the proposed ones first."""
    columns = ("meta key", "found on", "tags", "newest", "proposed")
    table = Table(*columns, title="keys that may hold tags", title_justify="left", box=box.SIMPLE_HEAD)
    for each in findings.tags:
        _add(table, findings, each, each.key, of_values=_tags_text(each))
    return table


def _add(table: Table, findings: Findings, finding: Finding, *names: str, of_values: str) -> None:
    places = "\n".join(_places(finding, findings))
    # What a shop wrote may hold brackets, which a plain cell would take for markup.
    table.add_row(*map(Text, (*names, places, of_values, _day(finding.newest), _verdict(finding))))


def notes(findings: Findings, *, active_plugins: Collection[str] | None) -> Iterator[str]:
    """What cannot be seen in a store, and what to do about it, one sentence or two each.

    active_plugins: the folders of the shop's active plugins, None where it does not tell them.
    """
    if findings.hidden_meta:
        yield (
            "The store withholds the meta of customers, so only orders were looked at: the API key must belong to an "
            "administrator (WooCommerce > Settings > Advanced > REST API, field User). Run this again then."
        )
    hidden = [each.key for each in findings.proposed_consent if each.hides_customers]
    if fields := ", ".join(key for key in hidden if CHECKOUT_FIELD.fullmatch(key)):
        yield (
            f"WooCommerce's API hides keys of customers that begin with _, so of {fields} only what was ticked at a "
            "checkout is seen, and no change in My account: add the lines of docs/consent.md (A box at the block "
            "checkout) to the shop, which copy it into visible meta with a date, then run this again."
        )
    if others := ", ".join(key for key in hidden if not CHECKOUT_FIELD.fullmatch(key)):
        yield (
            f"WooCommerce's API hides keys of customers that begin with _: whether customers have {others} as well, "
            "and change it in My account, cannot be seen. Ask whoever made the plugin."
        )
    if doubtful := ", ".join(each.key for each in findings.proposed_consent if each.purpose in _NO_SMS):
        yield f"Configured, but no consent to SMS: {doubtful}. Take it out of meta_keys."
    if findings.missing:
        yield f"Configured, but nowhere in what was read: {', '.join(findings.missing)}."
    remarks = {each.known.remark for each in findings.consent if each.proposed and each.known is not None}
    for remark in sorted(filter(None, remarks)):
        yield f"{remark}."
    if not findings.proposed_consent:
        yield (
            "Nothing that was read is surely a consent to SMS, so nothing is proposed: ask whoever built the shop "
            "under which meta key the box for SMS marketing is kept, or add such a box."
        )
    if findings.answers_elsewhere:
        yield f"Other keys that hold nothing but yes and no: {_elsewhere(findings.answers_elsewhere)}."
    if findings.unnamed:
        what = "a phone, an e-mail address or unreadable signs"
        yield f"{findings.unnamed:,} keys have {what} in their name, and are not shown."
    if findings.left_out:
        yield "There are more than 2,000 different keys: what came later was not looked at."
    if active_plugins is None:
        yield "The store does not tell which plugins are active (system_status was refused)."
    active = "Klaviyo is active in this shop. " if KLAVIYO in (active_plugins or ()) else ""
    yield (
        f"{active}The boxes of Klaviyo's plugin at the checkout are sent to Klaviyo and not kept in WooCommerce: no "
        "key holds them."
    )


def finding_values(finding: Finding) -> dict[str, Any]:
    """A finding as a plain structure; times are texts."""
    known = finding.known
    return {
        "key": finding.key,
        "for": str(finding.purpose),
        "proposed": finding.proposed,
        "reason": finding.reason,
        "found_on": {str(kind): _count_values(count) for kind, count in finding.counts.items()},
        "read_as": {text: finding.read_as(meaning) for meaning, text in _READINGS.items()},
        "newest": finding.newest.isoformat() if finding.newest else None,
        "known_from": None if known is None else {"plugin": known.plugin, "source": known.source},
        "dated_by": finding.dated_by or None,
        "copy_of": finding.mirrors or None,
        "hidden_on_customers": finding.hides_customers,
    }


def _count_values(count: KeyCount) -> dict[str, Any]:
    values = [
        {
            "value": value.text,
            "times": times,
            "read_as": _READINGS[value.reading],
            "with_more_words": _READINGS[value.suggested] if value.word and value.suggested else None,
        }
        for value, times in count.values.most_common()
    ]
    tags: list[dict[str, Any]] = [
        {"tag": masked(tag), "times": times} for tag, times in count.tags.most_common()
    ]
    return {
        "records": count.records,
        "empty": count.empty,
        "newest": count.newest.isoformat() if count.newest else None,
        **({"values": values, "more_values": count.more_values} if values else {}),
        **({"tags": tags, "different_tags": len(tags)} if tags else {}),
    }


def _places(finding: Finding, findings: Findings) -> Iterator[str]:
    for kind in RecordKind:
        if (count := finding.counts.get(kind)) is not None:
            yield f"{count.records:,} of {findings.records[kind]:,} {kind}"


def _value_lines(finding: Finding) -> Iterator[str]:
    times: dict[tuple[str, str], int] = {}
    for count in finding.counts.values():
        for value, number in count.values.items():
            reading = _READINGS[value.reading]
            if value.word is not None and value.suggested is not None:
                reading = f"{_READINGS[value.suggested]}, with consent.words"
            times[value.text, reading] = times.get((value.text, reading), 0) + number
    shown = sorted(times.items(), key=lambda item: (-item[1], item[0]))
    for (text, reading), number in shown[:_MOST_VALUES_SHOWN]:
        yield f"{number:,}× {text}: {reading}"
    more = sum(number for _, number in shown[_MOST_VALUES_SHOWN:])
    more += sum(count.more_values for count in finding.counts.values())
    if more:
        yield f"{more:,}× other values"
    if empty := sum(count.empty for count in finding.counts.values()):
        yield f"{empty:,}× empty: says nothing"


def _tags_text(finding: Finding) -> str:
    tags = [item for count in finding.counts.values() for item in count.tags.most_common()]
    shown = [f"{masked(tag)} ({times:,}×)" for tag, times in tags[:_MOST_TAGS_SHOWN]]
    more = len(tags) - len(shown)
    return (
        f"{len(tags):,} different: {', '.join(shown)}{f' and {more:,} more' if more else ''}" if tags else ""
    )


def _verdict(finding: Finding) -> str:
    known = finding.known
    # Reasons that name the plugin need not name it twice.
    origin = f". Known from {known.plugin}" if known and known.plugin not in finding.reason else ""
    return f"{'yes' if finding.proposed else 'no'}: {finding.reason}{origin}"


def _elsewhere(answers: Mapping[str, int]) -> str:
    named = [f"{key} ({times:,}×)" for key, times in list(answers.items())[:_MOST_ELSEWHERE]]
    more = len(answers) - len(named)
    return f"{', '.join(named)}{f' and {more:,} more' if more else ''}"


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"
