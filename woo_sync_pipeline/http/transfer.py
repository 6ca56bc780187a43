"""The way of an answer's bytes: bounded in size and in time, whatever the other side sends."""

from __future__ import annotations

import contextlib
import socket
import threading
import zlib
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes after decompression. A page of 100 whole orders has about 230 kB."""

_PIECE = 64 * 1024
_GZIP = b"\x1f\x8b"
_under_way = threading.local()


class TooLargeError(Exception):
    """The body goes on beyond the limit."""


class Deadline:
    """Cuts the connection of an answer that is not complete in time; used as a context manager by one thread.

    A time-out for each read is no bound: one byte a second never meets it, neither among the headers nor inside of a
    decompressor that waits for more.
    """

    def __init__(self, seconds: float) -> None:
        self.has_passed = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _under_way.deadline = self
        self._timer.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._timer.cancel()
        _under_way.deadline = None
        with self._lock:
            # The connection goes back to its pool: from now on it is another request's.
            self._socket = None

    def watch(self, connection: socket.socket) -> None:
        """From now on the answer comes over this connection."""
        with self._lock:
            self._socket = connection
            if self.has_passed:
                self._cut()

    def _pass(self) -> None:
        with self._lock:
            self.has_passed = True
            self._cut()

    def _cut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Not the method of a TLS socket, which takes its state away under the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def read_body(response: requests.Response, *, largest: int) -> bytes:
    """Read and decompress the body, a piece at a time. Raises TooLargeError beyond `largest` bytes."""
    body = bytearray()
    # Not iter_content, which blocks until a whole piece is there, and unpacks all of a piece at once.
    while piece := response.raw.read1(_PIECE, decode_content=True):
        body += piece
        if len(body) > largest:
            raise TooLargeError
    return bytes(body)


def unpacked(body: bytes, *, largest: int) -> bytes:
    """A body that was sent packed without saying so, unpacked; any other as it is. Raises TooLargeError."""
    if not body.startswith(_GZIP):
        return body
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        whole = unpacking.decompress(body, largest + 1)
    except zlib.error:
        return body
    if len(whole) > largest:
        raise TooLargeError
    # Not one that broke off: its beginning must not be taken for all of it.
    return whole if unpacking.eof else body


class BoundedAdapter(HTTPAdapter):
    """Connections that tell the thread's `Deadline` of themselves before they wait for an answer."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of connections."""
        super().init_poolmanager(*args, **options)
        _let_watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Give the pools of connections to a proxy."""
        manager = super().proxy_manager_for(proxy, **options)
        _let_watch(manager)
        return manager


def _watch(connection: HTTPConnection) -> None:
    deadline: Deadline | None = getattr(_under_way, "deadline", None)
    if deadline is not None and isinstance(connection.sock, socket.socket):
        deadline.watch(connection.sock)


class _WatchedConnection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in the class above it
        _watch(self)
        return super().getresponse()


class _WatchedTlsConnection(_WatchedConnection, HTTPSConnection):
    pass


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _WatchedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTlsConnection


def _let_watch(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _WatchedPool, "https": _WatchedTlsPool}
