"""The store as a real HTTP server on loopback, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import format_datetime
from urllib.parse import unquote

from aiohttp import web

from woo_sync_pipeline.demo.loopback import LoopbackServer, cut, drop
from woo_sync_pipeline.demo.store.answers import HTML_TYPE, JSON_TYPE, Answer
from woo_sync_pipeline.demo.store.api import Api
from woo_sync_pipeline.demo.store.data import StoreData
from woo_sync_pipeline.demo.store.faults import Fault, Faults
from woo_sync_pipeline.demo.store.php import flatten, parse_query
from woo_sync_pipeline.demo.store.state import utc_now

_REMEMBERED = 100_000
_PAGE = "<!DOCTYPE html>\n<html lang='en-US'><head><title>{title}</title></head><body>{text}</body></html>\n"
_NOTICE = (
    b"<br />\n<b>Warning</b>:  Undefined variable $undefined_thing in "
    b"<b>/srv/store/wp-content/plugins/noisy/noisy.php</b> on line <b>1</b><br />\n"
)
_BOM = b"\xef\xbb\xbf"
_MAINTENANCE = "Briefly unavailable for scheduled maintenance. Check back in a minute."
_CRITICAL = "There has been a critical error on this website."


@dataclass(frozen=True)
class SeenRequest:
    """One request as the server saw it, without whatever was a credential in it."""

    method: str
    path: str
    query: dict[str, str]


class DemoStore(LoopbackServer):
    """A WooCommerce store on loopback. Use it as a context manager, or call `start` and `stop`.

    `data` is the store's state, `faults` its misbehaviours, `requests` what came in. `on_request`, when set,
    is called with the path before each answer, on the server's thread: it may change `data`, but must not
    talk to the server itself. So may `on_select`, which is called with the name of a list (`orders`) when the ids
    of a page have been selected and none of its rows has been loaded yet. With `ssl_context` it speaks HTTPS.
    Raises ConfigurationError for a host that others could reach, OSError when the port is taken.
    """

    name = "demo store"

    def __init__(
        self,
        data: StoreData,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(host=host, port=port, ssl_context=ssl_context)
        self.data = data
        self.faults = Faults()
        self.requests: list[SeenRequest] = []
        self.on_request: Callable[[str], None] | None = None
        self.on_select: Callable[[str], None] | None = None
        self._api: Api | None = None

    async def _open(self) -> None:
        await super()._open()
        self._api = Api(self.data, home=self.url)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        raw_path, _, raw_query = request.raw_path.partition("?")
        path = unquote(raw_path)
        self._remember(request.method, path, raw_query)
        if self.on_request is not None:
            self.on_request(path)
        if self.faults.latency:
            await asyncio.sleep(self.faults.latency)
        fault = self.faults.take(path)
        if fault == "drop":
            return drop(request)
        instead = self._broken(fault, request, raw_path, raw_query)
        if instead is not None:
            return instead
        if "wp-json" not in path and "/wc-api/" not in path and "rest_route=" not in raw_query:
            title = self.data.name if path == "/" else "Page not found"
            return self._html(200 if path == "/" else 404, title, title)
        if self._api is None:
            raise RuntimeError("the store answers only after it has started")
        self._api.on_select = self.on_select
        answer = self._api.answer(
            method=request.method,
            path=path,
            raw_query=raw_query,
            authorization=request.headers.get("Authorization", ""),
            body=await request.read() if request.body_exists else b"",
        )
        body = {"notice": _NOTICE, "bom": _BOM}.get(fault or "", b"") + answer.encoded()
        response = self._response(answer.status, body, JSON_TYPE, answer.headers)
        return await cut(request, response, body) if fault == "cut" else response

    def _broken(
        self, fault: Fault | None, request: web.BaseRequest, raw_path: str, raw_query: str
    ) -> web.Response | None:
        wait = {"Retry-After": str(self.faults.retry_after)}
        if fault in ("too_many_requests", "unavailable"):
            status = 429 if fault == "too_many_requests" else 503
            error = {"code": fault, "message": "Try again later.", "data": {"status": status}}
            return self._response(status, Answer(status, error).encoded(), JSON_TYPE, wait)
        if fault == "maintenance":
            wait = {"Retry-After": "600"}
            if "application/json" not in request.headers.get("Accept", ""):
                return self._html(503, "Maintenance", _MAINTENANCE, wait)
            died = {"code": "wp_die", "message": _MAINTENANCE, "data": {"status": 503}}
            return self._response(503, json.dumps(died).encode(), JSON_TYPE, wait)
        if fault == "fatal":
            return self._html(500, "WordPress &rsaquo; Error", _CRITICAL)
        if fault == "exit":
            return self._response(200, b"", HTML_TYPE, {})
        if fault == "redirect":
            there = f"{self.url}{raw_path.rstrip('/')}/" + (f"?{raw_query}" if raw_query else "")
            return self._response(301, b"", HTML_TYPE, {"Location": there})
        return None

    def _html(
        self, status: int, title: str, text: str, headers: dict[str, str] | None = None
    ) -> web.Response:
        page = _PAGE.format(title=title, text=text)
        return self._response(status, page.encode(), HTML_TYPE, headers or {})

    def _response(self, status: int, body: bytes, kind: str, headers: dict[str, str]) -> web.Response:
        now = self.data.now() if self.data.date_header_follows_clock else utc_now()
        date = format_datetime(now, usegmt=True)
        return web.Response(status=status, body=body, headers={"Content-Type": kind, "Date": date, **headers})

    def _remember(self, method: str, path: str, raw_query: str) -> None:
        query = {
            name: value
            for name, value in flatten(parse_query(raw_query))
            if not name.startswith(("consumer_", "oauth_"))
        }
        if len(self.requests) >= _REMEMBERED:
            del self.requests[: _REMEMBERED // 2]
        self.requests.append(SeenRequest(method, path, query))
