"""What all tests share: one embedded PostgreSQL, a fresh database for each test that asks for one."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.embedded import EmbeddedPostgres

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A running PostgreSQL with an empty database `template_state` whose schema is up to date."""
    # Not below pytest's own folder: as root the server runs as another user, and a second pytest run at the same
    # time would shut that user out of it.
    with (
        tempfile.TemporaryDirectory(prefix="woo_sync_tests_") as folder,
        EmbeddedPostgres(Path(folder) / "data") as server,
    ):
        url = sa.make_url(server.url)
        _execute(server.url, "CREATE DATABASE template_state")
        template = Database(url.set(database="template_state").render_as_string(hide_password=False))
        template.migrate()
        template.close()
        yield server.url


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """URL of a database of one's own with an empty, up-to-date state."""
    name = f"test_{next(_numbers)}"
    _execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE template_state")
    yield sa.make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    _execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty state."""
    state = Database(database_url)
    yield state
    state.close()


@pytest.fixture
def shared() -> Path:
    """The folder with recordings and API descriptions beside the checkout; without it the test is skipped."""
    folder = Path(__file__).resolve().parents[1].parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder `shared` with recorded answers is not beside the checkout")
    return folder


def _execute(url: str, statement: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
