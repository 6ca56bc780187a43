"""The HTTP server in front of the demo account, in a thread and an event loop of its own."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import secrets
import threading
from collections.abc import Callable
from types import TracebackType
from urllib.parse import parse_qsl

from aiohttp import web

from woo_sync_pipeline.demo.exchange import Exchange
from woo_sync_pipeline.demo.platform.account import Account, Readings
from woo_sync_pipeline.demo.platform.answers import Answer, api_error
from woo_sync_pipeline.demo.platform.api import perform
from woo_sync_pipeline.demo.platform.authentication import is_authentic
from woo_sync_pipeline.demo.platform.directory import Directory
from woo_sync_pipeline.demo.platform.faults import FaultKind, Faults
from woo_sync_pipeline.demo.platform.record import RequestLog, RequestRecord

MAX_REQUEST_LINE = 8192
MAX_BODY = 1024 * 1024


class DemoPlatform:
    """A MessageMedia account on loopback. A context manager; `start` and `stop` may also be called.

    Stopped and started again it has the same address and the same state, as after an outage. The hooks run
    in the server's thread: `on_request(method, path)` just before a request is processed, `on_exchange` after
    it has been answered (or an answer withheld). `readings` chooses among the meanings that the API's
    description leaves open. Without an `api_secret` one is made up.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        api_key: str = "demo-key",
        api_secret: str | None = None,
        readings: Readings | None = None,
    ) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError("the demo platform serves loopback addresses only")
        self.host = host
        self.port = port
        self.api_key = api_key
        self.api_secret = api_secret or f"demo-secret-{secrets.token_hex(8)}"
        self.directory = Directory()
        self.faults = Faults()
        self.requests = RequestLog()
        self.on_request: Callable[[str, str], None] | None = None
        self.on_exchange: Callable[[Exchange], None] | None = None
        self._account = Account(self.directory, readings or Readings())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._runner: web.ServerRunner | None = None

    def __repr__(self) -> str:
        return f"DemoPlatform(url={self.url!r})"

    def __enter__(self) -> DemoPlatform:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL. The port is known once the server has been started."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        """Serve. Raises OSError if the port is taken."""
        if self._loop is not None:
            raise RuntimeError("the demo platform is running already")
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="demo-platform", daemon=True)
        thread.start()
        self._loop, self._thread = loop, thread
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), loop).result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Close every connection and stop serving. The state stays."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        self._loop = self._thread = self._runner = None

    async def _listen(self) -> None:
        # Lines longer than ours must reach the handler, which is what answers 414. No access log: queries
        # hold phones.
        server = web.Server(self._handle, access_log=None, max_line_size=8 * MAX_REQUEST_LINE)
        runner = web.ServerRunner(server, shutdown_timeout=0.2)
        await runner.setup()
        self._runner = runner
        await web.TCPSite(runner, self.host, self.port).start()
        self.port = runner.addresses[0][1]

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        with self.requests.under_way():
            return await self._respond(request)

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        # The time that the work takes is within the latency: an answer comes so long after its request.
        answers_at = asyncio.get_running_loop().time() + self.faults.latency
        method = request.method
        path, _, query = request.raw_path.partition("?")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            answer = api_error(413, "payload_too_large", "Payload too large", f"At most {MAX_BODY} bytes")
            self.requests.add(RequestRecord(method, path, answer.status), carried_out=False)
            return _response(answer)
        fault = self.faults.draw(method, path)
        early = self._early_answer(fault)
        if fault == "drop":
            await _until(answers_at)
            return self._hang_up(request, RequestRecord(method, path, None), carried_out=False)
        answer = early or self._process(request, path, query, body)
        carried_out = early is None and 200 <= answer.status < 300
        if self.on_exchange is not None:
            self.on_exchange(_exchange(method, path, query, body, answer))
        await _until(answers_at)
        if fault == "lost_answer":
            return self._hang_up(request, RequestRecord(method, path, None), carried_out=carried_out)
        if fault == "500_after":
            answer = api_error(500, "internal_server_error", "Internal server error", "Try again")
        self.requests.add(RequestRecord(method, path, answer.status), carried_out=carried_out)
        if fault == "slow":
            await asyncio.sleep(self.faults.slow_seconds)
        return _response(answer)

    def _early_answer(self, fault: FaultKind | None) -> Answer | None:
        """Return the answer of a fault that keeps the request from being processed."""
        retry_after = {"Retry-After": self.faults.retry_after}
        match fault:
            case "429":
                return Answer(429, headers=retry_after)
            case "503_later":
                return Answer(503, headers=retry_after)
            case "502" | "503" | "504":
                return Answer(int(fault))
            case "500":
                return api_error(500, "internal_server_error", "Internal server error", "Try again")
            case _:
                return None

    def _process(self, request: web.BaseRequest, path: str, query: str, body: bytes) -> Answer:
        method, target = request.method, request.raw_path
        if len(f"{method} {target} HTTP/1.1") > MAX_REQUEST_LINE:
            return api_error(414, "validation", "URI too long", f"At most {MAX_REQUEST_LINE} bytes")
        if not is_authentic(
            method, target, request.headers, body, api_key=self.api_key, api_secret=self.api_secret
        ):
            return Answer(401)
        if self.on_request is not None:
            self.on_request(method, path)
        with self.directory.lock:
            content_type = request.headers.get("Content-Type", "")
            return perform(self._account, method, path, query, content_type, body)

    def _hang_up(
        self, request: web.BaseRequest, entry: RequestRecord, *, carried_out: bool
    ) -> web.StreamResponse:
        """Close the connection; what is returned finds nobody to go to."""
        self.requests.add(entry, carried_out=carried_out)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


async def _until(time: float) -> None:
    """Wait until a time of the loop's clock; not at all if it has passed."""
    if (seconds := time - asyncio.get_running_loop().time()) > 0:
        await asyncio.sleep(seconds)


def _response(answer: Answer) -> web.Response:
    if answer.body is None:
        return web.Response(status=answer.status, headers=answer.headers)
    return web.Response(
        status=answer.status,
        body=json.dumps(answer.body).encode(),
        content_type="application/json",
        headers=answer.headers,
    )


def _exchange(method: str, path: str, query: str, body: bytes, answer: Answer) -> Exchange:
    try:
        parsed: object = json.loads(body) if body else None
    except (ValueError, RecursionError):
        parsed = None
    pairs = tuple(parse_qsl(query, keep_blank_values=True))
    return Exchange(method, path, pairs, parsed, answer.status, answer.body)
