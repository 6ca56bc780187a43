"""A kind of source of another package, as docs/sources.md shows it: from its entry point to its contacts."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from woo_sync_pipeline.demo.platform import DemoPlatform
from woo_sync_pipeline_tests.checkout import CHECKOUT
from woo_sync_pipeline_tests.databases import DatabaseServer

PAGE = (CHECKOUT / "docs" / "sources.md").read_text("utf-8")
_PROGRAM = "from woo_sync_pipeline.cli import main; main()"
MOST_LINES = 150
ANN, BOB = "+61491570006", "+61491570156"
PEOPLE = [
    ["ann-1", "0491 570 006", "AU", "Ann", "Lee", "ann@example.com", "yes", "Gold;Walkers"],
    ["bob-2", "+61491570156", "", "Bob", "Oh", "bob@example.com", "no", ""],
    ["cy-3", "12", "AU", "Cy", "Short", "cy@example.com", "yes", ""],
]
Command = Callable[..., subprocess.CompletedProcess[str]]


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.S | re.M)
    return str(found)


def write_people(folder: Path, people: list[list[str]]) -> None:
    with (folder / "members.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "phone", "country", "first_name", "last_name", "email", "sms", "groups"])
        writer.writerows(people)


@pytest.fixture
def platform() -> Iterator[DemoPlatform]:
    with DemoPlatform() as running:
        yield running


@pytest.fixture
def database_url(postgres: DatabaseServer, template_dagster: str) -> Iterator[str]:
    """URL of a database with an empty state and Dagster's empty tables."""
    with postgres.database(template=template_dagster) as url:
        yield url


@pytest.fixture
def command(tmp_path: Path, platform: DemoPlatform, database_url: str) -> Command:
    """`woo-sync` of a machine on which the package of the page is installed."""
    (tmp_path / "csv_source.py").write_text(block("python"))
    metadata = tmp_path / "csv_source-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: csv-source\nVersion: 1.0\n")
    named = re.sub(r'\[project\.entry-points\."(.*?)"\]', r"[\1]", block("toml")).replace('"', "")
    (metadata / "entry_points.txt").write_text(named)
    (source,) = yaml.safe_load(block("yaml"))["sources"]
    account = {"base_url": platform.url, "api_key": platform.api_key, "api_secret": platform.api_secret}
    values = {
        "database_url": database_url,
        "messagemedia": account,
        "sources": [{**source, "file": str(tmp_path / source["file"])}],
    }
    (tmp_path / "woo_sync.yaml").write_text(yaml.safe_dump(values))
    write_people(tmp_path, PEOPLE)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", _PROGRAM, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(tmp_path)])},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_it_is_short() -> None:
    assert len(block("python").splitlines()) < MOST_LINES


def test_people_of_a_file_become_contacts_and_leave_again(
    command: Command, platform: DemoPlatform, tmp_path: Path
) -> None:
    checked = command("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "members.csv, 3 people" in checked.stdout

    first = command("sync")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "too_short" in first.stdout
    known = platform.directory.snapshot()
    assert known.keys() == {ANN, BOB}
    assert known[ANN]["first_name"] == "Ann"
    assert known[ANN]["custom_fields"] == {"source": "Members", "email": "ann@example.com"}
    assert sorted(known[ANN]["lists"]) == ["Members", "Members - Gold", "Members - Walkers"]
    assert [set(known[phone]["states"].values()) for phone in (ANN, BOB)] == [
        {"SUBSCRIBED"},
        {"UNSUBSCRIBED"},
    ]

    before = platform.requests.writes
    again = command("sync")
    assert again.returncode == 0, again.stdout + again.stderr
    assert platform.requests.writes == before
    assert platform.directory.snapshot() == known

    write_people(tmp_path, [PEOPLE[0], PEOPLE[2]])
    gone = command("sync")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    left = platform.directory.snapshot()
    assert left[ANN] == known[ANN]
    assert (left[BOB]["lists"], left[BOB]["custom_fields"].get("source")) == ([], None)


def test_a_file_that_cannot_be_read_is_no_empty_source(command: Command, tmp_path: Path) -> None:
    assert command("sync").returncode == 0
    (tmp_path / "members.csv").write_text("")
    failed = command("sync")
    assert failed.returncode == 1
    assert "it cannot be read (EmptyDataError)" in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr
