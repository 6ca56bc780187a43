"""Files and functions are short enough to be held in the head; a longer one usually hides two ideas."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from woo_sync_pipeline_tests.checkout import CHECKOUT

PACKAGE = CHECKOUT / "woo_sync_pipeline"
MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 50

STILL_LONGER_FILES = {
    "state/records.py",
    "state/staging.py",
}
STILL_LONGER_FUNCTIONS = {
    "contacts/choices.py: date_choices",
    "demo/scenario.py: play_second_day",
    "demo/store/generate.py: generate_store",
    "demo/store/rows.py: order_builders",
    "orchestration/alert_sensors.py: alert_sensors",
    "orchestration/sync_asset.py: asset_of",
    "state/records.py: commit_reading",
}


def modules() -> Iterator[tuple[str, Path]]:
    """All modules by their path in the package. What a migration does once is told from top to bottom in one go."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith("state/migrations/versions/"):
            yield name, path


def lines_of_functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_no_file_is_longer_than_300_lines_but_those_that_are_named() -> None:
    longer = {
        name
        for name, path in modules()
        if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES_OF_A_FILE
    }
    assert longer == STILL_LONGER_FILES


def test_no_function_is_longer_than_50_lines_but_those_that_are_named() -> None:
    longer = {
        f"{name}: {function}"
        for name, path in modules()
        for function, lines in lines_of_functions(path)
        if lines > MOST_LINES_OF_A_FUNCTION
    }
    assert longer == STILL_LONGER_FUNCTIONS
