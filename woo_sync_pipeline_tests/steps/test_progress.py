"""How far a push has come is in the log of its run."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from woo_sync_pipeline.days import today
from woo_sync_pipeline.demo.world import TIMEZONE, yesterday
from woo_sync_pipeline.orchestration.tags import range_tags
from woo_sync_pipeline.steps.resources import LoggedProgress
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, small_store


def test_progress_is_a_line_for_each_thousand() -> None:
    lines: list[str] = []
    with LoggedProgress().step("pushing contacts", total=2500, log=lines.append) as advance:
        for _ in range(25):
            advance(100)
    assert lines == ["pushing contacts: 1,000 of 2,500", "pushing contacts: 2,000 of 2,500"]


@pytest.mark.dagster
def test_the_log_of_a_run_tells_how_many_contacts_were_pushed(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoggedProgress, "EVERY", 10)
    world = make_world({KEY: small_store(customers=25, orders=0)})
    job = world.definitions().resolve_job_def(f"{KEY}_daily_sync")
    days = range_tags(yesterday(), today(TIMEZONE, datetime.now(UTC)))
    result = job.execute_in_process(instance=world.instance, tags=days)
    said = [entry.user_message for entry in world.instance.all_logs(result.run_id)]
    count = len(world.directory)
    assert f"{KEY}: pushing contacts: {count} of {count}" in said
