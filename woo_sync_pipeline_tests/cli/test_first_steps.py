"""`woo-sync init` and what follows, by somebody who has the keys of a store and knows nothing else of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from woo_sync_pipeline.cli import cli
from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo, KlaviyoData
from woo_sync_pipeline.demo.platform import DemoPlatform
from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.demo.world import ORDER_CONSENT_KEY, TIMEZONE
from woo_sync_pipeline_tests.cli.conftest import KEY, Command, MakeWorld, small_store
from woo_sync_pipeline_tests.databases import DatabaseServer

NOWHERE = "postgresql://someone:secret-word@127.0.0.1:1/none"
STORE_KEY, STORE_SECRET = "ck_0123456789", "cs_wrong-and-still-secret"
ACCOUNT_SECRET = 'it\'s "secret" & $HOME'
ASKED = [
    "http://127.0.0.1:1",
    STORE_KEY,
    STORE_SECRET,
    "http://127.0.0.1:2",
    "demo-key",
    ACCOUNT_SECRET,
    "AU",
]


@pytest.fixture
def another_database_url(postgres: DatabaseServer, template_dagster: str) -> Iterator[str]:
    with postgres.database(template=template_dagster) as url:
        yield url


def options(store: DemoStore, platform: DemoPlatform, database_url: str) -> list[str]:
    key = store.data.key()
    return [
        *("--url", store.url, "--consumer-key", key.consumer_key, "--consumer-secret", key.consumer_secret),
        *("--account", platform.url, "--api-key", platform.api_key, "--api-secret", platform.api_secret),
        *("--region", "au", "--database-url", database_url),
    ]


def test_who_does_not_know_the_keys_of_a_store_gets_what_was_configured_by_hand(
    woo_sync: Command,
    make_world: MakeWorld,
    platform: DemoPlatform,
    another_database_url: str,
    tmp_path: Path,
) -> None:
    world = make_world()
    store = world.stores[KEY]
    people = [each for each in sorted(store.data.customers) if each > 1]
    for number, person in enumerate(people[:8]):
        store.data.check_out(customer_id=person, fields={ORDER_CONSENT_KEY: number % 2 == 0})
    store.data.save_account_field(people[0], ORDER_CONSENT_KEY, False)
    for person in people[8:12]:
        store.data.set_user_meta(person, "newsletter", "yes")
    assert woo_sync("--config", world.config, "sync").code == 0
    by_hand = world.platform.directory.snapshot()

    config = tmp_path / "mine" / "woo_sync.yaml"
    begun = woo_sync(
        "--config",
        config,
        "init",
        *options(store, platform, another_database_url),
        "--take-proposal",
    )
    assert begun.code == 0, begun.err + begun.out
    assert f"warn  {KEY}    consent.meta_keys is empty" in begun.out
    assert "`woo-sync discover` finds the keys" in begun.out
    assert platform.directory.snapshot() == {}
    assert woo_sync("--config", config, "sync").code == 0

    assert platform.directory.snapshot() == by_hand
    assert {state for each in by_hand.values() for state in each["states"].values()} == {
        "SUBSCRIBED",
        "UNSUBSCRIBED",
    }
    written = yaml.safe_load(config.read_text())
    assert written["timezone"] == TIMEZONE
    configured = yaml.safe_load(world.config.read_text())["sources"][0]
    (source,) = written["sources"]
    assert source["consent"] == configured["consent"]
    assert source["groups"]["meta_keys"] == configured["groups"]["meta_keys"]
    for path in (config, config.parent / ".env"):
        assert path.stat().st_mode & 0o777 == 0o600
    secrets = [store.data.key().consumer_secret, platform.api_secret, another_database_url]
    assert [secret for secret in secrets if secret in begun.out + begun.err + config.read_text()] == []
    assert begun.lines[-2:-1] == [f"    woo-sync --config {config} sync"]


def test_what_no_option_says_is_asked_for_and_asked_again_until_it_can_be(
    tmp_path: Path, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = ["ftp://x", *ASKED[:1], "cs_mixed-up", *ASKED[1:3], "us", *ASKED[3:6], "Oz", ASKED[6]]
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(
        cli, ["init", "--database-url", NOWHERE, "--timezone", TIMEZONE], input="\n".join(answers) + "\n"
    )

    assert result.exit_code == 1
    for complaint in ("no web address", "begins with ck_", "write one of au, eu", "this is no region"):
        assert complaint in result.output
    assert yaml.safe_load(Path("woo_sync.yaml").read_text())["sources"][0]["consent"] == {
        "mode": "explicit",
        "meta_keys": [],
    }
    assert {line[:4] for line in result.output.splitlines() if f" {KEY} " in line} == {"FAIL"}
    assert "FAIL  messagemedia" in result.output
    assert "    woo-sync check\n    woo-sync discover\n" in result.output
    for secret in (STORE_SECRET, "cs_mixed-up", ACCOUNT_SECRET, "secret-word"):
        assert secret not in result.output


@pytest.mark.parametrize("there", ["woo_sync.yaml", ".env"])
def test_nothing_is_ever_overwritten_nor_asked_for_in_vain(
    woo_sync: Command, platform: DemoPlatform, tmp_path: Path, there: str
) -> None:
    (tmp_path / there).write_text("mine")
    with DemoStore(small_store()) as store:
        result = woo_sync("--config", tmp_path / "woo_sync.yaml", "init", *options(store, platform, NOWHERE))
        assert store.requests == []
    assert result.code == 1
    assert f"{there}: it is there already, and nothing is ever overwritten" in result.err
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_the_proposal_is_not_written_unasked(
    woo_sync: Command, platform: DemoPlatform, another_database_url: str, tmp_path: Path
) -> None:
    config = tmp_path / "woo_sync.yaml"
    with DemoStore(small_store()) as store:
        asked = [
            *options(store, platform, another_database_url),
            "--name",
            "My: shop",
            "--key",
            "mine",
        ]
        result = woo_sync("--config", config, "init", *asked)
    assert result.code == 0, result.err
    assert "Paste the lines that are right into" in result.out
    (source,) = yaml.safe_load(config.read_text())["sources"]
    assert (source["name"], source["key"]) == ("My: shop", "mine")
    assert source["consent"]["meta_keys"] == []


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--url", "https://me:pass@shop.example.com", "credentials do not belong into the address"),
        ("--consumer-key", "cs_0123", "it begins with ck_"),
        ("--consumer-secret", "ck_0123", "it begins with cs_"),
        ("--account", "us", "write one of au, eu"),
        ("--api-secret", "  ", "this is empty"),
        ("--region", "Oz", "no region"),
        ("--timezone", "Sydney", "no time zone"),
        ("--name", "a, b", "a comma in the name"),
        ("--key", "My Store", "lower-case letters"),
        ("--database-url", "mysql://me:pass@db/x", "only PostgreSQL is supported"),
    ],
)
def test_an_option_that_cannot_be_is_named_and_nothing_is_written(
    woo_sync: Command, platform: DemoPlatform, tmp_path: Path, option: str, value: str, complaint: str
) -> None:
    with DemoStore(small_store()) as store:
        asked = [*options(store, platform, NOWHERE), option, value]
        result = woo_sync("--config", tmp_path / "woo_sync.yaml", "init", *asked)
    assert result.code == 2
    assert f"Invalid value for {option}: " in result.err
    assert complaint in result.err
    assert not {"me:pass", "cs_0123", "ck_0123"} & set(result.err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_variable_of_the_shell_that_has_another_value_is_told(
    tmp_path: Path, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WOO_SECRET", "cs_another-secret")
    config = tmp_path / "woo_sync.yaml"
    given = ["--consumer-secret", STORE_SECRET, "--database-url", NOWHERE]
    result = CliRunner().invoke(
        cli, ["--config", str(config), "init", *given], input="\n".join([*ASKED[:2], *ASKED[3:]]) + "\n"
    )
    assert "WOO_SECRET: set in this shell to something else" in result.output
    assert "another-secret" not in result.output


def test_a_klaviyo_account_is_set_up_and_synced(
    woo_sync: Command, platform: DemoPlatform, another_database_url: str, tmp_path: Path
) -> None:
    account = KlaviyoData()
    ann = account.add_profile(phone_number="+61491570006", first_name="Ann")
    account.subscribe_sms(ann)
    account.join(account.add_list("Newsletter"), ann)
    key, config = account.add_key().secret, tmp_path / "mine" / "woo_sync.yaml"
    with DemoKlaviyo(account) as klaviyo:
        asked = woo_sync(
            *("--config", config, "init", "--type", "klaviyo", "--klaviyo-key", key),
            *("--klaviyo-url", klaviyo.url, "--account", platform.url, "--api-key", platform.api_key),
            *("--api-secret", platform.api_secret, "--region", "AU", "--database-url", another_database_url),
        )
        assert asked.code == 0, asked.err + asked.out
        assert "Klaviyo account Demo Klaviyo" in asked.out
        assert "Newsletter" in asked.out
        written = yaml.safe_load(config.read_text())
        assert written["timezone"] == "Australia/Sydney"
        (source,) = written["sources"]
        assert (source["name"], source["type"], source["api_key"]) == (
            "Klaviyo",
            "klaviyo",
            "${KLAVIYO_API_KEY}",
        )
        assert key not in config.read_text() + asked.out + asked.err
        synced = woo_sync("--config", config, "sync")
    assert synced.code == 0, synced.err + synced.out
    (contact,) = platform.directory.snapshot().values()
    assert sorted(contact["lists"]) == ["Klaviyo", "Klaviyo - Newsletter"]
    assert set(contact["states"].values()) == {"SUBSCRIBED"}
