"""What demo servers share: HTTP on a loopback address, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from aiohttp import web

from woo_sync_pipeline.errors import ConfigurationError


class LoopbackServer(ABC):
    """A server for this machine only. Use it as a context manager, or call `start` and `stop`.

    Raises ConfigurationError for a host that others could reach, OSError when the port is taken. With
    `ssl_context` it speaks HTTPS.
    """

    name: str

    def __init__(self, *, host: str, port: int, ssl_context: ssl.SSLContext | None = None) -> None:
        if not is_loopback(host):
            raise ConfigurationError(
                source=self.name,
                tried=f"listening on {host}",
                got="that is not a loopback address",
                next_step=f"Use 127.0.0.1, ::1 or localhost: the {self.name} is for this machine only.",
            )
        self._host, self._port, self._ssl = host, port, ssl_context
        self._url = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runner: web.ServerRunner | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The server's address, without a slash at the end; known once it has started."""
        return self._url

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Start serving and return when the port is open. Started again it has the port that it had before."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=self.name.replace(" ", "-"), daemon=True
        )
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Close the port and every connection, and wait for the thread to end. Twice does no harm."""
        if self._loop is None or self._thread is None:
            return
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = self._runner = None

    async def _open(self) -> None:
        # No access log: queries hold phones.
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, ssl_context=self._ssl)
        await site.start()
        self._port = self._runner.addresses[0][1]
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self._url = f"{'https' if self._ssl else 'http'}://{shown}:{self._port}"

    @abstractmethod
    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""


def drop(request: web.BaseRequest) -> web.Response:
    """Close the connection; what is returned finds nobody to go to."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def cut(request: web.BaseRequest, response: web.Response, body: bytes) -> web.StreamResponse:
    """Send half of the body of an answer, and close the connection."""
    partial = web.StreamResponse(status=response.status, headers=response.headers)
    partial.content_length = len(body)
    await partial.prepare(request)
    await partial.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return partial


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
