"""What all tests share: one embedded PostgreSQL, a fresh database for each test that asks for one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import sleep
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings

from woo_sync_pipeline.config.settings import DATABASE_URL_ENV
from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo
from woo_sync_pipeline.demo.platform import DemoPlatform, Readings
from woo_sync_pipeline.demo.store import generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today
from woo_sync_pipeline.orchestration.instance import DAGSTER_HOME_ENV, dagster_instance
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.steps.resources import StateResource
from woo_sync_pipeline_tests.alerts.receivers import MailServer, Webhook, running_mail_server, running_webhook
from woo_sync_pipeline_tests.checkout import SHARED
from woo_sync_pipeline_tests.databases import TEMPLATE_STATE, DatabaseServer, temporary_folder
from woo_sync_pipeline_tests.descriptions import KLAVIYO, MESSAGEMEDIA
from woo_sync_pipeline_tests.openapi import EveryExchange, OpenApiRecorder

# How long a case takes says how busy the machine is, and nothing of the code.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

_LONGEST_TEST_SECONDS = 60
_LONGEST = (
    "test_demo_ui.py",
    "test_no_stands.py",
    "test_kill.py",
    "test_schedule_and_sensor.py",
    "test_a_no_stands.py",
    "test_brake.py",
    "test_whole_sync_consent.py",
    "test_whole_sync.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: some tests wait for a daemon, or for time to pass."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files: a worker takes whole files, and one that came last would work alone."""
    items.sort(key=lambda item: item.path.name not in _LONGEST)


@pytest.fixture(autouse=True)
def _same_day_to_the_end() -> None:
    """No test begins just before midnight of the demo's time zone: what it expects of today holds until it ends."""
    now = datetime.now(ZoneInfo(TIMEZONE))
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), ZoneInfo(TIMEZONE))
    left = (midnight.astimezone(UTC) - now).total_seconds()
    if left < _LONGEST_TEST_SECONDS:
        sleep(left + 1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[DatabaseServer]:
    """A running PostgreSQL with a database `template_state` whose schema is up to date."""
    with temporary_folder() as folder, DatabaseServer(folder / "data") as server:
        template = Database(server.create(TEMPLATE_STATE))
        template.migrate()
        template.close()
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres: DatabaseServer) -> str:
    """URL of the database that the server was made with."""
    return postgres.url


@pytest.fixture(scope="session")
def template_dagster(postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a database to be copied: an empty state and Dagster's empty tables."""
    name = "template_dagster"
    options = {"database_url": postgres.create(name, template=TEMPLATE_STATE)}
    store = generate_store(seed=1, customers=0, orders=0, now=before_today())
    world = DemoWorld(tmp_path_factory.mktemp(name), {"woocommerce": store}, options=options)
    with pytest.MonkeyPatch.context() as patch, world:
        # Set first, so that what is put there meanwhile is taken away again.
        for variable in (DATABASE_URL_ENV, DAGSTER_HOME_ENV):
            patch.setenv(variable, "")
            patch.delenv(variable)
        settings = world.settings()
        state = StateResource(settings)
        with dagster_instance(settings, state) as instance:
            assert instance.get_runs_count() == 0
        state.close()
    # Dagster keeps its connections for as long as the process lives.
    postgres.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")
    return name


@pytest.fixture
def database_url(postgres: DatabaseServer) -> Iterator[str]:
    """URL of a database of one's own with an empty, up-to-date state."""
    with postgres.empty_state() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty state."""
    state = Database(database_url)
    yield state
    state.close()


@pytest.fixture
def shared() -> Path:
    """The folder with recordings and API descriptions beside the checkout; without it the test is skipped."""
    folder = SHARED
    if not folder.is_dir():
        pytest.skip("the folder `shared` with recorded answers is not beside the checkout")
    return folder


@pytest.fixture(autouse=True)
def exchanges(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever passes between us and a demo server of this process is as its API's description says.

    Tests of the demo servers themselves send requests that are wrong on purpose: there only the answers count.
    """
    recorders = []
    for server, description in ((DemoPlatform, MESSAGEMEDIA), (DemoKlaviyo, KLAVIYO)):
        if description.file.exists():
            recorders.append(OpenApiRecorder(description=description))
            monkeypatch.setattr(server, "on_exchange", EveryExchange(recorders[-1]), raising=False)
    yield
    folder = Path(__file__).parent / "demo"
    allows_wrong = folder in request.path.parents or request.node.get_closest_marker("wrong_requests")
    for recorder in recorders:
        assert recorder.answer_violations == []
        assert allows_wrong or recorder.request_violations == []


@pytest.fixture
def readings() -> Readings:
    """How demo accounts read what the API's description leaves open: hardest on us, unless a test says otherwise."""
    return Readings()


@pytest.fixture
def platform(readings: Readings) -> Iterator[DemoPlatform]:
    """An empty demo account; it asks nobody to wait."""
    with DemoPlatform(readings=readings) as running:
        running.faults.retry_after = "0"
        yield running


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries are repeated as often as ever, but at once."""
    for client in ("http.failures", "messagemedia.transport"):
        monkeypatch.setattr(f"woo_sync_pipeline.{client}.backoff", lambda failures, *, first: 0.0)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A receiver of alerts."""
    with running_webhook() as running:
        yield running


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A receiver of alerts by e-mail."""
    with running_mail_server() as running:
        yield running
