"""A sync's report as Markdown, as the Dagster UI shows it."""

from __future__ import annotations

from woo_sync_pipeline.contacts.phones import InvalidReason
from woo_sync_pipeline.reports.report import SyncCounts
from woo_sync_pipeline.state.syncs import SyncRun


def markdown_report(sync: SyncRun, counts: SyncCounts, *, source_name: str) -> str:
    """The whole report; it holds no phone and no email."""
    days = f"{sync.first_day}" if sync.first_day == sync.last_day else f"{sync.first_day} to {sync.last_day}"
    dry = ", dry run: nothing was sent" if sync.is_dry_run else ""
    lines = [
        f"### {_escaped(source_name)}: sync {sync.sync_id} ({sync.kind}{dry}), {days}",
        "",
        "| contacts | |",
        "|---|---:|",
        *(
            f"| {label} | {value:,} |"
            for label, value in (
                ("new", counts.new),
                ("updated", counts.updated),
                ("unchanged", counts.unchanged),
                ("failed", counts.failed),
                ("invalid store records", counts.invalid),
                ("of these new or changed", counts.newly_invalid),
                ("subscribed", counts.subscribed),
                ("unsubscribed", counts.unsubscribed),
                ("found unsubscribed on MessageMedia", counts.unsubscribed_on_platform),
                ("groups", counts.groups),
            )
        ),
    ]
    if counts.invalid_reasons:
        lines += ["", "| invalid because | records | |", "|---|---:|---|"]
        lines += [
            f"| {reason} | {count:,} | {InvalidReason(reason).explanation} |"
            for reason, count in sorted(counts.invalid_reasons.items(), key=lambda item: -item[1])
        ]
    lines += [
        "",
        f"Read {_listed(counts.read)}. Requests: {_listed(counts.requests)}.",
        *(f"\n**Warning:** {warning}" for warning in counts.warnings),
        "",
        f"What happened to each contact: `woo-sync report {sync.sync_id}`",
    ]
    return "\n".join(lines)


def _listed(values: object) -> str:
    assert isinstance(values, dict)
    return ", ".join(f"{value:,} {name}" for name, value in values.items())


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
