"""Who is told of failures, and how long what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from woo_sync_pipeline_tests.config.written import GOOD, load, refusal

ALERTS = """
alerts:
  email:
    smtp_host: smtp.example.com
    from: woo-sync@example.com
    to: [team@example.com]
"""


def test_nobody_is_told_and_everything_is_kept_for_long_unless_it_says_otherwise(file: Path) -> None:
    settings = load(file, GOOD)
    assert not settings.alerts.has_receiver
    assert (settings.alerts.min_interval_minutes, settings.alerts.max_invalid_share) == (60, 0.5)
    kept = settings.retention
    assert (kept.history_days, kept.live_runs_days, kept.staging_days) == (365, 30, 7)
    assert kept.consent_days == 1_825


@pytest.mark.parametrize(
    ("written", "place", "says"),
    [
        ("retention: {days: 3}", "retention.days", "Known here: history_days, live_runs_days, consent_days"),
        ("retention: {consent_days: 0}", "retention.consent_days", "greater than or equal to 1"),
        ("retention: {history_days: 0}", "retention.history_days", "greater than or equal to 1"),
        ("alerts: {webhook_url: hunter2}", "alerts.webhook_url", "this is no web address"),
        ("alerts: {max_invalid_share: 50}", "alerts.max_invalid_share", "less than or equal to 1"),
        (
            ALERTS.replace("smtp_host", "host"),
            "alerts.email.host",
            "tls, starttls, username, password, from, to",
        ),
        (ALERTS + "    tls: ssl\n", "alerts.email.tls", "'starttls', 'implicit' or 'none'"),
        (ALERTS + "    tls: off\n", "alerts.email.tls", "'starttls', 'implicit' or 'none'"),
        (ALERTS + "    tls: none\n    starttls: false\n", "alerts.email", "Write tls alone"),
        (ALERTS.replace("[team@example.com]", "[team]"), "alerts.email.to[0]", "this is no email address"),
        (ALERTS.replace("[team@example.com]", "[]"), "alerts.email.to", "at least 1 item"),
        (ALERTS + "    username: sync\n", "alerts.email", "Write both, or neither"),
        (
            ALERTS + "    username: sync\n    password: hunter2\n    starttls: false\n",
            "alerts.email",
            "anybody on the way can read the password",
        ),
        (
            ALERTS + "    username: sync\n    password: hunter2\n    tls: none\n",
            "alerts.email",
            "Set tls to starttls or to implicit",
        ),
    ],
)
def test_alerts_and_retention_that_cannot_be_are_refused(
    file: Path, written: str, place: str, says: str
) -> None:
    message = refusal(file, f"{GOOD}\n{written}\n")
    assert place in message
    assert says in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("lines", "encryption", "port"),
    [
        ([], "starttls", 587),
        (["tls: starttls"], "starttls", 587),
        (["tls: implicit"], "implicit", 465),
        (["tls: none"], "none", 587),
        (["starttls: true"], "starttls", 587),
        (["starttls: false"], "none", 587),
        (["smtp_port: 25"], "starttls", 25),
        (["tls: implicit", "smtp_port: 4650"], "implicit", 4650),
    ],
)
def test_the_older_way_to_write_the_encryption_of_emails_holds_and_each_has_its_usual_port(
    file: Path, lines: list[str], encryption: str, port: int
) -> None:
    email = load(file, GOOD + ALERTS + "".join(f"    {line}\n" for line in lines)).alerts.email
    assert email is not None
    assert (email.encryption, email.port) == (encryption, port)


def test_where_alerts_go_is_a_secret(file: Path) -> None:
    settings = load(
        file,
        f"{GOOD}\n{ALERTS}    username: sync\n    password: hunter2\n"
        "  webhook_url: https://hooks.example.com/T0/hunter2\n",
    )
    assert settings.alerts.has_receiver
    assert "hunter2" not in repr(settings) + settings.model_dump_json()
