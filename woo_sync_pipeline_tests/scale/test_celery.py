"""Many sources on several machines, one of which dies half-way."""

from __future__ import annotations

import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from woo_sync_pipeline.config.settings import CONFIG_ENV, DATABASE_URL_ENV
from woo_sync_pipeline.demo.store import StoreData, generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today
from woo_sync_pipeline.orchestration.instance import DAGSTER_HOME_ENV
from woo_sync_pipeline.state.syncs import SyncRun, list_syncs
from woo_sync_pipeline.steps.resources import StateResource
from woo_sync_pipeline_tests.checkout import CHECKOUT
from woo_sync_pipeline_tests.databases import DatabaseServer
from woo_sync_pipeline_tests.orchestration.expectation import expected_directory
from woo_sync_pipeline_tests.scale.machines import Machine, code_server, daemon, running_redis, worker

pytestmark = [pytest.mark.celery, pytest.mark.timeout(600)]

SOURCES = 20
PATIENCE_SECONDS = 200
MakeWorld = Callable[[int], DemoWorld]
Start = Callable[..., Machine]
DAGSTER_YAML = CHECKOUT / "deploy" / "celery" / "dagster.yaml"


@pytest.fixture(autouse=True)
def _needs() -> None:
    pytest.importorskip("dagster_celery", reason="needs the extra celery")
    pytest.importorskip("s3fs", reason="needs the extra s3")
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server: apt-get install redis-server")


