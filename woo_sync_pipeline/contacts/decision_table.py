"""The decisions about a subscription as a table, made by asking the code in every situation.

`python -m woo_sync_pipeline.contacts.decision_table docs/contacts.md` writes the table into that file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.decision import (
    PlatformSubscription,
    SetBy,
    Signal,
    SubscriptionBase,
    SubscriptionState,
    decide_state,
    store_status,
)

BEGIN = "<!-- decision table: begin -->"
END = "<!-- decision table: end -->"

_SUBSCRIBED, _UNSUBSCRIBED = SubscriptionState.SUBSCRIBED, SubscriptionState.UNSUBSCRIBED
_START = datetime(2026, 1, 1, tzinfo=UTC)
# In this order: a choice that was taken into account, one more, an opt-out on the platform, one more choice.
_OLDER, _APPLIED, _BEFORE, _PLATFORM_CHANGE, _AFTER = (_START + timedelta(days=day) for day in range(5))

_NONE_NEWER = "none newer than the last one that counted"
_CHOICES: dict[str, Signal | None] = {
    "no choice": None,
    _NONE_NEWER: Signal(Consent.opted_in, _OLDER),
    "a newer opt-out": Signal(Consent.opted_out, _BEFORE),
    "a newer opt-in, from before the contact changed on the platform": Signal(Consent.opted_in, _BEFORE),
    "a newer opt-in, from after that": Signal(Consent.opted_in, _AFTER),
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


def with_current_table(text: str) -> str:
    """`text` with the current table between its two markers. Raises `ValueError` when one of these is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the markers {BEGIN} and {END} are not both there")
    return f"{before}{BEGIN}\n{decision_table()}\n{END}{after}"


def _bases() -> Iterator[tuple[str, SubscriptionBase | None]]:
    yield "nothing", None
    applied = Signal(Consent.opted_in, _APPLIED)
    for state in SubscriptionState:
        for set_by, name in ((SetBy.sync, "by us"), (SetBy.platform, "on the platform")):
            was_theirs = state is _UNSUBSCRIBED and set_by is SetBy.platform
            seen_at = _PLATFORM_CHANGE if was_theirs else None
            yield f"{state.value.lower()} {name}", SubscriptionBase(state, set_by, applied, seen_at)


def _platforms() -> Iterator[tuple[str, PlatformSubscription | None]]:
    yield "no contact", None
    for state in SubscriptionState:
        yield state.value.lower(), PlatformSubscription(state, _PLATFORM_CHANGE)


def _decided(
    signal: Signal | None, base: SubscriptionBase | None, platform: PlatformSubscription | None
) -> str:
    consent = signal.consent if signal else Consent.unknown
    by_mode = {
        mode: decide_state(
            signal=signal,
            status=store_status(consent, is_explicit=mode == "explicit"),
            base=base,
            platform=platform,
        ).value.lower()
        for mode in ("explicit", "inferred")
    }
    if len(set(by_mode.values())) == 1:
        return by_mode["explicit"]
    return ", ".join(f"{mode}: {state}" for mode, state in by_mode.items())


def main(paths: list[str]) -> None:
    """Write the current table into these files."""
    for path in map(Path, paths):
        path.write_text(with_current_table(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
