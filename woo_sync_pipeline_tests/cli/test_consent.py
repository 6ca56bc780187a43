"""`woo-sync consent`: the ledger of consent of one phone, or of everybody since a day."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.contacts.consent_event import ConsentEvent, ConsentEventKind
from woo_sync_pipeline.days import today
from woo_sync_pipeline.demo.world import ORDER_CONSENT_KEY, TIMEZONE, DemoWorld
from woo_sync_pipeline.state import consent_ledger
from woo_sync_pipeline.state.consent_ledger import LedgerEntry, note_platform_events
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.cli.conftest import KEY, Command, MakeWorld, small_store
from woo_sync_pipeline_tests.cli.processes import environment
from woo_sync_pipeline_tests.orchestration.plain_sync import sync_demo

ANN = "+61491570006"
NOBODY = "+61491570999"


@pytest.fixture(scope="module")
def known(module_database_url: str, tmp_path_factory: pytest.TempPathFactory, woo_sync: Command) -> DemoWorld:
    """A world that was synced once and then fell silent: who asks store or platform fails."""
    folder = tmp_path_factory.mktemp("known")
    with DemoWorld(folder, {KEY: small_store()}, options={"database_url": module_database_url}) as world:
        billing = {"first_name": "Ann", "phone": ANN, "country": "AU"}
        world.stores[KEY].data.place_order(billing=billing, meta={ORDER_CONSENT_KEY: "1"})
        sync_demo(world, KEY)
    return world


def test_a_phone_s_entries_are_a_table_of_when_what_and_where(woo_sync: Command, known: DemoWorld) -> None:
    result = woo_sync("--config", known.config, "consent", ANN)

    assert (result.code, result.err) == (0, "")
    assert result.lines[0] == ANN
    rows = [" ".join(line.split()) for line in result.lines if line.strip()]
    yes, subscribed = rows[-2:]
    assert f" yes opted in {KEY}: order " in yes
    assert f" {ORDER_CONSENT_KEY} 1 " in yes
    assert yes.startswith("between 20")
    assert " subscribed by a sync " in subscribed
    assert "…" not in result.out
    assert "\x1b" not in result.out


def test_the_same_as_json_and_as_csv(woo_sync: Command, known: DemoWorld) -> None:
    yes, subscribed = json.loads(woo_sync("--config", known.config, "consent", ANN, "--json").out)
    rows = list(csv.DictReader(io.StringIO(woo_sync("--config", known.config, "consent", ANN, "--csv").out)))

    assert (yes["phone"], yes["what"], yes["source"], yes["record_type"]) == (ANN, "yes", KEY, "order")
    assert (yes["key"], yes["value"], yes["sync_id"], yes["became"]) == (ORDER_CONSENT_KEY, "1", 1, "")
    assert yes["earliest"] < yes["latest"] <= yes["seen_at"]
    assert yes["latest"].endswith("+00:00")
    assert (subscribed["what"], subscribed["source"]) == ("subscribed_by_sync", None)
    written = [
        {name: "" if value is None else str(value) for name, value in each.items()}
        for each in (yes, subscribed)
    ]
    assert rows == written


@pytest.mark.parametrize("options", [[], ["--json"], ["--csv"]])
def test_a_phone_of_which_nothing_is_known_is_one_clear_line(
    woo_sync: Command, known: DemoWorld, options: list[str]
) -> None:
    result = woo_sync("--config", known.config, "consent", NOBODY, *options)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"Error: The ledger has nothing about {NOBODY}: no choice was read")
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["0491570006"], "write it like +61491570006"),
        ([], "Give either PHONE or --since"),
        ([ANN, "--since", "2026-11-01", "--csv"], "Give either PHONE or --since"),
        (["--since", "2026-11-01"], "choose --csv or --json"),
        (["--since", "yesterday", "--csv"], "does not match the format"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    woo_sync: Command, known: DemoWorld, arguments: list[str], said: str
) -> None:
    result = woo_sync("--config", known.config, "consent", *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_since_a_day_everybody_s_entries_are_written_page_by_page(
    woo_sync: Command, known: DemoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent_ledger, "_PAGE", 7)
    day = today(TIMEZONE, datetime.now(UTC))
    as_csv = woo_sync("--config", known.config, "consent", "--since", day, "--csv")
    as_json = woo_sync("--config", known.config, "consent", "--since", day, "--json")

    assert (as_csv.code, as_json.code) == (0, 0)
    rows, entries = list(csv.DictReader(io.StringIO(as_csv.out))), json.loads(as_json.out)
    assert len(rows) > 3 * 7
    numbers = [int(row["event_id"]) for row in rows]
    assert numbers == [entry["event_id"] for entry in entries] == sorted(set(numbers))
    assert ANN in {row["phone"] for row in rows}
    later = woo_sync("--config", known.config, "consent", "--since", day + timedelta(days=1), "--csv")
    assert (later.code, later.lines) == (0, [",".join(LedgerEntry.__dataclass_fields__)])


def test_a_day_begins_at_midnight_in_the_time_zone_of_the_configuration(
    woo_sync: Command, make_world: MakeWorld, database_url: str
) -> None:
    world = make_world()
    midnight = datetime(2026, 7, 1, tzinfo=ZoneInfo(TIMEZONE))
    database = Database(database_url)
    with database.transaction() as connection:
        for seconds in (-1, 0):
            seen_at = midnight + timedelta(seconds=seconds)
            event = ConsentEvent(ConsentEventKind.stop, None, seen_at)
            note_platform_events(connection, None, [(ANN, event)])
        connection.execute(sa.text("UPDATE woo_sync.consent_events SET seen_at = latest"))
    database.close()

    result = woo_sync("--config", world.config, "consent", "--since", "2026-07-01", "--json")
    (entry,) = json.loads(result.out)
    assert datetime.fromisoformat(entry["seen_at"]) == midnight


def test_who_asks_for_the_ledger_does_not_wait_for_what_only_a_sync_needs(known: DemoWorld) -> None:
    main = "from woo_sync_pipeline.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", main, "--config", known.config, "consent", ANN],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "woo_sync_pipeline.state.consent_ledger" in imported
    assert imported.isdisjoint({"pandas", "pyarrow", "dagster", "matplotlib", "alembic", "requests"})
