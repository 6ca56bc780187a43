"""All commands on a Klaviyo account beside a store: one world, synced once, in which Ann is in both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from woo_sync_pipeline.demo.klaviyo import AccountDetails, KlaviyoData
from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.world import CONSENT_KEY, DemoWorld
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.cli.conftest import KEY, Command, small_store
from woo_sync_pipeline_tests.cli.test_forget import everything
from woo_sync_pipeline_tests.databases import DatabaseServer
from woo_sync_pipeline_tests.state.stored import ANN, BOB, CAM

KLAVIYO = "klaviyo"


@dataclass(frozen=True)
class Both:
    """A store and an account that were synced; Ann is in both, Bob in the account alone."""

    world: DemoWorld
    database: Database
    ann: str
    bob: str

    @property
    def store(self) -> StoreData:
        return self.world.stores[KEY].data

    @property
    def account(self) -> KlaviyoData:
        return self.world.accounts[KLAVIYO].data

    def lists(self, phone: str) -> list[str]:
        return list(self.world.platform.directory.snapshot()[phone]["lists"])

    def label(self, phone: str) -> str:
        return self.world.platform.directory.snapshot()[phone]["custom_fields"].get("source", "")


@contextmanager
def synced(postgres: DatabaseServer, template: str, folder: Path, woo_sync: Command) -> Iterator[Both]:
    """Such a world with a database of its own."""
    store = small_store()
    store.register_customer(
        email="ann@example.com",
        first_name="Ann",
        last_name="Leeuwenhoek",
        billing={"first_name": "Ann", "phone": "0491 570 006", "country": "AU"},
        meta={CONSENT_KEY: "yes"},
    )
    account = KlaviyoData(account=AccountDetails(organization_name="Klaviyo"))
    ann = account.add_profile(phone_number=ANN, email="ann@klaviyo.example", first_name="Anna")
    account.unsubscribe_sms(ann, at=datetime.now(UTC) + timedelta(seconds=1))
    bob = account.add_profile(phone_number=BOB, first_name="Bob")
    account.subscribe_sms(bob)
    account.add_profile(email="without.phone@example.com")
    account.join(account.add_list("Newsletter"), ann, bob)
    account.join(account.add_segment("Engaged"), ann)
    with (
        postgres.database(template=template) as url,
        DemoWorld(folder, {KEY: store}, accounts={KLAVIYO: account}, options={"database_url": url}) as world,
        closing(Database(url)) as database,
    ):
        done = woo_sync("--config", world.config, "sync")
        assert done.code == 0, done.out + done.err
        yield Both(world, database, ann, bob)


@pytest.fixture(scope="module")
def both(
    postgres: DatabaseServer,
    template_dagster: str,
    tmp_path_factory: pytest.TempPathFactory,
    woo_sync: Command,
) -> Iterator[Both]:
    """What the tests share; each leaves the sources as they were."""
    with synced(postgres, template_dagster, tmp_path_factory.mktemp("both"), woo_sync) as world:
        yield world


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_check_tells_of_the_account_beside_the_store(woo_sync: Command, both: Both) -> None:
    result = woo_sync("--config", both.world.config, "check")

    assert (result.code, result.err) == (0, "")
    (line,) = (row for row in rows(result.out) if row.startswith("ok klaviyo "))
    assert line.endswith("1 lists and 1 segments")
    assert [row for row in rows(result.out) if row.startswith("ok woocommerce ")]


def test_discover_shows_lists_segments_phones_and_consent(woo_sync: Command, both: Both) -> None:
    result = woo_sync("--config", both.world.config, "discover", "--source", KLAVIYO)

    assert (result.code, result.err) == (0, "")
    cells = [row.replace("│", "").split() for row in result.lines]
    for row in (["UNSUBSCRIBED", "1", "1"], ["NEVER_SUBSCRIBED", "1", "0"], ["segment", "Engaged", "1"]):
        assert row in cells
    assert "Being on a list is no consent" in result.out
    assert ANN not in result.out


def test_history_has_a_line_for_each_source(woo_sync: Command, both: Both) -> None:
    told = json.loads(woo_sync("--config", both.world.config, "history", "--json").out)
    assert [(each["source"], each["kind"]) for each in told][-2:] == [(KLAVIYO, "first"), (KEY, "first")]


def test_the_report_of_an_account_speaks_of_no_store(woo_sync: Command, both: Both) -> None:
    of_store, of_account = (woo_sync("--config", both.world.config, "report", number) for number in (1, 2))

    assert (of_account.code, of_account.lines[0].partition(":")[0]) == (0, "Klaviyo")
    assert "store" not in of_account.out
    shown = rows(of_account.out)
    assert {"changed in the account", "invalid account records 1", "new 1", "updated 1"} <= set(shown)
    assert "missing_phone 1 No phone number was given." in shown
    assert ANN not in of_account.out
    assert {"changed in the store", "erased in the store 0"} <= set(rows(of_store.out))
    page = woo_sync("--config", both.world.config, "report", 2, "--html").out
    assert "Invalid account records" in page
    assert "in the store" not in page


def test_explain_shows_the_records_and_the_consents_of_both(woo_sync: Command, both: Both) -> None:
    result = woo_sync("--config", both.world.config, "explain", ANN)

    assert result.code == 0, result.err
    shown = rows(result.out)
    profile = f"{KLAVIYO}: profile {both.ann}"
    assert f"first name Anna {profile}" in shown
    assert "sources Klaviyo, WooCommerce" in shown
    assert "state unsubscribed, by a sync" in shown
    (decides,) = (row for row in shown if row.endswith("decides"))
    assert decides.startswith(profile)
    assert "opted out" in decides
    (outweighed,) = (row for row in shown if row.endswith("outweighed"))
    assert outweighed.startswith(f"{KEY}: customer ")
    assert "opted in" in outweighed
    assert f"of profile {both.ann}" in result.out
    assert f"of customer {both.ann}" not in result.out
    assert "why The sources make it unsubscribed too." in shown
    assert "source records, times in UTC" in shown
    assert "store" not in result.out
    told = json.loads(woo_sync("--config", both.world.config, "explain", ANN, "--json").out)
    assert not {"noun", "person_type"} & {*told, *told["records"][0]}


def test_a_person_is_named_by_the_id_of_a_profile_too(woo_sync: Command, both: Both) -> None:
    result = woo_sync("--config", both.world.config, "explain", f"{KLAVIYO}:{both.bob}")
    assert (result.code, result.lines[0]) == (0, BOB)
    assert KEY not in result.out


def test_consent_proves_what_was_said_in_both(woo_sync: Command, both: Both) -> None:
    shown = rows(woo_sync("--config", both.world.config, "consent", ANN).out)
    assert [row for row in shown if f"opted in {KEY}: customer " in row]
    assert [row for row in shown if "opted out klaviyo: profile" in row and "UNSUBSCRIBED" in row]


def test_preview_sends_nothing(woo_sync: Command, both: Both) -> None:
    profile = both.account.add_profile(phone_number=CAM)
    before = both.world.platform.requests.writes

    result = woo_sync("--config", both.world.config, "preview", "--source", KLAVIYO)
    both.account.delete_profile(profile)

    assert result.code == 0, result.err
    assert "new 1" in rows(result.out)
    assert (both.world.platform.requests.writes, CAM in both.world.platform.directory) == (before, False)


def test_an_account_that_is_down_stops_no_store(woo_sync: Command, both: Both, impatient: None) -> None:
    both.world.accounts[KLAVIYO].stop()
    checked, result = (woo_sync("--config", both.world.config, command) for command in ("check", "sync"))
    both.world.accounts[KLAVIYO].start()

    assert (checked.code, result.code) == (1, 1)
    assert [row for row in rows(checked.out) if row.startswith("FAIL klaviyo ")]
    assert "WooCommerce: sync " in result.out
    (failed,) = (row for row in rows(result.out) if row.startswith("FAILED "))
    assert failed.startswith("FAILED klaviyo: ")


def test_so_many_profiles_that_are_gone_stop_the_sync_until_it_is_accepted(
    woo_sync: Command, both: Both
) -> None:
    config = both.world.config
    crowd = [both.account.add_profile(phone_number=f"+6149157{number}") for number in range(1000, 1060)]
    assert woo_sync("--config", config, "sync", "--source", KLAVIYO).code == 0
    for profile in crowd:
        both.account.delete_profile(profile)

    stopped = woo_sync("--config", config, "sync", "--source", KLAVIYO)
    assert stopped.code == 1
    told = " ".join(stopped.out.split())
    assert "60 people are gone from the account (63 → 3), more than the limit of 50" in told
    assert "60 contacts leave lists, of 62, more than the limit of 50" in told
    assert "Likely causes: people who were deleted" in told
    assert "Look at the account; once it is as before" in told
    assert "the store" not in told
    assert both.label("+61491571000") == "Klaviyo"

    accepted = woo_sync("--config", config, "sync", "--source", KLAVIYO, "--accept-changes")
    assert accepted.code == 0, accepted.out
    assert (both.label("+61491571000"), both.lists("+61491571000")) == ("", [])


def test_who_is_forgotten_is_gone_from_what_is_kept_of_both(
    postgres: DatabaseServer, template_dagster: str, tmp_path: Path, woo_sync: Command
) -> None:
    with synced(postgres, template_dagster, tmp_path, woo_sync) as both:
        result = woo_sync("--config", both.world.config, "forget", ANN, "--yes")

        assert (result.code, result.err) == (0, "")
        assert f"{KLAVIYO}: profile {both.ann}" in result.out
        assert f"{KEY}: customer " in result.out
        assert "- in the sources, erase or change " in result.out
        assert "the opt-in still in a source, the next sync" in result.out
        kept = everything(both.database)
        assert [row for table in kept.values() for row in table if ANN in row or both.ann in row] == []
        assert [row for table in kept.values() for row in table if both.bob in row]
