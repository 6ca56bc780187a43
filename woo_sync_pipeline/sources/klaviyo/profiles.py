"""Profiles as Klaviyo gives them, as a table: only what is used, flat, with a hash of the content."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from woo_sync_pipeline.contacts.consent import Answer, ChoiceRead, Consent, answers_text
from woo_sync_pipeline.privacy import mask_phone, redact
from woo_sync_pipeline.sources.klaviyo.client import PAGE_SIZE, Row, id_of
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings

PROFILE = "profile"
CONSENT = "subscriptions.sms.marketing"
"""Where a profile keeps its consent to SMS marketing, and what stands as its key."""

PROFILE_FIELDS: dict[str, str | int] = {
    "fields[profile]": "created,email,first_name,last_name,location.country,phone_number,updated,subscriptions",
    # Klaviyo leaves them out unless they are asked for.
    "additional-fields[profile]": "subscriptions",
    "page[size]": PAGE_SIZE,
}

VERSION = 1
"""Part of every hash: raise it when profiles shall be read anew because they are normalised differently."""

_MOMENT = pa.timestamp("us", tz="UTC")
_TEXTS = ("phone", "country", "first_name", "last_name", "email")
PROFILE_SCHEMA: pa.Schema = pa.schema(
    [
        ("record_id", pa.string()),
        ("created_at", _MOMENT),
        ("modified_at", _MOMENT),
        *((name, pa.string()) for name in _TEXTS),
        ("consent", pa.string()),
        ("consent_at", _MOMENT),
        ("can_receive", pa.bool_()),
        ("hash", pa.string()),
        ("read_at", _MOMENT),
    ]
)
_MEANINGS: Mapping[str, Consent] = {
    "SUBSCRIBED": Consent.opted_in,
    "UNSUBSCRIBED": Consent.opted_out,
    "NEVER_SUBSCRIBED": Consent.unknown,
}
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
"""Years that a date is believed to have."""
_LONGEST_WORD = 40


@dataclass
class Profiles:
    """The profiles of one reading, of which those are kept that are not known in their present form.

    known: hashes by id. read: how many there were; ids: theirs. unreadable: what is wrong with the id of those that
    have none that can be used, and the phone, masked. unclear: the same of those whose consent is of a shape that
    nobody knows, which are left as they are known. without_subscriptions: how many came without saying anything of
    subscriptions, not even that there are none. cannot_receive: how many are subscribed, and by Klaviyo's word cannot
    receive SMS marketing. gone: of a complete reading the known ones that are not there any more.
    missing_were_asked_for: whether those that did not come could be asked for by their ids: else none is taken for
    gone.
    """

    source: KlaviyoSettings
    known: Mapping[str, str] = field(repr=False)
    read: int = 0
    ids: set[str] = field(default_factory=set, repr=False)
    unreadable: list[tuple[str, str]] = field(default_factory=list, repr=False)
    unclear: list[tuple[str, str]] = field(default_factory=list, repr=False)
    without_subscriptions: int = 0
    cannot_receive: int = 0
    gone: frozenset[str] = frozenset()
    missing_were_asked_for: bool = True
    _changed: list[pa.Table] = field(default_factory=list, repr=False)

    def add(self, rows: Iterable[Row], read_at: datetime) -> None:
        """Take a page of rows."""
        settings = settings_text(self.source)
        changed: list[dict[str, Any]] = []
        for row in rows:
            self.read += 1
            cells = profile_cells(row, settings)
            if cells is None:
                self.unreadable.append(_unreadable(row))
                continue
            self.ids.add(cells["record_id"])
            if (odd := self._unclear_consent(row, cells["consent"])) is not None:
                self.unclear.append((f"{cells['record_id']}, {odd}", mask_phone(cells["phone"])))
                continue
            self.without_subscriptions += cells["consent"] is None
            self.cannot_receive += cells["consent"] == "SUBSCRIBED" and cells["can_receive"] is False
            if self.known.get(cells["record_id"]) != cells["hash"]:
                changed.append({**cells, "read_at": read_at})
        if changed:
            self._changed.append(pa.Table.from_pylist(changed, schema=PROFILE_SCHEMA))

    def _unclear_consent(self, row: Row, word: str | None) -> str | None:
        """Why nobody can tell what the profile says of SMS marketing; None where that is clear.

        Where everybody is subscribed who has not opted out, a word that nobody knows may be an opt-out.
        """
        if self.source.consent.mode == "inferred" and (word is None or choice_of(word, None).unread):
            return "its consent is left out" if word is None else "its consent is a word that is not known"
        found: object = row["attributes"]
        for name in ("subscriptions", "sms", "marketing"):
            found = found.get(name) if isinstance(found, dict) else None
            if found is not None and not isinstance(found, dict):
                return f"its {name} is a {type(found).__name__}"
        consent = found.get("consent") if isinstance(found, dict) else None
        is_read = consent is None or isinstance(consent, str)
        return None if is_read else f"its consent is a {type(consent).__name__}"

    @property
    def changed(self) -> pa.Table:
        """Those that are not known in this form, with the columns of `PROFILE_SCHEMA`."""
        return pa.concat_tables([PROFILE_SCHEMA.empty_table(), *self._changed])


def settings_text(source: KlaviyoSettings) -> str:
    """What a profile's contact depends on beside the profile: changed settings make all profiles count as changed."""
    return json.dumps(
        {"version": VERSION, "default_region": source.default_region, "names": source.groups.name_format}
    )


