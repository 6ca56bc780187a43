"""The live sensor of a Klaviyo account: what it sees, and what it asks Dagster for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from woo_sync_pipeline.sources.base import Look
from woo_sync_pipeline.sources.klaviyo.kind import KLAVIYO as KIND
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings
from woo_sync_pipeline.state.syncs import watermark
from woo_sync_pipeline_tests.orchestration.conftest import MakeWorld
from woo_sync_pipeline_tests.orchestration.test_klaviyo import ANN, BOB, KLAVIYO, Shop


@pytest.fixture
def shop(make_world: MakeWorld) -> Shop:
    return Shop(make_world)


class Sensor:
    """Ticks of the live sensor, each of which knows what the one before remembered."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._memory: dict[str, Any] = {}

    def tick(self) -> Look:
        database = self._shop.world.database
        source, mark = self._shop.world.settings.source(KLAVIYO), watermark(database, KLAVIYO)
        assert isinstance(source, KlaviyoSettings)
        assert mark is not None
        look = KIND.look(source, database, mark, self._memory)
        self._memory = dict(look.memory)
        return look


def test_a_changed_profile_is_seen_once_and_no_more_after_its_sync(shop: Shop) -> None:
    ann = shop.account.add_profile(phone_number=ANN)
    shop.sync()
    sensor = Sensor(shop)
    assert sensor.tick().change is None
    before = len(shop.server.requests)
    assert sensor.tick().nothing.startswith("nothing changed in the account since ")
    assert len(shop.server.requests) - before == 1
    shop.account.change_profile(ann, first_name="Anna")
    assert sensor.tick().change == "a profile changed"
    # As long as no sync has been it is asked for again.
    assert sensor.tick().change == "a profile changed"
    shop.sync(incremental=True)
    assert sensor.tick().change is None


def test_what_nobody_uses_is_no_change(shop: Shop) -> None:
    ann = shop.account.add_profile(phone_number=ANN)
    shop.sync()
    shop.account.change_profile(ann, title="Dr", properties={"loyalty": 7})
    assert Sensor(shop).tick().change is None


def test_a_change_behind_a_page_of_others_is_seen(shop: Shop) -> None:
    ann = shop.account.add_profile(phone_number=ANN)
    others = [shop.account.add_profile(email=f"a{number}@example.com") for number in range(120)]
    shop.sync()
    sensor = Sensor(shop)
    assert sensor.tick().change is not None
    shop.sync(incremental=True)
    assert [sensor.tick().change for _ in range(2)] == [None, None]
    shop.account.clock = lambda: datetime.now(UTC) + timedelta(seconds=2)
    shop.account.change_profile(ann, first_name="Anna")
    shop.account.clock = lambda: datetime.now(UTC) + timedelta(seconds=4)
    for other in others:
        shop.account.change_profile(other, properties={"loyalty": 7})
    assert sensor.tick().change is not None
    shop.sync(incremental=True)
    assert shop.kept(ANN)["first_name"] == "Anna"
    assert sensor.tick().change is None


def test_who_joins_a_list_is_seen_when_its_turn_comes(shop: Shop) -> None:
    ann = shop.account.add_profile(phone_number=ANN)
    lists = [shop.account.add_list(f"List {number}") for number in range(10)]
    shop.sync()
    sensor = Sensor(shop)
    shop.account.join(lists[7], ann)
    seen = [sensor.tick().change for _ in range(3)]
    assert seen.count("a profile joined a list or segment") >= 1
    assert len(shop.account.lists) == 10
    shop.sync(incremental=True)
    assert [sensor.tick().change for _ in range(4)] == [None] * 4


def test_a_profile_that_never_becomes_known_is_asked_for_once(shop: Shop) -> None:
    """Such as one whose name does not fit its model, or who joined a segment that is being processed."""
    ann = shop.account.add_profile(phone_number=ANN)
    engaged = shop.account.add_segment("Engaged")
    shop.sync()
    shop.account.set_processing(engaged, True)
    shop.account.join(engaged, ann)
    sensor = Sensor(shop)
    assert sensor.tick().change == "a profile joined a list or segment"
    shop.sync(incremental=True)
    assert [sensor.tick().change for _ in range(3)] == [None] * 3
    shop.account.set_processing(engaged, False)
    shop.sync(incremental=True)
    assert [sensor.tick().change for _ in range(3)] == [None] * 3


def test_a_change_that_klaviyo_shows_late_is_seen(shop: Shop) -> None:
    ann = shop.account.add_profile(phone_number=ANN)
    shop.sync()
    shop.account.clock = lambda: datetime.now(UTC) - timedelta(seconds=20)
    shop.account.date_header_follows_clock = False
    shop.account.change_profile(ann, first_name="Anna")
    assert Sensor(shop).tick().change == "a profile changed"
    shop.sync(incremental=True)
    assert shop.kept(ANN)["first_name"] == "Anna"


@pytest.mark.parametrize("minutes", [-9, 9])
def test_the_clock_of_the_service_dates_the_windows(shop: Shop, minutes: int) -> None:
    shop.account.clock = lambda: datetime.now(UTC) + timedelta(minutes=minutes)
    ann = shop.account.add_profile(phone_number=ANN)
    shop.sync()
    shop.account.change_profile(ann, first_name="Anna")
    shop.account.add_profile(phone_number=BOB)
    assert Sensor(shop).tick().change == "2 profiles changed"
    shop.sync(incremental=True)
    assert (shop.kept(ANN)["first_name"], BOB in shop.world.directory) == ("Anna", True)


@pytest.mark.dagster
def test_the_sensor_of_dagster_asks_for_a_live_sync(shop: Shop) -> None:
    ann = shop.account.add_profile(phone_number=ANN)
    shop.sync()
    shop.account.change_profile(ann, first_name="Anna")
    definitions = shop.world.definitions()
    sensor = definitions.resolve_sensor_def(f"{KLAVIYO}_live")
    with dg.build_sensor_context(instance=shop.world.instance, definitions=definitions) as context:
        tick = sensor.evaluate_tick(context)
    assert tick.run_requests is not None
    (request,) = tick.run_requests
    assert request.job_name == f"{KLAVIYO}_incremental_sync"
