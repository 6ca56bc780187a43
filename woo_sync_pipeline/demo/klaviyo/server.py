"""The account as a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from woo_sync_pipeline.demo.exchange import Exchange
from woo_sync_pipeline.demo.klaviyo.answers import JSON_API_TYPE, Answer
from woo_sync_pipeline.demo.klaviyo.api import Api
from woo_sync_pipeline.demo.klaviyo.data import KlaviyoData
from woo_sync_pipeline.demo.klaviyo.faults import HTML_PAGE, Faults, answer_instead, spoil
from woo_sync_pipeline.demo.klaviyo.limits import RateLimits
from woo_sync_pipeline.demo.klaviyo.state import utc_now
from woo_sync_pipeline.demo.loopback import LoopbackServer, cut, drop

_REMEMBERED = 100_000
_DESCRIBED_HEADERS = ("accept", "revision")


@dataclass(frozen=True)
class SeenRequest:
    """One request as the server saw it, without its key. `status` is None when no answer was given."""

    method: str
    path: str
    query: dict[str, str] = field(repr=False)
    status: int | None


class DemoKlaviyo(LoopbackServer):
    """A Klaviyo account on loopback. Use it as a context manager, or call `start` and `stop`.

    `data` is the account's state, `limits` what it lets through, `faults` its misbehaviours, `requests` what came in,
    in the order in which it was answered. The hooks run on the server's thread: `on_request`, when set, is called
    with the path before each answer: it may change `data`, but must not talk to the server itself. `on_exchange` is
    called with each request and what was decided of it. Stopped and started again it has the same address.
    Raises ConfigurationError for a host that others could reach, OSError when the port is taken.
    """

    name = "demo Klaviyo"

    def __init__(
        self,
        data: KlaviyoData,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(host=host, port=port, ssl_context=ssl_context)
        self.data = data
        self.limits = RateLimits()
        self.faults = Faults()
        self.requests: list[SeenRequest] = []
        self.on_request: Callable[[str], None] | None = None
        self.on_exchange: Callable[[Exchange], None] | None = None

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        raw_path, _, raw_query = request.raw_path.partition("?")
        path = unquote(raw_path)
        if self.on_request is not None:
            self.on_request(path)
        if self.faults.latency:
            await asyncio.sleep(self.faults.latency)
        fault = self.faults.take(path)
        if fault == "drop":
            self._remember(request.method, path, raw_query, None)
            return drop(request)
        if fault == "html":
            self._remember(request.method, path, raw_query, 200)
            return self._response(200, HTML_PAGE, "text/html; charset=utf-8", {})
        answer = answer_instead(fault, self.faults) or Api(self.data, self.limits, home=self.url).answer(
            method=request.method, path=path, raw_query=raw_query, headers=request.headers
        )
        spoil(answer, fault, self.faults)
        if fault == "slow":
            await asyncio.sleep(self.faults.slow_seconds)
        self._remember(request.method, path, raw_query, None if fault == "cut" else answer.status)
        if self.on_exchange is not None and fault != "other_json":
            self.on_exchange(_exchange(request, path, raw_query, answer))
        kind = "application/json" if fault == "other_json" else JSON_API_TYPE
        body = answer.encoded()
        response = self._response(answer.status, body, kind, answer.headers)
        return await cut(request, response, body) if fault == "cut" else response

    def _response(self, status: int, body: bytes, kind: str, headers: dict[str, str]) -> web.Response:
        now = self.data.now() if self.data.date_header_follows_clock else utc_now()
        date = format_datetime(now, usegmt=True)
        return web.Response(status=status, body=body, headers={"Content-Type": kind, "Date": date, **headers})

    def _remember(self, method: str, path: str, raw_query: str, status: int | None) -> None:
        if len(self.requests) >= _REMEMBERED:
            del self.requests[: _REMEMBERED // 2]
        query = dict(parse_qsl(raw_query, keep_blank_values=True))
        self.requests.append(SeenRequest(method, path, query, status))


def _exchange(request: web.BaseRequest, path: str, raw_query: str, answer: Answer) -> Exchange:
    headers = {name: request.headers[name] for name in _DESCRIBED_HEADERS if name in request.headers}
    query = tuple(parse_qsl(raw_query, keep_blank_values=True))
    return Exchange(request.method, path, query, None, answer.status, answer.body, headers)
