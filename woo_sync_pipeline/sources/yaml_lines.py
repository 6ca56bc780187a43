"""Values as they stand in a line of YAML that somebody pastes into the configuration."""

from __future__ import annotations

import re

import yaml

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS_OF_YAML = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n"})


def yaml_scalar(value: object) -> str:
    """One value as YAML on one line, in quotes only where they are needed."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML:
        return value
    return (
        str(yaml.safe_dump(value, allow_unicode=True, width=10_000, default_flow_style=True))
        .removesuffix("...\n")
        .strip()
    )
