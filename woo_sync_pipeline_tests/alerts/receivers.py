"""Receivers of alerts on loopback: a webhook and a mail server, real ones that keep what they get."""

from __future__ import annotations

import asyncio
import base64
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiohttp import web

from woo_sync_pipeline.config.receivers import EmailSettings


class Webhook:
    """Answers every POST with `status`, the first ones with `first_statuses`, and keeps its JSON."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status = 200
        self.first_statuses: list[int] = []
        self.url = ""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        self.received.append(json.loads(await request.text()))
        self.paths.append(f"{request.method} {request.path_qs}")
        status = self.first_statuses.pop(0) if self.first_statuses else self.status
        headers = {"Location": "/elsewhere"} if 300 <= status < 400 else {}
        return web.Response(status=status, text="ok", headers=headers)


@contextmanager
def running_webhook() -> Iterator[Webhook]:
    """A webhook that answers until the block ends."""
    webhook = Webhook()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> web.ServerRunner:
        runner = web.ServerRunner(web.Server(webhook.answer), shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        webhook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/services/T0/hunter2?token=hunter3"
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield webhook
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class MailServer(socketserver.ThreadingTCPServer):
    """An SMTP server that keeps what it is given; with a TLS context it wants STARTTLS and a login first.

    `implicit`: it speaks TLS from the beginning instead, and offers no STARTTLS. `refuses` maps the beginning of a
    command to the answer that it gets instead of the usual one.
    """

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None, *, implicit: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.tls = tls
        self.implicit = implicit
        self.messages: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.logins: list[str] = []
        self.refuses: dict[str, str] = {}

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who does not trust the server hangs up."""


class _Session(socketserver.StreamRequestHandler):
    server: MailServer
    timeout = 10

    def handle(self) -> None:
        sender, recipients = "", []
        is_safe = is_known = self.server.tls is None
        if self.server.implicit:
            self._encrypt()
            is_safe = True
        self._say("220 mail.test ready")
        while line := self.rfile.readline().decode(errors="replace").strip():
            command = line.upper()
            refusal = next(
                (say for start, say in self.server.refuses.items() if line.startswith(start)), None
            )
            if refusal is not None:
                self._say(refusal)
            elif command.startswith("EHLO"):
                offers = "" if self.server.tls is None else "AUTH PLAIN" if is_safe else "STARTTLS"
                self._say(f"250-mail.test\r\n250 {offers or '8BITMIME'}")
            elif command == "STARTTLS" and self.server.tls is not None and not is_safe:
                self._say("220 go ahead")
                self._encrypt()
                is_safe = True
            elif command.startswith("AUTH PLAIN") and is_safe:
                self.server.logins.append(base64.b64decode(line.split()[2]).decode())
                is_known = True
                self._say("235 welcome")
            elif not is_known and command != "QUIT":
                self._say("530 log in first")
            elif command.startswith("MAIL"):
                sender = line
                self._say("250 ok")
            elif command.startswith("RCPT"):
                recipients.append(line)
                self._say("250 ok")
            elif command == "DATA":
                self._say("354 go on")
                self.server.envelopes.append((sender, recipients))
                self.server.messages.append(self._message())
                self._say("250 kept")
            else:
                self._say("221 bye" if command == "QUIT" else "250 ok")

    def _encrypt(self) -> None:
        assert self.server.tls is not None
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

    def _message(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def running_mail_server(tls: ssl.SSLContext | None = None, *, implicit: bool = False) -> Iterator[MailServer]:
    """A mail server that answers until the block ends."""
    with MailServer(tls, implicit=implicit) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def email_settings(server: MailServer, **options: object) -> EmailSettings:
    """How the server is configured, with two addresses, unless the options say otherwise."""
    values: dict[str, object] = {
        "smtp_host": "localhost",
        "smtp_port": server.port,
        "tls": "none",
        "from": "woo-sync@example.com",
        "to": ["a@example.com", "b@example.com"],
    }
    return EmailSettings.model_validate({**values, **options})
