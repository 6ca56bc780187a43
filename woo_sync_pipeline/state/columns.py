"""The columns of the frames that become tables, with their SQL types."""

from __future__ import annotations

RECORD_COLUMNS = {
    "record_type": "text",
    "record_id": "text",
    "person_id": "text",
    "is_person": "boolean",
    "phone": "text",
    "phone_masked": "text",
    "first_name": "text",
    "last_name": "text",
    "email": "text",
    "status": "text",
    "is_discarded": "boolean",
    "consent": "text",
    "consent_origin": "text",
    "consent_key": "text",
    "consent_value": "text",
    "consent_answers": "text",
    "consent_basis": "text",
    "said_at": "timestamptz",
    "tags": "text[]",
    "item_ids": "text[]",
    "invalid_reason": "text",
    "is_erased": "boolean",
    "created_at": "timestamptz",
    "modified_at": "timestamptz",
    "hash": "text",
    "read_at": "timestamptz",
}

CONTACT_COLUMNS = {
    "phone": "text",
    "first_name": "text",
    "last_name": "text",
    "email": "text",
    "sources": "text[]",
    "groups": "text[]",
    "consent": "text",
    "consent_at": "timestamptz",
    "consent_dated_at": "timestamptz",
    "consent_origin": "text",
    "status": "text",
}

_OF_A_READING_ONLY = ("consent_value", "said_at", "is_erased")
STORED_COLUMNS = {
    **{name: kind for name, kind in RECORD_COLUMNS.items() if name not in _OF_A_READING_ONLY},
    "choice": "text",
    "choice_from": "timestamptz",
    "choice_until": "timestamptz",
    "choice_is_dated": "boolean",
    "choice_returned_at": "timestamptz",
    "carried_opt_out_at": "timestamptz",
    "carried_stop_at": "timestamptz",
}
"""What is kept of a record."""


def of_records(names: str, **others: str) -> dict[str, str]:
    """Columns of records, by their names with blanks between them, and `others` with their types."""
    return {**{name: STORED_COLUMNS[name] for name in names.split()}, **others}


RECORD_KEY = of_records("record_type record_id")
