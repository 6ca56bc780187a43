"""How many requests a sync takes: none where nothing changed, and no more than the changes need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

import pytest

from woo_sync_pipeline.demo.platform import DemoPlatform, RequestRecord
from woo_sync_pipeline.demo.platform.store import Store
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.settings import PlatformSettings
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.steps.push import push_pending
from woo_sync_pipeline_tests.databases import TEMPLATE_STATE, DatabaseServer
from woo_sync_pipeline_tests.state.stored import Row, at, begin, commit, customer
from woo_sync_pipeline_tests.steps.pushed import Pushed, pushed

CONTACTS, LISTS = "/api/v1/contacts/contacts", "/api/v1/contacts/lists"
COUNT = 1200


def phone(number: int) -> str:
    return f"+614{number:08d}"


def people(*numbers: int, **changes: object) -> list[Row]:
    return [customer(number, phone(number), consent="opted_in", **changes) for number in numbers]


def push(database: Database, platform: DemoPlatform) -> Pushed:
    begin(database, "run of shop")
    phones = pending_phones(database, source_name="WooCommerce", touched=[], include_rejected=True)
    with PlatformClient(PlatformSettings(platform.url, platform.api_key, platform.api_secret)) as client:
        return pushed(
            push_pending,
            database,
            client,
            phones,
            run_id="run of shop",
            progress=lambda _: None,
        )


@dataclass(frozen=True)
class FirstSync:
    """What a first sync left behind: the name of its database, to be copied, and what the account holds."""

    database: str
    held: Store
    requests: Sequence[RequestRecord]


@pytest.fixture(scope="module")
def first_sync(postgres: DatabaseServer) -> FirstSync:
    """A sync of everybody into an empty account."""
    name = "first_sync"
    state = Database(postgres.create(name, template=TEMPLATE_STATE))
    commit(state, *people(*range(COUNT)))
    with DemoPlatform() as platform:
        assert push(state, platform).counts == {"new": COUNT, "unchanged": 0}
        requests = tuple(platform.requests.entries)
    state.close()
    return FirstSync(name, platform.directory.store, requests)


@pytest.fixture
def synced(first_sync: FirstSync, postgres: DatabaseServer, platform: DemoPlatform) -> Iterator[Database]:
    """A state of which the platform has confirmed everything."""
    platform.directory.store = deepcopy(first_sync.held)
    with postgres.database(template=first_sync.database) as url:
        state = Database(url)
        yield state
        state.close()


def test_a_first_sync_reads_an_empty_account_once(first_sync: FirstSync) -> None:
    asked = [each for each in first_sync.requests if each.method == "GET"]
    assert [each.path for each in asked].count(CONTACTS) == 1
    # The lists, and the custom fields.
    assert len(asked) == 1 + 1 + 1
    # The contacts, their list, the two custom fields.
    assert len(first_sync.requests) - len(asked) == COUNT + 1 + 2


def test_without_a_change_the_platform_is_not_asked(synced: Database, platform: DemoPlatform) -> None:
    platform.requests.reset()
    commit(synced, *people(*range(COUNT)))
    assert push(synced, platform).counts == {}
    assert platform.requests.entries == []


def test_ten_names_are_ten_writes_and_few_reads(synced: Database, platform: DemoPlatform) -> None:
    platform.requests.reset()
    commit(synced, *people(*range(10), first_name="Anna", read_at=at(200)))
    assert push(synced, platform).counts == {"updated": 10, "unchanged": 0}
    assert platform.requests.count("PATCH", CONTACTS) == platform.requests.writes == 10
    assert len(platform.requests) == 10 + 3


def test_ten_new_groups_members_are_one_write_for_each_list(synced: Database, platform: DemoPlatform) -> None:
    commit(synced, *people(50, 51, tags=["VIP", "Gold"], read_at=at(150)))
    push(synced, platform)
    platform.requests.reset()
    commit(synced, *people(*range(10), tags=["VIP", "Gold"], read_at=at(200)))
    assert push(synced, platform).counts == {"updated": 10, "unchanged": 0}
    assert platform.requests.count("PATCH", LISTS) == platform.requests.writes == 2
    assert len(platform.requests) == 2 + 3
    assert len(platform.directory.list_members("WooCommerce - VIP")) == 12


def test_ten_changes_of_every_kind_are_at_most_ten_writes_and_one_for_each_list(
    synced: Database, platform: DemoPlatform
) -> None:
    commit(synced, *people(50, tags=["VIP"], read_at=at(150)))
    push(synced, platform)
    platform.requests.reset()
    commit(
        synced,
        *people(0, 1, first_name="Anna", tags=["VIP"], read_at=at(200)),
        *people(2, 3, email="a@example.com", read_at=at(200)),
        *[customer(number, phone(number), consent="opted_out", read_at=at(200)) for number in (4, 5)],
        *people(6, 7, tags=["VIP"], read_at=at(200)),
        *people(COUNT + 1, COUNT + 2, tags=["VIP"], read_at=at(200)),
    )
    assert push(synced, platform).counts == {"updated": 8, "new": 2, "unchanged": 0}
    contact_writes = platform.requests.count("PATCH", CONTACTS) + platform.requests.count("POST", CONTACTS)
    # The paths of list members end like those of contacts.
    assert contact_writes - platform.requests.count("PATCH", LISTS) <= 10
    assert platform.requests.count("PATCH", LISTS) == 1
    # Whose channels are written is read again right before.
    assert platform.requests.count("GET") <= 3 + 2
