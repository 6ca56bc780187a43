"""`woo_sync.yaml`, read and validated: what is synchronised from where to where, and how."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, time
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, Field, PrivateAttr, ValidationError, model_validator

from woo_sync_pipeline.config.celery import CelerySettings
from woo_sync_pipeline.config.document import ConfigDocument, KeyPath, Problem, read_document
from woo_sync_pipeline.config.limits import LimitSettings, LimitsSettings
from woo_sync_pipeline.config.refused import SOURCE_KEY, RefusedSource, duplicates, refused_sources
from woo_sync_pipeline.config.values import (
    ApiKey,
    EmailAddress,
    HostName,
    Name,
    NameFormat,
    OrderStatuses,
    PostgresUrl,
    Region,
    Secret,
    SecretWebAddress,
    Section,
    SourceName,
    StagingUrl,
    Text,
    TimeOfDay,
    Timezone,
    WebAddress,
    no_secret,
    refuse,
)
from woo_sync_pipeline.contacts.consent import Consent, ConsentRules, comparable
from woo_sync_pipeline.contacts.contact import OnErasure
from woo_sync_pipeline.contacts.groups import DEFAULT_NAME_FORMAT

CONFIG_ENV = "WOO_SYNC_CONFIG"
DATABASE_URL_ENV = "WOO_SYNC_DATABASE_URL"
DEFAULT_CONFIG_FILE = "woo_sync.yaml"


class ConsentWords(Section):
    """A store's own words for a choice, beside the English ones that are known anyway."""

    opted_in: tuple[Name, ...] = ()
    opted_out: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _words_differ(self) -> Self:
        seen: dict[str, str] = {}
        for name, words in (("opted_in", self.opted_in), ("opted_out", self.opted_out)):
            for position, word in enumerate(words, 1):
                if not comparable(word):
                    raise refuse(
                        f"word {position} of {name} is no word: blanks, hyphens and underscores do not count"
                    )
                if seen.setdefault(comparable(word), name) != name:
                    raise refuse(
                        f"word {position} of {name} is under opted_in as well. Write it under one of them"
                    )
        return self

    @property
    def meanings(self) -> dict[str, Consent]:
        """What each word means."""
        return {
            **dict.fromkeys(self.opted_in, Consent.opted_in),
            **dict.fromkeys(self.opted_out, Consent.opted_out),
        }


class ConsentSettings(Section):
    """Where a store keeps the choice about SMS marketing, and what the absence of a choice means."""

    mode: Literal["explicit", "inferred"] = "explicit"
    meta_keys: tuple[Name, ...] = Field(default=(), description="meta keys of customers and of orders")
    opt_out_meta_keys: tuple[Name, ...] = Field(
        default=(), description="of the same, in which a yes means no"
    )
    words: ConsentWords = ConsentWords()
    repeated_yes: Literal["ignored", "counts"] = Field(
        default="ignored", description="whether an opt-in that repeats an older one is a new choice"
    )
    dated_by: dict[Name, Name] = Field(
        default={}, description="for a meta key the one that holds the time of its choice"
    )
    mirrored_by: dict[Name, Name] = Field(
        default={}, description="for a meta key that is hidden on customers its visible copy"
    )

    @model_validator(mode="after")
    def _keys_belong_together(self) -> Self:
        for position, key in enumerate(self.mirrored_by, 1):
            if key not in self.meta_keys:
                raise refuse(
                    f"key {position} of mirrored_by is not among the meta_keys. Write it there too, spelled alike"
                )
        for position, key in enumerate(self.dated_by, 1):
            if key not in self.keys:
                raise refuse(
                    f"key {position} of dated_by is neither among the meta_keys nor a copy in mirrored_by. "
                    "Write it there too, spelled alike"
                )
        for name, others in (("mirrored_by", self.mirrored_by), ("dated_by", self.dated_by)):
            for position, other in enumerate(others.values(), 1):
                if other.startswith("_"):
                    raise refuse(
                        f"entry {position} of {name} names a key that begins with an underscore, and such keys of "
                        "customers WooCommerce hides. Keep it under a key without one"
                    )
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """All meta keys that choices are read from."""
        return tuple(dict.fromkeys((*self.meta_keys, *self.mirrored_by.values(), *self.opt_out_meta_keys)))

    @property
    def rules(self) -> ConsentRules:
        """How choices are read from the meta of a record."""
        return ConsentRules(
            keys=self.keys,
            opt_out_keys=frozenset(self.opt_out_meta_keys),
            words=self.words.meanings,
            dated_by=self.dated_by,
            mirrored_by=self.mirrored_by,
        )

    @property
    def hidden_keys(self) -> tuple[str, ...]:
        """Meta keys that WooCommerce hides on customers, and that are not mirrored."""
        return tuple(key for key in self.keys if key.startswith("_") and key not in self.mirrored_by)

    @property
    def basis(self) -> str:
        """What choices are read from, as text: what reads differently only because this changed is no new choice."""
        words = ",".join(sorted(f"{word}={meaning}" for word, meaning in self.words.meanings.items()))
        opposite = ",".join(f"!{key}" for key in self.opt_out_meta_keys)
        dates = ",".join(f"{key}@{other}" for key, other in sorted(self.dated_by.items()))
        copies = ",".join(f"{key}~{other}" for key, other in sorted(self.mirrored_by.items()))
        return ";".join(filter(None, (",".join(self.meta_keys), opposite, words, dates, copies)))


