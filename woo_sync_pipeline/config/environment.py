"""The variables that a configuration may name: those of the environment, else those of the file `.env` beside it."""

from __future__ import annotations

import os
import re
from pathlib import Path

ENV_FILE = ".env"

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")
_QUOTED = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")


class Variables:
    """Variables by name. The environment comes first; `.env` is read when it lacks something for the first time.

    That file has a line `NAME=value` for each, with the value in quotes where it has more than letters, digits and
    `_./:@%+,=-`, as shells, systemd and Docker read it too. What it is for is one machine and a first try: where
    services run, their environment has the variables.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / ENV_FILE
        self._beside: dict[str, str] | None = None
        self.unread = ""
        """What is wrong with the file, without anything that stands in it; "" for nothing."""

    def get(self, name: str) -> str | None:
        """The value of a variable, None where it is nowhere."""
        if name in os.environ:
            return os.environ[name]
        if self._beside is None:
            self._beside = self._read()
        return self._beside.get(name)

    @property
    def exists(self) -> bool:
        """Whether there is such a file."""
        return self.file.is_file()

    def _read(self) -> dict[str, str]:
        if not self.exists:
            return {}
        try:
            lines = self.file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as unreadable:
            self.unread = f"it cannot be read ({type(unreadable).__name__})"
            return {}
        found: dict[str, str] = {}
        for number, line in enumerate(lines, start=1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            entry = _LINE.fullmatch(text)
            value = None if entry is None else _unquoted(entry["value"])
            if entry is None or value is None:
                self.unread = self.unread or f"its line {number} is not written as NAME=value"
            else:
                found[entry["name"]] = value
        return found


def env_line(name: str, value: str) -> str:
    """One line of such a file. Raises ValueError for a value of more than one line, which none can hold."""
    if not value.isprintable():
        raise ValueError(f"the value of {name} holds line breaks or control characters")
    if _PLAIN.fullmatch(value):
        return f"{name}={value}"
    if "'" not in value:
        return f"{name}='{value}'"
    escaped = re.sub(r"([\"\\$`])", r"\\\1", value)
    return f'{name}="{escaped}"'


def _unquoted(text: str) -> str | None:
    """The value that is written so; None where a quote is not closed or something stands behind it."""
    if not text.startswith(("'", '"')):
        # As in shells a comment begins behind a blank.
        return re.split(r"\s#", text, maxsplit=1)[0].rstrip()
    quoted = _QUOTED.match(text)
    if quoted is None or not re.fullmatch(r"\s*(?:#.*)?", text[quoted.end() :]):
        return None
    if quoted["single"] is not None:
        return quoted["single"]
    return re.sub(r"\\([\"\\$`])", r"\1", quoted["double"])
