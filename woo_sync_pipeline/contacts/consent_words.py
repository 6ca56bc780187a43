"""Single words by which the plugins of a store write a choice, and keys that give them their meaning."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from woo_sync_pipeline.contacts.names import clean_text, strip_invisible


class Consent(StrEnum):
    """What a store record says about SMS marketing: a choice made either way, or nothing."""

    opted_in = "opted_in"
    opted_out = "opted_out"
    unknown = "unknown"


class Reading(NamedTuple):
    """What a value says. `is_understood`: also where it says nothing, as an empty one does."""

    consent: Consent
    is_understood: bool


# Answers take their meaning from the question, that is from the key: "yes" under `sms_optout` is a refusal.
# States ("subscribed") mean the same under every key. All are compared without blanks, hyphens and underscores.
# fmt: off
_YES = frozenset({
    "1", "yes", "y", "true", "t", "on", "checked", "accepted", "accept", "agreed", "agree", "granted", "allowed",
    "allow", "enabled", "confirmed",
})
_NO = frozenset({
    "0", "no", "n", "false", "f", "off", "unchecked", "declined", "decline", "denied", "deny", "refused", "rejected",
    "disabled", "never",
})
_IN = frozenset({"subscribed", "subscribe", "optedin", "optin"})
_OUT = frozenset({
    "unsubscribed", "unsubscribe", "notsubscribed", "nonsubscribed", "optedout", "optout", "revoked", "withdrawn",
    "stop",
})
# fmt: on
_NEGATIVE_KEY = re.compile(r"opt(?:s|ed|ing)?out|unsub|revok|withdr[ae]w|donot|dont")
_NEGATIVE_WORD = re.compile(
    r"(?:^|_)(?:not|never|stop(?:ped)?|dn[cd]|den(?:y|ied)|disabled|blocked|bl[ao]ck_?list(?:ed)?"
    r"|(?:declin|refus|reject|suppress|exclu|cancel)[a-z]*|no_(?:sms|texts?|marketing|newsletters?|contact))(?:_|$)"
)
_WORD_OF_A_KEY = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
# The hyphen of "-1" belongs to it: a plugin that writes that means anything but a yes.
_FILLING = re.compile(r"[\s_]+|(?<=[^\W_])-|-(?!\s*\d)")
_TIMESTAMP = re.compile(r"\d{10}|\d{13}", re.ASCII)
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?", re.ASCII)
_FIRST_BELIEVABLE_YEAR = 2000
_EARLIEST_TIMESTAMP = 946_684_800
"""Unix time at the start of that year."""

_SAYS_NOTHING = Reading(Consent.unknown, is_understood=True)
_UNREAD = Reading(Consent.unknown, is_understood=False)
_OPTS_OUT = Reading(Consent.opted_out, is_understood=True)
_OPTS_IN = Reading(Consent.opted_in, is_understood=True)


def read_word(value: object, words: Mapping[str, Consent] | None, *, asks_opposite: bool) -> Reading:
    """Read a single value: a text, a number, a flag or a time; a list or an object is not understood.

    `words` are the store's own, as states; `asks_opposite` says that a yes is a refusal.
    """
    answer = comparable(value)
    if not answer:
        return _SAYS_NOTHING if value is None or isinstance(value, str) else _UNREAD
    is_known = False
    for word, meaning in (words or {}).items():
        if comparable(word) == answer:
            is_known = True
            if meaning is not Consent.unknown:
                # A word of one's own may be an answer or a state; under a negative key both readings end here.
                return _OPTS_OUT if asks_opposite or meaning is Consent.opted_out else _OPTS_IN
    if answer in _OUT:
        return _OPTS_OUT
    if answer in _IN:
        return _OPTS_IN
    if answer in _NO:
        return _SAYS_NOTHING if asks_opposite else _OPTS_OUT
    if answer in _YES or is_time(value):
        return _OPTS_OUT if asks_opposite else _OPTS_IN
    return _SAYS_NOTHING if is_known else _UNREAD


@lru_cache(maxsize=1024)
def words_of_key(key: str) -> tuple[str, ...]:
    """The words of a key in lower case: those of `smsOptOut_at` are sms, opt, out, at."""
    return tuple(word.lower() for word in _WORD_OF_A_KEY.findall(key))


@lru_cache(maxsize=1024)
def asks_the_opposite(key: str) -> bool:
    """Whether a yes under this key is a refusal, by its name: "optout", "unsubscribe", "stop" and the like."""
    words = "_".join(words_of_key(key))
    return bool(_NEGATIVE_KEY.search(comparable(key)) or _NEGATIVE_WORD.search(words))


def comparable(value: object) -> str:
    """The form in which values are compared: without blanks, hyphens and underscores, whatever the case.

    "" for what is no text, number or flag.
    """
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and (not math.isfinite(value) or not value.is_integer()):
        return ""
    if isinstance(value, int | float):
        # Python refuses to spell out integers of thousands of digits.
        return str(int(value)) if abs(value) < 10**15 else ""
    if isinstance(value, str):
        # Labels of options come entity-encoded, and their accents in either form.
        return _FILLING.sub("", clean_text(value)).casefold()
    return ""


def is_timestamp(text: str) -> bool:
    """Whether a text is a Unix time in seconds or milliseconds."""
    return _TIMESTAMP.fullmatch(text) is not None


def is_time(value: object) -> bool:
    """Whether a value is a believable time: Unix seconds or milliseconds, or an ISO date, from the year 2000 on."""
    text = strip_invisible(value).strip() if isinstance(value, str) else comparable(value)
    if is_timestamp(text):
        return int(text[:10]) >= _EARLIEST_TIMESTAMP
    if not _ISO_DATE.fullmatch(text):
        return False
    try:
        # Databases write "0000-00-00" and the year 1970 where there is no date.
        return datetime.fromisoformat(text).year >= _FIRST_BELIEVABLE_YEAR
    except ValueError:
        return False
