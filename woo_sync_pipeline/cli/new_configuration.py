"""The first configuration of a source, as two new files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from woo_sync_pipeline.config.environment import ENV_FILE, env_line
from woo_sync_pipeline.config.settings import DATABASE_URL_ENV
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.sources.yaml_lines import yaml_scalar

ACCOUNT_KEY_ENV, ACCOUNT_SECRET_ENV = "MESSAGEMEDIA_API_KEY", "MESSAGEMEDIA_API_SECRET"

PLATFORM_REGIONS: Mapping[str, str] = {
    "au": "https://au.app.api.sinch.com",
    "eu": "https://eu.app.api.sinch.com",
}
"""Where accounts live, by the first part of the API's address."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What has to be known of a source and an account. `database_url`: None for the embedded PostgreSQL.

    settings: those of the kind of source, by name; source_secrets: those among them that are secrets, by the name of
    their variable, for which `${NAME}` stands in the settings. first_sections: as in `SourceKind`. type: None where it
    need not be said.
    """

    name: str
    key: str
    type: str | None
    settings: Mapping[str, str]
    source_secrets: Mapping[str, str] = field(repr=False)
    first_sections: Sequence[str]
    base_url: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    auth: str
    region: str
    timezone: str
    database_url: str | None = field(default=None, repr=False)

    @property
    def secrets(self) -> dict[str, str]:
        """The values that belong in the environment, by the name of their variable."""
        found = {
            **self.source_secrets,
            ACCOUNT_KEY_ENV: self.api_key,
            ACCOUNT_SECRET_ENV: self.api_secret,
        }
        return found if self.database_url is None else {**found, DATABASE_URL_ENV: self.database_url}


def configuration_text(answers: Answers, *, sections: Sequence[str], today: date) -> str:
    """The text of `woo_sync.yaml`. `sections` are lines of the source beside the settings of `answers`, indented."""
    of_source = {
        "key": answers.key,
        **({"type": answers.type} if answers.type else {}),
        **answers.settings,
    }
    lines = [
        f"# ${{NAME}} is taken from the environment, else from the file {ENV_FILE} beside this one.",
        "# woo_sync.example.yaml explains every setting.",
        *([f"database_url: ${{{DATABASE_URL_ENV}}}"] if answers.database_url else []),
        f"timezone: {yaml_scalar(answers.timezone)}",
        "messagemedia:",
        f"  base_url: {yaml_scalar(answers.base_url)}",
        f"  api_key: ${{{ACCOUNT_KEY_ENV}}}",
        f"  api_secret: ${{{ACCOUNT_SECRET_ENV}}}",
        f"  auth: {answers.auth}",
        "sources:",
        f"  - name: {yaml_scalar(answers.name)}",
        *(
            f"    {name}: {value if value.startswith('${') else yaml_scalar(value)}"
            for name, value in of_source.items()
        ),
        f"    start_date: {today}",
        f"    default_region: {yaml_scalar(answers.region)}",
        *sections,
    ]
    return "\n".join(lines) + "\n"


def refuse_existing(config: Path) -> None:
    """Raises `ConfigurationError` where one of the two files is there already, whatever it is."""
    for path in (config, config.parent / ENV_FILE):
        if os.path.lexists(path):
            raise _exists(path)


@dataclass(frozen=True)
class NewConfiguration:
    """The two files that were written for these answers."""

    path: Path
    env_path: Path
    answers: Answers
    text: str
    today: date

    def take(self, sections: Sequence[str]) -> bool:
        """Put the sections of a proposal into the file; False where somebody has changed it since it was written."""
        if self.path.read_text(encoding="utf-8") != self.text:
            return False
        text = configuration_text(self.answers, sections=sections, today=self.today)
        beside = self.path.with_name(f".{self.path.name}.new")
        _create(beside, text)
        beside.replace(self.path)
        return True

    @property
    def overruled(self) -> list[str]:
        """Variables of the environment that have another value than the file, and come first."""
        return [name for name, value in self.answers.secrets.items() if os.environ.get(name, value) != value]


def write_configuration(config: Path, answers: Answers) -> NewConfiguration:
    """Write `woo_sync.yaml` and, beside it, `.env` with the secrets, both for their owner's eyes only.

    Raises `ConfigurationError`, and leaves neither, where one of them is there already or cannot be written.
    """
    refuse_existing(config)
    today = datetime.now(UTC).astimezone(ZoneInfo(answers.timezone)).date()
    text = configuration_text(answers, sections=answers.first_sections, today=today)
    env_path = config.parent / ENV_FILE
    _create(env_path, "".join(f"{env_line(name, value)}\n" for name, value in answers.secrets.items()))
    try:
        _create(config, text)
    except ConfigurationError:
        env_path.unlink()
        raise
    return NewConfiguration(config, env_path, answers, text, today)


def _create(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Exclusive: what somebody else wrote a moment ago is not overwritten either.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as failed:
        raise ConfigurationError(
            source="init",
            tried=f"write {path}",
            got=failed.strerror or type(failed).__name__,
            next_step="Let --config name a file in a folder that you may write in.",
        ) from None


def _exists(path: Path) -> ConfigurationError:
    return ConfigurationError(
        source="init",
        tried=f"write {path}",
        got="it is there already, and nothing is ever overwritten",
        next_step="Work on with it (`woo-sync check`, `woo-sync discover`), or let --config name a file in another "
        "folder, such as `woo-sync --config shop/woo_sync.yaml init`.",
    )
