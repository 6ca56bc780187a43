"""Sending an alert to a webhook and by email. A delivery that fails says so in one line and raises nothing."""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import urlsplit

import requests

from woo_sync_pipeline.alerts.alert import Alert
from woo_sync_pipeline.config.receivers import EmailSettings

WEBHOOK_TIMEOUT = (5.0, 10.0)
"""Seconds to connect, and to wait for each piece of the answer."""

SMTP_TIMEOUT = 10.0
"""Seconds to wait for the server at each step."""

PAUSES = (1.0, 2.0)
"""Seconds between the tries of a delivery."""

PATIENCE = 5.0
"""Seconds after which no further try begins: Dagster ends the evaluation of a sensor after 60."""

_BUSY = frozenset({408, 425, 429})


@dataclass(frozen=True)
class Problem:
    """What is wrong with a delivery, in words without a secret or an address.

    may_pass: trying again in a moment may help.
    was_taken: the receiver has got it all the same, if not everybody behind it.
    """

    text: str
    may_pass: bool = True
    was_taken: bool = False


def deliver(send: Callable[[], Problem | None]) -> Problem | None:
    """Send, and again after a short pause if that may help; returns what was wrong with the last try."""
    began = time.monotonic()
    problem = send()
    for pause in PAUSES:
        if (
            problem is None
            or problem.was_taken
            or not problem.may_pass
            or time.monotonic() - began > PATIENCE
        ):
            break
        time.sleep(pause)
        problem = send()
    return problem


def post_webhook(url: str, alert: Alert) -> Problem | None:
    """Post the alert as JSON; returns why it failed, without the path of the address, which is a secret."""
    host = urlsplit(url).hostname
    try:
        # A redirect would turn the request into a GET without its body.
        answer = requests.post(url, json=alert.to_json(), timeout=WEBHOOK_TIMEOUT, allow_redirects=False)
    except requests.RequestException as failure:
        return Problem(f"the webhook at {host} could not be reached ({type(failure).__name__})")
    answer.close()
    status = answer.status_code
    if not 200 <= status < 300:
        return Problem(f"the webhook at {host} answered {status}", may_pass=status >= 500 or status in _BUSY)
    return None


def send_email(settings: EmailSettings, alert: Alert) -> Problem | None:
    """Send the alert as plain text; returns why it failed, without the addresses and what the server said of them."""
    server = f"{settings.smtp_host}:{settings.port}"
    try:
        with _connected(settings) as smtp:
            if settings.encryption == "starttls":
                smtp.starttls(context=ssl.create_default_context())
            if settings.username is not None and settings.password is not None:
                smtp.login(settings.username, settings.password.get_secret_value())
            refused = smtp.send_message(_message(settings, alert))
    except smtplib.SMTPResponseException as failure:
        return Problem(
            f"the mail server {server} answered {failure.smtp_code} ({type(failure).__name__})",
            may_pass=failure.smtp_code < 500,
        )
    except smtplib.SMTPRecipientsRefused as failure:
        return Problem(
            f"no email could be sent by {server} ({type(failure).__name__})",
            may_pass=any(code < 500 for code, _ in failure.recipients.values()),
        )
    except (smtplib.SMTPException, OSError) as failure:
        return Problem(f"no email could be sent by {server} ({type(failure).__name__})")
    if refused:
        return Problem(
            f"the mail server {server} refused {len(refused)} of {len(settings.to)} addresses", was_taken=True
        )
    return None


def _connected(settings: EmailSettings) -> smtplib.SMTP:
    if settings.encryption == "implicit":
        return smtplib.SMTP_SSL(
            settings.smtp_host, settings.port, timeout=SMTP_TIMEOUT, context=ssl.create_default_context()
        )
    return smtplib.SMTP(settings.smtp_host, settings.port, timeout=SMTP_TIMEOUT)


def _message(settings: EmailSettings, alert: Alert) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = f"[woo-sync] {' '.join(alert.title.split())}"
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=settings.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(alert.text + "\n")
    return message
