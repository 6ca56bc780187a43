"""Stopping a sync that would change more at once than is let through without being asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from woo_sync_pipeline.contacts.limits import Change, ChangeSummary, Limit, Measured, likely_causes, told
from woo_sync_pipeline.errors import ChangesStoppedError
from woo_sync_pipeline.messagemedia.errors import SOURCE
from woo_sync_pipeline.sync.account import AccountLook
from woo_sync_pipeline.sync.checks import Finding
from woo_sync_pipeline.sync.observing import DirectoryLook


@dataclass(frozen=True)
class OptOutsSent:
    """What became of the opt-outs in a reading that was stopped: how many were sent, or why they could not be."""

    count: int = 0
    failure: str | None = None

    @property
    def sentence(self) -> str:
        """One sentence."""
        if self.failure is not None:
            return (
                f"Nothing of it was stored or sent, but for {self.count:,} opt-outs. Others, which wait for nothing, "
                f"could not be sent: {self.failure} The next sync sends them."
            )
        if self.count:
            return (
                f"Nothing of it was stored or sent, but for {self.count:,} opt-outs, which wait for nothing."
            )
        return "Nothing of it was stored or sent; opt-outs would have been."


def letting_through(source_key: str) -> str:
    """How a person lets changes through."""
    return (
        f"If it is meant: `woo-sync sync --source {source_key} --accept-changes`, or in the Dagster UI "
        "`accept_changes: true` in the configuration of the run."
    )


def stopped_by_the_store(
    source_key: str,
    changes: ChangeSummary,
    limits: Mapping[Change, Limit],
    *,
    opt_outs: OptOutsSent | None,
) -> ChangesStoppedError | None:
    """Why a reading is not let through; None if it is. `opt_outs` None: a dry run, which sends nothing."""
    beyond = changes.beyond(limits)
    if not beyond:
        return None
    sent = opt_outs.sentence if opt_outs else "This was a dry run: nothing was stored or sent."
    return ChangesStoppedError(
        source=source_key,
        tried="compare what was read with what was known, before anything is stored or sent",
        got=f"too much would change at once: {'; '.join(told(beyond, limits))}",
        next_step=" ".join(
            filter(
                None,
                (
                    sent,
                    changes.circumstances,
                    f"Likely causes: {likely_causes(beyond)}.",
                    "Look at the store; once it is as before, the next sync goes through by itself.",
                    letting_through(source_key),
                ),
            )
        ),
    )


def stopped_by_another_account(source_key: str, look: AccountLook) -> ChangesStoppedError | None:
    """Why nothing is sent to an account that holds nothing of what was sent before; None if it holds something."""
    if not look.is_another:
        return None
    held = "is empty" if not look.contacts else f"holds {look.contacts:,} contacts, none of which are ours"
    return ChangesStoppedError(
        source=SOURCE,
        tried="find the account that was written to before",
        got=f"none of our lists, custom fields and contacts is there: the account {held}",
        next_step="Nothing was sent. Either the account was emptied, or api_key and api_secret are those of another "
        "one. Correct them, or have the contacts restored, and the next sync goes on by itself. For a new account use "
        "a database of its own. To fill this one from what is known, in which everybody comes back unsubscribed who "
        f"was subscribed before: {letting_through(source_key)}",
    )


def stopped_by_missing_contacts(
    source_key: str,
    look: DirectoryLook,
    limits: Mapping[Change, Limit],
    *,
    send_opt_outs: Callable[[], OptOutsSent],
) -> ChangesStoppedError | None:
    """Why nothing is sent to an account that lacks many contacts, but for opt-outs; None if it lacks few."""
    measured = look.measured
    limit = limits[Change.missing_on_platform]
    is_beyond = measured.count > limit.allowed(measured.of)
    if not is_beyond and not look.is_emptied:
        return None
    more = "at least " if is_beyond and measured.count < measured.of else ""
    return ChangesStoppedError(
        source=SOURCE,
        tried="look for all contacts that were sent before",
        got=f"too many are missing: {more}{'; '.join(told([measured], limits))}",
        next_step=f"{send_opt_outs().sentence} Likely causes: {likely_causes([measured])}. Once they are back, the "
        "next sync goes on by itself. If they were deleted on purpose, they are made again, those who were subscribed "
        f"as unsubscribed. {letting_through(source_key)}",
    )


def finding(
    measured: Sequence[Measured],
    limits: Mapping[Change, Limit],
    stopped: ChangesStoppedError | None,
    note: str = "",
) -> Finding:
    """What the check of the limits shows: each count with its limit, and why the sync was stopped, if it was."""
    numbers: dict[str, int | float] = {}
    for each in measured:
        numbers[each.change.value] = each.count
        numbers[f"{each.change.value}_limit"] = limits[each.change].allowed(each.of)
    text = (
        _as_paragraphs(stopped, measured, limits) if stopped else note or "what changes is within its limits"
    )
    # What is told is filled in with numbers, and has braces of its own only by accident.
    return Finding(stopped is None, text.replace("{", "{{").replace("}", "}}"), numbers)


def _as_paragraphs(
    stopped: ChangesStoppedError, measured: Sequence[Measured], limits: Mapping[Change, Limit]
) -> str:
    """The error as Markdown, with a line for each change that is beyond its limit."""
    beyond = [each for each in measured if each.count > limits[each.change].allowed(each.of)]
    lines = [f"- {sentence}" for sentence in told(beyond, limits)] or [f"- {stopped.got}"]
    return "\n".join(["Too much would change at once:", "", *lines, "", stopped.next_step])
