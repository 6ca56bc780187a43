"""`woo-sync explain`: everything about one contact, from the state alone."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from woo_sync_pipeline.demo.world import DemoWorld
from woo_sync_pipeline_tests.cli.conftest import KEY, Command, small_store
from woo_sync_pipeline_tests.cli.processes import environment
from woo_sync_pipeline_tests.cli.test_forget import add_people, ann_of
from woo_sync_pipeline_tests.orchestration.plain_sync import sync_demo
from woo_sync_pipeline_tests.state.stored import ANN, BOB


@dataclass(frozen=True)
class Known:
    """A world that was synced once and then fell silent, and Ann's number in its store."""

    world: DemoWorld
    ann: int


@pytest.fixture(scope="module")
def known(module_database_url: str, tmp_path_factory: pytest.TempPathFactory, woo_sync: Command) -> Known:
    """Stores and platform are stopped: who asks them fails."""
    folder = tmp_path_factory.mktemp("known")
    with DemoWorld(folder, {KEY: small_store()}, options={"database_url": module_database_url}) as world:
        data = world.stores[KEY].data
        add_people(data)
        sync_demo(world, KEY)
        ann = ann_of(data)
    return Known(world, ann)


def test_the_tables_tell_what_a_contact_is_made_of(woo_sync: Command, known: Known) -> None:
    result = woo_sync("--config", known.world.config, "explain", ANN)

    assert (result.code, result.err) == (0, "")
    assert result.lines[0] == ANN
    rows = [" ".join(line.split()) for line in result.lines]
    assert f"first name Ann {KEY}: customer {known.ann}" in rows
    assert "sources WooCommerce" in rows
    assert any(row.startswith("lists WooCommerce") for row in rows)
    assert "status unsubscribed, if it is new to MessageMedia" in rows
    assert "state unsubscribed, by a sync" in rows
    assert "not sent yet nothing" in rows
    (decides,) = (row for row in rows if row.endswith("decides"))
    assert f"of customer {known.ann + 1}" in decides
    assert "opted out" in decides
    assert [row for row in rows if row.startswith(f"{KEY}: guest order")]
    assert [row for row in rows if row.startswith("1 ") and " new unsubscribed" in row]
    assert [row for row in rows if row.startswith("ledger of consent, newest first, times in UTC")]
    assert [row for row in rows if row.startswith("between ") and f" yes opted out {KEY}: order " in row]
    assert BOB not in result.out
    assert "…" not in result.out
    assert "\x1b" not in result.out


def test_the_same_as_json(woo_sync: Command, known: Known) -> None:
    result = woo_sync("--config", known.world.config, "explain", ANN, "--json")

    told = json.loads(result.out)
    assert (told["phone"], told["contact"]["last_name"]) == (ANN, "Leeuwenhoek")
    assert told["contact"]["email"] == "ann@example.com"
    assert {"first_name", "email"} <= set(told["records"][0]["gives"])
    assert {each["record_type"] for each in told["records"]} == {"customer", "order"}
    (decides,) = (
        choice for each in told["records"] for choice in each["choices"] if choice["weight"] == "decides"
    )
    assert decides["consent"] == told["contact"]["consent"] == "opted_out"
    assert told["platform"]["base_state_by"] == "sync"
    assert told["platform"]["contact_id"]
    assert (decides["latest"], decides["is_dated"]) == (told["contact"]["consent_at"], True)
    (entry,) = told["ledger"]
    assert (entry["what"], entry["record_type"], entry["value"]) == ("no", "order", "0")
    (line,) = told["outcomes"]
    assert (line["sync_id"], line["outcome"]) == (1, "new")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_phone_that_nobody_has_is_one_clear_line(
    woo_sync: Command, known: Known, options: list[str]
) -> None:
    result = woo_sync("--config", known.world.config, "explain", "+61491570999", *options)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Error: Nothing is known of +61491570999: no store that was synced has it.")
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("phone", ["0491570006", "+61 491 570 006", "Ann"])
def test_a_phone_must_be_written_as_it_is_stored(woo_sync: Command, known: Known, phone: str) -> None:
    result = woo_sync("--config", known.world.config, "explain", phone)
    assert result.code == 2
    assert "write it like +61491570006" in result.err


def test_who_asks_about_a_contact_does_not_wait_for_what_only_a_sync_needs(known: Known) -> None:
    main = "from woo_sync_pipeline.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", main, "--config", known.world.config, "explain", ANN],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "woo_sync_pipeline.reports.explanation" in imported
    assert imported.isdisjoint({"pandera", "dagster", "matplotlib", "alembic", "requests", "aiohttp"})
