"""What can go wrong while a server is read: one class for each kind of failure, and which are tried again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar, TypeVar, cast

from woo_sync_pipeline.errors import SourceError
from woo_sync_pipeline.http.interruption import Cause, Interruption
from woo_sync_pipeline.http.pace import LONGEST_WAIT, Pace, backoff

T = TypeVar("T")
E = TypeVar("E", bound="ServerError")


class ServerError(SourceError):
    """A server could not be read. The subclasses say why.

    `advice` is the next step unless one is given; `signs` are the words of a message by which it is known; `server` is
    what the server is called at the beginning of a sentence.
    """

    advice: ClassVar[str] = "Run again; if it stays, ask whoever runs the server."
    signs: ClassVar[tuple[str, ...]] = ()
    server: ClassVar[str] = "The server"
    retry_after: float | None = None
    """Seconds after which the server asked to be tried again, when it said so."""

    def __init__(self, *, source: str, tried: str, got: str, next_step: str | None = None) -> None:
        super().__init__(source=source, tried=tried, got=got, next_step=next_step or self.advice)


def failure_kind(
    parent: type[E],
    name: str,
    meaning: str,
    signs: tuple[str, ...],
    advice: str,
    *,
    transient: bool | None = None,
) -> type[E]:
    """One row of a table of failures. Whether it is `transient` is as for its `parent` where the row does not say."""
    row = {
        "__doc__": meaning,
        # By which it is found when it is unpickled.
        "__module__": parent.__module__,
        "signs": signs,
        "advice": advice,
        "transient": parent.transient if transient is None else transient,
    }
    return cast("type[E]", type(name, (parent,), row))


def failure_of_interruption(
    interruption: Interruption, kinds: Mapping[Cause, type[E]], *, source: str, tried: str
) -> E:
    """The failure for a request that got no complete answer."""
    given_up = interruption.cause in (Cause.too_slow, Cause.too_large)
    got = interruption.words if given_up else f"no complete answer: {interruption.words}"
    return kinds[interruption.cause](source=source, tried=tried, got=got)


def tried_again(
    ask: Callable[[], T],
    *,
    pace: Pace,
    attempts: int,
    first_backoff: float,
    overload: tuple[type[ServerError], ...],
) -> T:
    """What `ask` gives, asked again after failures that may pass: `attempts` times in all, with growing pauses.

    Each time it takes a turn of `pace`. `overload`: what a server with too much to do answers. Raises the last
    `ServerError`, with the number of attempts in its message.
    """
    attempt = 0
    while True:
        attempt += 1
        with pace.turn() as turn:
            try:
                return ask()
            except ServerError as error:
                turn.overloaded = isinstance(error, overload)
                wait = error.retry_after or 0.0
                if not error.transient or wait > LONGEST_WAIT or attempt >= attempts:
                    raise _final(error, attempt) from error
                # While the turn lasts, so that no other thread slips in between.
                pace.pause(max(wait, backoff(attempt, first=first_backoff)))


def _final(error: E, attempts: int) -> E:
    """The same error, with the number of attempts and the time to come back in its message."""
    tried = error.tried if attempts == 1 else f"{error.tried} ({attempts} attempts)"
    next_step = error.next_step
    if error.retry_after:
        due = datetime.now(UTC) + timedelta(seconds=error.retry_after)
        next_step = f"{error.server} asks to come back after {due:%Y-%m-%d %H:%M:%S} UTC. {next_step}"
    final = type(error)(source=error.source, tried=tried, got=error.got, next_step=next_step)
    final.retry_after = error.retry_after
    return final
