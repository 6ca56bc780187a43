"""The command line in this process, and demo worlds to use it on."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.cli import main
from woo_sync_pipeline.config import CONFIG_ENV, DATABASE_URL_ENV
from woo_sync_pipeline.demo.store import StoreData, generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today
from woo_sync_pipeline.local_instance import DAGSTER_HOME_ENV

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
    for name in (CONFIG_ENV, DATABASE_URL_ENV, DAGSTER_HOME_ENV):
        # Set first, so that what a command puts there is taken away again.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture
def woo_sync(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `woo-sync` with arguments, exactly as the console script does; its output goes into a pipe."""

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["woo-sync", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Result(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def make_world(database_url: str, tmp_path: Path) -> Iterator[MakeWorld]:
    """Starts demo worlds with an empty state; keyword arguments are those of `DemoWorld`."""
    with ExitStack() as stack:

        def make(*keys: str, **arguments: Any) -> DemoWorld:
            stores = {key: small_store(key) for key in keys or (KEY,)}
            options = {"database_url": database_url, **arguments.pop("options", {})}
            return stack.enter_context(DemoWorld(tmp_path, stores, options=options, **arguments))

        yield make


@pytest.fixture
def demo_folder() -> Iterator[Path]:
    """A folder, not there yet, for a demo with an embedded PostgreSQL.

    Outside of pytest's own folder: each start of pytest closes that to other users, and a PostgreSQL that root
    starts runs as another user.
    """
    with tempfile.TemporaryDirectory(prefix="woo-sync-") as folder:
        yield Path(folder) / "demo"


@pytest.fixture(scope="module")
def module_database_url(postgres_url: str) -> Iterator[str]:
    """A database for several tests of one module."""
    engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE cli_module TEMPLATE template_state"))
        yield sa.make_url(postgres_url).set(database="cli_module").render_as_string(hide_password=False)
        connection.execute(sa.text("DROP DATABASE cli_module WITH (FORCE)"))
    engine.dispose()


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
