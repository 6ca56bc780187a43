"""`woo_sync.yaml`, read and validated: what is synchronised from where to where, and how."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    Field,
    GetCoreSchemaHandler,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import core_schema

from woo_sync_pipeline.config.celery import CelerySettings
from woo_sync_pipeline.config.document import ConfigDocument, KeyPath, Problem, read_document
from woo_sync_pipeline.config.receivers import AlertSettings
from woo_sync_pipeline.config.refused import RefusedSource, duplicates, refused_sources
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.config.values import (
    ApiKey,
    Owner,
    PostgresUrl,
    Section,
    StagingUrl,
    Timezone,
    WebAddress,
    refuse,
)
from woo_sync_pipeline.sources.registry import source_kinds

CONFIG_ENV = "WOO_SYNC_CONFIG"
DATABASE_URL_ENV = "WOO_SYNC_DATABASE_URL"
DEFAULT_CONFIG_FILE = "woo_sync.yaml"

_UNKNOWN_TYPE = "unknown_type"


class MessageMediaSettings(Section):
    """The MessageMedia account whose contact directory is kept in step."""

    base_url: WebAddress
    api_key: ApiKey
    api_secret: ApiKey
    auth: Literal["basic", "hmac"] = "basic"
    verify_tls: bool | str = True
    max_concurrency: Annotated[int, Field(ge=1, le=128)] = 16
    max_requests_per_second: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = None


class RetentionSettings(Section):
    """How many days what was written down is kept."""

    history_days: Annotated[int, Field(ge=1)] = 365
    live_runs_days: Annotated[int, Field(ge=1)] = 30
    consent_days: Annotated[int, Field(ge=1)] = 1_825
    staging_days: Annotated[int, Field(ge=1)] = 7


def _type_of(entry: Any) -> str | None:
    """The type of an entry of `sources`; without one it is the first kind, which once was the only one."""
    first = next(iter(source_kinds()))
    kind = entry.get("type", first) if isinstance(entry, dict) else getattr(entry, "type", first)
    return kind if isinstance(kind, str) else None


class _AnySource:
    """The settings of a source of any kind, told by its `type`."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        kinds = source_kinds()
        return core_schema.tagged_union_schema(
            {name: handler.generate_schema(kind.settings) for name, kind in kinds.items()},
            discriminator=_type_of,
            custom_error_type=_UNKNOWN_TYPE,
            custom_error_message=f"there is no such type of source. Known: {', '.join(kinds)}",
        )


class Settings(Section):
    """The whole of `woo_sync.yaml`."""

    database_url: PostgresUrl | None = None
    timezone: Timezone = "UTC"
    staging_url: StagingUrl | None = None
    owner: Owner = "team:data-engineering"
    messagemedia: MessageMediaSettings
    sources: Annotated[tuple[Annotated[SourceSettings, _AnySource], ...], Field(min_length=1)]
    retention: RetentionSettings = RetentionSettings()
    alerts: AlertSettings = AlertSettings()
    celery: CelerySettings | None = None

    _directory: Path = PrivateAttr(default_factory=Path.cwd)
    _refused: tuple[RefusedSource, ...] = PrivateAttr(default=())
    _literal_secrets: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _machines_share_what_they_need(self) -> Self:
        if self.celery is not None and (self.database_url is None or self.staging_url is None):
            raise refuse("celery needs database_url and staging_url, which all machines reach. Write both")
        return self

    @property
    def refused(self) -> tuple[RefusedSource, ...]:
        """Entries of `sources` that are wrong: nothing is read of them, and they are no `sources`."""
        return self._refused

    @property
    def refused_keys(self) -> tuple[str, ...] | None:
        """Keys of the refused sources; None when one has no key that can be read, and may be any."""
        keys = tuple(refused.key for refused in self._refused if refused.key is not None)
        return keys if len(keys) == len(self._refused) else None

    @property
    def literal_secrets(self) -> tuple[str, ...]:
        """Settings whose secret stands in the file itself, and not in a variable of the environment."""
        return self._literal_secrets

    @property
    def data_directory(self) -> Path:
        """Where local data lives: `.woo_sync/` beside the configuration file."""
        return self._directory / ".woo_sync"

    @property
    def staging_location(self) -> str:
        """Path or URL below which frames pass from asset to asset."""
        return self.staging_url or str(self.data_directory / "staging")

    def source(self, key: str) -> SourceSettings:
        """The source with this key. Raises `KeyError` when there is none."""
        for source in self.sources:
            if source.key == key:
                return source
        raise KeyError(key)


