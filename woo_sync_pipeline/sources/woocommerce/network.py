"""What it means when a request got no complete answer."""

from __future__ import annotations

import http.client
import socket
import ssl

import requests
import urllib3.exceptions

from woo_sync_pipeline.privacy import redact
from woo_sync_pipeline.sources.woocommerce.errors import (
    StoreAnswerCutError,
    StoreError,
    StoreTimeoutError,
    StoreTlsError,
    StoreUnreachableError,
)

_NOT_UNPACKED = "the answer broke off, or is not packed as its Content-Encoding says"
# The first that is among the causes of an exception tells what happened: libraries wrap one in the other.
_CAUSES: tuple[tuple[type[BaseException], type[StoreError], str], ...] = (
    # Only a certificate that was looked at and not trusted is permanent; a torn handshake is a torn line.
    (ssl.SSLCertVerificationError, StoreTlsError, "the certificate is not trusted"),
    (socket.gaierror, StoreUnreachableError, "the name of the host is not known"),
    (ConnectionRefusedError, StoreUnreachableError, "Connection refused"),
    (requests.ConnectTimeout, StoreTimeoutError, "no connection within {connect_timeout:g} seconds"),
    (requests.ReadTimeout, StoreTimeoutError, "no answer within {read_timeout:g} seconds"),
    (urllib3.exceptions.ReadTimeoutError, StoreTimeoutError, "no answer within {read_timeout:g} seconds"),
    (http.client.IncompleteRead, StoreAnswerCutError, "the answer broke off"),
    (requests.exceptions.ChunkedEncodingError, StoreAnswerCutError, "the answer broke off"),
    (requests.exceptions.ContentDecodingError, StoreAnswerCutError, _NOT_UNPACKED),
    (urllib3.exceptions.DecodeError, StoreAnswerCutError, _NOT_UNPACKED),
    (http.client.RemoteDisconnected, StoreUnreachableError, "the connection was closed without an answer"),
    (ConnectionResetError, StoreUnreachableError, "the connection was reset"),
    (ssl.SSLError, StoreUnreachableError, "no TLS connection"),
)


def network_error(
    error: Exception, *, source: str, tried: str, connect_timeout: float, read_timeout: float
) -> StoreError:
    """The StoreError for a request that got no complete answer. The time-outs are those in force, in seconds."""
    for wanted, kind, words in _CAUSES:
        cause = _cause(error, wanted)
        if cause is not None:
            said = words.format(connect_timeout=connect_timeout, read_timeout=read_timeout)
            if isinstance(cause, ssl.SSLCertVerificationError):
                said += f" ({redact(cause.verify_message).rstrip('.')})"
            elif isinstance(cause, ssl.SSLError):
                said += f" ({(cause.reason or 'broken off').replace('_', ' ').lower()})"
            return kind(source=source, tried=tried, got=f"no complete answer: {said}")
    said = redact(f"{type(error).__name__}: {str(error).rpartition(': ')[2]}")
    return StoreUnreachableError(source=source, tried=tried, got=f"no complete answer: {said}")


def _cause(error: BaseException, wanted: type[BaseException]) -> BaseException | None:
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
