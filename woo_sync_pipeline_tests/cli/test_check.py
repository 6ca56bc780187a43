"""`woo-sync check`: one line for each part, and what to do about each that fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.world import ORDER_CONSENT_KEY
from woo_sync_pipeline_tests.cli.conftest import KEY, Command, MakeWorld, Result, small_store

SECRET = "wrong-and-still-secret"


def test_everything_is_fine_in_a_demo_world(woo_sync: Command, make_world: MakeWorld) -> None:
    world = make_world()

    result = woo_sync("--config", world.config, "check")

    assert result.code == 0
    assert verdicts(result) == {
        "configuration": "ok",
        "database": "ok",
        KEY: "ok",
        "messagemedia": "ok",
    }
    assert f"{len(world.stores[KEY].data.customers)} customers" in line(result, KEY)
    assert "0 contacts, 0 lists" in line(result, "messagemedia")


def test_a_missing_configuration_is_said_with_what_to_do(woo_sync: Command, tmp_path: Path) -> None:
    result = woo_sync("--config", tmp_path / "nothing.yaml", "check")

    assert_only_failure(result, "configuration", "there is no such file", "Copy woo_sync.example.yaml")
    assert len(result.lines) == 1


def test_an_unknown_key_is_named_with_its_line(woo_sync: Command, make_world: MakeWorld) -> None:
    world = make_world(options={"time_zone": "UTC"})
    number = 1 + world.config.read_text().splitlines().index("time_zone: UTC")

    result = woo_sync("--config", world.config, "check")

    assert_only_failure(
        result, "configuration", f"line {number}, time_zone: this key is not known", "timezone"
    )


def test_a_store_whose_configuration_is_wrong_is_named_and_the_others_are_checked_and_synced(
    woo_sync: Command, make_world: MakeWorld
) -> None:
    world = make_world(KEY, "outlet")
    text = world.config.read_text()
    world.config.write_text(
        text[::-1].replace("default_region: AU"[::-1], "default_region: OZ"[::-1], 1)[::-1]
    )

    result = woo_sync("--config", world.config, "check")

    assert_only_failure(result, "outlet", "default_region: this is no region", "restart the code server")
    assert verdicts(result)[KEY] == "ok"

    synced = woo_sync("--config", world.config, "sync", "--incremental")
    assert synced.code == 1
    assert "FAILED outlet: read its part of" in synced.err
    assert world.platform.directory.snapshot()

    refused = woo_sync("--config", world.config, "sync", "--source", "outlet")
    assert refused.code == 1
    assert "error: outlet: read its part of" in refused.err


def test_a_store_that_is_down_does_not_keep_the_rest_from_being_checked(
    woo_sync: Command, make_world: MakeWorld
) -> None:
    world = make_world()
    world.stores[KEY].stop()

    result = woo_sync("--config", world.config, "check")

    assert_only_failure(result, KEY, "refused")


def test_a_wrong_secret_of_a_store_is_said_and_not_shown(woo_sync: Command, make_world: MakeWorld) -> None:
    world = make_world(source_options={"consumer_secret": SECRET})

    result = woo_sync("--config", world.config, "check")

    assert_only_failure(result, KEY, "401", "REST API")


def test_the_key_of_a_shop_manager_is_a_warning_for_it_hides_consent(
    woo_sync: Command, make_world: MakeWorld
) -> None:
    world = make_world(source_options=_key_of(small_store(), "shop_manager"))

    result = woo_sync("--config", world.config, "check")

    assert result.code == 0
    (warning,) = (each for each in result.lines if each.startswith("warn"))
    assert KEY in warning
    assert "must belong to an administrator" in warning


def test_what_is_configured_about_consent_is_tried_on_the_store(
    woo_sync: Command, make_world: MakeWorld
) -> None:
    consent = {"meta_keys": [ORDER_CONSENT_KEY], "words": {"opted_in": ["oui"]}}
    world = make_world(source_options={"consent": consent})
    data = world.stores[KEY].data
    for answer in ("oui", "bof", "bof", "0"):
        data.place_order(meta={ORDER_CONSENT_KEY: answer})

    hidden, unread = (
        each for each in woo_sync("--config", world.config, "check").lines if each[:4] == "warn"
    )
    assert f"hides the meta {ORDER_CONSENT_KEY} of customers" in hidden
    assert "docs/consent.md" in hidden
    assert f"{ORDER_CONSENT_KEY} = " in unread
    assert "bof" in unread
    assert "(2×)" in unread
    assert "oui" not in unread

    mirrored = {**consent, "mirrored_by": {ORDER_CONSENT_KEY: "sms"}, "words": {"opted_out": ["oui", "bof"]}}
    world = make_world(source_options={"consent": mirrored})
    result = woo_sync("--config", world.config, "check")
    assert result.code == 0
    assert [each for each in result.lines if each.startswith("warn")] == []


def test_a_wrong_secret_of_the_platform_is_said_and_not_shown(
    woo_sync: Command, make_world: MakeWorld
) -> None:
    world = make_world()
    account = {"base_url": world.platform.url, "api_key": "demo-key", "api_secret": SECRET}
    world = make_world(options={"messagemedia": account})

    result = woo_sync("--config", world.config, "check")

    assert_only_failure(result, "messagemedia", "401", "api_secret")


def test_a_database_that_cannot_be_reached_is_said_without_its_password(
    woo_sync: Command, make_world: MakeWorld
) -> None:
    world = make_world(options={"database_url": f"postgresql://someone:{SECRET}@127.0.0.1:1/none"})

    result = woo_sync("--config", world.config, "check")

    assert_only_failure(result, "database", "refused", "Check that PostgreSQL runs")


@pytest.mark.parametrize("command", [["sync"], ["history"], ["report"]])
def test_other_commands_say_the_same_of_a_missing_configuration(
    woo_sync: Command, tmp_path: Path, command: list[str]
) -> None:
    result = woo_sync("--config", tmp_path / "nothing.yaml", *command)

    assert result.code == 1
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert "there is no such file" in result.err
    assert len(result.err.splitlines()) == 1


def assert_only_failure(result: Result, subject: str, *words: str) -> None:
    """One part has failed, in one line that says these words; no secret is shown."""
    assert result.code == 1
    assert [name for name, verdict in verdicts(result).items() if verdict == "FAIL"] == [subject]
    shown = line(result, subject)
    assert [word for word in words if word not in shown] == []
    assert SECRET not in result.out + result.err


def verdicts(result: Result) -> dict[str, str]:
    return {each.split()[1]: each.split()[0] for each in result.lines}


def line(result: Result, subject: str) -> str:
    (found,) = (each for each in result.lines if each.split()[1] == subject)
    return found


def _key_of(data: StoreData, role: Any) -> dict[str, str]:
    key = data.key(user_role=role)
    return {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret}