def config_path() -> Path:
    """The configuration file in force: `WOO_SYNC_CONFIG`, else `woo_sync.yaml` in the working directory."""
    return Path(os.environ.get(CONFIG_ENV, DEFAULT_CONFIG_FILE)).expanduser().absolute()


def load_settings(path: Path | None = None) -> Settings:
    """Read and validate a configuration file (the one of `config_path()` by default).

    What is wrong with some of several sources leaves those out, as `Settings.refused`. Anything else raises
    `ConfigurationError` that lists everything wrong in the file: line, path of the key, what to write.
    """
    document = read_document((path or config_path()).absolute(), known_keys=_KEY_NAMES)
    problems = [*document.problems, *duplicates(document.values)]
    settings, found = _validated(document, document.values, but=problems)
    problems += found
    refused = refused_sources(document, problems) if problems else ()
    if refused:
        set_aside = {each.position for each in refused}
        entries = [each for at, each in enumerate(document.values["sources"]) if at not in set_aside]
        settings, problems = _validated(document, {**document.values, "sources": entries}, but=())
    if settings is None or refused is None:
        raise document.error(problems)
    settings._directory = document.path.parent
    settings._refused = refused
    settings._literal_secrets = _literal_secrets(document)
    return settings


def _literal_secrets(document: ConfigDocument) -> tuple[str, ...]:
    found = [path for path, text in document.literals.items() if _is_secret(path, text)]
    return tuple(document.written(path) for path in found)


def _is_secret(path: KeyPath, text: str) -> bool:
    if path == ("database_url",):
        # Without a password it opens nothing.
        user = text.partition("://")[2].rpartition("@")[0]
        return ":" in user or "password=" in text
    return path[-1] in _SECRET_KEYS


def _validated(
    document: ConfigDocument, values: object, *, but: Sequence[Problem]
) -> tuple[Settings | None, list[Problem]]:
    """The settings, or what is wrong; not again at a place that is known for a problem already."""
    try:
        return Settings.model_validate(values), []
    except ValidationError as invalid:
        # A list whose only item is wrong is reported as too short as well: that is no help to anybody.
        has_sources = document.has(("sources", 0))
        found = [
            _problem(document, error)
            for error in invalid.errors()
            if not (has_sources and error["type"] == "too_short" and error["loc"] == ("sources",))
        ]
    known = {problem.key_path for problem in but}
    return None, [problem for problem in found if problem.key_path not in known]


def _problem(document: ConfigDocument, error: object) -> Problem:
    assert isinstance(error, dict)
    kind, message = str(error["type"]), str(error["msg"])
    location, model = _place(tuple(error["loc"]))
    if kind == "extra_forbidden":
        message = f"this key is not known. Known here: {', '.join(_keys(model))}"
    elif kind == "missing":
        message = "this key is missing. See woo_sync.example.yaml for what it means"
    elif kind == "string_pattern_mismatch":
        message = "write lower-case letters, digits and underscores, a letter first, such as my_store"
    elif kind in {"value_error", "assertion_error"}:
        # The words of a library, which may quote the value.
        message = "this value cannot be read. See woo_sync.example.yaml for what it means"
    elif kind == _UNKNOWN_TYPE:
        location = (*location, "type")
    # A union adds the names of its branches to the location: they are no keys of the file.
    while location and not document.has(location) and kind not in {"missing", "extra_forbidden"}:
        location = location[:-1]
    return Problem(location, message)


def _place(location: KeyPath) -> tuple[KeyPath, type[BaseModel]]:
    """A place in the file, and the section that it is in. The location of an error in a source names its type too."""
    model: type[BaseModel] = Settings
    if location[:1] == ("sources",) and len(location) > 2:
        model = source_kinds()[str(location[2])].settings
        location = location[:2] + location[3:]
    for name in location[:-1]:
        model = _sections(model).get(str(name), model)
    return location, model


def _sections(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The sections in a section, by their keys."""
    found = {}
    for name, field in model.model_fields.items():
        for part in _types_in(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found[field.alias or name] = part
    return found


def _all_sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for section in _sections(model).values():
        yield from _all_sections(section)


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _types_in(annotation: object) -> Iterator[object]:
    yield annotation
    for part in get_args(annotation):
        yield from _types_in(part)


_TOP: tuple[type[BaseModel], ...] = (Settings, *(kind.settings for kind in source_kinds().values()))
_MODELS = [section for model in _TOP for section in _all_sections(model)]
_KEY_NAMES = frozenset(key for model in _MODELS for key in _keys(model))
_SECRET_KEYS = frozenset(
    name
    for model in _MODELS
    for name, field in model.model_fields.items()
    if SecretStr in _types_in(field.annotation)
)
