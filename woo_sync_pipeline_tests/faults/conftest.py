"""The account's final state when nothing goes wrong, and accounts under both readings of the API's description."""

from __future__ import annotations

import pytest

from woo_sync_pipeline.demo.platform import ContactSnapshot, DemoPlatform, Readings
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.databases import DatabaseServer
from woo_sync_pipeline_tests.faults.scenario import account, change_shop, furnish, sync_until_done

READINGS = [
    Readings(patch_arrays="replace", omitted_state="subscribed"),
    Readings(patch_arrays="merge", omitted_state="keep"),
]


@pytest.fixture(params=READINGS, ids=lambda each: f"{each.patch_arrays}-{each.omitted_state}")
def readings(request: pytest.FixtureRequest) -> Readings:
    """Both readings of what the description of the API leaves open."""
    chosen: Readings = request.param
    return chosen


@pytest.fixture
def platform(platform: DemoPlatform) -> DemoPlatform:
    """An account that others use as well."""
    furnish(platform)
    return platform


@pytest.fixture(scope="session")
def undisturbed(postgres: DatabaseServer) -> tuple[dict[str, ContactSnapshot], list[str], int]:
    """What the account holds after two syncs without any fault, under the reading that is hardest on us."""
    database = Database(postgres.create("undisturbed", template="template_state"))
    with DemoPlatform() as platform:
        furnish(platform)
        for first in (True, False):
            change_shop(database, first=first)
            assert sync_until_done(database, platform) == 1
        database.close()
        return account(platform)
