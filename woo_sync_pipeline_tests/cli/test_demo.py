"""`woo-sync demo` from beginning to end."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from woo_sync_pipeline_tests.cli.conftest import Command
from woo_sync_pipeline_tests.cli.processes import environment, processes_of

CHANGES = {
    "a customer changes her name": "updated: first_name",
    "a customer opts out at the checkout": "updated: unsubscribed",
    "a guest buys something and opts in": "new: created",
    "a customer gets the tag Summer sale": "updated: groups",
    "a mistyped phone is corrected": "new: created",
    "a customer is deleted": "updated: source, groups",
    "a profile gets another name": "updated: first_name",
    "somebody joins the list VIP": "updated: groups",
    "somebody subscribes in a form": "updated: subscribed",
    "somebody unsubscribes": "updated: unsubscribed",
    "a form brings somebody new": "new: created",
    "a customer's profile is deleted": "updated: source, groups",
}


def test_the_demo_sends_nothing_twice_and_of_the_second_day_exactly_its_changes(
    demo_folder: Path, tmp_path: Path
) -> None:
    script = str(Path(sys.executable).parent / "woo-sync")
    size = ["--customers", "60", "--orders", "40", "--profiles", "60"]

    demo = subprocess.run(
        [script, "demo", *size, "--folder", str(demo_folder)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        cwd=tmp_path,
    )

    assert (demo.returncode, demo.stderr) == (0, ""), demo.stdout
    assert "Warning" not in demo.stdout
    assert "Requests that write to MessageMedia: 0" in demo.stdout
    shown = [line for line in demo.stdout.splitlines() if line.endswith("  ok  ")]
    assert len(shown) == len(CHANGES) + len(("who is in both", "who left one"))
    for what, sent in CHANGES.items():
        (line,) = (line for line in shown if what in line)
        assert sent in line
    both, one = (lists_below(line, demo.stdout) for line in ("Each is one contact", "Who left Klaviyo"))
    assert both[:2] == [one[0], "Klaviyo, WooCommerce"]
    assert {"Klaviyo", "Klaviyo - Newsletter", "WooCommerce"} <= set(both[2:])
    assert one[1:] == ["WooCommerce", *(each for each in both[2:] if "Klaviyo" not in each)]
    in_both = re.search(r"^(\d+) people are in the store and in Klaviyo\.", demo.stdout, re.MULTILINE)
    assert in_both is not None
    assert 0 < int(in_both[1]) < 60
    assert demo.stdout.splitlines()[-1] == "Exactly these changes were sent. Everything is stopped."
    assert "WRONG" not in demo.stdout
    assert "\x1b" not in demo.stdout
    assert processes_of(demo_folder) == []


def lists_below(line: str, shown: str) -> list[str]:
    """The cells of the one contact in the table below a line: its phone, its label, its lists."""
    _, _, below = shown.partition(line)
    rows = re.split(r"─ *\n", below, maxsplit=1)[1].splitlines()
    table = list(takewhile(str.strip, rows))
    return [cell for row in table for cell in re.split(r" {2,}", row.strip()) if cell != "ok"]


def test_the_demo_does_not_empty_a_folder_that_is_not_its_own(woo_sync: Command, tmp_path: Path) -> None:
    keepsake = tmp_path / "keepsake.txt"
    keepsake.write_text("important")

    result = woo_sync("demo", "--folder", tmp_path)

    assert result.code == 1
    assert "something is in it that is not from a demo" in result.err
    assert keepsake.read_text() == "important"


@pytest.mark.parametrize(
    "size", [["--customers", "3"], ["--orders", "0"], ["--profiles", "9"], ["--port", "0"]]
)
def test_a_demo_too_small_to_show_anything_is_a_usage_error(woo_sync: Command, size: list[str]) -> None:
    assert woo_sync("demo", *size).code == 2
