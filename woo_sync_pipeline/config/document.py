"""Reading a YAML file so that every complaint about it can name the line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import yaml

from woo_sync_pipeline.config.environment import ENV_FILE, Variables
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.privacy import looks_like_secret

KeyPath = tuple[str | int, ...]

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_PLAIN_KEY = re.compile(r"[a-z_]{1,40}")
_ENVIRONMENT_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_MOST_NODES = 250_000
"""Far beyond what hundreds of stores need: anchors that are used within anchors would fill the memory."""
_DEEPEST = 40

# The parser of libyaml is ten times as fast, which counts with hundreds of stores in one file.
_FastLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _YamlLoader(_FastLoader):  # type: ignore[misc, valid-type]
    """Leaves what looks like a date or a number and is not one as the text that it is.

    It is refused with its line and path where another type is due; the loader's own error would quote it.
    """


def _or_text(construct: Callable[[Any, yaml.ScalarNode], Any]) -> Callable[[Any, yaml.ScalarNode], Any]:
    def constructed(loader: Any, node: yaml.ScalarNode) -> Any:
        try:
            return construct(loader, node)
        except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError, yaml.YAMLError):
            return str(node.value)

    return constructed


for _kind in ("bool", "int", "float", "timestamp", "binary"):
    _tag = f"tag:yaml.org,2002:{_kind}"
    _YamlLoader.add_constructor(_tag, _or_text(yaml.SafeLoader.yaml_constructors[_tag]))


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
    literals: Mapping[KeyPath, str] = field(default_factory=dict, repr=False)
    """Texts that stand in the file as they are, without a variable."""
    known_keys: frozenset[str] = frozenset()
    """Names that may be shown; any other key may be a secret that was put into the wrong place."""

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
        return f"line {line}, {self.written(key_path)}"

    def written(self, key_path: KeyPath) -> str:
        """The path of a key as text; of a key that is not known only what resembles a known one."""
        text = ""
        for at, part in enumerate(key_path):
            if isinstance(part, int):
                text += f"[{part}]" if key_path[: at + 1] in self.lines else "[•••]"
            else:
                text += f"{'.' if text else ''}{part if self._is_harmless(part) else '•••'}"
        return text or "top level"

    def _is_harmless(self, key: str) -> bool:
        if key in self.known_keys:
            return True
        return _PLAIN_KEY.fullmatch(key) is not None and any(
            len(key) <= len(known) + 3 and SequenceMatcher(None, key, known).ratio() >= 0.5
            for known in self.known_keys
        )


def read_document(path: Path, *, known_keys: frozenset[str] = frozenset()) -> ConfigDocument:
    """Read a YAML file and put variables of the environment, or of `.env` beside it, in the place of `${NAME}`.

    Raises `ConfigurationError` when it is missing, unreadable, no YAML or holds no keys; it repeats nothing of what
    stands there. Keys that are there twice and variables that are not set are `problems` of the document.
    `known_keys` are the names that such a problem may show.
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
        raise _error(path, f"it cannot be read ({type(unreadable).__name__})") from None
    try:
        values, lines, problems = _parsed(text)
    except yaml.MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else 1
        raise _error(path, f"line {line}: this is no YAML: {_without_quotes(broken.problem)}") from None
    except yaml.YAMLError:
        raise _error(path, "this is no YAML") from None
    except _TooMuchError as refused:
        raise _error(path, f"line {refused.line}: {refused}") from None
    literals: dict[KeyPath, str] = {}
    values = _with_variables(values, (), problems, Variables(path.parent), literals)
    document = ConfigDocument(path, values, lines, problems, literals, known_keys)
    if not isinstance(values, dict):
        problems.append(Problem((), "the file must hold keys and values. See woo_sync.example.yaml"))
        raise document.error(problems)
    return document


class _TooMuchError(Exception):
    """The document cannot be a configuration, whatever it says."""

    def __init__(self, message: str, at: yaml.Node | yaml.Event) -> None:
        super().__init__(message)
        self.line = at.start_mark.line + 1 if at.start_mark else 1


