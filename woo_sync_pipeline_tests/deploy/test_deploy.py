"""What lies in deploy/: it loads, nothing runs twice or with rights, and no secret is written down."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
import yaml
from sqlalchemy.exc import ProgrammingError

from woo_sync_pipeline.config.settings import DATABASE_URL_ENV
from woo_sync_pipeline.orchestration.instance import DAGSTER_YAML
from woo_sync_pipeline.orchestration.tags import SOURCE_TAG
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.checkout import CHECKOUT
from woo_sync_pipeline_tests.databases import DatabaseServer

DEPLOY = CHECKOUT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def sql(name: str) -> list[str]:
    """The lines of a file that psql reads, without comments: each is a statement, or a command of its own."""
    lines = (DEPLOY / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("--")]


def unit(path: Path) -> RawConfigParser:
    parsed = RawConfigParser(strict=True)
    parsed.optionxform = str  # type: ignore[assignment,method-assign] # systemd's names have capitals
    parsed.read(path, encoding="utf-8")
    return parsed


@pytest.mark.parametrize("name", ["dagster.yaml", "celery/dagster.yaml"])
def test_dagster_works_with_the_settings_on_postgresql(
    name: str, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(DEPLOY / name, tmp_path / "dagster.yaml")
    monkeypatch.setenv(DATABASE_URL_ENV, database_url)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_runs_count() == 0
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds == 24 * 60 * 60
        assert instance.run_retries_max_retries == 2
        assert not instance.run_retries_retry_on_asset_or_op_failure
        assert not instance.telemetry_enabled


def test_every_deployment_runs_the_syncs_of_one_source_one_after_the_other() -> None:
    chart = read("kubernetes/values.yaml")["dagsterDaemon"]["runCoordinator"]["config"][
        "queuedRunCoordinator"
    ]
    own = yaml.safe_load(DAGSTER_YAML)
    configs = [read("dagster.yaml"), read("celery/dagster.yaml"), own]
    limits = [each["run_coordinator"]["config"]["tag_concurrency_limits"] for each in configs]
    for limit in (*limits, chart["tagConcurrencyLimits"]):
        assert limit == [{"key": SOURCE_TAG, "value": {"applyLimitPerUniqueValue": True}, "limit": 1}]


def test_there_is_one_unit_for_each_process_and_one_daemon() -> None:
    commands = [unit(path)["Service"]["ExecStart"].split()[0] for path in UNITS]
    assert sorted(Path(command).name for command in commands) == [
        "dagster",
        "dagster-daemon",
        "dagster-webserver",
    ]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_units_run_without_rights_and_keep_their_files_to_themselves(path: Path) -> None:
    service = unit(path)["Service"]
    assert service["User"] == "woo-sync"
    assert service["UMask"] == "0077"
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "true"
    assert service["CapabilityBoundingSet"] == ""
    assert "0.0.0.0" not in service["ExecStart"]


def test_containers_have_one_daemon_and_are_reached_from_this_machine_only() -> None:
    services = read("compose/compose.yaml")["services"]
    commands = {name: each.get("command", "") for name, each in services.items()}
    assert [name for name, command in commands.items() if command.startswith("dagster-daemon")] == ["daemon"]
    assert "--read-only" in commands["webserver-read-only"]
    ports = [port for each in services.values() for port in each.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert all("healthcheck" in each for each in services.values())
    ours = [each for name, each in services.items() if name != "postgres"]
    assert all(each["read_only"] and each["cap_drop"] == ["ALL"] for each in ours)


def test_only_what_starts_runs_gets_the_keys() -> None:
    services = read("compose/compose.yaml")["services"]
    ours = {name: each for name, each in services.items() if name != "postgres"}
    assert [name for name, each in ours.items() if "env_file" in each] == ["code-server"]
    # Of the code server this takes the superuser's password away again, which stands in the same file.
    assert ours["code-server"]["environment"].pop("POSTGRES_PASSWORD") == ""
    assert all(set(each["environment"]) == {"WOO_SYNC_DATABASE_URL"} for each in ours.values())


def test_the_role_of_the_containers_owns_its_database_and_is_no_superuser(
    postgres: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = read("compose/compose.yaml")["services"]["postgres"]
    assert "POSTGRES_USER" not in service["environment"]
    assert "./database.sql:/docker-entrypoint-initdb.d/database.sql:ro" in service["volumes"]
    variable, *statements = sql("compose/database.sql")
    assert variable == r"\getenv password WOO_SYNC_DATABASE_PASSWORD"
    assert "WOO_SYNC_DATABASE_PASSWORD" in service["environment"]
    try:
        for statement in statements:
            postgres.execute(statement.replace(":'password'", "'letters4nd17digits'"))
        address = sa.make_url(postgres.url)
        own = address.set(username="woo_sync", password="letters4nd17digits", database="woo_sync")
        engine = sa.create_engine(own, poolclass=sa.NullPool)
        rights = "rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
        with engine.begin() as connection:
            row = connection.execute(sa.text(f"SELECT {rights} FROM pg_roles WHERE rolname = current_user"))
            assert tuple(row.one()) == (True, False, False, False, False, False)
        with engine.begin() as connection, pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(sa.text("CREATE ROLE another"))
        state = Database(own.render_as_string(hide_password=False))
        state.migrate()
        state.close()
        monkeypatch.setenv(DATABASE_URL_ENV, own.render_as_string(hide_password=False))
        with dg.DagsterInstance.from_config(str(DEPLOY)) as instance:
            assert instance.get_runs_count() == 0
    finally:
        postgres.execute("DROP DATABASE IF EXISTS woo_sync WITH (FORCE)")
        postgres.execute("DROP ROLE IF EXISTS woo_sync")


@pytest.mark.parametrize("name", ["dagster.yaml", "celery/dagster.yaml"])
def test_no_run_leaves_a_file_in_the_home_of_dagster(name: str) -> None:
    assert read(name)["compute_logs"]["class"] == "NoOpComputeLogManager"


def test_the_chart_makes_no_password_of_its_own_and_forgets_ticks() -> None:
    values = read("kubernetes/values.yaml")
    assert values["generatePostgresqlPasswordSecret"] is False
    assert values["retention"]["enabled"]
    custom = values["computeLogManager"]["config"]["customComputeLogManager"]
    assert custom["class"] == "NoOpComputeLogManager"


def test_a_code_server_on_kubernetes_can_be_reloaded_and_has_a_home_of_dagster_for_commands() -> None:
    (deployment,) = read("kubernetes/values.yaml")["dagster-user-deployments"]["deployments"]
    assert deployment["codeServerArgs"] == ["-m", "woo_sync_pipeline.definitions"]
    assert "dagsterApiGrpcArgs" not in deployment
    image = (DEPLOY / "compose" / "Dockerfile").read_text(encoding="utf-8")
    (home,) = re.findall(r"DAGSTER_HOME=(\S+)", image)
    (mounted,) = [Path(each["mountPath"]) for each in deployment["volumeMounts"]]
    assert mounted not in Path(home, "dagster.yaml").parents
    assert deployment["env"] == [{"name": "WOO_SYNC_CONFIG", "value": f"{mounted}/woo_sync.yaml"}]
    assert f"env DAGSTER_HOME={home} woo-sync" in (DEPLOY / "README.md").read_text(encoding="utf-8")


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd-analyze is not installed")
    for path in UNITS:
        # It looks whether the command is there.
        text = path.read_text(encoding="utf-8").replace("/opt/woo-sync/bin/", f"{tmp_path}/")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
        command = tmp_path / Path(unit(path)["Service"]["ExecStart"].split()[0]).name
        command.write_text("#!/bin/sh\n")
        command.chmod(0o755)
    units = [str(tmp_path / path.name) for path in UNITS]
    done = subprocess.run([verify, "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_of_a_checkout_only_what_the_image_needs_is_sent_to_its_build() -> None:
    root = DEPLOY.parent
    everything, *wanted = [
        line
        for line in (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert everything == "*"
    sent = {line.removeprefix("!/") for line in wanted if line.startswith("!/")}
    assert all((root / name).exists() for name in sent)
    last_stage = (DEPLOY / "compose" / "Dockerfile").read_text(encoding="utf-8").rpartition("FROM ")[2]
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", last_stage, re.MULTILINE)
    assert {name for names in copied for name in names.split()} < sent
    assert {"pyproject.toml", "setup.py", "README.md", "constraints.txt", "woo_sync_pipeline"} < sent
    assert not any("env" in name or "woo_sync.yaml" in name for name in sent)


def test_the_image_does_not_run_as_root() -> None:
    last_stage = (DEPLOY / "compose" / "Dockerfile").read_text().rpartition("FROM ")[2]
    assert re.search(r"^USER woo-sync$", last_stage, re.MULTILINE)


def test_containers_and_code_servers_agree_on_the_port() -> None:
    (place,) = read("compose/workspace.yaml")["load_from"]
    assert (
        f"-p {place['grpc_server']['port']}"
        in read("compose/compose.yaml")["services"]["code-server"]["command"]
    )
    (place,) = read("systemd/workspace.yaml")["load_from"]
    code_server = unit(DEPLOY / "systemd" / "woo-sync-code-server.service")["Service"]["ExecStart"]
    assert code_server.endswith(f"-h {place['grpc_server']['host']} -p {place['grpc_server']['port']}")


def test_no_secret_is_written_down() -> None:
    """Whatever is called a password, key or secret comes from a variable or from a secret of the platform."""
    secret = re.compile(r"(?i)\b[\w-]*(?:password|secret|api_key|_key)\b\s*[:=](?!\?)\s*(?P<value>[^\s#]+)")
    for path in (
        each for each in DEPLOY.rglob("*") if each.is_file() and each.suffix in (".yaml", ".service")
    ):
        for found in secret.finditer(path.read_text(encoding="utf-8")):
            is_named = found["value"].startswith(("${", "woo-sync", "false"))
            assert is_named or found["value"] == '""', f"{path.name}: {found[0]}"
    for path in DEPLOY.rglob("*.sql"):
        written = re.findall(r"(?i)\bpassword\s+(?!WOO_SYNC_)(\S+)", path.read_text(encoding="utf-8"))
        assert written == [":'password';"], path.name
