"""The `_fields` parameter: which parts of a row a client asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

FieldTree = dict[str, Any]
"""Field name to True (all of it) or to the tree of the fields below it."""


def field_tree(names: list[str]) -> FieldTree | None:
    """Turn `["id", "billing.phone"]` into a tree; None when nothing was asked for, meaning everything.

    A nested name after its whole parent ends the reading, so that whatever follows is lost: WordPress
    does that.
    """
    if not names:
        return None
    tree: FieldTree = {}
    for name in names:
        *parents, last = name.strip().split(".")
        branch = tree
        for parent in parents:
            if branch.get(parent) is True:
                return tree
            branch = branch.setdefault(parent, {})
        branch[last] = True
    return tree


def build_row(
    builders: Mapping[str, Callable[[Any], Any]], record: Any, tree: FieldTree | None
) -> dict[str, Any] | list[Any]:
    """Build the row of a record, in the order of `builders`, only from the fields asked for."""
    if tree is None:
        return {name: build(record) for name, build in builders.items()}
    row = {name: prune(build(record), tree[name]) for name, build in builders.items() if name in tree}
    return row or []


def prune(value: Any, tree: FieldTree | bool) -> Any:
    """Keep of a value what the tree names. Nothing left is an empty list, and so is any named part of a list.

    That is PHP: an empty array has no keys that would make it an object, and the items of a list have no
    names (`line_items.product_id` therefore gives `[]`).
    """
    if tree is True or not isinstance(value, dict | list):
        return value
    if isinstance(value, list) or not isinstance(tree, dict):
        return []
    return {name: prune(inner, tree[name]) for name, inner in value.items() if name in tree} or []