def _parsed(text: str) -> tuple[Any, dict[KeyPath, int], list[Problem]]:
    """The values, the lines of the keys, and what is wrong with the keys."""
    lines: dict[KeyPath, int] = {(): 1}
    problems: list[Problem] = []
    _check_depth(text)
    loader = _YamlLoader(text)
    root = loader.get_single_node()
    if root is None:
        return None, lines, problems
    # Before anything is made of it: merging changes the nodes, and an anchor within itself has no end.
    _index(root, (), lines, problems)
    return loader.construct_document(root), lines, problems


def _check_depth(text: str) -> None:
    """Refuse what is nested so deeply that the composer of libyaml would end the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_YamlLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise _TooMuchError("this is nested too deeply for a configuration", event)


def _without_quotes(problem: str | None) -> str:
    """What the parser says, without the text of the file that it quotes."""
    said, quote, _ = (problem or "its form cannot be read").replace('"', "'").partition("'")
    hint = " A value that begins with one of & * ! % @ ` must be in quotes"
    if said.startswith("could not determine a constructor for the tag"):
        return f"this tag is not known.{hint}"
    return f"{said.strip()} •••.{hint}" if quote else said


def _error(path: Path, got: str) -> ConfigurationError:
    return ConfigurationError(
        source=str(path),
        tried="read the configuration",
        got=got,
        next_step="Mend the file and try again; woo_sync.example.yaml explains every key.",
    )


def _index(root: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], problems: list[Problem]) -> None:
    nodes = 0

    def visit(node: yaml.Node, path: KeyPath, above: frozenset[int], *, is_merged: bool) -> None:
        nonlocal nodes
        nodes += 1
        if id(node) in above:
            raise _TooMuchError("an anchor holds itself. Write out what is meant", node)
        if nodes > _MOST_NODES:
            raise _TooMuchError("anchors make this too much for a configuration", node)
        above |= {id(node)}
        if isinstance(node, yaml.MappingNode):
            merged = []
            for key_node, value_node in node.value:
                if key_node.tag == "tag:yaml.org,2002:merge":
                    merged.append(value_node)
                    continue
                if not isinstance(key_node, yaml.ScalarNode):
                    raise _TooMuchError("a key must be a plain text", key_node)
                key_path = (*path, key_node.value)
                if key_path in lines and is_merged:
                    continue
                if key_path in lines:
                    problems.append(Problem(key_path, "this key is there twice. Keep one of them"))
                lines[key_path] = key_node.start_mark.line + 1
                visit(value_node, key_path, above, is_merged=is_merged)
            # What stands here goes before what is merged in.
            for value_node in merged:
                for each in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
                    visit(each, path, above, is_merged=True)
        elif isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                lines[*path, position] = item.start_mark.line + 1
                visit(item, (*path, position), above, is_merged=is_merged)

    visit(root, path, frozenset(), is_merged=False)


def _with_variables(
    value: Any,
    path: KeyPath,
    problems: list[Problem],
    variables: Variables,
    literals: dict[KeyPath, str],
) -> Any:
    if isinstance(value, dict):
        return {
            key: _with_variables(item, (*path, key), problems, variables, literals)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _with_variables(item, (*path, position), problems, variables, literals)
            for position, item in enumerate(value)
        ]
    if isinstance(value, str):
        if not _VARIABLE.search(value):
            literals[path] = value
        return _VARIABLE.sub(lambda found: _variable(found.group(1), path, problems, variables), value)
    return value


def _variable(name: str, path: KeyPath, problems: list[Problem], variables: Variables) -> str:
    if not _VARIABLE_NAME.fullmatch(name):
        problems.append(Problem(path, "write ${NAME} with letters, digits and underscores"))
        return ""
    value = variables.get(name)
    if value is None:
        # Somebody may have put the secret itself between the braces.
        is_name = _ENVIRONMENT_NAME.fullmatch(name) is not None and not looks_like_secret(name)
        shown = f"the environment variable {name}" if is_name else "the environment variable named here"
        beside = f", nor is it in {ENV_FILE} beside this file" if variables.exists else ""
        unread = f" ({variables.unread})" if variables.unread else ""
        problems.append(Problem(path, f"{shown} is not set{beside}{unread}. Set it, or write the value here"))
    return value or ""
