"""`woo-sync forget`: a person is gone from everything that is kept, and nobody else is."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.cli.forget import account_of
from woo_sync_pipeline.contacts.consent_event import ConsentEvent, ConsentEventKind
from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.world import ORDER_CONSENT_KEY, DemoWorld
from woo_sync_pipeline.privacy import mask_phone
from woo_sync_pipeline.state.consent_ledger import note_platform_events
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.erasures import erase_person
from woo_sync_pipeline.steps.resources import source_claim
from woo_sync_pipeline_tests.cli.conftest import KEY, Command, Result, small_store
from woo_sync_pipeline_tests.databases import DatabaseServer
from woo_sync_pipeline_tests.orchestration.plain_sync import sync_demo
from woo_sync_pipeline_tests.state.stored import ANN, BOB, CAM, at, commit, customer

TABLES = ("source_records", "contacts", "sync_run_contacts", "consent_events")


def add_people(store: StoreData) -> None:
    """Ann, a customer who bought something, and Bob, who once gave Ann's phone at the checkout."""
    ids = []
    for name, phone in (("Ann", ANN), ("Bob", BOB)):
        ids.append(
            store.register_customer(
                email=f"{name}@example.com".lower(),
                first_name=name,
                last_name="Leeuwenhoek",
                billing={"first_name": name, "phone": phone, "country": "AU"},
            )
        )
    ann, bob = ids
    billing = {"first_name": "Ann", "last_name": "Leeuwenhoek", "phone": ANN, "country": "AU"}
    store.place_order(customer_id=ann, billing={**billing, "phone": "", "email": "second@example.com"})
    store.place_order(billing=billing)
    store.place_order(customer_id=bob, billing=billing, meta={ORDER_CONSENT_KEY: "0"})


def ann_of(store: StoreData) -> int:
    return next(each.id for each in store.customers.values() if each.email == "ann@example.com")


def everything(database: Database) -> dict[str, list[str]]:
    """Each row of the tables that hold persons, as JSON."""
    with database.transaction() as connection:
        return {
            table: list(
                connection.execute(
                    sa.text(f"SELECT to_jsonb(each)::text FROM woo_sync.{table} AS each ORDER BY 1")
                ).scalars()
            )
            for table in TABLES
        }


def traces(rows: list[str]) -> list[str]:
    return [row for row in rows if ANN in row or "ann@" in row or "second@" in row or '"Ann"' in row]


@dataclass(frozen=True)
class Synced:
    """A world that was synced once, and the state of it."""

    world: DemoWorld
    database: Database

    @property
    def store(self) -> StoreData:
        return self.world.stores[KEY].data


MakeSynced = Callable[[], Synced]


@pytest.fixture(scope="module")
def make_synced(
    postgres: DatabaseServer,
    template_dagster: str,
    tmp_path_factory: pytest.TempPathFactory,
    woo_sync: Command,
) -> Iterator[MakeSynced]:
    """Makes worlds and syncs them."""
    with ExitStack() as stack:

        def make() -> Synced:
            url = stack.enter_context(postgres.database(template=template_dagster))
            folder = tmp_path_factory.mktemp("world")
            world = stack.enter_context(
                DemoWorld(folder, {KEY: small_store()}, options={"database_url": url})
            )
            add_people(world.stores[KEY].data)
            sync_demo(world, KEY)
            return Synced(world, stack.enter_context(closing(Database(url))))

        yield make


@pytest.fixture(scope="module")
def synced(make_synced: MakeSynced) -> Synced:
    """What tests share that erase nothing."""
    return make_synced()


@dataclass(frozen=True)
class Erased:
    """What was there before Ann was erased and after it, and what the command said."""

    synced: Synced
    before: dict[str, list[str]]
    staged_before: list[Path]
    result: Result
    after: dict[str, list[str]]


@pytest.fixture(scope="module")
def erased(make_synced: MakeSynced, woo_sync: Command) -> Erased:
    """A world in which Ann was erased."""
    synced = make_synced()
    before, staged_before = everything(synced.database), staged(synced.world)
    foreign_file(synced.world).write_bytes(b"not ours")
    result = woo_sync("--config", synced.world.config, "forget", ANN, "--yes")
    return Erased(synced, before, staged_before, result, everything(synced.database))


