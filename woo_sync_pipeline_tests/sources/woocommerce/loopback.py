"""A real HTTP server on loopback whose answers a test decides, request by request."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

JSON = {"Content-Type": "application/json; charset=UTF-8"}


@dataclass(frozen=True)
class Request:
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    raw_path: str
    method: str = "GET"


@dataclass(frozen=True)
class Reply:
    """`cut` sends only so many bytes of the body and closes; `drop` closes before anything is sent.

    `dripping` sends single bytes of the head or of the body, fifty a second, without an end.

    The Date header is of this machine's clock unless `headers` have one.
    """

    body: bytes = b"[]"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    cut: int | None = None
    drop: bool = False
    dripping: Literal["", "head", "body"] = ""


def of_rows(rows: list[Any], *, total: int | None = None) -> Reply:
    return Reply(
        json.dumps(rows).encode(), headers={**JSON, "X-WP-Total": str(len(rows) if total is None else total)}
    )


class LoopbackStore:
    """Serves whatever `answer` returns; records requests and connections. `answer` runs in the server's threads."""

    def __init__(self, answer: Callable[[Request], Reply], *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.connections: set[object] = set()
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_OPTIONS(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                request = Request(
                    parts.path, dict(parse_qsl(parts.query)), dict(self.headers), self.path, self.command
                )
                store.requests.append(request)
                store.connections.add(self.client_address)
                reply = answer(request)
                self.close_connection = reply.drop or reply.cut is not None
                if reply.drop:
                    return
                if reply.dripping:
                    self.drip(reply)
                    return
                if "Date" in reply.headers:
                    self.send_response_only(reply.status)
                else:
                    self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body[: reply.cut])

            def drip(self, reply: Reply) -> None:
                self.close_connection = True
                head = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
                end = "X-Never-Ending: " if reply.dripping == "head" else "\r\n"
                self.wfile.write(f"HTTP/1.1 200 OK\r\n{head}{end}".encode() + reply.body)
                with contextlib.suppress(OSError):
                    for _ in range(1000):
                        self.wfile.write(b" ")
                        time.sleep(0.02)

            def log_message(self, format: str, *args: Any) -> None:
                """Keep the test output quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def in_turn(*replies: Reply) -> Callable[[Request], Reply]:
    """Answer with one reply after the other; the last one for ever."""
    lock = threading.Lock()
    left = list(replies)

    def answer(request: Request) -> Reply:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer
