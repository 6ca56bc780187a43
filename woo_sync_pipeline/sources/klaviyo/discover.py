"""What there is in an account: lists, segments, phones and consent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from woo_sync_pipeline.privacy import redact
from woo_sync_pipeline.sources.base import Discovered
from woo_sync_pipeline.sources.klaviyo.client import PAGE_SIZE, KlaviyoClient, Row, connect
from woo_sync_pipeline.sources.klaviyo.groups import Group, all_groups, count_members
from woo_sync_pipeline.sources.klaviyo.profiles import PROFILE_FIELDS, choice_of, profile_cells
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings
from woo_sync_pipeline.sources.yaml_lines import yaml_scalar

SAMPLE = 1_000
"""Profiles that are looked at unless everything is asked for: those that changed last."""

_MOST_MEMBERS = 10 * PAGE_SIZE
_SAYS_NOTHING = "nothing"


@dataclass
class _Tally:
    profiles: int = 0
    with_phone: int = 0
    cannot_receive: int = 0
    consents: Counter[str] = field(default_factory=Counter)
    with_phone_by_consent: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        cells = profile_cells(row, "")
        if cells is None:
            return
        choice = choice_of(cells["consent"], None)
        word = choice.value or choice.unread or (cells["consent"] or _SAYS_NOTHING)
        self.profiles += 1
        self.consents[word] += 1
        self.cannot_receive += word == "SUBSCRIBED" and cells["can_receive"] is False
        if cells["phone"]:
            self.with_phone += 1
            self.with_phone_by_consent[word] += 1


def discover_account(
    source: KlaviyoSettings,
    *,
    everything: bool = False,
    connect: Callable[[KlaviyoSettings], KlaviyoClient] = connect,
) -> Discovered:
    """Count phones and consents of the 1,000 profiles that changed last (`everything`: of all), and list the groups.

    Of each group up to 1,000 members are counted (`everything`: all). Nothing of it is kept. Raises KlaviyoError.
    """
    tally = _Tally()
    with connect(source) as client:
        for row in _profiles(client, everything=everything):
            tally.add(row)
        groups = [*all_groups(client, "list"), *all_groups(client, "segment")]
        counts = [_count(client, group, everything=everything) for group in groups]
    return Discovered(
        title=f"{source.name}: {tally.profiles:,} profiles, {len(groups):,} lists and segments were read",
        tables=[_consent_table(tally), *([_group_table(groups, counts)] if groups else [])],
        notes=_notes(tally),
        sections="lists and segments",
        lines=_lines(groups),
        proposes=False,
        values=_values(source, tally, groups, counts),
    )


def _profiles(client: KlaviyoClient, *, everything: bool) -> Iterator[Row]:
    read = 0
    for rows in client.pages("profiles", {**PROFILE_FIELDS, "sort": "id" if everything else "-updated"}):
        yield from rows
        read += len(rows)
        if not everything and read >= SAMPLE:
            return


def _count(client: KlaviyoClient, group: Group, *, everything: bool) -> str:
    count = count_members(client, group, most=None if everything else _MOST_MEMBERS)
    return f"{count:,} or more" if not everything and count >= _MOST_MEMBERS else f"{count:,}"


def _consent_table(tally: _Tally) -> Table:
    table = Table(title="SMS marketing consent", title_justify="left")
    for name in ("consent", "profiles", "with a phone"):
        table.add_column(name, justify="left" if name == "consent" else "right")
    for word, count in tally.consents.most_common():
        table.add_row(word, f"{count:,}", f"{tally.with_phone_by_consent[word]:,}")
    return table


def _group_table(groups: Sequence[Group], counts: Iterable[str]) -> Table:
    table = Table(title="Lists and segments", title_justify="left")
    for name in ("", "name", "members"):
        table.add_column(name, justify="right" if name == "members" else "left")
    for group, count in zip(groups, counts, strict=True):
        table.add_row(group.kind, redact(group.name) + _state(group), count)
    return table


def _state(group: Group) -> str:
    return " (being processed)" if group.is_processing else "" if group.is_active else " (inactive)"


def _notes(tally: _Tally) -> list[str]:
    notes = [
        "Only consent to SMS marketing (subscriptions.sms.marketing) is read. Being on a list is no consent, nor is "
        "consent to e-mail, push, WhatsApp or transactional messages."
    ]
    without = tally.profiles - tally.with_phone
    if without:
        notes.append(
            f"{without:,} of these profiles have no phone: they become no contact, and the report counts them as "
            "missing_phone."
        )
    if tally.cannot_receive:
        notes.append(
            f"{tally.cannot_receive:,} are subscribed but cannot receive SMS marketing from Klaviyo: that is no "
            "opt-out."
        )
    return notes


def _lines(groups: Sequence[Group]) -> list[str]:
    lines = []
    for name, kind in (("lists", "list"), ("segments", "segment")):
        names = list(dict.fromkeys(group.name for group in groups if group.kind == kind and group.name))
        listed = ", ".join(map(yaml_scalar, names))
        lines.append(f"    {name}: all" + (f"  # or some of [{listed}]" if names else ""))
    return lines


def _values(
    source: KlaviyoSettings, tally: _Tally, groups: Sequence[Group], counts: Sequence[str]
) -> dict[str, Any]:
    return {
        "source": source.key,
        "read": {"profiles": tally.profiles},
        "with_phone": tally.with_phone,
        "consent": dict(tally.consents),
        "with_phone_by_consent": dict(tally.with_phone_by_consent),
        "subscribed_but_cannot_receive": tally.cannot_receive,
        "groups": [
            {"kind": group.kind, "name": group.name, "members": count, "is_active": group.is_active}
            for group, count in zip(groups, counts, strict=True)
        ],
        "yaml": "\n".join(_lines(groups)) + "\n",
    }
