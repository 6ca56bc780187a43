"""What it means when a request got no complete answer."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from enum import Enum, auto

import requests
from urllib3.exceptions import DecodeError, NewConnectionError, ReadTimeoutError

from woo_sync_pipeline.privacy import redact


class Cause(Enum):
    """What kept a complete answer away."""

    untrusted_certificate = auto()
    no_connection = auto()
    """None was opened, so nothing was sent."""
    connect_timeout = auto()
    """None was opened in time, so nothing was sent."""
    read_timeout = auto()
    cut = auto()
    """The answer began, and broke off."""
    lost = auto()
    """The connection broke, or none with TLS came about."""
    not_sendable = auto()
    """The request could not be made."""
    too_slow = auto()
    too_large = auto()


@dataclass(frozen=True)
class Interruption:
    """Why there is no complete answer. `words` say it fit to be shown; `raised` is the name of what was raised."""

    cause: Cause
    words: str
    raised: str = ""


_NOT_UNPACKED = "the answer broke off, or is not packed as its Content-Encoding says"
_NOT_IN_TIME = "no answer within {read_timeout:g} seconds"
# The first that is among the causes of an exception tells what happened: libraries wrap one in the other.
_CAUSES: tuple[tuple[type[BaseException], Cause, str], ...] = (
    # Only a certificate that was looked at and not trusted is permanent; a torn handshake is a torn line.
    (ssl.SSLCertVerificationError, Cause.untrusted_certificate, "the certificate is not trusted"),
    (socket.gaierror, Cause.no_connection, "the name of the host is not known"),
    (ConnectionRefusedError, Cause.no_connection, "Connection refused"),
    (requests.ConnectTimeout, Cause.connect_timeout, "no connection within {connect_timeout:g} seconds"),
    (requests.ReadTimeout, Cause.read_timeout, _NOT_IN_TIME),
    (ReadTimeoutError, Cause.read_timeout, _NOT_IN_TIME),
    (http.client.IncompleteRead, Cause.cut, "the answer broke off"),
    (requests.exceptions.ChunkedEncodingError, Cause.cut, "the answer broke off"),
    (requests.exceptions.ContentDecodingError, Cause.cut, _NOT_UNPACKED),
    (DecodeError, Cause.cut, _NOT_UNPACKED),
    (http.client.RemoteDisconnected, Cause.lost, "the connection was closed without an answer"),
    (ConnectionResetError, Cause.lost, "the connection was reset"),
    (ssl.SSLError, Cause.lost, "no TLS connection"),
    # These say in their own words what happened.
    (NewConnectionError, Cause.no_connection, ""),
    (requests.ConnectionError, Cause.lost, ""),
    (requests.RequestException, Cause.not_sendable, ""),
)


def interruption_of(error: Exception, *, connect_timeout: float, read_timeout: float) -> Interruption:
    """What an exception of `requests`, of urllib3 or of a socket means. The time-outs are those in force, in seconds.

    Its own text may hold the address with its query, of which only the end is told, and that without personal data.
    """
    known = ((_among_causes(error, wanted), cause, words) for wanted, cause, words in _CAUSES)
    told = ((found, cause, words) for found, cause, words in known if found is not None)
    found, cause, words = next(told, (error, Cause.lost, ""))
    said = words.format(connect_timeout=connect_timeout, read_timeout=read_timeout)
    if isinstance(found, ssl.SSLCertVerificationError):
        said += f" ({redact(found.verify_message).rstrip('.')})"
    elif isinstance(found, ssl.SSLError):
        said += f" ({(found.reason or 'broken off').replace('_', ' ').lower()})"
    raised = type(error).__name__
    return Interruption(cause, said or redact(f"{raised}: {str(error).rpartition(': ')[2]}"), raised)


def _among_causes(error: BaseException, wanted: type[BaseException]) -> BaseException | None:
    todo: list[object] = [error]
    seen: set[int] = set()
    while todo:
        found = todo.pop()
        if isinstance(found, wanted):
            return found
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            todo += [*found.args, found.__cause__, found.__context__, getattr(found, "reason", None)]
    return None
