"""`woo-sync check`: trying everything that a sync needs, one line each."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from woo_sync_pipeline.cli.common import open_state
from woo_sync_pipeline.config.environment import ENV_FILE
from woo_sync_pipeline.config.settings import Settings, load_settings
from woo_sync_pipeline.days import today
from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.sources.base import CheckLine
from woo_sync_pipeline.sources.registry import kind_of


@click.command()
@click.pass_obj
def check(config: Path) -> None:
    """Try everything a sync needs: configuration, database, each store, the platform.

    One line each; exit code 1 if any of them fails.
    """
    sys.exit(0 if show_checks(config) else 1)


def show_checks(config: Path) -> bool:
    """Try everything that a sync needs, and print one line each; True: nothing failed."""
    has_failed = False
    for line in check_everything(config):
        has_failed = has_failed or line.verdict == "FAIL"
        click.echo(f"{line.verdict:<5} {line.subject:<14} {line.text}")
    return not has_failed


def check_everything(config: Path) -> Iterator[CheckLine]:
    """Try configuration, database, each store and the platform; a failure does not stop the rest."""
    try:
        settings = load_settings(config)
    except WooSyncError as error:
        yield CheckLine("FAIL", "configuration", str(error))
        return
    yield CheckLine(
        "ok", "configuration", f"{config}, {len(settings.sources)} source(s), days of {settings.timezone}"
    )
    yield from _readable_secrets(config, settings)
    for refused in settings.refused:
        yield CheckLine("FAIL", refused.label, str(refused.error))
    yield _check_database(settings)
    day = today(settings.timezone, datetime.now(UTC))
    for source in settings.sources:
        yield from kind_of(source).check(source)
        if source.start_date > day:
            yield CheckLine(
                "warn",
                source.key,
                f"start_date {source.start_date} has not begun: it is {day} in {settings.timezone}; until then nothing "
                "is synced",
            )
    yield _check_platform(settings)


def _readable_secrets(config: Path, settings: Settings) -> Iterator[CheckLine]:
    """Files with secrets that every user of this machine can read."""
    beside = config.parent / ENV_FILE
    if settings.literal_secrets and config.stat().st_mode & stat.S_IROTH:
        yield CheckLine(
            "warn",
            "configuration",
            f"every user of this machine can read the secrets in this file ({', '.join(settings.literal_secrets)}). "
            "Run `chmod 600` on it, or write ${NAME} and keep them in the environment",
        )
    if beside.is_file() and beside.stat().st_mode & stat.S_IROTH:
        yield CheckLine(
            "warn",
            "configuration",
            f"every user of this machine can read the variables in {beside}. Run `chmod 600` on it",
        )


def _check_database(settings: Settings) -> CheckLine:
    try:
        with open_state(settings) as state:
            database = state.database()
            shown = f"PostgreSQL {database.version()} at {database.place}, schema up to date"
    except WooSyncError as error:
        return CheckLine("FAIL", "database", str(error))
    return CheckLine("ok", "database", shown)


def _check_platform(settings: Settings) -> CheckLine:
    from woo_sync_pipeline.steps.resources import MessageMediaResource

    try:
        with MessageMediaResource(settings).connect() as client:
            contacts, lists = client.count_contacts(), len(client.lists())
    except WooSyncError as error:
        return CheckLine("FAIL", "messagemedia", str(error))
    return CheckLine(
        "ok", "messagemedia", f"{settings.messagemedia.base_url}, {contacts:,} contacts, {lists:,} lists"
    )
