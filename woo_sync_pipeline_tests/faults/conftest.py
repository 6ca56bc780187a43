"""The account's final state when nothing goes wrong, and accounts under both readings of the API's description."""

from __future__ import annotations

from collections.abc import Iterator

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
def platform(request: pytest.FixtureRequest) -> Iterator[DemoPlatform]:
    """An account that others use as well, under both readings of what its description leaves open."""
    with DemoPlatform(readings=request.param) as running:
        running.faults.retry_after = "0"
        furnish(running)
        yield running


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
