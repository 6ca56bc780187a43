"""Opt-outs as a platform may remember them: beyond the contact, and against what the API says."""

from __future__ import annotations

from collections.abc import Mapping

OPTED_IN, OPTED_OUT = "SUBSCRIBED", "UNSUBSCRIBED"


class OptOuts:
    """Which phones opted out, by phone and not by channel. Keeps no lock: the account does."""

    def __init__(self) -> None:
        self._stopped: set[str] = set()
        self._left: set[str] = set()

    def stop(self, phone: str) -> None:
        """Note that the person behind a phone opted out; only the same person takes that back."""
        self._stopped.add(phone)

    def start(self, phone: str) -> None:
        """Note that the person behind a phone opted in again."""
        self._stopped.discard(phone)

    def note(self, before: Mapping[tuple[str, str], str], after: Mapping[tuple[str, str], str]) -> None:
        """Learn from a change of a contact's channels: a phone that leaves it leaves with its state."""
        left = {phone for _, phone in before} - {phone for _, phone in after}
        self._left -= left
        self._left |= {phone for (_, phone), state in before.items() if phone in left and state == OPTED_OUT}
        # An account that took an opt-in has nothing left to remember, were it told to remember only now.
        self._stopped -= {phone for (_, phone), state in after.items() if state == OPTED_IN}

    def bind(self, phone: str, *, is_new: bool) -> bool:
        """Tell whether a phone, new to its contact or there already, is to stay opted out."""
        return phone in self._stopped or (is_new and phone in self._left)