def staged(world: DemoWorld) -> list[Path]:
    return list((world.folder / ".woo_sync" / "staging").rglob("*.parquet"))


def foreign_file(world: DemoWorld) -> Path:
    """What somebody else keeps in the folder of the staged frames."""
    return world.folder / ".woo_sync" / "staging" / "accounts.xlsx"


def test_a_person_is_erased_and_what_is_left_to_do_is_told(erased: Erased) -> None:
    assert all(traces(rows) for rows in erased.before.values())
    assert erased.staged_before

    result, world = erased.result, erased.synced.world
    assert (result.code, result.err) == (0, "")
    assert [row for rows in erased.after.values() for row in traces(rows)] == []
    assert staged(world) == []
    assert foreign_file(world).exists()
    assert ANN not in result.out
    assert mask_phone(ANN) in result.lines[0]
    entries = len(erased.before["consent_events"]) - len(erased.after["consent_events"])
    assert entries == 1
    assert "3 store records, the contact, 1 line of reports, 1 entry of the ledger" in result.lines[0]
    assert f"{KEY}: customer {ann_of(erased.synced.store)}" in result.out
    contact = world.platform.directory.snapshot()
    assert ANN in contact
    known = [json.loads(row) for row in erased.before["contacts"] if ANN in row]
    assert f"delete the contact {known[0]['contact_id']}" in result.out


def test_everybody_else_stays_and_keeps_the_choices_they_made(erased: Erased) -> None:
    before, after = erased.before, erased.after
    for table in ("contacts", "sync_run_contacts", "consent_events"):
        assert after[table] == [row for row in before[table] if row not in traces(before[table])]
    others = [row for row in before["source_records"] if row not in traces(before["source_records"])]
    assert set(others) <= set(after["source_records"])
    (blanked,) = [json.loads(row) for row in after["source_records"] if row not in others]
    assert (blanked["record_type"], blanked["consent"]) == ("order", "opted_out")
    assert (blanked["phone"], blanked["first_name"], blanked["email"]) == (None, "", "")


def test_that_an_opt_out_is_forgotten_too_is_told(erased: Erased) -> None:
    # Bob's order without consent named Ann's phone: an opt-out of that phone.
    assert "was unsubscribed, and nothing here remembers it" in erased.result.out


def test_what_a_record_said_under_an_earlier_phone_is_erased_with_it(database: Database) -> None:
    commit(database, customer(7, BOB, consent="opted_in"), customer(8, CAM, consent="opted_in"))
    commit(database, customer(7, ANN, consent="opted_in", read_at=at(300)), started=299, run_id="later")
    before = everything(database)["consent_events"]
    assert len([row for row in before if BOB in row]) == 1

    erased = erase_person(database, [ANN])

    left = everything(database)["consent_events"]
    assert [CAM in row for row in left] == [True]
    assert erased.ledger == len(before) - len(left) == 2


def test_a_phone_of_which_only_the_ledger_knows_is_erased_too(database: Database) -> None:
    with database.transaction() as connection:
        note_platform_events(connection, None, [(ANN, ConsentEvent(ConsentEventKind.stop, None, at(1)))])
    erased = erase_person(database, [ANN])
    assert (erased.ledger, erased.is_nothing) == (1, False)
    assert "0 store records, no contact, 0 lines of reports, 1 entry of" in next(account_of(erased, "her"))
    assert everything(database)["consent_events"] == []
    assert erase_person(database, [ANN]).is_nothing


def test_who_was_erased_in_store_and_platform_too_does_not_come_back(
    woo_sync: Command, make_synced: MakeSynced
) -> None:
    synced = make_synced()
    store, config = synced.store, synced.world.config
    for order in list(store.orders.values()):
        if order.billing.get("phone") == ANN or order.billing.get("email") == "second@example.com":
            store.delete_order(order.id)
    store.delete_customer(ann_of(store))
    woo_sync("--config", config, "forget", ANN, "--yes")
    directory = synced.world.platform.directory
    directory.delete(ANN)
    others = directory.snapshot()

    assert woo_sync("--config", config, "sync").code == 0

    assert directory.snapshot() == others
    assert [row for rows in everything(synced.database).values() for row in traces(rows)] == []