@pytest.fixture
def variables(postgres: DatabaseServer, template_dagster: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of every machine."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    storage = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    storage.start()
    host, port = storage.get_host_and_port()
    home = tmp_path / "dagster_home"
    home.mkdir()
    shutil.copy(DAGSTER_YAML, home)
    with postgres.database(template=template_dagster) as url:
        yield {
            CONFIG_ENV: str(tmp_path / "woo_sync.yaml"),
            DAGSTER_HOME_ENV: str(home),
            DATABASE_URL_ENV: url,
            "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    storage.stop()


@pytest.fixture
def make_world(variables: dict[str, str], tmp_path: Path) -> Iterator[MakeWorld]:
    """Starts so many small stores, whose sensors tick once, and which answer slowly enough to be caught at it."""
    import s3fs

    with pytest.MonkeyPatch.context() as patch, ExitStack() as running:
        for name, value in variables.items():
            patch.setenv(name, value)
        redis_url = running.enter_context(running_redis(tmp_path))
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().makedirs("staging-bucket", exist_ok=True)

        def make(sources: int) -> DemoWorld:
            stores = {f"shop_{number}": small_store(number) for number in range(sources)}
            options = {
                "database_url": variables[DATABASE_URL_ENV],
                "staging_url": "s3://staging-bucket/staging",
                "celery": {"redis_url": redis_url, "redeliver_after_seconds": 10},
            }
            world = DemoWorld(
                tmp_path, stores, options=options, source_options={"live_interval_seconds": 86_400}
            )
            running.enter_context(world)
            for store in world.stores.values():
                store.faults.latency = 0.2
            return world

        yield make


@pytest.fixture
def start(variables: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts workers of these names, a code server and the daemon; returns the first worker."""
    with ExitStack() as machines:

        def started(machine: Machine) -> Machine:
            machines.callback(machine.shut_down)
            return machine

        def start(*names: str) -> Machine:
            own = {name: value for name, value in variables.items() if name != DAGSTER_HOME_ENV}
            workers = [started(worker(name, log=tmp_path / f"{name}.log", variables=own)) for name in names]
            workspace = tmp_path / "workspace.yaml"
            started(code_server(workspace, log=tmp_path / "code_server.log", variables=variables))
            started(daemon(workspace, log=tmp_path / "daemon.log", variables=variables))
            return workers[0]

        yield start


@pytest.fixture
def instance(make_world: MakeWorld) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.get() as found:
        yield found


def test_every_source_is_synced_once_although_a_machine_dies(
    make_world: MakeWorld, start: Start, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    world = make_world(SOURCES)
    state = StateResource(world.settings())
    doomed = start("doomed", "other")
    wait_until(lambda: succeeded(state) >= SOURCES // 4, tmp_path)
    lost = kill_at_work("doomed", instance, freeze=doomed.freeze, go_on=doomed.go_on, kill=doomed.lose_power)
    wait_until(lambda: succeeded(state) == SOURCES and not unfinished(instance), tmp_path)

    for run_id, step in lost:
        hosts = {name.partition("@")[0] for name in workers_of(instance, run_id)[step]}
        assert hosts == {"doomed", "other"}
    assert Counter((sync.source, sync.status) for sync in syncs(state)) == {
        (key, "succeeded"): 1 for key in world.stores
    }
    assert_all_is_as_if_nothing_had_happened(world, state)


def test_a_process_of_a_worker_that_is_killed_fails_its_run_and_the_next_one_goes_on_there(
    make_world: MakeWorld, start: Start, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    world = make_world(1)
    state = StateResource(world.settings())
    only = start("only")
    lost = kill_at_work(
        "only", instance, freeze=only.freeze, go_on=only.go_on, kill=only.lose_children, but_step="orders"
    )
    wait_until(lambda: succeeded(state) == 1 and not unfinished(instance), tmp_path)

    again, failed = instance.get_runs()
    assert {run_id for run_id, _ in lost} == {failed.run_id}
    assert failed.status is dg.DagsterRunStatus.FAILURE
    assert (again.parent_run_id, again.status) == (failed.run_id, dg.DagsterRunStatus.SUCCESS)
    assert {step for _, step in lost} <= set(workers_of(instance, again.run_id))
    assert "shop_0__orders" not in workers_of(instance, again.run_id)
    assert [sync.status for sync in syncs(state)] == ["succeeded", "crashed"]
    assert_all_is_as_if_nothing_had_happened(world, state)


def assert_all_is_as_if_nothing_had_happened(world: DemoWorld, state: StateResource) -> None:
    with state.database().transaction() as connection:
        pending = connection.execute(sa.text("SELECT count(*) FROM woo_sync.contacts WHERE is_pending"))
        assert pending.scalar_one() == 0
    state.close()
    directory = world.platform.directory
    expected = expected_directory(*(each.data for each in world.stores.values()))
    assert directory.snapshot() == expected
    assert len(directory) == len(expected)


def small_store(number: int) -> StoreData:
    return generate_store(
        seed=number, customers=10, orders=8, now=before_today(), timezone=TIMEZONE, name=f"Shop {number}"
    )


def syncs(state: StateResource) -> list[SyncRun]:
    return list_syncs(state.database(), limit=10 * SOURCES)


def succeeded(state: StateResource) -> int:
    return sum(sync.status == "succeeded" for sync in syncs(state))


def wait_until(is_so: Callable[[], bool], logs: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            ends = [f"{log.name}:\n{log.read_text()[-3000:]}" for log in sorted(logs.glob("*.log"))]
            pytest.fail("\n".join(ends))
        time.sleep(0.3)


def unfinished(instance: dg.DagsterInstance) -> int:
    ended = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
    return sum(record.status not in ended for record in instance.get_runs())


def kill_at_work(
    name: str,
    instance: dg.DagsterInstance,
    *,
    freeze: Callable[[], None],
    go_on: Callable[[], None],
    kill: Callable[[], None],
    but_step: str = "",
) -> set[tuple[str, str]]:
    """Kill a worker while it is at a step; returns the runs and steps that it leaves unfinished."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        freeze()
        found = {
            (run.run_id, step)
            for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
            for step, workers in workers_of(instance, run.run_id, but_ended=True).items()
            if workers[-1].startswith(f"{name}@") and not (but_step and step.endswith(f"__{but_step}"))
        }
        if found:
            kill()
            return found
        go_on()
        time.sleep(0.1)
    pytest.fail(f"{name} was never seen at work")


def workers_of(instance: dg.DagsterInstance, run_id: str, *, but_ended: bool = False) -> dict[str, list[str]]:
    """The workers that took each step of a run, in their order."""
    found: dict[str, list[str]] = {}
    ended: set[str] = set()
    for entry in instance.all_logs(run_id):
        event = entry.get_dagster_event() if entry.is_dagster_event else None
        if event is None or event.step_key is None:
            continue
        if event.is_step_success or event.is_step_failure:
            ended.add(event.step_key)
        if event.is_engine_event and "Celery worker" in event.engine_event_data.metadata:
            host = str(event.engine_event_data.metadata["Celery worker"].value)
            found.setdefault(event.step_key, []).append(host)
    return {step: workers for step, workers in found.items() if not (but_ended and step in ended)}
