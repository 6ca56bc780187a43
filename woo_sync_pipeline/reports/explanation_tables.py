"""An explanation of a contact as tables for a terminal and as JSON, with everything in full: it is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from rich import box
from rich.table import Table
from rich.text import Text

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.reports.explanation import MOST_LINES, Choice, Explanation, OtherPhone, RecordBehind
from woo_sync_pipeline.reports.ledger_tables import entry_values, ledger_table
from woo_sync_pipeline.reports.times import interval_text, plain_time, shown_id, time_text
from woo_sync_pipeline.state.explanation import Row

_MOST_RECORDS = 20
_NOT_TOLD = {"is_person", "person_type"}
_LABELS = {
    "first_name": "first name",
    "last_name": "last name",
    "groups": "lists",
    "consent": "choice",
    "consent_at": "time of the choice",
    "consent_dated_at": "time of the dated opt-in",
}
_EPOCH = datetime.fromtimestamp(0, UTC)


def explanation_json(explanation: Explanation) -> str:
    """Everything as JSON."""
    values = {name: value for name, value in asdict(explanation).items() if name != "noun"} | {
        "records": [_record_values(record) for record in explanation.records],
        "ledger": [entry_values(entry) for entry in explanation.ledger],
    }
    return json.dumps(values, indent=2, default=plain_time)


def _record_values(record: RecordBehind) -> dict[str, object]:
    """A record as a plain structure, under the names that it has had since there were only stores."""
    ids = {"record_id": shown_id(record.record_id), "person_id": shown_id(record.person_id or "0")}
    values = asdict(record) | ids
    names = {"person_id": "customer_id", "status": "order_status"}
    return {names.get(name, name): value for name, value in values.items() if name not in _NOT_TOLD}


def explanation_tables(explanation: Explanation) -> Iterator[Table]:
    """The contact, what MessageMedia confirmed of it, its store records, its latest outcomes, its ledger of consent."""
    if explanation.contact is not None and explanation.platform is not None:
        yield _contact_table(explanation.contact, explanation.records, explanation.noun)
        yield _platform_table(explanation, explanation.platform)
    if explanation.records:
        yield _records_table(explanation.records, explanation.noun)
    if explanation.former_phones:
        yield _other_phones_table(
            explanation.former_phones, "phones before this one", "left", explanation.noun
        )
    if explanation.moved_away:
        yield _other_phones_table(
            explanation.moved_away, "had this phone before", "has now", explanation.noun
        )
    if explanation.outcomes:
        yield _outcomes_table(explanation.outcomes)
    if explanation.ledger:
        more = f" (the last {MOST_LINES}; `woo-sync consent` has all)"
        shown = more if len(explanation.ledger) == MOST_LINES else ""
        yield ledger_table(
            explanation.ledger,
            title=f"ledger of consent, newest first{shown}, times in UTC",
            noun=explanation.noun,
        )


def _contact_table(contact: Row, records: tuple[RecordBehind, ...], noun: str) -> Table:
    table = _table("contact", "", "from")
    for name in ("first_name", "last_name", "email"):
        giver = next((str(record) for record in records if name in record.gives), "")
        _add(table, _LABELS.get(name, name), contact[name], giver)
    _add(table, "sources", ", ".join(contact["sources"]) or f"none: it is gone from all {noun}s")
    _add(table, "lists", ", ".join(contact["groups"]))
    decider = next(
        (str(record) for record in records for each in record.choices if each.weight == "decides"), ""
    )
    _add(table, "choice", _choice_text(contact["consent"], contact["consent_at"]), decider)
    if contact["consent_dated_at"]:
        _add(table, "dated opt-in", f"counts from {_time_utc(contact['consent_dated_at'])}")
    _add(table, "status", f"{contact['status'].lower()}, if it is new to MessageMedia")
    return table


def _platform_table(explanation: Explanation, platform: Row) -> Table:
    table = _table("on MessageMedia", "")
    _add(table, "contact", platform["contact_id"] or "none")
    _add(table, "last confirmed", _time_utc(platform["confirmed_at"]) or "never")
    if platform["base_state"]:
        by = "a sync" if platform["base_state_by"] == "sync" else "somebody on MessageMedia"
        _add(table, "state", f"{platform['base_state'].lower()}, by {by}")
        _add(
            table, "state last seen", _time_utc(platform["base_seen_at"]) or "not since the last confirmation"
        )
    _add(table, "why", explanation.state_told)
    if platform["unsubscribed_seen_at"]:
        _add(table, "seen unsubscribed", _time_utc(platform["unsubscribed_seen_at"]))
    if platform["applied_consent"]:
        counted = _choice_text(platform["applied_consent"], platform["applied_consent_at"])
        _add(table, "last choice that counted", counted)
    names = ", ".join(_LABELS.get(name, name) for name in explanation.not_sent)
    _add(
        table,
        "not sent yet",
        names or ("nothing but a confirmation" if platform["is_pending"] else "nothing"),
    )
    if platform["is_in_flight"]:
        _add(table, "being sent", "yes, or a crash interrupted it: the next sync looks")
    if platform["rejected_reason"]:
        _add(table, "refused", platform["rejected_reason"])
    return table


def _records_table(records: tuple[RecordBehind, ...], noun: str) -> Table:
    more = f" (the first {_MOST_RECORDS} of {len(records):,}; --json has all)"
    table = _table(
        f"{noun} record",
        "in this form since",
        "gone",
        "choice",
        "made",
        "dated",
        "read from",
        "this choice",
        title=f"{noun} records{more if len(records) > _MOST_RECORDS else ''}, times in UTC",
    )
    for record in records[:_MOST_RECORDS]:
        known = [str(record), *map(time_text, (record.last_seen_at, record.gone_at))]
        for choice in record.choices or (None,):
            _add(table, *known, *_choice_cells(choice))
            known = [""] * len(known)
    return table


def _choice_cells(choice: Choice | None) -> tuple[str, ...]:
    if choice is None:
        return ("none",)
    made = interval_text(choice.earliest, choice.latest) if choice.latest else "nobody knows"
    return _words(choice.consent), made, "yes" if choice.is_dated else "no", choice.origin, choice.weight


def _outcomes_table(outcomes: tuple[Row, ...]) -> Table:
    table = _table(
        "sync",
        "source",
        "kind",
        "started (UTC)",
        "outcome",
        "state",
        "changed",
        "reason",
        title="what syncs did",
    )
    for line in outcomes:
        _add(
            table,
            str(line["sync_id"]),
            line["source"],
            f"{line['kind']}, dry run" if line["is_dry_run"] else line["kind"],
            time_text(line["started_at"]),
            line["outcome"],
            (line["state"] or "").lower(),
            ", ".join(line["changes"]),
            line["reason"] or "",
        )
    return table


def _other_phones_table(phones: tuple[OtherPhone, ...], title: str, which: str, noun: str) -> Table:
    table = _table(f"{noun} record", which, "until", title=f"{title}, masked, times in UTC")
    for each in phones:
        _add(table, each.record, each.phone_masked or "none that can be used", time_text(each.left_at))
    return table


def _table(*columns: str, title: str | None = None) -> Table:
    return Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD)


def _add(table: Table, *cells: str) -> None:
    # Names and reasons may hold brackets, which a plain cell would take for markup.
    table.add_row(*map(Text, cells))


def _choice_text(consent: str, at: datetime | None) -> str:
    """A choice that decides, with the one time of it that counts."""
    if at is None:
        return _words(consent)
    if at <= _EPOCH:
        return f"{_words(consent)}, nobody knows when"
    edge = "until" if consent == Consent.opted_out else "from"
    return f"{_words(consent)}, counts {edge} {_time_utc(at)}"


def _words(consent: str) -> str:
    return consent.replace("_", " ")


def _time_utc(at: datetime | None) -> str:
    return f"{time_text(at)} UTC" if at else ""
