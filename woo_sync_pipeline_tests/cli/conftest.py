"""The command line in this process, and demo worlds to use it on."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from woo_sync_pipeline.cli import main
from woo_sync_pipeline.config.settings import CONFIG_ENV, DATABASE_URL_ENV
from woo_sync_pipeline.demo.store import StoreData, generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today
from woo_sync_pipeline.orchestration.instance import DAGSTER_HOME_ENV
from woo_sync_pipeline_tests.databases import DatabaseServer, temporary_folder
from woo_sync_pipeline_tests.orchestration.conftest import _without_pictures

__all__ = ["_without_pictures"]

KEY = "woocommerce"


@dataclass(frozen=True)
class Result:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Command = Callable[..., Result]
MakeWorld = Callable[..., DemoWorld]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    _forget_other_configurations(monkeypatch)


@pytest.fixture(scope="session")
def woo_sync() -> Command:
    """Runs `woo-sync` with arguments, exactly as the console script does; its output goes into a pipe."""

    def run(*arguments: object) -> Result:
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(io.StringIO()) as out,
            redirect_stderr(io.StringIO()) as err,
        ):
            _forget_other_configurations(patch)
            patch.setattr(sys, "argv", ["woo-sync", *map(str, arguments)])
            with pytest.raises(SystemExit) as ended:
                main()
        assert "Traceback" not in out.getvalue() + err.getvalue()
        return Result(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def database_url(postgres: DatabaseServer, template_dagster: str) -> Iterator[str]:
    """URL of a database of one's own with an empty state and Dagster's empty tables."""
    with postgres.database(template=template_dagster) as url:
        yield url


@pytest.fixture
def make_world(database_url: str, tmp_path: Path, impatient: None) -> Iterator[MakeWorld]:
    """Starts demo worlds with an empty state; keyword arguments are those of `DemoWorld`."""
    with ExitStack() as stack:

        def make(*keys: str, **arguments: Any) -> DemoWorld:
            stores = {key: small_store(key) for key in keys or (KEY,)}
            options = {"database_url": database_url, **arguments.pop("options", {})}
            return stack.enter_context(DemoWorld(tmp_path, stores, options=options, **arguments))

        yield make


@pytest.fixture
def demo_folder() -> Iterator[Path]:
    """A folder, not there yet, for a demo with an embedded PostgreSQL."""
    with temporary_folder() as folder:
        yield folder / "demo"


@pytest.fixture(scope="module")
def module_database_url(postgres: DatabaseServer, template_dagster: str) -> Iterator[str]:
    """A database for several tests of one module, Dagster's empty tables included."""
    with postgres.database(template=template_dagster) as url:
        yield url


def _forget_other_configurations(patch: pytest.MonkeyPatch) -> None:
    for name in (CONFIG_ENV, DATABASE_URL_ENV, DAGSTER_HOME_ENV):
        # Set first, so that what a command puts there is taken away again.
        patch.setenv(name, "")
        patch.delenv(name)


def small_store(key: str = KEY) -> StoreData:
    """A store of 30 customers whose phones differ from those of a store with another key."""
    return generate_store(
        seed=sum(key.encode()),
        customers=30,
        orders=20,
        now=before_today(),
        timezone=TIMEZONE,
        name="WooCommerce" if key == KEY else key.title(),
    )
