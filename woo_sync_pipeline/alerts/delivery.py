"""Sending an alert to a webhook and by email. A delivery that fails says so in one line and raises nothing."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import urlsplit

import requests

from woo_sync_pipeline.alerts.alert import Alert
from woo_sync_pipeline.config import EmailSettings

WEBHOOK_TIMEOUT = (5.0, 10.0)
"""Seconds to connect, and to wait for each piece of the answer."""

SMTP_TIMEOUT = 10.0
"""Seconds to wait for the server at each step."""


def post_webhook(url: str, alert: Alert) -> str | None:
    """Post the alert as JSON; returns why it failed, without the path of the address, which is a secret."""
    host = urlsplit(url).hostname
    try:
        # A redirect would turn the request into a GET without its body.
        answer = requests.post(url, json=alert.to_json(), timeout=WEBHOOK_TIMEOUT, allow_redirects=False)
    except requests.RequestException as failure:
        return f"the webhook at {host} could not be reached ({type(failure).__name__})"
    answer.close()
    if not 200 <= answer.status_code < 300:
        return f"the webhook at {host} answered {answer.status_code}"
    return None


def send_email(settings: EmailSettings, alert: Alert) -> str | None:
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
        return f"the mail server {server} answered {failure.smtp_code} ({type(failure).__name__})"
    except (smtplib.SMTPException, OSError) as failure:
        return f"no email could be sent by {server} ({type(failure).__name__})"
    if refused:
        return f"the mail server {server} refused {len(refused)} of {len(settings.to)} addresses"
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
