"""`woo-sync sync`: what it shows, what it refuses, and its exit code."""

from __future__ import annotations

import json
import random
from datetime import timedelta

import pytest

from woo_sync_pipeline.demo.scenario import shop_once
from woo_sync_pipeline.demo.world import TIMEZONE, yesterday
from woo_sync_pipeline_tests.cli.conftest import KEY, Command, MakeWorld
from woo_sync_pipeline_tests.orchestration.plain_sync import sync_demo

ESCAPE = "\x1b"


def test_a_sync_shows_its_progress_and_its_report_as_plain_lines(
    woo_sync: Command, make_world: MakeWorld
) -> None:
    world = make_world()

    result = woo_sync("--config", world.config, "sync")

    count = len(world.platform.directory)
    today = yesterday() + timedelta(days=1)
    assert (result.code, result.err) == (0, "")
    assert result.lines[0] == f"WooCommerce: {yesterday()} to {today}"
    assert f"  {KEY}: pushing contacts: {count}" in result.lines
    assert f"WooCommerce: sync 1 (first), {yesterday()} to {today}" in result.lines
    assert ["new", str(count)] in [line.split() for line in result.lines]
    assert ESCAPE not in result.out
    assert not [phone for phone in world.platform.directory.snapshot() if phone in result.out]


def test_an_incremental_sync_brings_what_was_bought_since_with_few_requests(
    woo_sync: Command, make_world: MakeWorld
) -> None:
    world = make_world()
    sync_demo(world, KEY)
    guest = shop_once(world.stores[KEY].data, random.Random(1))
    before = len(world.stores[KEY].requests)

    result = woo_sync("--config", world.config, "sync", "--incremental")

    assert result.code == 0
    assert result.lines[0] == "WooCommerce: what changed since the last sync"
    assert guest in world.platform.directory
    assert f"  {KEY}: pushing contacts: 1" in result.lines
    assert len(world.stores[KEY].requests) - before < 10
    (latest, _) = json.loads(woo_sync("--config", world.config, "history", "--json").out)
    assert (latest["kind"], latest["reading"], latest["counts"]["new"]) == ("live", "touched", 1)


def test_days_that_are_asked_for_are_the_days_of_the_sync(woo_sync: Command, make_world: MakeWorld) -> None:
    world = make_world()
    day = yesterday().isoformat()

    result = woo_sync("--config", world.config, "sync", "--from", day, "--to", day)

    assert result.code == 0
    assert f"WooCommerce: sync 1 (first), {day}" in result.lines


def test_days_that_have_not_begun_are_refused_and_nothing_is_read(
    woo_sync: Command, make_world: MakeWorld
) -> None:
    world = make_world()
    today = yesterday() + timedelta(days=1)
    tomorrow = today + timedelta(days=1)

    result = woo_sync("--config", world.config, "sync", "--from", tomorrow.isoformat())

    assert result.code == 1
    assert f"none of them lies between start_date ({yesterday()}) and today ({today})" in result.out
    world.config.write_text(world.config.read_text().replace(yesterday().isoformat(), tomorrow.isoformat()))
    result = woo_sync("--config", world.config, "sync")
    assert result.code == 1
    assert f"start_date {tomorrow} has not begun: it is {today} in {TIMEZONE}" in result.out
    assert len(world.stores[KEY].requests) == 0
    assert f"start_date {tomorrow} has not begun" in woo_sync("--config", world.config, "check").out


def test_a_store_that_is_down_fails_alone(woo_sync: Command, make_world: MakeWorld) -> None:
    world = make_world("broken", KEY)
    world.stores["broken"].stop()

    result = woo_sync("--config", world.config, "sync")

    assert result.code == 1
    (failure,) = (line for line in result.lines if line.startswith("FAILED"))
    assert "broken" in failure
    assert "refused" in failure
    assert {
        each["source"]: each["status"]
        for each in json.loads(woo_sync("--config", world.config, "history", "--json").out)
    } == {"broken": "failed", KEY: "succeeded"}
    assert "WooCommerce" in world.platform.directory.list_names()


