"""Reading a YAML file so that every complaint about it can name the line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from woo_sync_pipeline.config_environment import ENV_FILE, Variables
from woo_sync_pipeline.errors import ConfigurationError

KeyPath = tuple[str | int, ...]

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# The parser of libyaml is ten times as fast, which counts with hundreds of stores in one file.
_YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, and what to write instead."""

    key_path: KeyPath
    message: str


@dataclass(frozen=True)
class ConfigDocument:
    """The values of a configuration file and the line of each key."""

    path: Path
    values: Any
    lines: Mapping[KeyPath, int]
    problems: Sequence[Problem] = ()
    """What is wrong whatever the keys mean: a key that is there twice, a variable that is not set."""

    def has(self, key_path: KeyPath) -> bool:
        """Whether the file has a key of this path."""
        return key_path in self.lines

    def error(self, problems: Iterable[Problem]) -> ConfigurationError:
        """One exception that lists all problems, each with line and path of the key."""
        return _error(self.path, self.places(problems))

    def places(self, problems: Iterable[Problem]) -> str:
        """All problems as text, each with line and path of the key."""
        return "; ".join(f"{self._place(problem.key_path)}: {problem.message}" for problem in problems)

    def _place(self, key_path: KeyPath) -> str:
        known = key_path
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known, 1)
        return f"line {line}, {_written(key_path)}"


def read_document(path: Path) -> ConfigDocument:
    """Read a YAML file and put variables of the environment, or of `.env` beside it, in the place of `${NAME}`.

    Raises `ConfigurationError` when it is missing, unreadable, no YAML or holds no keys. Keys that are there twice
    and variables that are not set are `problems` of the document.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            source=str(path),
            tried="read the configuration",
            got="there is no such file",
            next_step="Run `woo-sync init`, which asks for what it must know and writes it. Or: "
            "Copy woo_sync.example.yaml, fill it in, and let WOO_SYNC_CONFIG name it; "
            "or try `woo-sync demo`, which needs no configuration.",
        ) from None
    except (OSError, UnicodeDecodeError) as unreadable:
        raise _error(path, f"it cannot be read ({type(unreadable).__name__})") from unreadable
    try:
        loader = _YamlLoader(text)
        root = loader.get_single_node()
        values = loader.construct_document(root) if root is not None else None
    except yaml.MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else 1
        raise _error(path, f"line {line}: this is no YAML: {broken.problem}") from None
    except yaml.YAMLError as broken:
        raise _error(path, "this is no YAML") from broken
    lines: dict[KeyPath, int] = {(): 1}
    problems: list[Problem] = []
    if root is not None:
        _index(root, (), lines, problems)
    document = ConfigDocument(path, values, lines)
    values = _with_variables(values, (), problems, Variables(path.parent))
    if not isinstance(values, dict):
        problems.append(Problem((), "the file must hold keys and values. See woo_sync.example.yaml"))
        raise document.error(problems)
    return ConfigDocument(path, values, lines, problems)


def _error(path: Path, got: str) -> ConfigurationError:
    return ConfigurationError(
        source=str(path),
        tried="read the configuration",
        got=got,
        next_step="Mend the file and try again; woo_sync.example.yaml explains every key.",
    )


def _index(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], problems: list[Problem]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key_path = (*path, key_node.value)
            if key_path in lines:
                problems.append(Problem(key_path, "this key is there twice. Keep one of them"))
            lines[key_path] = key_node.start_mark.line + 1
            _index(value_node, key_path, lines, problems)
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            lines[*path, position] = item.start_mark.line + 1
            _index(item, (*path, position), lines, problems)


def _with_variables(value: Any, path: KeyPath, problems: list[Problem], variables: Variables) -> Any:
    if isinstance(value, dict):
        return {key: _with_variables(item, (*path, key), problems, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [
            _with_variables(item, (*path, position), problems, variables)
            for position, item in enumerate(value)
        ]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _variable(found.group(1), path, problems, variables), value)
    return value


def _variable(name: str, path: KeyPath, problems: list[Problem], variables: Variables) -> str:
    if not _VARIABLE_NAME.fullmatch(name):
        problems.append(Problem(path, "write ${NAME} with letters, digits and underscores"))
        return ""
    value = variables.get(name)
    if value is None:
        beside = f", nor is it in {ENV_FILE} beside this file" if variables.exists else ""
        unread = f" ({variables.unread})" if variables.unread else ""
        problems.append(
            Problem(
                path,
                f"the environment variable {name} is not set{beside}{unread}. Set it, or write the value here",
            )
        )
    return value or ""


def _written(key_path: KeyPath) -> str:
    text = ""
    for part in key_path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "top level"
