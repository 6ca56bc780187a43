"""Alerts over real connections on loopback."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from woo_sync_pipeline.alerts import delivery
from woo_sync_pipeline.alerts.alert import Failure, failure_alert
from woo_sync_pipeline.alerts.delivery import post_webhook, send_email
from woo_sync_pipeline.alerts.telling import tell
from woo_sync_pipeline.config import AlertSettings, EmailSettings
from woo_sync_pipeline.state.alerts import claim_alert
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.alerts.receivers import (
    MailServer,
    Webhook,
    running_mail_server,
    running_webhook,
)

ALERT = failure_alert(
    source="shop", run_id="1a2b3c4d", sync=None, failure=Failure("GET orders: 503", "Wait.")
)
UNREACHABLE = "http://127.0.0.1:1/services/hunter2"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with running_webhook() as running:
        yield running


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with running_mail_server() as running:
        yield running


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def email(server: MailServer, **options: object) -> EmailSettings:
    values: dict[str, object] = {
        "smtp_host": "localhost",
        "smtp_port": server.port,
        "tls": "none",
        "from": "woo-sync@example.com",
        "to": ["a@example.com", "b@example.com"],
    }
    return EmailSettings.model_validate({**values, **options})


def test_a_webhook_gets_the_alert_as_json_once(webhook: Webhook) -> None:
    assert post_webhook(webhook.url, ALERT) is None
    assert webhook.received == [ALERT.to_json()]
    assert webhook.paths == ["POST /services/T0/hunter2?token=hunter3"]
    assert webhook.received[0]["text"].startswith("shop: run 1a2b3c4d failed. GET orders: 503. Wait.")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_does_not_take_it_is_named_by_its_host_alone(webhook: Webhook, status: int) -> None:
    webhook.status = status
    assert post_webhook(webhook.url, ALERT) == f"the webhook at 127.0.0.1 answered {status}"
    assert len(webhook.received) == 1


def test_a_webhook_that_cannot_be_reached_is_named_by_its_host_alone() -> None:
    problem = post_webhook(UNREACHABLE, ALERT)
    assert problem == "the webhook at 127.0.0.1 could not be reached (ConnectionError)"


def test_a_webhook_that_never_answers_is_given_up(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "WEBHOOK_TIMEOUT", (1.0, 0.2))
    problem = post_webhook(f"http://127.0.0.1:{silent_port}/", ALERT)
    assert problem == "the webhook at 127.0.0.1 could not be reached (ReadTimeout)"


def test_an_email_has_the_alert_as_plain_text(mail_server: MailServer) -> None:
    assert send_email(email(mail_server), ALERT) is None
    (message,) = mail_server.messages
    assert message["Subject"] == "[woo-sync] shop: run 1a2b3c4d failed"
    assert (message["From"], message["To"]) == ("woo-sync@example.com", "a@example.com, b@example.com")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().strip() == ALERT.text
    ((sender, recipients),) = mail_server.envelopes
    assert sender.upper().startswith("MAIL FROM:<WOO-SYNC@EXAMPLE.COM>")
    assert len(recipients) == 2


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server needs whose certificate is trusted."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return _context(authority)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_with_a_login_the_connection_is_encrypted_first(trusted: ssl.SSLContext, tls: str) -> None:
    with running_mail_server(trusted, implicit=tls == "implicit") as server:
        settings = email(server, tls=tls, username="sync", password="hunter2")
        assert send_email(settings, ALERT) is None
        assert server.logins == ["\0sync\0hunter2"]
        assert len(server.messages) == 1
        anonymous = send_email(email(server, tls=tls), ALERT)
        assert anonymous == f"the mail server localhost:{server.port} answered 530 (SMTPSenderRefused)"
        server.refuses["AUTH"] = "535 hunter2 is no password"
        refused = send_email(settings, ALERT)
        assert refused == f"the mail server localhost:{server.port} answered 535 (SMTPAuthenticationError)"


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_mail_server_whose_certificate_is_not_trusted_gets_nothing(tls: str) -> None:
    with running_mail_server(_context(trustme.CA()), implicit=tls == "implicit") as server:
        problem = send_email(email(server, tls=tls, username="sync", password="hunter2"), ALERT)
        assert problem == f"no email could be sent by localhost:{server.port} (SSLCertVerificationError)"
        assert server.logins == []


def test_the_certificate_must_be_of_the_server_that_is_named(trusted: ssl.SSLContext) -> None:
    with running_mail_server(trusted, implicit=True) as server:
        problem = send_email(email(server, tls="implicit", smtp_host="127.0.0.1"), ALERT)
        assert problem == f"no email could be sent by 127.0.0.1:{server.port} (SSLCertVerificationError)"


def test_a_mail_server_that_does_not_speak_tls_from_the_beginning_gets_nothing(
    mail_server: MailServer,
) -> None:
    problem = send_email(email(mail_server, tls="implicit"), ALERT)
    assert problem == f"no email could be sent by localhost:{mail_server.port} (SSLError)"
    assert mail_server.messages == []


def test_a_mail_server_that_cannot_encrypt_gets_nothing(mail_server: MailServer) -> None:
    problem = send_email(email(mail_server, tls="starttls"), ALERT)
    assert problem == f"no email could be sent by localhost:{mail_server.port} (SMTPNotSupportedError)"
    assert mail_server.messages == []


def test_addresses_that_are_refused_are_counted_and_not_quoted(mail_server: MailServer) -> None:
    settings = email(mail_server)
    place = f"localhost:{mail_server.port}"
    mail_server.refuses["rcpt TO:<a@"] = "550 a@example.com has left"
    assert send_email(settings, ALERT) == f"the mail server {place} refused 1 of 2 addresses"
    assert len(mail_server.messages) == 1
    mail_server.refuses["rcpt TO:<b@"] = "550 b@example.com has left"
    assert send_email(settings, ALERT) == f"no email could be sent by {place} (SMTPRecipientsRefused)"


@pytest.mark.parametrize(("tls", "kind"), [("none", "SMTPServerDisconnected"), ("implicit", "TimeoutError")])
def test_a_mail_server_that_never_answers_is_given_up(
    silent_port: int, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch, tls: str, kind: str
) -> None:
    monkeypatch.setattr(delivery, "SMTP_TIMEOUT", 0.2)
    problem = send_email(email(mail_server, smtp_host="127.0.0.1", smtp_port=silent_port, tls=tls), ALERT)
    assert problem == f"no email could be sent by 127.0.0.1:{silent_port} ({kind})"


def _context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


class Log(list[str]):
    def __call__(self, line: str) -> None:
        self.append(line)


def settings(webhook_url: str | None = None, **options: object) -> AlertSettings:
    return AlertSettings.model_validate({"webhook_url": webhook_url, **options})


def test_the_same_trouble_is_told_once_an_hour(database: Database, webhook: Webhook) -> None:
    log = Log()
    told = [tell(ALERT, settings(webhook.url), database=lambda: database, log=log) for _ in range(3)]
    assert told == [True, False, False]
    assert len(webhook.received) == 1
    assert log == ["shop: run 1a2b3c4d failed: was told less than 60 minutes ago"] * 2


def test_every_receiver_is_told_even_if_one_is_down(database: Database, mail_server: MailServer) -> None:
    log = Log()
    both = settings(UNREACHABLE, email=email(mail_server))
    assert tell(ALERT, both, database=lambda: database, log=log)
    assert len(mail_server.messages) == 1
    assert log == [
        "shop: run 1a2b3c4d failed: the webhook at 127.0.0.1 could not be reached (ConnectionError)"
    ]


def test_what_nobody_was_told_of_is_tried_again_at_the_next_occurrence(
    database: Database, webhook: Webhook
) -> None:
    log = Log()
    assert not tell(ALERT, settings(UNREACHABLE), database=lambda: database, log=log)
    assert tell(ALERT, settings(webhook.url), database=lambda: database, log=log)
    assert not claim_alert(
        database, source="shop", condition=ALERT.condition, min_interval=timedelta(hours=1)
    )


def test_that_the_database_is_down_is_told_without_it(webhook: Webhook) -> None:
    down = Database("postgresql://nobody:hunter2@127.0.0.1:1/nowhere")
    log = Log()
    for _ in range(2):
        assert tell(ALERT, settings(webhook.url), database=lambda: down, log=log)
    assert len(webhook.received) == 2
    assert not tell(ALERT, settings(UNREACHABLE), database=lambda: down, log=log)
    assert "hunter2" not in str(log)
    down.close()
