"""A secret that stands anywhere in the configuration, in whatever form, appears in nothing that is shown."""

from __future__ import annotations

import copy
import itertools
import re
import sys
import traceback
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._utils.error import serializable_error_info_from_exc_info

from woo_sync_pipeline import definitions as definitions_module
from woo_sync_pipeline.config.settings import CONFIG_ENV, DATABASE_URL_ENV, Settings, load_settings
from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.steps.resources import StateResource
from woo_sync_pipeline_tests.checkout import CHECKOUT
from woo_sync_pipeline_tests.cli.conftest import Command

EXAMPLE = CHECKOUT / "woo_sync.example.yaml"
TOKEN = "q7Rk2vXw9ZbT4mNc8LpF3sHd"
"""As a service hands out."""
WOO_SECRET = "cs_5f2c9a1b7e3d4c6a8b0f1e2d3c4b5a69788796a5"
PASSWORD = "Tr0ub4dor"
"""As a person makes up: nothing tells it from another word."""

KeyPath = tuple[str | int, ...]

# How it may stand there. What is no secret's place and holds a word, such as a name, is shown on purpose: only what
# looks like a secret can be told from one there.
IN_ANY_FORM = (
    "{secret}",
    "'{secret} '",
    "*{secret}",
    "&{secret}",
    "!{secret}",
    "!!int {secret}",
    "!!timestamp {secret}",
    "!!binary {secret}",
    "%{secret}",
    "'${{{secret}}}'",
    "[{secret}]",
    "{{{secret}: x}}",
    "{{a: [{{{secret}: x}}]}}",
    '"{secret}\\n{secret}"',
    "https://shop:{secret}@shop.example.com",
    "https://shop.example.com:{secret}",
    "postgresql://sync:x@{secret}@127.0.0.1:1/sync",
    "postgresql://sync:x:{secret}@127.0.0.1:1/sync",
    "postgresql://sync:x/{secret}@127.0.0.1:1/sync",
    "postgresql://sync:x#{secret}@127.0.0.1:1/sync",
    "postgresql://sync:x%{secret}@127.0.0.1:1/sync",
    "postgresql://sync@127.0.0.1:{secret}/sync",
    "postgresql://sync:{secret}@127.0.0.1:1/sync",
    "redis://:x@{secret}@127.0.0.1:1/0",
    "s3://key:{secret}@bucket/x",
    "nowhere://key:{secret}@bucket/x",
)
AS_WHAT_IS_SHOWN = (
    "https://{secret}.example.com",
    "https://shop.example.com/{secret}",
    "https://shop.example.com?consumer_secret={secret}",
    "postgresql://{secret}@127.0.0.1:1/sync",
    "postgresql://sync@{secret}/sync",
    "postgresql://sync@127.0.0.1:1/{secret}",
    "s3://bucket/{secret}",
)


