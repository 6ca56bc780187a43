"""The command line after a year: 400 days of syncs, a live one every half hour of the day."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from time import perf_counter

from woo_sync_pipeline.days import today
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.cli.conftest import KEY, Command, MakeWorld
from woo_sync_pipeline_tests.cli.processes import environment
from woo_sync_pipeline_tests.state.long_history import TIMEZONE, write_history

_LIVE_A_DAY = 24
_SECONDS = 1.0


def test_history_and_reports_answer_in_less_than_a_second(
    woo_sync: Command, make_world: MakeWorld, database: Database
) -> None:
    world = make_world()
    yesterday = today(TIMEZONE, datetime.now(UTC)) - timedelta(days=1)
    write_history(
        database,
        last_day=yesterday,
        days=400,
        live_a_day=_LIVE_A_DAY,
        contacts_of_first=5_000,
        contacts_of_daily=50,
    )
    for arguments in (
        ["history"],
        ["history", "--json", "--limit", 500],
        ["history", "--source", KEY],
        ["report"],
        ["report", 1],
        ["report", 1, "--csv"],
        ["report", 1, "--json"],
        ["report", "--html"],
    ):
        best = min(_seconds(woo_sync, "--config", world.config, *arguments) for _ in range(3))
        assert best < _SECONDS, f"{arguments}: {best:.2f} s"


def _seconds(woo_sync: Command, *arguments: object) -> float:
    began = perf_counter()
    result = woo_sync(*arguments)
    took = perf_counter() - began
    assert result.code == 0, result.err
    assert len(result.lines) > 5
    return took


def test_who_looks_at_the_history_does_not_wait_for_what_only_a_sync_needs(
    make_world: MakeWorld, database: Database
) -> None:
    world = make_world()
    database.migrate()
    main = "from woo_sync_pipeline.cli import main; main()"
    command = [sys.executable, "-X", "importtime", "-c", main]
    done = subprocess.run(
        [*command, "--config", world.config, "history"],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "woo_sync_pipeline.state.syncs" in imported
    assert imported.isdisjoint({"pandas", "pyarrow", "dagster", "matplotlib", "alembic", "requests"})
