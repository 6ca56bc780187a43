"""The decisions about a contact as tables, made by asking the code in every situation.

`python -m woo_sync_pipeline.contacts.decision_table docs/contacts.md` writes the tables into that file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.decision import decide_field, decide_membership
from woo_sync_pipeline.contacts.subscription import (
    SetBy,
    ShownSubscription,
    Signal,
    SubscriptionBase,
    SubscriptionState,
    decide_subscription,
    store_status,
)

_SUBSCRIBED, _UNSUBSCRIBED = SubscriptionState.SUBSCRIBED, SubscriptionState.UNSUBSCRIBED
_START = datetime(2026, 1, 1, tzinfo=UTC)
# In this order: a choice that was taken into account, one more, the last change of the contact, the look that first saw
# it, one more choice, the present look.
_OLDER, _APPLIED, _BEFORE, _CHANGED, _SEEN, _AFTER, _NOW = (_START + timedelta(days=day) for day in range(7))

_NONE_NEWER = "none newer than the last one that counted"
_CHOICES: dict[str, Signal | None] = {
    "no choice": None,
    _NONE_NEWER: Signal(Consent.opted_in, _OLDER, _OLDER),
    "a newer opt-out": Signal(Consent.opted_out, _BEFORE),
    "a newer opt-in without a date": Signal(Consent.opted_in, _AFTER),
    "a newer opt-in, dated before the look that first saw this": Signal(Consent.opted_in, _BEFORE, _BEFORE),
    "a newer opt-in, dated after it": Signal(Consent.opted_in, _AFTER, _AFTER),
}


def decision_table() -> str:
    """A Markdown table: what is known of a contact and what the platform shows in rows, choices in columns."""
    lines = [
        "| we know | the platform shows | " + " | ".join(_CHOICES) + " |",
        "|---|---|" + "---|" * len(_CHOICES),
    ]
    for known, base in _bases():
        for shown, platform in _platforms():
            cells = [
                # Where nothing is known, no choice has counted yet.
                "–" if base is None and signal == _CHOICES[_NONE_NEWER] else _decided(signal, base, platform)
                for signal in _CHOICES.values()
            ]
            lines.append(f"| {known} | {shown} | {' | '.join(cells)} |")
    return "\n".join(lines)


def field_table() -> str:
    """A Markdown table: what we sent last and what the store has now in rows, what the platform shows in columns."""
    sent, other, new = "sent", "other", "new"
    shown = {"nothing": "", "what we sent": sent, "something else": other}
    stores = {
        None: {"nothing": "", "a value": new},
        "": {"nothing": "", "a value": new},
        sent: {"the same": sent, "another value": new, "nothing": ""},
    }
    lines = [
        "| we sent | the store has | the platform shows " + " | it shows ".join(shown) + " |",
        "|---|---|" + "---|" * len(shown),
    ]
    for base, store_values in stores.items():
        for store_has, store in store_values.items():
            cells = [
                # What was not sent is not shown.
                "–"
                if platform == sent != base
                else _written(decide_field(store=store, base=base, platform=platform), platform)
                for platform in shown.values()
            ]
            known = "nothing is known" if base is None else "a value" if base else "an empty value"
            lines.append(f"| {known} | {store_has} | {' | '.join(cells)} |")
    return "\n".join(lines)


def membership_table() -> str:
    """A Markdown table: whether a list was and is the contact's in rows, whether the platform has it in columns."""
    lists = {True: ["list"], False: []}
    lines = ["| last time | now | on the platform's list | not on it |", "|---|---|---|---|"]
    for was, base in {"nothing is known": None, "on it": lists[True], "not on it": lists[False]}.items():
        for belongs in (True, False):
            cells = []
            for is_member in (True, False):
                change = decide_membership(store=lists[belongs], base=base, platform=lists[is_member])
                cells.append("joins" if change.add else "leaves" if change.remove else "stays as it is")
            lines.append(f"| {was} | {'on it' if belongs else 'not on it'} | {' | '.join(cells)} |")
    return "\n".join(lines)


TABLES = {
    "decision table": decision_table,
    "table of fields": field_table,
    "table of lists": membership_table,
}
"""What stands between two markers of the page that name it."""


def markers(name: str) -> tuple[str, str]:
    """The comments before and after a table."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def with_current_tables(text: str) -> str:
    """`text` with each table between its two markers. Raises `ValueError` when one of these is missing."""
    for name, table in TABLES.items():
        begin, end = markers(name)
        before, found_begin, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not found_begin or not found_end:
            raise ValueError(f"the markers {begin} and {end} are not both there")
        text = f"{before}{begin}\n{table()}\n{end}{after}"
    return text


def _bases() -> Iterator[tuple[str, SubscriptionBase | None]]:
    yield "nothing", None
    applied = Signal(Consent.opted_in, _APPLIED, _APPLIED)
    for state in SubscriptionState:
        for set_by, name in ((SetBy.sync, "by us"), (SetBy.platform, "on the platform")):
            was_theirs = state is _UNSUBSCRIBED and set_by is SetBy.platform
            seen_at = _SEEN if was_theirs else None
            yield (
                f"{state.value.lower()} {name}",
                SubscriptionBase(state, set_by, applied, unsubscribed_seen_at=seen_at, modified_at=_CHANGED),
            )


def _platforms() -> Iterator[tuple[str, ShownSubscription | None]]:
    yield "no contact", None
    for state in SubscriptionState:
        yield state.value.lower(), ShownSubscription(state, _CHANGED, _CHANGED)


def _decided(signal: Signal | None, base: SubscriptionBase | None, shown: ShownSubscription | None) -> str:
    consent = signal.consent if signal else Consent.unknown
    by_mode = {
        mode: decide_subscription(
            signal=signal,
            status=store_status(consent, is_explicit=mode == "explicit"),
            base=base,
            shown=shown,
            now=_NOW,
        ).state.value.lower()
        for mode in ("explicit", "inferred")
    }
    if len(set(by_mode.values())) == 1:
        return by_mode["explicit"]
    return ", ".join(f"{mode}: {state}" for mode, state in by_mode.items())


def _written(decided: str, platform: str) -> str:
    if decided == platform:
        return "stays as it is"
    return "the store's value" if decided else "is emptied"


def main(paths: list[str]) -> None:
    """Write the current tables into these files."""
    for path in map(Path, paths):
        path.write_text(with_current_tables(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
