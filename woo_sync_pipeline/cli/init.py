"""`woo-sync init`: from the address and the keys of a source to a configuration that works."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import TypeAdapter, ValidationError

from woo_sync_pipeline.cli.check import show_checks
from woo_sync_pipeline.cli.discover import show_discovery
from woo_sync_pipeline.cli.new_configuration import (
    PLATFORM_REGIONS,
    Answers,
    NewConfiguration,
    refuse_existing,
    write_configuration,
)
from woo_sync_pipeline.config.refused import SOURCE_KEY
from woo_sync_pipeline.config.settings import DATABASE_URL_ENV, config_path, load_settings
from woo_sync_pipeline.config.values import PostgresUrl, Region, SourceName, Timezone, WebAddress
from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.sources.base import Question, SourceKind
from woo_sync_pipeline.sources.registry import kind_of, source_kinds

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _kinds() -> dict[str, SourceKind[Any]]:
    return {name: kind for name, kind in source_kinds().items() if kind.questions}


def _options_of_kinds(command: _Command) -> _Command:
    """An option for each question of each kind of source, and the first one, which chooses the kind."""
    for kind in reversed(_kinds().values()):
        for question in reversed(kind.questions):
            command = click.option(
                f"--{question.option}",
                envvar=question.variable,
                show_envvar=question.variable is not None,
                help=question.help,
            )(command)
    names = list(_kinds())
    return click.option(
        "--type",
        "type_name",
        type=click.Choice(names),
        default=names[0],
        show_default=True,
        help="What contacts come from.",
    )(command)


@click.command()
@_options_of_kinds
@click.option("--account", help="Where the MessageMedia account lives: au, eu, or the API's address.")
@click.option(
    "--api-key", envvar="MESSAGEMEDIA_API_KEY", show_envvar=True, help="The API key of the account."
)
@click.option("--api-secret", envvar="MESSAGEMEDIA_API_SECRET", show_envvar=True, help="Its secret.")
@click.option("--region", help="Country of phones of people without a country, two letters such as AU.")
@click.option(
    "--name", help="Name of the source and of its list. Default: that of its type, such as WooCommerce."
)
@click.option("--key", help="Its short name for commands and jobs. Default: its type, such as woocommerce.")
@click.option(
    "--timezone", help="In which days begin, such as Australia/Sydney. Default: the source's, else UTC."
)
@click.option(
    "--auth",
    type=click.Choice(["basic", "hmac"]),
    default="basic",
    show_default=True,
    help="How the account's key is sent.",
)
@click.option(
    "--database-url",
    envvar=DATABASE_URL_ENV,
    show_envvar=True,
    help="PostgreSQL for the state. Default: an embedded one, for a first try.",
)
@click.option(
    "--take-proposal/--no-take-proposal",
    "takes",
    default=None,
    help="Write what `discover` proposes into the file. Default: ask, or no where nobody can be asked.",
)
@click.pass_obj
def init(config: Path, /, takes: bool | None, **given: Any) -> None:
    """Write a configuration for a store and an account, try it, and look for consent and tags in the store.

    Or, with --type, for another kind of source, such as a Klaviyo account.

    Asks for what no option says. Writes woo_sync.yaml, and the keys into .env beside it, both for you alone; never
    overwrites anything. Then runs `check` and `discover`, and says the next command. Exit code 1 if something failed.
    """
    config = config.absolute()
    refuse_existing(config)
    made = write_configuration(config, _ask(given))
    click.echo(f"\nWritten: {made.path}, and the keys into {made.env_path}. Only you can read them.")
    if made.overruled:
        click.echo(
            f"{', '.join(made.overruled)}: set in this shell to something else, which comes first. Unset it.",
            err=True,
        )
    click.echo("\nTrying everything that a sync needs:\n")
    command = _command(config)
    if not show_checks(config):
        click.echo(
            f"\nNot everything works yet. Mend what failed ({made.path.name}, {made.env_path.name}), then run\n\n"
            f"    {command} check\n    {command} discover\n"
        )
        sys.exit(1)
    click.echo("\nLooking for consent and tags:\n")
    sys.exit(0 if _discover(made, command, takes=takes) else 1)


def _discover(made: NewConfiguration, command: str, *, takes: bool | None) -> bool:
    try:
        source = load_settings(made.path).sources[0]
        discovery = kind_of(source).discover(source, everything=False)
    except WooSyncError as error:
        click.echo(f"FAILED {error}", err=True)
        click.echo(f"Try it again: {command} discover")
        return False
    show_discovery(discovery, key=source.key, config=made.path)
    if takes is None and discovery.proposes and sys.stdin.isatty():
        click.echo(
            "A key that is no consent to SMS marketing would send messages to people who never agreed."
        )
        takes = click.confirm("You know these keys, and want these lines in the file?", default=False)
    if takes and made.take(discovery.lines):
        click.echo(f"Written into {made.path}.")
    else:
        click.echo(f"Paste the lines that are right into {made.path}, before the first sync.")
    click.echo("Next, what a sync would do, without sending anything, and then the sync:\n")
    click.echo(f"    {command} sync --dry-run\n    {command} sync\n")
    return True


def _command(config: Path) -> str:
    """How to call woo-sync so that it finds this file."""
    return "woo-sync" if config == config_path() else f"woo-sync --config {shlex.quote(str(config))}"


def _ask(given: dict[str, Any]) -> Answers:
    """What the options say, checked, and the rest asked for."""

    def ask(name: str, question: str, check: Callable[[str], str], *, hidden: bool = False) -> str:
        if (value := given[name]) is None:
            answer: str = click.prompt(question, value_proc=check, hide_input=hidden)
            return answer
        try:
            return check(value)
        except click.BadParameter as wrong:
            wrong.param_hint = f"--{name.replace('_', '-')}"
            raise

    kind = _kinds()[given["type_name"]]
    answers = _answers_about_the_source(kind, given, ask)
    base_url = ask("account", "The MessageMedia account lives in (au, eu)", _platform)
    api_key = ask("api_key", "Its API key", _secret, hidden=True)
    api_secret = ask("api_secret", "Its secret", _secret, hidden=True)
    region = ask("region", "Country of phones of people without one (such as AU)", _valid(Region))
    timezone = ask("timezone", "", _valid(Timezone)) if given["timezone"] else None
    if timezone is None:
        timezone = _timezone_of(kind, {question.setting: answer for question, answer in answers.items()})
    if timezone is None:
        click.echo(
            f"The {kind.noun} does not tell the name of its time zone, so days begin in UTC: `timezone` in the file."
        )
    given = {"name": kind.label, "key": kind.type_name, **{k: v for k, v in given.items() if v is not None}}
    is_first = kind.type_name == next(iter(source_kinds()))
    return Answers(
        name=ask("name", "", _valid(SourceName)),
        key=ask("key", "", _source_key),
        type=None if is_first else kind.type_name,
        settings={
            question.setting: f"${{{question.variable}}}" if question.variable else answer
            for question, answer in answers.items()
        },
        source_secrets={
            question.variable: answer for question, answer in answers.items() if question.variable
        },
        first_sections=kind.first_sections,
        base_url=base_url,
        api_key=api_key,
        api_secret=api_secret,
        auth=given["auth"],
        region=region,
        timezone=timezone or "UTC",
        database_url=ask("database_url", "", _database_url) if given.get("database_url") else None,
    )


def _answers_about_the_source(
    kind: SourceKind[Any], given: Mapping[str, Any], ask: Callable[..., str]
) -> dict[Question, str]:
    answers: dict[Question, str] = {}
    for question in kind.questions:
        name = question.option.replace("-", "_")
        if question.is_asked or given[name] is not None:
            answers[question] = ask(name, question.text, _check(question), hidden=bool(question.variable))
    return answers


def _timezone_of(kind: SourceKind[Any], values: Mapping[str, str]) -> str | None:
    try:
        return TypeAdapter[str](Timezone).validate_python(kind.timezone(values))
    except ValidationError:
        return None


def _check(question: Question) -> Callable[[str], str]:
    if not question.variable:
        return _url

    def check(text: str) -> str:
        secret = _secret(text)
        if not secret.startswith(question.begins):
            # Never what was typed: it may be another one of the secrets.
            raise click.BadParameter(f"it begins with {question.begins} ({question.place})")
        return secret

    return check


def _valid(kind: Any) -> Callable[[str], str]:
    """The check of a value of the configuration. Its message tells what is wrong; it may repeat what was typed."""

    def check(text: str) -> str:
        try:
            value: str = TypeAdapter(kind).validate_python(text.strip())
        except ValidationError as invalid:
            raise click.BadParameter(invalid.errors()[0]["msg"]) from None
        return value

    return check


def _url(text: str) -> str:
    address = text.strip()
    return _valid(WebAddress)(address if "://" in address else f"https://{address}")


def _platform(text: str) -> str:
    known = PLATFORM_REGIONS.get(text.strip().lower())
    if known is None and "://" not in text:
        raise click.BadParameter(f"write one of {', '.join(PLATFORM_REGIONS)}, or the address of the API")
    return known or _valid(WebAddress)(text)


def _secret(text: str) -> str:
    secret = text.strip()
    if not secret or not secret.isprintable():
        raise click.BadParameter("this is empty, or has more than one line")
    return secret


def _database_url(text: str) -> str:
    try:
        TypeAdapter(PostgresUrl).validate_python(text)
    except ValidationError as invalid:
        raise click.BadParameter(invalid.errors()[0]["msg"]) from None
    return _secret(text)


def _source_key(text: str) -> str:
    if not re.fullmatch(SOURCE_KEY, text):
        raise click.BadParameter("write lower-case letters, digits and underscores, a letter first")
    return text
