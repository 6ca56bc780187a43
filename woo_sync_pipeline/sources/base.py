"""What a kind of source must give, so that its people become contacts.

A kind is a subclass of `SourceKind`. It reads in *extractions*, each of which becomes an asset of Dagster: the first
ones ask the source, later ones may work on what the former ones staged. What they staged is then told as records
(`SourceKind.records`) and as the end of a reading (`SourceKind.reading`); from there on all sources are alike. Nothing
of a kind imports Dagster. docs/sources.md shows one from its first line to its first sync.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from woo_sync_pipeline.config.source import SourceSettings

# What takes long to import is imported where it is used: the configuration is read by commands that need no frames.
if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from woo_sync_pipeline.contacts.normalise import RawRecords
    from woo_sync_pipeline.state.database import Database
    from woo_sync_pipeline.state.records import Reading
    from woo_sync_pipeline.state.staging import StagedFrame
    from woo_sync_pipeline.state.syncs import Watermark

WHOLE_HISTORY = "whole_history"
"""The option by which an extraction is asked to read all there ever was: what `woo-sync sync --full` sets."""

KEPT_FROM_OTHERS = "Others on this machine may see what stands on a command line: better let it be asked for."
"""What is said of an option that takes a secret."""

S = TypeVar("S", bound=SourceSettings)


@dataclass(frozen=True)
class Finding:
    """Whether something is as it must be, in one line and in numbers.

    told: the line, with the names of numbers where these stand. rows: what is at fault, the first ones: ids of
    records, or places in a staged frame.
    """

    passed: bool
    told: str
    numbers: Mapping[str, int | float] = field(default_factory=dict)
    rows: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """The line."""
        return self.told.format(**self.numbers)


@dataclass(frozen=True)
class Option:
    """Something that a run may ask of an extraction: a `bool`, or a list of texts."""

    name: str
    default: bool | Sequence[str]
    description: str


@dataclass(frozen=True)
class CheckSpec:
    """Something that must be true of an asset: where it is not, the sync ends, or the report warns."""

    name: str
    description: str
    is_blocking: bool = True


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """What one extraction found.

    frame: its rows, which are staged under its name. beside: more frames, by their names. read: how many rows the
    source showed; requests: how many it took. notes: what later extractions, `SourceKind.records` and
    `SourceKind.reading` need to know, fit for JSON. unreadable: rows that became no record, as what is wrong with their
    id and the phone, masked. warnings: sentences for the report. metadata: what the page of the asset shows besides.
    findings: of the checks that the extraction announces.
    """

    frame: pa.Table | pd.DataFrame
    beside: Mapping[str, pa.Table | pd.DataFrame] = field(default_factory=dict)
    read: int = 0
    requests: int = 0
    notes: Mapping[str, Any] = field(default_factory=dict)
    unreadable: Sequence[Sequence[str]] = ()
    warnings: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    findings: Mapping[CheckSpec, Finding] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SourceStep(Generic[S]):
    """One step of one sync, as an extraction sees it.

    is_sweep: whether all of the source is to be read, or only what changed since `watermark` (None: nothing was ever
    read). first_day, last_day: the days that were asked for, in `timezone`; range_start, range_end: the same as moments
    (UTC). run_id: names the sync. options: what the run asks of this extraction. read: the frame with this name that an
    extraction before has staged. show_progress: makes a function that is told how many more rows are done.
    """

    source: S
    database: Database
    run_id: str
    is_sweep: bool
    first_day: date
    last_day: date
    range_start: datetime
    range_end: datetime
    timezone: str
    watermark: Watermark | None
    options: Mapping[str, Any]
    read: Callable[[str], StagedFrame]
    show_progress: Callable[[str], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True)
class Extraction:
    """One asset of a source: `extract` reads it, its docstring describes it in the UI.

    columns: of the staged frame; described: what those hold that other assets have not. after: extractions that it
    reads. record_type: where its rows become records, what these are called in reports. kinds: words that the UI shows
    as badges.
    """

    extract: Callable[[Any], Extracted]
    columns: pa.Schema
    described: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[str] = ()
    record_type: str | None = None
    kinds: frozenset[str] = frozenset()
    options: Sequence[Option] = ()
    checks: Sequence[CheckSpec] = ()

    @property
    def name(self) -> str:
        """The name of the asset and of its staged frame."""
        return self.extract.__name__


@dataclass(frozen=True)
class Look:
    """What a tick of the live sensor saw of a source.

    memory: what the next tick is told, fit for JSON. change: why there is something to be read (None: nothing is).
    nothing: what to say then. options: what the run shall ask of extractions, by their names.
    """

    memory: Mapping[str, Any] = field(default_factory=dict)
    change: str | None = None
    nothing: str = "the source was not asked"
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckLine:
    """One thing that was tried: `ok`, `warn` (a sync works, but look at this) or `FAIL`."""

    verdict: Literal["ok", "warn", "FAIL"]
    subject: str
    text: str


@dataclass(frozen=True)
class Discovered:
    """What was found out about a source before it is configured wholly.

    title: what was read. tables: for a terminal (of `rich`). notes: what cannot be seen, and what to do about it.
    lines: of YAML, to be put into the configuration in the place of `sections`. proposes: whether they say more than
    what is configured anyway. values: everything, fit for JSON.
    """

    title: str
    tables: Sequence[Any]
    notes: Sequence[str]
    sections: str
    lines: Sequence[str]
    proposes: bool
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """Something that must be known before a source can be configured, as `woo-sync init` asks for it.

    setting: its name in the configuration. option: what the command calls it. text: the question; help: the same as
    the option's explanation. variable: of the environment, in which a secret is kept; None: it stands in the file.
    begins: how it begins, and place: where it is found. is_asked: whether it is asked for where no option says it; else
    it is left out.
    """

    setting: str
    option: str
    text: str
    help: str
    variable: str | None = None
    begins: str = ""
    place: str = ""
    is_asked: bool = True


class SourceKind(ABC, Generic[S]):
    """A kind of source. One object of each serves all sources of the kind."""

    type_name: ClassVar[str]
    """What stands as `type` in the configuration."""
    settings: ClassVar[type[SourceSettings]]
    daily_reading: ClassVar[str] = "reads all of it"
    """What the daily job does, as its description says it."""
    live_looking: ClassVar[str] = "whether anything changed"
    """What the live sensor asks the source every few seconds, as its description says it."""

    label: ClassVar[str] = ""
    """What a source of this kind is called unless somebody calls it otherwise."""
    noun: ClassVar[str] = "source"
    """What one of this kind is in a sentence."""
    questions: ClassVar[Sequence[Question]] = ()
    """What `woo-sync init` asks for. A kind without any is configured by hand."""
    first_sections: ClassVar[Sequence[str]] = ()
    """Lines of YAML for a source of which nothing is known yet: nobody is subscribed."""
    has_people_without_phone: ClassVar[bool] = False
    """Whether people without a phone are nothing unusual: then they are counted, and no reason for a warning."""

    @property
    @abstractmethod
    def extractions(self) -> Sequence[Extraction]:
        """The extractions, in an order in which each comes after those that it reads."""

    @abstractmethod
    def records(self, step: SourceStep[S]) -> Iterator[RawRecords]:
        """What the extractions staged, as records, portion by portion; no record twice."""

    @abstractmethod
    def reading(self, step: SourceStep[S]) -> Reading:
        """All that a commit needs to know of this reading but its records."""

    @abstractmethod
    def check(self, source: S) -> Iterator[CheckLine]:
        """Try what a sync needs of the source: a line for what works, one for each thing that does not."""

    def timezone(self, values: Mapping[str, str]) -> str | None:
        """The name of a source's time zone, given the answers to the questions by setting; None where it tells none."""
        return None

    def discover(self, source: S, *, everything: bool) -> Discovered:
        """Find out what is to be configured, from a sample or (`everything`) from all of it. Raises `WooSyncError`.

        By itself a kind has nothing that had to be found out.
        """
        title = f"{source.name}: this kind of source has nothing that had to be found out"
        return Discovered(title, (), (), "", (), proposes=False, values={"source": source.key})

    def look(self, source: S, database: Database, mark: Watermark, memory: Mapping[str, Any]) -> Look:
        """Find out, in one or two requests, whether anything changed since `mark`. Raises `WooSyncError`.

        A source that cannot be asked so cheaply is read by its daily sync alone.
        """
        return Look(memory, nothing="this kind of source is read once a day")
