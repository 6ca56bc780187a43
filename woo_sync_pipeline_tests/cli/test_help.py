"""`--help` of every command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from woo_sync_pipeline.cli import cli

_PROGRAM = """
import sys
from woo_sync_pipeline.cli import main
sys.argv = ["woo-sync", *sys.argv[1:]]
try:
    main()
finally:
    slow = {"dagster", "pandas", "sqlalchemy", "pyarrow", "aiohttp"} & set(sys.modules)
    print("imported:", *sorted(slow))
"""


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            (),
            [
                "init",
                "discover",
                "check",
                "sync",
                "history",
                "report",
                "explain",
                "consent",
                "forget",
                "demo",
                "--config",
                "--version",
            ],
        ),
        (("check",), ["configuration, database, each store, the platform", "exit code 1"]),
        (
            ("init",),
            [
                "--url",
                "--consumer-key",
                "WOO_KEY",
                "--account",
                "--region",
                "--take-proposal",
                "never overwrites",
            ],
        ),
        (
            ("discover",),
            ["--source", "--all", "--json", "changes nothing and keeps nothing", "masked", "never proposed"],
        ),
        (
            ("sync",),
            ["--source", "--from", "--to", "--incremental", "--dry-run", "always safe", "Exit code 1"],
        ),
        (("history",), ["--source", "--limit", "--json", "newest first"]),
        (("report",), ["SYNC_ID", "--json", "--csv", "--html", "masked"]),
        (
            ("explain",),
            [
                "PERSON",
                "email address",
                "--json",
                "why a contact is as it is",
                "neither a store nor MessageMedia",
            ],
        ),
        (("consent",), ["PHONE", "--since", "--json", "--csv", "when, where and what was chosen", "in full"]),
        (
            ("forget",),
            [
                "PERSON",
                "woocommerce:123",
                "--yes",
                "entries of the ledger of consent",
                "Erase the person in the stores first",
            ],
        ),
        (("demo",), ["--ui", "--port", "--customers", "--orders", "--seed", "--folder", "emptied first"]),
    ],
)
def test_help_says_what_there_is_and_imports_nothing_slow(command: tuple[str, ...], words: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *command, "--help"], capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stderr
    shown = " ".join(result.stdout.split())
    assert [word for word in words if word not in shown] == []
    assert shown.endswith("imported:")


def test_every_command_and_every_shown_option_has_a_help_text() -> None:
    for name, command in cli.commands.items():
        assert command.help, name
        for parameter in command.params:
            record = parameter.to_info_dict()
            if record["param_type_name"] == "option" and not record["hidden"]:
                assert record["help"], f"{name} {parameter.name}"
