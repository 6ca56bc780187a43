"""What to configure, from what was found: as values, and as the lines of YAML to paste."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.sources.woocommerce.discovery.findings import Finding, Findings, opposite_keys
from woo_sync_pipeline.sources.yaml_lines import yaml_scalar

_INDENT = "    "
"""Of the settings of a source: the lines are made to be pasted below `sources`."""


def proposal(
    findings: Findings, *, consent: Mapping[str, Any] | None = None, groups: Mapping[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """The sections `consent` and `groups` of the source: as they are configured (`consent`, `groups`), and the keys
    that were found.
    """
    old, old_groups = dict(consent or {}), dict(groups or {})
    proposed = {each.key: each for each in findings.proposed_consent}
    opposite = _together(old.get("opt_out_meta_keys", ()), opposite_keys(findings))
    known = {*proposed, *old.get("meta_keys", ())}
    copies = {each.mirrors: key for key, each in proposed.items() if each.mirrors in known}
    mirrored = {**copies, **old.get("mirrored_by", {})}
    # A copy is read together with what it is the copy of.
    found = [key for key in proposed if key not in opposite and key not in mirrored.values()]
    keys = _together(old.get("meta_keys", ()), found)
    read = {*keys, *opposite, *mirrored.values()}
    dated = {key: each.dated_by for key, each in proposed.items() if each.dated_by and key in read}
    made = {
        **old,
        "mode": old.get("mode", "explicit"),
        "meta_keys": keys,
        "opt_out_meta_keys": opposite,
        "words": _words(findings, old.get("words", {})),
        "mirrored_by": mirrored,
        "dated_by": {**dated, **old.get("dated_by", {})},
    }
    tags = _together(old_groups.get("meta_keys", ()), [each.key for each in findings.proposed_tags])
    empty: tuple[object, ...] = ((), [], {})
    return {
        "consent": {
            name: value for name, value in made.items() if name in ("mode", "meta_keys") or value not in empty
        },
        "groups": {**old_groups, "meta_keys": tags},
    }


def proposal_lines(
    findings: Findings, *, consent: Mapping[str, Any] | None = None, groups: Mapping[str, Any] | None = None
) -> list[str]:
    """The proposal as lines of YAML, to take the place of the sections `consent` and `groups` of a source.

    What might be added by somebody who knows the shop stands there as a comment.
    """
    made = proposal(findings, consent=consent, groups=groups)
    by_key = {each.key: each for each in (*findings.consent, *findings.tags)}
    lines = []
    for section, found in (("consent", findings.consent), ("groups", findings.tags)):
        lines.append(f"{section}:")
        for name, value in made[section].items():
            if name == "meta_keys":
                lines += [f"  {line}" for line in _key_lines(value, by_key)]
                lines += [f"    # {line}" for line in _perhaps(found)]
            else:
                lines.append(f"  {name}: {_flow(value)}")
    return [f"{_INDENT}{line}" for line in lines]


def _key_lines(keys: Sequence[str], by_key: Mapping[str, Finding]) -> Iterator[str]:
    if not keys:
        yield "meta_keys: []"
        return
    yield "meta_keys:"
    for key in keys:
        finding = by_key.get(key)
        where = (
            ""
            if finding is None
            else ", ".join(f"{kind} {count.records:,}×" for kind, count in finding.counts.items())
        )
        yield f"  - {yaml_scalar(key)}" + (f"  # {where}" if where else "")


def _perhaps(findings: Sequence[Finding]) -> Iterator[str]:
    undecided = [each for each in findings if not each.proposed and each.purpose.is_undecided]
    if undecided:
        yield "Not proposed, since only somebody who knows the shop can tell what they are:"
    for each in undecided:
        yield f"- {yaml_scalar(each.key)}"


def _words(findings: Findings, old: Mapping[str, Any]) -> dict[str, list[str]]:
    made = {name: list(old.get(name, ())) for name in ("opted_in", "opted_out")}
    for each in findings.proposed_consent:
        for word, meaning in each.suggested_words.items():
            name = "opted_in" if meaning is Consent.opted_in else "opted_out"
            if word.casefold() not in (known.casefold() for known in (*made["opted_in"], *made["opted_out"])):
                made[name].append(word)
    return {name: words for name, words in made.items() if words}


def _together(first: Sequence[str], second: Sequence[str]) -> list[str]:
    return list(dict.fromkeys((*first, *second)))


def _flow(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{yaml_scalar(name)}: {_flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return yaml_scalar(value)
