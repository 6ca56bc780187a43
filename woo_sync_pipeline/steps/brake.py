"""Stopping a sync that would change more at once than is let through unasked; opt-outs wait for nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from woo_sync_pipeline.contacts.limits import (
    STORE,
    Change,
    ChangeSummary,
    Limit,
    Measured,
    counted,
    likely_causes,
    told,
)
from woo_sync_pipeline.errors import ChangesStoppedError, WooSyncError
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.errors import SOURCE
from woo_sync_pipeline.messagemedia.models import CustomField
from woo_sync_pipeline.sources.base import Finding
from woo_sync_pipeline.state.contacts import opting_out_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.steps.observe import AccountLook, DirectoryLook, look_at_account
from woo_sync_pipeline.steps.push import push_pending


@dataclass(frozen=True)
class OptOutsSent:
    """How many opt-outs were sent although the rest is stopped, and why others could not be, if any."""

    count: int = 0
    failure: str | None = None

    @property
    def sentence(self) -> str:
        """What was sent, in one or two sentences."""
        sent = "Nothing was sent."
        if self.count:
            sent = f"Only {counted(self.count, 'opt-out')} went out: opt-outs wait for nothing."
        if self.failure is None:
            return sent
        return f"{sent} Not all opt-outs could be sent: {self.failure} The next sync sends them."


def letting_through(source_key: str) -> str:
    """How a person lets changes through."""
    return (
        f"If it is meant: `woo-sync sync --source {source_key} --accept-changes`, or in the Dagster UI "
        "`accept_changes: true` in the configuration of the run."
    )


def stopped_by_the_source(
    source_key: str,
    changes: ChangeSummary,
    limits: Mapping[Change, Limit],
    *,
    opt_outs: OptOutsSent | None,
    noun: str,
) -> ChangesStoppedError | None:
    """Why a reading is not let through; None if it is. `opt_outs` None: a dry run, which sends nothing.

    `noun`: what the source is, in a word.
    """
    beyond = changes.beyond(limits)
    if not beyond:
        return None
    sent = opt_outs.sentence if opt_outs else "This was a dry run: nothing was sent."
    return ChangesStoppedError(
        source=source_key,
        tried="compare what was read with what was known, before anything is stored or sent",
        got=f"too much would change at once: {'; '.join(told(beyond, limits, noun=noun))}",
        next_step=" ".join(
            filter(
                None,
                (
                    sent,
                    changes.circumstances,
                    f"Likely causes: {likely_causes(beyond, noun=noun)}.",
                    f"Look at the {noun}; once it is as before, the next sync goes through by itself.",
                    letting_through(source_key),
                ),
            )
        ),
    )


def stopped_by_another_account(source_key: str, look: AccountLook) -> ChangesStoppedError:
    """Why nothing is sent to an account that holds nothing of what was sent before."""
    held = f"holds {counted(look.contacts, 'contact')}, none of them ours" if look.contacts else "is empty"
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
    source_key: str, look: DirectoryLook, limits: Mapping[Change, Limit], *, opt_outs: OptOutsSent
) -> ChangesStoppedError:
    """Why nothing is sent to an account that lacks too many contacts (see `lacks_too_many`), but for opt-outs."""
    measured = look.measured
    if look.is_emptied:
        got = f"all {measured.count:,} contacts that were sent before are missing"
    else:
        more = "" if measured.count == measured.of else "at least "
        got = f"too many are missing: {more}{'; '.join(told([measured], limits))}"
    return ChangesStoppedError(
        source=SOURCE,
        tried="look for all contacts that were sent before",
        got=got,
        next_step=f"{opt_outs.sentence} Likely causes: {likely_causes([measured])}. Once they are back, the next sync "
        "goes on by itself. If they were deleted on purpose, they are made again, those who were subscribed as "
        f"unsubscribed. {letting_through(source_key)}",
    )


def lacks_too_many(look: DirectoryLook, limits: Mapping[Change, Limit]) -> bool:
    """Whether more contacts are missing on the platform than the limit, or all of several."""
    return look.is_emptied or look.measured.is_beyond(limits)


def finding(
    measured: Sequence[Measured],
    limits: Mapping[Change, Limit],
    stopped: ChangesStoppedError | None,
    note: str = "",
    *,
    noun: str = STORE,
) -> Finding:
    """What the check of the limits shows: each count with its limit, and why the sync was stopped, if it was."""
    numbers: dict[str, int | float] = {}
    for each in measured:
        numbers[each.change.value] = each.count
        numbers[f"{each.change.value}_limit"] = limits[each.change].allowed(each.of)
    text = (
        _as_paragraphs(stopped, measured, limits, noun)
        if stopped
        else note or "what changes is within its limits"
    )
    # What is told is filled in with numbers, and has braces of its own only by accident.
    return Finding(stopped is None, text.replace("{", "{{").replace("}", "}}"), numbers)


def _as_paragraphs(
    stopped: ChangesStoppedError, measured: Sequence[Measured], limits: Mapping[Change, Limit], noun: str
) -> str:
    """The error as Markdown, with a line for each change that is beyond its limit."""
    beyond = [each for each in measured if each.is_beyond(limits)]
    lines = [f"- {sentence}" for sentence in told(beyond, limits, noun=noun)] or [f"- {stopped.got}"]
    return "\n".join(["Too much would change at once:", "", *lines, "", stopped.next_step])


def send_opt_outs(
    database: Database, connect: Callable[[], PlatformClient], *, source: str, run_id: str
) -> OptOutsSent:
    """Unsubscribe everybody who opted out, whatever else of them waits, also in a reading that is stopped.

    The arguments are those of `push_pending`. What the platform refuses stays for the next sync.
    """
    if not opting_out_phones(database):
        return OptOutsSent()
    try:
        with connect() as client:
            look = look_at_account(database, client)
            if look.is_another:
                return OptOutsSent(failure=str(stopped_by_another_account(source, look)))
            return push_opt_outs(database, client, run_id=run_id, known_fields=look.fields)
    except WooSyncError as failure:
        return OptOutsSent(failure=str(failure))


def push_opt_outs(
    database: Database, client: PlatformClient, *, run_id: str, known_fields: Sequence[CustomField] | None
) -> OptOutsSent:
    """Unsubscribe everybody who is subscribed and has opted out since; the arguments are those of `push_pending`."""
    try:
        summary = push_pending(
            database,
            client,
            opting_out_phones(database),
            run_id=run_id,
            progress=lambda _: None,
            noted=lambda _: None,
            known_fields=known_fields,
        )
    except WooSyncError as failure:
        return OptOutsSent(failure=str(failure))
    failed = summary.counts["failed"]
    return OptOutsSent(
        sum(summary.counts[outcome] for outcome in ("new", "updated", "unchanged")),
        f"MessageMedia refused {failed:,} of them." if failed else None,
    )