def profile_cells(row: Row, settings: str) -> dict[str, Any] | None:
    """A row as cells of `PROFILE_SCHEMA` but `read_at`; None where its id cannot be used.

    Texts are "" when absent. `consent` is the word of SMS marketing as it stands there, "" when there is none, and None
    when Klaviyo left the subscriptions out. `consent_at` is when that was said: a subscription bears the time of the
    consent, an unsubscription the later one of that and of the last change. A date without a time zone, or outside the
    years 1970 to 2199, counts as absent. `hash` covers everything before it but `modified_at`, and `settings`.
    """
    record_id, found = id_of(row), row.get("attributes")
    if record_id is None or not isinstance(found, dict):
        return None
    location = found.get("location")
    consent, consent_at, can_receive = _sms_marketing(found)
    cells = {
        "record_id": record_id,
        "created_at": moment(found.get("created")),
        "phone": plain_text(found.get("phone_number")),
        "country": plain_text(location.get("country")) if isinstance(location, dict) else "",
        **{name: plain_text(found.get(name)) for name in ("first_name", "last_name", "email")},
        "consent": consent,
        "consent_at": consent_at,
        "can_receive": can_receive,
    }
    content = json.dumps([*cells.values(), settings], ensure_ascii=False, default=str)
    digest = blake2b(content.encode("utf-8", "replace"), digest_size=16).hexdigest()
    return {**cells, "modified_at": moment(found.get("updated")), "hash": digest}


def choice_of(consent: str | None, said_at: datetime | None) -> ChoiceRead:
    """What a profile says of SMS marketing. `NEVER_SUBSCRIBED` is no answer, nor is a word that nobody knows."""
    word = (consent or "").strip().upper()
    meaning = _MEANINGS.get(word, Consent.unknown)
    if meaning is Consent.unknown:
        is_read = not word or word in _MEANINGS
        return ChoiceRead(unread="" if is_read else f"{CONSENT} = {redact(word)[:_LONGEST_WORD]}")
    answers = answers_text({CONSENT: Answer(meaning, CONSENT, said_at)})
    return ChoiceRead(meaning, CONSENT, CONSENT, word, said_at, answers)


def choices_of(consents: Sequence[str | None], said_at: Sequence[datetime | None]) -> Iterator[ChoiceRead]:
    """A choice for each profile."""
    return (choice_of(consent, at) for consent, at in zip(consents, said_at, strict=True))


def moment(text: object) -> datetime | None:
    """An ISO date with a time zone as UTC; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text.strip())
        if found.tzinfo is None or not _FIRST_YEAR < found.year < _LAST_YEAR:
            return None
        return found.astimezone(UTC)
    except ValueError:
        return None


def written(at: datetime) -> str:
    """A moment as filters take it, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def changed_within(since: datetime, end: datetime) -> str:
    """A filter for what changed from `since` on and before `end`.

    The bounds of Klaviyo are exclusive, and it keeps time to the microsecond.
    """
    after = written(since - timedelta(microseconds=1))
    return f"greater-than(updated,{after}),less-than(updated,{written(end)})"


def _sms_marketing(attributes: Row) -> tuple[str | None, datetime | None, bool | None]:
    """The word, when it was said, and whether the profile can receive SMS marketing, if that is told."""
    if "subscriptions" not in attributes:
        return None, None, None
    found: object = attributes
    for name in CONSENT.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return "", None, None
    word, can_receive = plain_text(found.get("consent")), found.get("can_receive_sms_marketing")
    meaning = _MEANINGS.get(word.strip().upper())
    said_at = moment(found.get("consent_timestamp")) if meaning is Consent.opted_in else None
    if meaning is Consent.opted_out:
        said_at = _latest(found.get("last_updated"), found.get("consent_timestamp"))
    return word, said_at, can_receive if isinstance(can_receive, bool) else None


def _latest(changed_at: object, recorded_at: object) -> datetime | None:
    """The later of two times, of which the first must be told; None where one cannot be read."""
    times = [moment(text) for text in (changed_at, recorded_at) if text is not None]
    known = [time for time in times if time is not None]
    return max(known) if changed_at is not None and len(known) == len(times) else None


def plain_text(value: object) -> str:
    """A value as a text that can be kept; "" for what is neither a text nor a number."""
    if isinstance(value, str):
        # Half of a pair of characters cannot be stored.
        return value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _unreadable(row: Row) -> tuple[str, str]:
    attributes = row.get("attributes")
    phone = plain_text(attributes.get("phone_number")) if isinstance(attributes, dict) else ""
    is_wrong = (
        "none, or no text without blanks" if id_of(row) is None else "readable, but there are no attributes"
    )
    return is_wrong, mask_phone(phone)
