"""The database role that docs/operations.md describes can do its work, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError, ProgrammingError

from woo_sync_pipeline.config.settings import DATABASE_URL_ENV
from woo_sync_pipeline.orchestration.instance import DAGSTER_YAML
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.checkout import CHECKOUT
from woo_sync_pipeline_tests.databases import DatabaseServer

DOCUMENT = CHECKOUT / "docs" / "operations.md"
ROLE = "woo_sync"


def documented(title: str) -> list[str]:
    """The statements of the SQL block whose first line is a comment with this title."""
    blocks = re.findall(r"```sql\n-- (.*?)\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [statements for name, statements in blocks if name == title]
    return [each.strip() for each in found.split(";") if each.strip()]


@dataclass(frozen=True)
class Role:
    """The database of the document, as an administrator and as the role that is to use it."""

    administrator: str
    url: str


@pytest.fixture
def role(postgres: DatabaseServer) -> Iterator[Role]:
    for statement in documented("the role of the state"):
        postgres.execute(statement)
    try:
        address = sa.make_url(postgres.url).set(database="woo_sync")
        own = address.set(username=ROLE, password="...")
        yield Role(*(each.render_as_string(hide_password=False) for each in (address, own)))
    finally:
        postgres.execute("DROP DATABASE woo_sync WITH (FORCE)")
        postgres.execute(f"DROP ROLE {ROLE}")


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        result = connection.execute(sa.text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def test_the_role_makes_and_uses_its_schema_and_can_do_nothing_else(
    role: Role, postgres: DatabaseServer
) -> None:
    database = Database(role.url)
    with database.transaction() as connection:
        connection.execute(sa.text("CREATE TEMPORARY TABLE t ON COMMIT DROP AS SELECT 1"))
    assert not database.is_claimed("source shop")
    database.close()

    rights = "rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
    (row,) = execute(role.administrator, f"SELECT {rights} FROM pg_roles WHERE rolname = '{ROLE}'")
    assert row == (False,) * 5
    owned = "SELECT nspname FROM pg_namespace JOIN pg_roles r ON r.oid = nspowner WHERE rolname = 'woo_sync'"
    assert execute(role.administrator, owned) == [("woo_sync",)]
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(role.url, "CREATE TABLE public.t (x int)")
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(role.url, "CREATE ROLE another")


def test_nobody_else_comes_into_its_database(role: Role, postgres: DatabaseServer) -> None:
    postgres.execute("CREATE ROLE somebody LOGIN")
    try:
        url = sa.make_url(role.url).set(username="somebody").render_as_string(hide_password=False)
        with pytest.raises(OperationalError, match="permission denied for database"):
            execute(url, "SELECT 1")
    finally:
        postgres.execute("DROP ROLE somebody")


@pytest.mark.parametrize("state_is_first", [False, True])
def test_with_one_right_more_dagster_keeps_its_runs_beside_the_state(
    role: Role, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, state_is_first: bool
) -> None:
    for statement in documented("the role of Dagster's storage"):
        execute(role.administrator, statement)
    (tmp_path / "dagster.yaml").write_text(DAGSTER_YAML)
    monkeypatch.setenv(DATABASE_URL_ENV, role.url)
    if state_is_first:
        Database(role.url).migrate()
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_runs_count() == 0
    Database(role.url).migrate()
