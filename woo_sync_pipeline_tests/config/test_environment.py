"""The file `.env` beside a configuration: what it may look like, and that shells read it alike."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.config.document import read_document
from woo_sync_pipeline.config.environment import ENV_FILE, Variables, env_line

VALUES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp", "Zs"], include_characters=" ")
)


def beside(folder: Path, text: str) -> Variables:
    (folder / ENV_FILE).write_text(text, encoding="utf-8")
    return Variables(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for many cases, each of which writes the file anew."""
    return tmp_path_factory.mktemp("env")


@given(value=VALUES)
def test_what_is_written_is_read_again(folder: Path, value: str) -> None:
    variables = beside(folder, env_line("A_SECRET", value) + "\n")
    assert variables.get("A_SECRET") == value
    assert variables.unread == ""


@pytest.mark.parametrize(
    "value",
    ["plain", "", " two  words ", "it's", 'say "x"', "$HOME `id` \\n 'x'", "a#b", "a #b", "~/x", "é&|;<>*?"],
)
def test_a_shell_reads_it_alike(tmp_path: Path, value: str) -> None:
    variables = beside(tmp_path, env_line("A_SECRET", value) + "\n")
    shown = subprocess.run(
        ["sh", "-c", '. ./.env; printf %s "$A_SECRET"'], cwd=tmp_path, capture_output=True, check=True
    )
    assert shown.stdout.decode() == value == variables.get("A_SECRET")


def test_lines_as_people_write_them(tmp_path: Path) -> None:
    variables = beside(
        tmp_path, '# keys\n\nexport A=1\nB = two words # why\nC=\'x # y\'  # z\nD="a\\"b"\nE=\nF=a=b==\nA=2\n'
    )
    assert [variables.get(name) for name in "ABCDEFG"] == [
        "2",
        "two words",
        "x # y",
        'a"b',
        "",
        "a=b==",
        None,
    ]
    assert variables.unread == ""


@pytest.mark.parametrize(
    "line", ["A secret", "=secret", "1A=secret", "A='secret", 'A="secret" more', "A='se'cret'"]
)
def test_a_line_that_is_none_is_told_by_its_number_alone(tmp_path: Path, line: str) -> None:
    beside(tmp_path, f"B=1\n{line}\n")
    config = tmp_path / "woo_sync.yaml"
    config.write_text("one: ${B}\ntwo: ${A}\n")
    document = read_document(config)
    assert document.values == {"one": "1", "two": ""}
    (problem,) = document.problems
    assert "A is not set, nor is it in .env beside this file (its line 2 is not written as NAME=value)" in (
        problem.message
    )
    assert "secret" not in problem.message


def test_the_environment_comes_first_and_without_the_file_nothing_is_said_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "shell")
    assert beside(tmp_path, "A_SECRET=file\nB_SECRET=file\n").get("A_SECRET") == "shell"
    assert Variables(tmp_path).get("B_SECRET") == "file"
    (tmp_path / ENV_FILE).unlink()
    config = tmp_path / "woo_sync.yaml"
    config.write_text("a: ${B_SECRET}\n")
    (problem,) = read_document(config).problems
    assert problem.message.startswith("the environment variable B_SECRET is not set. ")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ENV_FILE).write_bytes(b"A=\xff\xfe")
    variables = Variables(tmp_path)
    assert variables.get("A") is None
    assert variables.unread == "it cannot be read (UnicodeDecodeError)"


def test_a_value_of_several_lines_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="line breaks"):
        env_line("A", "x\ny")
