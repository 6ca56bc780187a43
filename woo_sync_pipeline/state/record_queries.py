"""The set-based SQL behind `records.py`; the temporary tables are made there.

`gone`, `incoming_items`: what was read, beside records. `touched`: phones that may look different now. `merged`:
their contacts; `different`: those that differ, beside what they were.
"""

from woo_sync_pipeline.state.columns import CONTACT_COLUMNS
from woo_sync_pipeline.state.statements import statements

_SQL = statements("record_queries")

ITEM_COLUMNS = {"item_id": "text", "tags": "text[]"}

GONE_COLUMNS = {"record_type": "text", "record_id": "text"}

TOUCHED_BY_GONE = _SQL["touched_by_gone"]
MARK_GONE = _SQL["mark_gone"]
TOUCHED_BY_ITEMS = _SQL["touched_by_items"]
UPSERT_ITEMS = _SQL["upsert_items"]
TOUCHED_BY_CONSENT_MODE = _SQL["touched_by_consent_mode"]

# Phones are merged a portion at a time: `touched_phones` has those of the portion.
NUMBER_TOUCHED = (
    """
    CREATE TEMPORARY TABLE numbered ON COMMIT DROP AS
    SELECT phone, ((row_number() OVER (ORDER BY phone) - 1) / :portion_size)::int AS portion
    FROM (SELECT DISTINCT phone FROM touched) AS distinct_phones
    """,
    "CREATE INDEX ON numbered (portion)",
    "ANALYZE numbered",
    "CREATE TEMPORARY TABLE touched_phones (phone text PRIMARY KEY) ON COMMIT DROP",
)
COUNT_PORTIONS = "SELECT coalesce(max(portion) + 1, 0) FROM numbered"
CHOOSE_PORTION = _SQL["choose_portion"]

HOLDER_COLUMNS = {
    "phone": "text",
    "source": "text",
    "record_type": "text",
    "record_id": "text",
    "is_person": "boolean",
    "first_name": "text",
    "last_name": "text",
    "email": "text",
    "tags": "text[]",
    "created_at": "timestamptz",
    "modified_at": "timestamptz",
}
HOLDERS = f"""
SELECT {", ".join(HOLDER_COLUMNS)}
FROM woo_sync.source_records JOIN touched_phones USING (phone)
WHERE gone_at IS NULL AND (is_person OR person_id = '') AND NOT is_discarded
"""  # noqa: S608 - only names of columns are put in

SIGNALS_OF_RECORDS = _SQL["signals_of_records"]
SIGNAL_COLUMNS = {
    "phone": "text",
    "source": "text",
    "consent": "text",
    "choice_from": "timestamptz",
    "choice_until": "timestamptz",
    "choice_is_dated": "boolean",
    "choice_returned_at": "timestamptz",
    "is_stop": "boolean",
    "consent_origin": "text",
}
SIGNALS = f"SELECT {', '.join(SIGNAL_COLUMNS)} FROM ({SIGNALS_OF_RECORDS}) AS signals"  # noqa: S608 - only constants

PURCHASES = _SQL["purchases"]
PURCHASE_COLUMNS = {"phone": "text", "source": "text", "tag": "text"}

# Contacts are written a portion at a time, and compared only with those between its first and its last phone: then
# a comparison fits into memory, however many there are. Nobody else writes contacts meanwhile.
ANY_KNOWN = "SELECT EXISTS (SELECT FROM woo_sync.contacts WHERE phone BETWEEN :first AND :last)"

_COLUMNS = ", ".join(CONTACT_COLUMNS)
_INSERT = f"""
INSERT INTO woo_sync.contacts ({_COLUMNS}) SELECT {_COLUMNS} FROM {{rows}}
"""  # noqa: S608 - only names of columns are put in

INSERT_ALL = _INSERT.format(rows="merged WHERE sources <> '{}'")

# Most contacts that are touched turn out to be what they were.
_MERGED = [name for name in CONTACT_COLUMNS if name != "phone"]
FIND_DIFFERENT = f"""
INSERT INTO different
SELECT merged.*, known.phone IS NULL, known.groups, known.consent, known.consent_at, known.consent_dated_at,
    known.status, known.base_state, known.opted_out_when_stopped_at
FROM merged LEFT JOIN woo_sync.contacts AS known
    ON known.phone = merged.phone AND known.phone BETWEEN :first AND :last
WHERE CASE WHEN known.phone IS NULL THEN merged.sources <> '{{}}' ELSE
    ({", ".join(f"known.{name}" for name in _MERGED)})
    IS DISTINCT FROM ({", ".join(f"merged.{name}" for name in _MERGED)})
END
"""  # noqa: S608 - only names of columns are put in
DIFFERENT_COLUMNS = {
    "is_new": "boolean",
    "old_groups": "text[]",
    "old_consent": "text",
    "old_consent_at": "timestamptz",
    "old_consent_dated_at": "timestamptz",
    "old_status": "text",
    "base_state": "text",
    "opted_out_when_stopped_at": "timestamptz",
}
INSERT_NEW = _INSERT.format(rows="different WHERE is_new AND phone BETWEEN :first AND :last")
UPDATE_DIFFERENT = f"""
UPDATE woo_sync.contacts AS known SET
    {", ".join(f"{name} = different.{name}" for name in _MERGED)},
    opted_out_when_stopped_at = CASE different.consent WHEN 'opted_out' THEN known.opted_out_when_stopped_at END
FROM different
WHERE NOT different.is_new AND different.phone BETWEEN :first AND :last AND known.phone = different.phone
"""  # noqa: S608 - only names of columns are put in

NOTE_OPTED_OUT_WHEN_STOPPED = _SQL["note_opted_out_when_stopped"]
NOTE_COMMIT = _SQL["note_commit"]
EARLIER_CLOCKS = _SQL["earlier_clocks"]
LATEST_SWEEP = _SQL["latest_sweep"]