class GroupSettings(Section):
    """Which properties of customers become lists on the platform."""

    roles: bool | Literal["first", "all"] = Field(
        default=True, description="true: all roles of a user where the store has at most ten, else the first"
    )
    product_tags: bool = True
    meta_keys: tuple[Name, ...] = ()
    name_format: NameFormat = DEFAULT_NAME_FORMAT


class SourceSettings(Section):
    """One WooCommerce store."""

    name: SourceName
    key: Annotated[str, Field(pattern=SOURCE_KEY), AfterValidator(no_secret)]
    type: Literal["woocommerce"] = "woocommerce"
    url: WebAddress
    consumer_key: ApiKey
    consumer_secret: ApiKey
    verify_tls: bool | str = True
    use_environment_proxies: bool = False
    start_date: date
    orders_from: date | None = None
    order_statuses: OrderStatuses | None = None
    default_region: Region
    consent: ConsentSettings = ConsentSettings()
    groups: GroupSettings = GroupSettings()
    limits: LimitsSettings = LimitsSettings()
    on_erasure: OnErasure = "unsubscribe"
    max_concurrency: Annotated[int, Field(ge=1, le=32)] = 4
    max_requests_per_second: Annotated[float, Field(gt=0, le=1000)] | None = None
    daily_at: TimeOfDay = time(2, 0)
    live_interval_seconds: Annotated[int, Field(ge=5, le=86_400)] = 30

    @property
    def meta_keys(self) -> tuple[str, ...]:
        """All meta keys that are read from this store, each once."""
        consent = (*self.consent.keys, *self.consent.dated_by.values())
        return tuple(dict.fromkeys((*consent, *self.groups.meta_keys)))


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


EmailTls: TypeAlias = Literal["starttls", "implicit", "none"]


class EmailSettings(Section):
    """Where alerts are sent by email, and through which server."""

    smtp_host: HostName
    smtp_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    tls: EmailTls | None = None
    starttls: bool | None = Field(
        default=None, description="the older way to write tls: starttls or tls: none"
    )
    username: Text | None = None
    password: Secret | None = None
    sender: Annotated[EmailAddress, Field(alias="from")]
    to: Annotated[tuple[EmailAddress, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _password_is_safe(self) -> Self:
        if self.tls is not None and self.starttls is not None:
            raise refuse("tls and starttls say the same thing. Write tls alone")
        if (self.username is None) != (self.password is None):
            raise refuse("username and password go together. Write both, or neither")
        if self.password is not None and self.encryption == "none":
            raise refuse(
                "without TLS anybody on the way can read the password. Set tls to starttls or to implicit"
            )
        return self

    @property
    def encryption(self) -> EmailTls:
        """When the connection is encrypted: once the server has said that it can, from the beginning, or never."""
        if self.tls is not None:
            return self.tls
        return "none" if self.starttls is False else "starttls"

    @property
    def port(self) -> int:
        """The port of the server: the configured one, else the usual one of the encryption."""
        return self.smtp_port or (465 if self.encryption == "implicit" else 587)


class AlertSettings(Section):
    """Who is told when a sync fails or ends with errors, and what counts as one."""

    webhook_url: SecretWebAddress | None = None
    email: EmailSettings | None = None
    min_interval_minutes: Annotated[int, Field(ge=0)] = 60
    max_invalid_share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5

    @property
    def has_receiver(self) -> bool:
        """Whether there is anybody to tell."""
        return self.webhook_url is not None or self.email is not None


class Settings(Section):
    """The whole of `woo_sync.yaml`."""

    database_url: PostgresUrl | None = None
    timezone: Timezone = "UTC"
    staging_url: StagingUrl | None = None
    messagemedia: MessageMediaSettings
    sources: Annotated[tuple[SourceSettings, ...], Field(min_length=1)]
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
    location = tuple(error["loc"])
    kind, message = str(error["type"]), str(error["msg"])
    if kind == "extra_forbidden":
        known = _known_keys(location[:-1])
        message = f"this key is not known. Known here: {', '.join(known)}"
    elif kind == "missing":
        message = "this key is missing. See woo_sync.example.yaml for what it means"
    elif kind == "string_pattern_mismatch":
        message = "write lower-case letters, digits and underscores, a letter first, such as my_store"
    elif kind in {"value_error", "assertion_error"}:
        # The words of a library, which may quote the value.
        message = "this value cannot be read. See woo_sync.example.yaml for what it means"
    # A union adds the names of its branches to the location: they are no keys of the file.
    while location and not document.has(location) and kind not in {"missing", "extra_forbidden"}:
        location = location[:-1]
    return Problem(location, message)


_SECTIONS: dict[tuple[str, ...], type[BaseModel]] = {
    (): Settings,
    ("messagemedia",): MessageMediaSettings,
    ("retention",): RetentionSettings,
    ("alerts",): AlertSettings,
    ("alerts", "email"): EmailSettings,
    ("celery",): CelerySettings,
    ("sources",): SourceSettings,
    ("sources", "consent"): ConsentSettings,
    ("sources", "consent", "words"): ConsentWords,
    ("sources", "groups"): GroupSettings,
    ("sources", "limits"): LimitsSettings,
    **{("sources", "limits", name): LimitSettings for name in LimitsSettings.model_fields},
}
_KEY_NAMES = frozenset(
    field.alias or name for model in _SECTIONS.values() for name, field in model.model_fields.items()
)
_SECRET_KEYS = frozenset(
    {"api_key", "api_secret", "consumer_key", "consumer_secret", "password", "webhook_url", "redis_url"}
)


def _known_keys(location: KeyPath) -> list[str]:
    names = tuple(part for part in location if isinstance(part, str))
    return [field.alias or name for name, field in _SECTIONS[names].model_fields.items()]