@cache
def whole_document() -> dict[str, Any]:
    """Every setting there is, in a form that can be used; whoever is asked refuses at once."""
    text = re.sub(
        r"^( {0,6})# ((?:- | *)[a-z_]+:)", r"\1\2", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    values: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{(\w+)\}", r"\1", text))
    del values["celery"]
    source = values["sources"][0]
    source["url"] = values["messagemedia"]["base_url"] = "https://127.0.0.1:1"
    source["use_environment_proxies"] = values["sources"][1]["use_environment_proxies"] = False
    values["sources"][1]["url"] = "https://127.0.0.1:1"
    source["daily_at"] = "02:00"
    values["staging_url"] = "s3://my-bucket/woo-sync-staging"
    values["database_url"] = "postgresql://sync:x@127.0.0.1:1/sync"
    values["alerts"]["webhook_url"] = "https://127.0.0.1:1/x"
    return values


def leaves(values: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    if isinstance(values, dict | list):
        items = values.items() if isinstance(values, dict) else enumerate(values)
        for key, item in items:
            yield from leaves(item, (*path, key))
    else:
        yield path


PATHS = [*leaves(whole_document()), ("celery", "redis_url"), ("celery", "redeliver_after_seconds")]


def with_value(path: KeyPath, written: str) -> str:
    """The document with these characters in the place of a value; of sources it has that one, or the first."""
    values = copy.deepcopy(whole_document())
    if path[0] == "celery":
        values["celery"] = {"redis_url": "redis://127.0.0.1:1/0", "redeliver_after_seconds": 60}
    at: Any = values
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = "WRITTEN_HERE"
    # Of several sources a wrong one would be left out, and the others read.
    values["sources"] = [values["sources"][path[1] if path[0] == "sources" else 0]]
    return _dumped(values).replace("WRITTEN_HERE", written)


def _dumped(values: object) -> str:
    # The dumper of libyaml is ten times as fast, and there are thousands.
    dumped: str = yaml.dump(values, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False)
    return dumped


def shown_by(file: Path) -> str:
    """All that is shown of a configuration when it is read: errors in every form, settings as text."""
    try:
        settings = load_settings(file)
    except WooSyncError as error:
        as_dagster_shows_it = serializable_error_info_from_exc_info(sys.exc_info()).to_string()
        return "\n".join([str(error), repr(error), *traceback.format_exception(error), as_dagster_shows_it])
    return f"{settings!r} {settings} {settings.sources!r} {settings.messagemedia!r} {_refusals(settings)}"


def _refusals(settings: Settings) -> str:
    return " ".join(f"{refused!r} {refused.error} {refused.label}" for refused in settings.refused)


def named(path: KeyPath) -> str:
    return ".".join(map(str, path))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "woo_sync.yaml"


@pytest.mark.parametrize("path", PATHS, ids=named)
def test_reading_the_configuration_shows_no_secret_wherever_it_stands(file: Path, path: KeyPath) -> None:
    leaks = []
    refused = 0
    secrets = itertools.cycle((TOKEN, WOO_SECRET, PASSWORD))
    # Each setting with the same secrets in other forms: all with all take a minute, and find no more.
    next(itertools.islice(secrets, PATHS.index(path) % 3, None))
    for form in IN_ANY_FORM + AS_WHAT_IS_SHOWN:
        secret = next(secrets)
        if form in AS_WHAT_IS_SHOWN and secret == PASSWORD:
            secret = next(secrets)
        written = form.format(secret=secret)
        file.write_text(with_value(path, written), encoding="utf-8")
        shown = shown_by(file)
        refused += "read the configuration" in shown
        if secret in shown:
            leaks.append((written, shown[:400]))
    assert leaks == []
    assert refused > 5


@pytest.mark.parametrize(
    "written",
    [
        "{secret}: x",
        "messagemedia: {{api_key: a, api_key:{secret}, b: c}}",
        "api_secret{secret}: x",
        "{secret}: 1\n{secret}: 2",
        "? [{secret}]\n: 1",
        "{secret}",
        "sources: {secret}",
        "sources: [{secret}]",
        "sources: [{{name: {secret}}}, {{name: {secret}, key: {secret}}}]",
        "a: &a [*a, {secret}]",
        "? &{secret} {{x: 1}}\n: *{secret}",
        "<<: {secret}",
        "a: [{secret}",
        "a: {secret}: b",
        "\t{secret}",
        '"{secret}\\q"',
        "2026-11-01: {secret}",
    ],
)
@pytest.mark.parametrize("secret", [TOKEN, PASSWORD, PASSWORD.lower()])
def test_a_secret_among_the_keys_and_in_what_is_no_document_is_not_shown(
    file: Path, written: str, secret: str
) -> None:
    for whole in (written.format(secret=secret), f"timezone: UTC\n{written.format(secret=secret)}\n"):
        file.write_text(whole, encoding="utf-8")
        shown = shown_by(file)
        assert "read the configuration" in shown
        assert secret not in shown


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("path", PATHS, ids=named)
def test_neither_check_nor_sync_nor_the_code_location_shows_it(
    woo_sync: Command,
    file: Path,
    path: KeyPath,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file.write_text(with_value(path, TOKEN), encoding="utf-8")
    results = [woo_sync("--config", file, command) for command in ("check", "sync")]
    shown = " ".join(result.out + result.err for result in results)
    assert {result.code for result in results} == {1}
    assert "FAIL" in shown
    monkeypatch.setenv(CONFIG_ENV, str(file))
    try:
        definitions_module.definitions()
    except WooSyncError:
        shown += serializable_error_info_from_exc_info(sys.exc_info()).to_string()
    assert TOKEN not in shown + caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://sync:p@Tr0ub4dor@127.0.0.1:1/sync",
        "postgresql://sync@127.0.0.1:Tr0ub4dor/sync",
        "mysql://sync:Tr0ub4dor@127.0.0.1:1/sync",
        "Tr0ub4dor",
    ],
)
def test_the_url_in_the_environment_is_looked_at_as_well(
    woo_sync: Command, file: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = with_value(("timezone",), "UTC")
    file.write_text(re.sub(r"^database_url:.*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
    monkeypatch.setenv(DATABASE_URL_ENV, url)
    state = StateResource(load_settings(file))
    with pytest.raises(WooSyncError) as caught:
        state.database()
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    assert "WOO_SYNC_DATABASE_URL" in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "written", "is_warned"),
    [
        (0o644, "hunter2", True),
        (0o640, "hunter2", False),
        (0o600, "hunter2", False),
        (0o644, "${MM_KEY}", False),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_check_warns_of_secrets_in_a_file_that_everybody_can_read(
    woo_sync: Command, file: Path, mode: int, written: str, is_warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MM_KEY", "hunter2")
    values = {
        "database_url": "postgresql://sync@127.0.0.1:1/sync",
        "messagemedia": {"base_url": "https://127.0.0.1:1", "api_key": written, "api_secret": written},
        "sources": [
            {
                "name": "WooCommerce",
                "key": "woocommerce",
                "url": "https://127.0.0.1:1",
                "consumer_key": written,
                "consumer_secret": written,
                "start_date": "2026-11-01",
                "default_region": "AU",
            }
        ],
    }
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    file.chmod(mode)
    beside = file.with_name(".env")
    beside.write_text("MM_KEY=hunter2\n")
    beside.chmod(mode)
    told = woo_sync("--config", file, "check").lines
    warnings = [line for line in told if line.startswith("warn") and "the secrets in this file" in line]
    assert any(f"the variables in {beside}" in line for line in told) is (mode == 0o644)
    assert bool(warnings) is is_warned
    if is_warned:
        assert "messagemedia.api_key, messagemedia.api_secret, sources[0].consumer_key" in warnings[0]
        assert "chmod 600" in warnings[0]
        assert "hunter2" not in warnings[0]


def test_of_a_failure_that_nobody_foresaw_only_kind_and_place_are_shown(
    woo_sync: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(path: Path) -> None:
        raise ValueError(f"{TOKEN} of {path} is strange")

    monkeypatch.setattr("woo_sync_pipeline.cli.check.load_settings", stumble)
    result = woo_sync("--config", file, "check")
    assert result.code == 1
    assert "error: unexpected ValueError. This is a fault of woo_sync_pipeline" in result.err
    assert "in stumble" in result.err
    assert TOKEN not in result.out + result.err