def test_one_source_of_two_can_be_chosen(woo_sync: Command, make_world: MakeWorld) -> None:
    world = make_world("other", KEY)

    result = woo_sync("--config", world.config, "sync", "--source", KEY)

    assert result.code == 0
    assert world.stores["other"].requests == []
    assert world.stores[KEY].requests != []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--source", "nowhere"], ["nowhere", f"Known: {KEY}"]),
        (["--to", "2026-11-01"], ["--to needs --from"]),
        (["--from", "2026-11-02", "--to", "2026-11-01"], ["--to lies before --from"]),
        (["--from", "yesterday"], ["yesterday", "%Y-%m-%d"]),
    ],
)
def test_what_makes_no_sense_is_a_usage_error_and_nothing_happens(
    woo_sync: Command, make_world: MakeWorld, arguments: list[str], words: list[str]
) -> None:
    world = make_world()

    result = woo_sync("--config", world.config, "sync", *arguments)

    assert result.code == 2
    assert [word for word in words if word not in result.err] == []
    assert world.stores[KEY].requests == []


def test_a_database_that_is_gone_is_one_line_on_the_error_output(
    woo_sync: Command, make_world: MakeWorld
) -> None:
    world = make_world(options={"database_url": "postgresql://someone:secret-word@127.0.0.1:1/none"})

    for command in (["sync"], ["history"], ["report"]):
        result = woo_sync("--config", world.config, *command)

        assert result.code == 1, command
        assert "Check that PostgreSQL runs" in result.err, command
        assert len(result.err.splitlines()) == 1, command
        assert "secret-word" not in result.out + result.err, command


def test_changes_beyond_the_limits_are_shown_by_a_preview_and_let_through_on_request(
    woo_sync: Command, make_world: MakeWorld
) -> None:
    limits = {"leaving_lists": {"share": 0.1, "at_least": 2}}
    world = make_world(source_options={"limits": limits})
    store = world.stores[KEY].data
    sync_demo(world, KEY)
    for customer in list(store.customers)[5:]:
        store.delete_customer(customer)
    before = world.platform.directory.snapshot()

    for arguments in (["preview"], ["sync", "--dry-run"], ["sync"]):
        stopped = woo_sync("--config", world.config, *arguments)
        assert stopped.code == 1
        assert "contacts leave lists, of" in stopped.out
        assert f"woo-sync sync --source {KEY} --accept-changes" in " ".join(stopped.out.split())
        assert world.platform.directory.snapshot() == before

    through = woo_sync("--config", world.config, "sync", "--accept-changes")
    assert through.code == 0
    assert "changes accepted by" in through.out
    assert "on the command line" in through.out
    assert [line.split()[:3] for line in through.lines if line.strip().startswith("customer gone")]
    assert world.platform.directory.snapshot() != before


def test_a_preview_leads_with_what_changed_in_the_store(woo_sync: Command, make_world: MakeWorld) -> None:
    world = make_world()
    sync_demo(world, KEY)
    shop_once(world.stores[KEY].data, random.Random(1))
    before = world.platform.directory.snapshot()

    result = woo_sync("--config", world.config, "preview")

    assert result.code == 0
    title = next(number for number, line in enumerate(result.lines) if "dry run: nothing was sent" in line)
    assert "changed in the store" in result.lines[title + 2]
    assert ["new", "contacts", "1"] in [line.split() for line in result.lines]
    assert world.platform.directory.snapshot() == before


def test_a_strict_sync_tells_of_warnings_by_its_exit_code(woo_sync: Command, make_world: MakeWorld) -> None:
    world = make_world()
    store = world.stores[KEY].data
    customer = next(iter(store.customers))
    assert woo_sync("--config", world.config, "sync", "--strict").code == 0
    store.set_user_meta(customer, "sms_marketing_consent", "perhaps")

    result = woo_sync("--config", world.config, "sync", "--strict")

    assert result.code == 3
    assert "warning: answers about consent are understood neither" in result.out
    for form in ("--json", "--csv", "--html"):
        assert (
            "answers about consent are understood neither"
            in woo_sync("--config", world.config, "report", form).out
        )