def test_a_phone_that_nobody_has_is_no_mistake(woo_sync: Command, synced: Synced) -> None:
    result = woo_sync("--config", synced.world.config, "forget", "+61491570999", "--yes")
    assert result.code == 0
    assert result.lines == ["Nothing is known of +61•••••999. Staged frames were deleted."]


def test_an_address_or_a_number_means_the_contact(woo_sync: Command, make_synced: MakeSynced) -> None:
    synced = make_synced()
    config, ann = synced.world.config, ann_of(synced.store)
    shown = woo_sync("--config", config, "explain", "ANN@example.com")
    assert shown.lines[0] == ANN
    assert woo_sync("--config", config, "explain", f"{KEY}:{ann}").lines[0] == ANN

    # The address that Ann gave with an order of hers.
    result = woo_sync("--config", config, "forget", "second@example.com", "--yes")

    assert result.code == 0
    assert f"Erased of {mask_phone(ANN)}: 3 store records, the contact" in result.lines[0]
    assert [row for rows in everything(synced.database).values() for row in traces(rows)] == []
    again = woo_sync("--config", config, "forget", f"{KEY}:{ann}", "--yes")
    assert again.lines == [f"Nothing is known of {KEY}:{ann}. Staged frames were deleted."]


@pytest.mark.parametrize("command", [["explain"], ["forget", "--yes"]])
def test_an_address_that_several_contacts_share_erases_nobody_and_asks_for_the_phone(
    woo_sync: Command, synced: Synced, command: list[str]
) -> None:
    before = everything(synced.database)
    phones = [ANN, BOB]
    with synced.database.transaction() as connection:
        connection.execute(
            sa.text(
                "UPDATE woo_sync.source_records SET email = 'shared@example.com'"
                " WHERE record_type = 'customer' AND phone = ANY(:phones)"
            ),
            {"phones": phones},
        )
    shared = everything(synced.database)
    result = woo_sync("--config", synced.world.config, *command, "shared@example.com")
    assert result.code == 1
    assert "2 contacts have this address: " in result.err
    assert all(mask_phone(phone) in result.err and phone not in result.err for phone in phones)
    assert f"{KEY}: customer {ann_of(synced.store)}" in result.err
    assert "Name the one you mean by its phone" in result.err
    assert everything(synced.database) == shared != before
    with synced.database.transaction() as connection:
        connection.execute(
            sa.text(
                "UPDATE woo_sync.source_records SET email = lower(first_name) || '@example.com'"
                " WHERE email = 'shared@example.com'"
            )
        )
    assert everything(synced.database) == before


@pytest.mark.parametrize(
    "phone", ["0491570006", "+61 491 570 006", "Ann Lee", "+0491570006", "woocommerce:", "Shop:7"]
)
def test_a_phone_must_be_written_as_it_is_stored(woo_sync: Command, synced: Synced, phone: str) -> None:
    result = woo_sync("--config", synced.world.config, "forget", phone, "--yes")
    assert result.code == 2
    assert "write it like +61491570006" in " ".join(result.err.split())


def test_nothing_is_erased_without_a_yes(
    woo_sync: Command, make_synced: MakeSynced, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = make_synced()
    config, database = synced.world.config, synced.database
    before = everything(database)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    result = woo_sync("--config", config, "forget", ANN)
    assert result.code == 1
    assert "cannot be undone" in result.out + result.err
    assert everything(database) == before
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert woo_sync("--config", config, "forget", ANN).code == 0
    assert everything(database) != before


def test_nothing_is_erased_while_a_sync_is_under_way(woo_sync: Command, synced: Synced) -> None:
    before = everything(synced.database)
    claim = synced.database.claim(source_claim(KEY))
    assert claim is not None
    result = woo_sync("--config", synced.world.config, "forget", ANN, "--yes")
    claim.release()
    assert result.code == 1
    assert "Try again when it has ended" in result.err
    assert everything(synced.database) == before
