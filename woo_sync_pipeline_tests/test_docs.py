"""What is written for people leads somewhere, and says of the code what is so."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from woo_sync_pipeline_tests.checkout import CHECKOUT

PACKAGE = CHECKOUT / "woo_sync_pipeline"
PAGES = [
    *sorted(CHECKOUT.glob("*.md")),
    *sorted((CHECKOUT / "docs").glob("*.md")),
    *sorted((CHECKOUT / "deploy").rglob("*.md")),
]
ARCHITECTURE = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The files, and the headings in them, to which a page leads within this project."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            name, _, heading = target.partition("#")
            yield (page.parent / name).resolve() if name else page, heading


def headings(page: Path) -> set[str]:
    """The headings of a page, as they stand in links."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = [
        f"{target.name}#{heading}"
        for target, heading in links(page)
        if not target.exists() or (heading and heading not in headings(target))
    ]
    assert dead == []


def test_the_page_on_the_architecture_names_what_there_is() -> None:
    written = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:/|\.py))`", ARCHITECTURE))
    assert len(written) > 40
    names = {path.name for path in PACKAGE.rglob("*.py")}
    gone = [
        each
        for each in written
        if not any((root / each).exists() for root in (PACKAGE, CHECKOUT)) and each not in names
    ]
    assert gone == []
    # A folder of an older version may be left with nothing but what Python has compiled.
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert len(rooms) > 10
    assert {room for room in rooms if f"`{room}/`" not in ARCHITECTURE} == set()


def test_the_page_on_the_architecture_has_the_layers_that_are_proven(project: dict[str, Any]) -> None:
    contract = next(each for each in project["tool"]["importlinter"]["contracts"] if each["type"] == "layers")
    proven = [sorted(re.split(r" [|:] ", layer)) for layer in contract["layers"]]
    block = ARCHITECTURE.partition("Who may import whom:\n\n")[2].partition("\n\n")[0]
    assert [sorted(line.strip().split(", ")) for line in block.splitlines()] == proven


def test_the_version_stands_in_one_place(project: dict[str, Any]) -> None:
    assert version("woo_sync_pipeline") == project["project"]["version"]
    in_code = [
        path for path in PACKAGE.rglob("*.py") if f'"{project["project"]["version"]}"' in path.read_text()
    ]
    assert in_code == []
    assert f"## [{project['project']['version']}]" in (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_hooks_of_a_commit_are_the_checks_of_make_lint_and_fetch_nothing() -> None:
    hooks = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in hooks["repos"]] == ["local"]
    tools = [hook["entry"].split()[0].rpartition("/")[2] for hook in hooks["repos"][0]["hooks"]]
    lint = (CHECKOUT / "Makefile").read_text(encoding="utf-8").partition("\nlint: ")[2].partition("\n\n")[0]
    assert tools == re.findall(r"\$\(BIN\)/([\w-]+)", lint)
