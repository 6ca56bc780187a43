"""An explanation of a contact as tables for a terminal and as JSON, with everything in full: it is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime

from rich import box
from rich.table import Table
from rich.text import Text

from woo_sync_pipeline.explaining import Choice, Explanation, RecordBehind
from woo_sync_pipeline.state.explanation import Row

_MOST_RECORDS = 20
_LABELS = {
    "first_name": "first name",
    "last_name": "last name",
    "groups": "lists",
    "consent": "choice",
    "consent_at": "time of the choice",
}


def explanation_json(explanation: Explanation) -> str:
    """Everything as JSON."""
    return json.dumps(asdict(explanation), indent=2, default=_plain)


def explanation_tables(explanation: Explanation) -> Iterator[Table]:
    """The contact, what MessageMedia confirmed of it, its store records, and its latest outcomes."""
    if explanation.contact is not None and explanation.platform is not None:
        yield _contact_table(explanation.contact, explanation.records)
        yield _platform_table(explanation, explanation.platform)
    if explanation.records:
        yield _records_table(explanation.records)
    if explanation.outcomes:
        yield _outcomes_table(explanation.outcomes)


def _contact_table(contact: Row, records: tuple[RecordBehind, ...]) -> Table:
    table = _table("contact", "", "from")
    for name in ("first_name", "last_name", "email"):
        giver = next((str(record) for record in records if name in record.gives), "")
        _add(table, _LABELS.get(name, name), contact[name], giver)
    _add(table, "sources", ", ".join(contact["sources"]) or "none: it is gone from all stores")
    _add(table, "lists", ", ".join(contact["groups"]))
    decider = next(
        (str(record) for record in records for each in record.choices if each.weight == "decides"), ""
    )
    _add(table, "choice", _choice_text(contact["consent"], contact["consent_at"]), decider)
    _add(table, "status", f"{contact['status'].lower()}, if it is new to MessageMedia")
    return table


def _platform_table(explanation: Explanation, platform: Row) -> Table:
    table = _table("on MessageMedia", "")
    _add(table, "contact", platform["contact_id"] or "none")
    _add(table, "last confirmed", _time_utc(platform["confirmed_at"]) or "never")
    if platform["base_state"]:
        by = "a sync" if platform["base_state_by"] == "sync" else "somebody on MessageMedia"
        _add(table, "state", f"{platform['base_state'].lower()}, by {by}")
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


def _records_table(records: tuple[RecordBehind, ...]) -> Table:
    more = f" (the first {_MOST_RECORDS} of {len(records):,}; --json has all)"
    table = _table(
        "store record",
        "first seen",
        "in this form since",
        "gone",
        "choice",
        "made",
        "read from",
        "this choice",
        title=f"store records{more if len(records) > _MOST_RECORDS else ''}, times in UTC",
    )
    for record in records[:_MOST_RECORDS]:
        known = [str(record), *map(_time, (record.first_seen_at, record.last_seen_at, record.gone_at))]
        for choice in record.choices or (None,):
            _add(table, *known, *_choice_cells(choice))
            known = [""] * len(known)
    return table


def _choice_cells(choice: Choice | None) -> tuple[str, ...]:
    if choice is None:
        return ("none",)
    return _words(choice.consent), _time(choice.made_at), choice.origin, choice.weight


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
            _time(line["started_at"]),
            line["outcome"],
            (line["state"] or "").lower(),
            ", ".join(line["changes"]),
            line["reason"] or "",
        )
    return table


def _table(*columns: str, title: str | None = None) -> Table:
    return Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD)


def _add(table: Table, *cells: str) -> None:
    # Names and reasons may hold brackets, which a plain cell would take for markup.
    table.add_row(*map(Text, cells))


def _choice_text(consent: str, at: datetime | None) -> str:
    return f"{_words(consent)}, {_time_utc(at)}" if at else _words(consent)


def _words(consent: str) -> str:
    return consent.replace("_", " ")


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def _time_utc(at: datetime | None) -> str:
    return f"{_time(at)} UTC" if at else ""


def _plain(value: object) -> object:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
