"""Whatever happens on the way, the account ends as if nothing had: no contact twice, none missing, none pending."""

from __future__ import annotations

import pytest

from woo_sync_pipeline.demo.platform import ContactSnapshot, DemoPlatform, FaultKind, Faults
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.steps import batches as planning
from woo_sync_pipeline_tests.faults.scenario import account, change_shop, phone, sync_until_done

Account = tuple[dict[str, ContactSnapshot], list[str], int]


def faults(seed: int) -> Faults:
    made = Faults(seed)
    made.retry_after = "0"
    return made


def sync_both_days(database: Database, platform: DemoPlatform) -> None:
    for first in (True, False):
        change_shop(database, first=first)
        sync_until_done(database, platform)


@pytest.mark.parametrize("kind", ["500", "500_after", "429", "drop"])
def test_a_fifth_of_all_answers_is_a_failure(
    database: Database, platform: DemoPlatform, undisturbed: Account, kind: FaultKind
) -> None:
    platform.faults = faults(seed=1)
    platform.faults.rate(kind, 0.2)
    sync_both_days(database, platform)
    assert platform.faults.happened[kind] > 5
    assert account(platform) == undisturbed


def test_a_fifth_of_all_writes_is_carried_out_without_an_answer(
    database: Database, platform: DemoPlatform, undisturbed: Account
) -> None:
    platform.faults = faults(seed=2)
    platform.faults.rate("lost_answer", 0.2, methods=["POST", "PATCH"])
    sync_both_days(database, platform)
    assert platform.faults.happened["lost_answer"] > 3
    assert account(platform) == undisturbed


def test_everything_goes_wrong_at_once_in_small_batches(
    database: Database, platform: DemoPlatform, undisturbed: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "BATCH", 4)
    platform.faults = faults(seed=3)
    for kind in ("429", "503_later", "500", "502", "503", "504", "500_after", "drop", "lost_answer"):
        platform.faults.rate(kind, 0.04)
    sync_both_days(database, platform)
    assert sum(platform.faults.happened.values()) > 10
    assert account(platform) == undisturbed


def test_an_account_without_faults_is_the_same_under_every_reading(
    database: Database, platform: DemoPlatform, undisturbed: Account
) -> None:
    sync_both_days(database, platform)
    assert account(platform) == undisturbed
    contacts, lists, count = undisturbed
    assert (len(lists), count) == (5, 27 + 2)
    # Opted in before, gone from the store since.
    assert contacts[phone(17)]["lists"] == []
    # Others' contacts are as they were.
    assert contacts[phone(100)] == {
        "first_name": "Foreign 100",
        "last_name": "",
        "states": {"SMS": "SUBSCRIBED"},
        "custom_fields": {"source": "Klaviyo", "shoe": "42"},
        "lists": ["Newsletter"],
    }
