"""Alerts over real connections on loopback."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from woo_sync_pipeline.alerts import delivery
from woo_sync_pipeline.alerts.alert import Failure, failure_alert
from woo_sync_pipeline.alerts.delivery import Problem, deliver, post_webhook, send_email
from woo_sync_pipeline_tests.alerts.receivers import MailServer, Webhook, email_settings, running_mail_server

ALERT = failure_alert(
    source="shop", run_id="1a2b3c4d", sync=None, failure=Failure("GET orders: 503", "Wait.")
)
UNREACHABLE = "http://127.0.0.1:1/services/hunter2"


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def said(problem: Problem | None) -> str:
    assert problem is not None
    return problem.text


def test_a_webhook_gets_the_alert_as_json_once(webhook: Webhook) -> None:
    assert post_webhook(webhook.url, ALERT) is None
    assert webhook.received == [ALERT.to_json()]
    assert webhook.paths == ["POST /services/T0/hunter2?token=hunter3"]
    assert webhook.received[0]["text"].startswith("shop: run 1a2b3c4d failed. GET orders: 503. Wait.")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_does_not_take_it_is_named_by_its_host_alone(webhook: Webhook, status: int) -> None:
    webhook.status = status
    assert said(post_webhook(webhook.url, ALERT)) == f"the webhook at 127.0.0.1 answered {status}"
    assert len(webhook.received) == 1


def test_a_webhook_that_cannot_be_reached_is_named_by_its_host_alone() -> None:
    problem = post_webhook(UNREACHABLE, ALERT)
    assert said(problem) == "the webhook at 127.0.0.1 could not be reached (ConnectionError)"


def test_a_webhook_that_never_answers_is_given_up(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "WEBHOOK_TIMEOUT", (1.0, 0.2))
    problem = post_webhook(f"http://127.0.0.1:{silent_port}/", ALERT)
    assert said(problem) == "the webhook at 127.0.0.1 could not be reached (ReadTimeout)"


def test_an_email_has_the_alert_as_plain_text(mail_server: MailServer) -> None:
    assert send_email(email_settings(mail_server), ALERT) is None
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
        settings = email_settings(server, tls=tls, username="sync", password="hunter2")
        assert send_email(settings, ALERT) is None
        assert server.logins == ["\0sync\0hunter2"]
        assert len(server.messages) == 1
        anonymous = send_email(email_settings(server, tls=tls), ALERT)
        assert said(anonymous) == f"the mail server localhost:{server.port} answered 530 (SMTPSenderRefused)"
        server.refuses["AUTH"] = "535 hunter2 is no password"
        refused = send_email(settings, ALERT)
        assert (
            said(refused) == f"the mail server localhost:{server.port} answered 535 (SMTPAuthenticationError)"
        )


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_mail_server_whose_certificate_is_not_trusted_gets_nothing(tls: str) -> None:
    with running_mail_server(_context(trustme.CA()), implicit=tls == "implicit") as server:
        problem = send_email(email_settings(server, tls=tls, username="sync", password="hunter2"), ALERT)
        assert (
            said(problem) == f"no email could be sent by localhost:{server.port} (SSLCertVerificationError)"
        )
        assert server.logins == []


def test_the_certificate_must_be_of_the_server_that_is_named(trusted: ssl.SSLContext) -> None:
    with running_mail_server(trusted, implicit=True) as server:
        problem = send_email(email_settings(server, tls="implicit", smtp_host="127.0.0.1"), ALERT)
        assert (
            said(problem) == f"no email could be sent by 127.0.0.1:{server.port} (SSLCertVerificationError)"
        )


def test_a_mail_server_that_does_not_speak_tls_from_the_beginning_gets_nothing(
    mail_server: MailServer,
) -> None:
    problem = send_email(email_settings(mail_server, tls="implicit"), ALERT)
    assert said(problem) == f"no email could be sent by localhost:{mail_server.port} (SSLError)"
    assert mail_server.messages == []


def test_a_mail_server_that_cannot_encrypt_gets_nothing(mail_server: MailServer) -> None:
    problem = send_email(email_settings(mail_server, tls="starttls"), ALERT)
    assert said(problem) == f"no email could be sent by localhost:{mail_server.port} (SMTPNotSupportedError)"
    assert mail_server.messages == []


def test_addresses_that_are_refused_are_counted_and_not_quoted(mail_server: MailServer) -> None:
    settings = email_settings(mail_server)
    place = f"localhost:{mail_server.port}"
    mail_server.refuses["rcpt TO:<a@"] = "550 a@example.com has left"
    assert said(send_email(settings, ALERT)) == f"the mail server {place} refused 1 of 2 addresses"
    assert len(mail_server.messages) == 1
    mail_server.refuses["rcpt TO:<b@"] = "550 b@example.com has left"
    assert said(send_email(settings, ALERT)) == f"no email could be sent by {place} (SMTPRecipientsRefused)"


@pytest.mark.parametrize(("tls", "kind"), [("none", "SMTPServerDisconnected"), ("implicit", "TimeoutError")])
def test_a_mail_server_that_never_answers_is_given_up(
    silent_port: int, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch, tls: str, kind: str
) -> None:
    monkeypatch.setattr(delivery, "SMTP_TIMEOUT", 0.2)
    problem = send_email(
        email_settings(mail_server, smtp_host="127.0.0.1", smtp_port=silent_port, tls=tls), ALERT
    )
    assert said(problem) == f"no email could be sent by 127.0.0.1:{silent_port} ({kind})"


def _context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("statuses", "posts"),
    [([503, 503], 3), ([429], 2), ([500, 500, 500, 500], 3), ([404], 1), ([302], 1)],
)
def test_a_webhook_that_may_work_in_a_moment_is_tried_three_times(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch, statuses: list[int], posts: int
) -> None:
    monkeypatch.setattr(delivery, "PAUSES", (0.01, 0.01))
    webhook.first_statuses = statuses[:]
    problem = deliver(lambda: post_webhook(webhook.url, ALERT))
    assert len(webhook.received) == posts
    assert (problem is None) == (posts > len(statuses))


def test_a_login_that_is_refused_is_not_repeated_at_once(mail_server: MailServer) -> None:
    tries: list[Problem | None] = []

    def send() -> Problem | None:
        tries.append(send_email(email_settings(mail_server), ALERT))
        return tries[-1]

    mail_server.refuses["mail FROM"] = "530 log in first"
    assert said(deliver(send)).endswith("answered 530 (SMTPSenderRefused)")
    assert len(tries) == 1


def test_nobody_gets_an_email_twice_because_another_address_was_refused(mail_server: MailServer) -> None:
    mail_server.refuses["rcpt TO:<a@"] = "450 a@example.com is busy"
    problem = deliver(lambda: send_email(email_settings(mail_server), ALERT))
    assert problem is not None
    assert problem.was_taken
    assert len(mail_server.messages) == 1


def test_a_receiver_that_is_slow_to_fail_is_not_tried_again_at_once(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "WEBHOOK_TIMEOUT", (1.0, 0.2))
    monkeypatch.setattr(delivery, "PATIENCE", 0.1)
    began = time.monotonic()
    problem = deliver(lambda: post_webhook(f"http://127.0.0.1:{silent_port}/", ALERT))
    assert said(problem).endswith("(ReadTimeout)")
    assert time.monotonic() - began < 1
