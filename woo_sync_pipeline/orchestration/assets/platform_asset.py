"""Bringing contacts to the platform."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import dagster as dg
import pandas as pd

from woo_sync_pipeline.contacts.limits import Change, Limit, Measured
from woo_sync_pipeline.errors import ChangesStoppedError
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.models import CustomField
from woo_sync_pipeline.orchestration.checks import CHANGES_ARE_WITHIN_LIMITS, check_result
from woo_sync_pipeline.orchestration.step import SyncStep
from woo_sync_pipeline.orchestration.sync_asset import SyncAsset
from woo_sync_pipeline.sources.base import Option
from woo_sync_pipeline.state.bulk import arrow_schema
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.state.known_account import note_missing
from woo_sync_pipeline.state.syncs import CONTACT_LINE_COLUMNS, SyncContact
from woo_sync_pipeline.steps.brake import finding as brake_finding
from woo_sync_pipeline.steps.brake import (
    lacks_too_many,
    push_opt_outs,
    stopped_by_another_account,
    stopped_by_missing_contacts,
)
from woo_sync_pipeline.steps.dry_run import plan_pending
from woo_sync_pipeline.steps.erase import carry_out_erasures
from woo_sync_pipeline.steps.observe import begin_look, heal, look_at_account, observe_directory
from woo_sync_pipeline.steps.push import push_pending

OUTCOME_COLUMNS = {
    name: CONTACT_LINE_COLUMNS[name] for name in ("outcome", "phone", "state", "changes", "reason")
}


@dataclass(frozen=True)
class _PlatformLook:
    """What a look at the platform found before anything is sent; `stopped`: why nothing may be."""

    check: dg.AssetCheckResult
    stopped: ChangesStoppedError | None = None
    unsubscribed: int = 0
    fields: Sequence[CustomField] | None = None
    warnings: tuple[str, ...] = ()


@partial(
    SyncAsset,
    columns=OUTCOME_COLUMNS,
    kinds={"messagemedia", "postgres"},
    after=["merged_contacts"],
    checks=[CHANGES_ARE_WITHIN_LIMITS],
    options=[
        Option("dry_run", False, "Plan everything, send nothing."),
        Option(
            "accept_changes",
            False,
            "Send although more contacts are missing on MessageMedia than `limits` of the source let through unasked, "
            "or although it is another account. The history notes who asked.",
        ),
    ],
    sends=True,
)
def synced_contacts(step: SyncStep) -> dg.MaterializeResult:
    """What was sent to MessageMedia, and what came back, per contact.

    Only what differs is sent. Contacts that an earlier sync could not finish are among them. What a person
    changed on the platform stays, and nobody who opted out is subscribed without a newer choice. The daily sync
    first looks who unsubscribed on the platform, and what of ours was deleted there: that is made again, unless it
    is too much, or another account. With `dry_run` in its configuration everything is planned and nothing is sent.
    """
    with step.connect_platform() as client:
        if step.is_dry_run:
            step.mark_dry_run()
        platform = _look_at_platform(step, client)
        if platform.stopped is not None:
            step.write("synced_contacts", _outcomes([]), schema=arrow_schema(OUTCOME_COLUMNS))
            return step.result(0, [platform.check], platform.stopped)
        return _push(step, client, platform)


def _push(step: SyncStep, client: PlatformClient, platform: _PlatformLook) -> dg.MaterializeResult:
    phones = _pending(step)
    with (
        step.show_progress("pushing contacts", len(phones)) as advance,
        step.writing("synced_contacts", schema=arrow_schema(OUTCOME_COLUMNS)) as staged,
    ):
        push = plan_pending if step.is_dry_run else push_pending
        summary = push(
            step.database,
            client,
            phones,
            run_id=step.run_id,
            progress=advance,
            noted=lambda contacts: staged.add(_outcomes(contacts)),
            known_fields=platform.fields,
        )
        erased = []
        if not step.is_dry_run:
            erased = carry_out_erasures(step.database, client, source=step.source.key, run_id=step.run_id)
            staged.add(_outcomes(erased))
        effort = {
            "groups_made": summary.groups_made,
            "requests": client.requests_made,
            "writes": client.writes_made,
        }
        failed = sum(each.outcome == "failed" for each in erased)
        staged.notes = {
            **summary.counts,
            "failed": summary.counts["failed"] + failed,
            **effort,
            "unsubscribed_on_platform": summary.unsubscribed_on_platform + platform.unsubscribed,
            "not_applied": summary.not_applied,
            "warnings": list(platform.warnings),
            "erased": len(erased) - failed,
        }
    return step.result(staged.rows, [platform.check], **summary.counts, **effort)


def _pending(step: SyncStep) -> list[str]:
    touched = step.read("merged_contacts").columns("phone")["phone"].tolist()
    return pending_phones(
        step.database, source_name=step.source.name, touched=touched, include_rejected=step.is_sweep
    )


def _look_at_platform(step: SyncStep, client: PlatformClient) -> _PlatformLook:
    """Look, with a daily sync at everybody, and see to it that what is lost there is made again.

    A dry run looks at nothing: it changes nothing, the state included.
    """
    limits = step.source.limits.by_change
    began = None
    if step.is_sweep and not step.is_dry_run:
        began = begin_look(step.database, run_id=step.run_id)
    if step.is_dry_run or (began is None and not step.accepts_changes and not _pending(step)):
        return _PlatformLook(_limits_check((), limits, None))
    account = look_at_account(step.database, client)
    if account.is_another and not step.accepts_changes:
        stopped = stopped_by_another_account(step.source.key, account)
        return _PlatformLook(_limits_check((), limits, stopped), stopped)
    if account.is_another:
        step.mark_accepted()
    heal(step.database, account)
    for loss in account.losses:
        step.context.log.warning(f"{step.source.key}: {loss}")
    look = _PlatformLook(_limits_check((), limits, None), fields=account.fields, warnings=account.losses)
    if began is None or account.is_another:
        return look
    return _look_at_contacts(step, client, look, began=began)


def _look_at_contacts(
    step: SyncStep, client: PlatformClient, look: _PlatformLook, *, began: datetime
) -> _PlatformLook:
    """Look at all contacts: who unsubscribed, and which are missing. Too many of these stop all but opt-outs."""
    limits = step.source.limits.by_change
    stopped = None
    with step.show_progress("reading subscription states") as read:
        found = observe_directory(
            step.database,
            client,
            run_id=step.run_id,
            began=began,
            enough=None if step.accepts_changes else limits[Change.missing_on_platform],
            progress=read,
        )
    if not lacks_too_many(found, limits):
        note_missing(step.database, found.missing)
    elif step.accepts_changes:
        step.mark_accepted()
        note_missing(step.database, found.missing)
    else:
        opt_outs = push_opt_outs(step.database, client, run_id=step.run_id, known_fields=look.fields)
        stopped = stopped_by_missing_contacts(step.source.key, found, limits, opt_outs=opt_outs)
    check = _limits_check([found.measured], limits, stopped)
    return replace(look, check=check, stopped=stopped, unsubscribed=found.unsubscribed)


def _limits_check(
    measured: Sequence[Measured], limits: Mapping[Change, Limit], stopped: ChangesStoppedError | None
) -> dg.AssetCheckResult:
    return check_result(CHANGES_ARE_WITHIN_LIMITS, brake_finding(measured, limits, stopped))


def _outcomes(contacts: Sequence[SyncContact]) -> pd.DataFrame:
    rows = [[getattr(contact, name) for name in OUTCOME_COLUMNS] for contact in contacts]
    return pd.DataFrame(rows, columns=list(OUTCOME_COLUMNS), dtype=object)
