"""Who is told what, and how often, over real connections on loopback and with a real state."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.alerts import delivery
from woo_sync_pipeline.alerts.alert import Alert, Failure, failure_alert
from woo_sync_pipeline.alerts.notify import Patience, notify, retry_undelivered
from woo_sync_pipeline.config.receivers import AlertSettings
from woo_sync_pipeline.state.alerts import AlertKey, claim_alert
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.alerts.receivers import MailServer, Webhook, email_settings

ALERT = failure_alert(
    source="shop", run_id="1a2b3c4d", sync=None, failure=Failure("GET orders: 503", "Wait.")
)
TITLE = "shop: run 1a2b3c4d failed"
UNREACHABLE = "http://127.0.0.1:1/services/hunter2"
REFUSAL = "554 not now"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PAUSES", (0.01, 0.01))


class Log(list[str]):
    def __call__(self, line: str) -> None:
        self.append(line)


def settings(webhook_url: str | None = None, **options: object) -> AlertSettings:
    return AlertSettings.model_validate({"webhook_url": webhook_url, **options})


class Told:
    """Tells with a state, as the sensors do."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.log = Log()

    def tell(self, receivers: AlertSettings, alert: Alert = ALERT) -> bool:
        return notify(alert, receivers, database=lambda: self.database, log=self.log)

    def again(self, receivers: AlertSettings, *, after: timedelta = timedelta(hours=1)) -> int:
        """Tell again what was kept, when this time has passed."""
        columns = ("happened_at", "next_try_at", "claimed_until")
        earlier = ", ".join(f"{column} = {column} - :after" for column in columns)
        with self.database.transaction() as connection:
            connection.execute(sa.text(f"UPDATE woo_sync.alerts_to_deliver SET {earlier}"), {"after": after})
        return retry_undelivered(receivers, database=self.database, log=self.log)

    def kept(self) -> list[str]:
        with self.database.transaction() as connection:
            rows = connection.execute(sa.text("SELECT receiver, message FROM woo_sync.alerts_to_deliver"))
            return sorted(f"{row.receiver} {row.message}" for row in rows)


@pytest.fixture
def told(database: Database) -> Told:
    return Told(database)


def test_the_same_trouble_is_told_once_an_hour(told: Told, webhook: Webhook) -> None:
    assert [told.tell(settings(webhook.url)) for _ in range(3)] == [True, False, False]
    assert len(webhook.received) == 1
    assert told.log == [f"{TITLE}: the webhook was told less than 60 minutes ago"] * 2
    assert told.kept() == []


def test_another_kind_of_failure_is_another_trouble(told: Told, webhook: Webhook) -> None:
    for kind in ("StoreUnavailableError", "StoreKeyUnknownError", "StoreUnavailableError"):
        alert = failure_alert(source="shop", run_id="1a2b3c4d", sync=None, failure=Failure(kind), kind=kind)
        told.tell(settings(webhook.url), alert)
    assert [each["error"] for each in webhook.received] == ["StoreUnavailableError", "StoreKeyUnknownError"]


def test_every_receiver_is_told_even_if_one_is_down(told: Told, mail_server: MailServer) -> None:
    assert told.tell(settings(UNREACHABLE, email=email_settings(mail_server)))
    assert len(mail_server.messages) == 1
    assert told.log == [f"{TITLE}: the webhook at 127.0.0.1 could not be reached (ConnectionError)"]


def test_one_receiver_that_failed_is_told_at_the_next_occurrence_and_the_other_not_twice(
    told: Told, webhook: Webhook, mail_server: MailServer
) -> None:
    both = settings(webhook.url, email=email_settings(mail_server))
    mail_server.refuses["mail FROM"] = REFUSAL
    assert told.tell(both)
    mail_server.refuses.clear()
    assert told.tell(both)
    assert not told.tell(both)
    assert (len(webhook.received), len(mail_server.messages)) == (1, 1)


def test_a_receiver_that_is_down_for_a_moment_is_told_all_the_same(told: Told, webhook: Webhook) -> None:
    webhook.first_statuses = [503, 503]
    assert told.tell(settings(webhook.url))
    assert told.log == []
    assert told.again(settings(webhook.url)) == 0


def test_what_nobody_was_told_of_is_tried_again_at_the_next_occurrence(told: Told, webhook: Webhook) -> None:
    assert not told.tell(settings(UNREACHABLE))
    assert told.tell(settings(webhook.url))
    assert not told.tell(settings(webhook.url))
    assert told.again(settings(webhook.url)) == 0
    assert len(webhook.received) == 1


def test_what_nobody_was_told_of_is_kept_and_told_later_even_if_it_never_happens_again(
    told: Told, webhook: Webhook
) -> None:
    webhook.status = 500
    assert not told.tell(settings(webhook.url))
    assert told.again(settings(webhook.url)) == 0
    webhook.status = 200
    webhook.received.clear()
    assert told.again(settings(webhook.url)) == 1
    assert told.again(settings(webhook.url)) == 0
    (late,) = webhook.received
    assert late["text"].startswith(f"{ALERT.text} It happened at 20")
    assert late["text"].endswith(" UTC and could not be told then.")
    assert {**late, "text": ALERT.text} == ALERT.to_json()
    assert told.kept() == []
    assert not told.tell(settings(webhook.url))


def test_only_the_receiver_that_failed_is_told_later(
    told: Told, webhook: Webhook, mail_server: MailServer
) -> None:
    both = settings(webhook.url, email=email_settings(mail_server))
    mail_server.refuses["mail FROM"] = REFUSAL
    assert told.tell(both)
    mail_server.refuses.clear()
    assert told.again(both) == 1
    assert (len(webhook.received), len(mail_server.messages)) == (1, 1)


def test_of_the_same_trouble_the_latest_occurrence_is_told_later(told: Told, webhook: Webhook) -> None:
    for run_id in ("11111111", "22222222"):
        told.tell(settings(UNREACHABLE), replace(ALERT, run_id=run_id))
    assert told.again(settings(webhook.url)) == 1
    (late,) = webhook.received
    assert "(Dagster run 22222222)" in late["text"]


def test_a_receiver_that_stays_down_is_left_alone_for_longer_and_longer(told: Told, webhook: Webhook) -> None:
    webhook.status = 404
    told.tell(settings(webhook.url))
    passed = []
    for _ in range(6):
        minutes = 0
        before = len(webhook.received)
        while len(webhook.received) == before:
            minutes += 1
            told.again(settings(webhook.url), after=timedelta(minutes=1))
        passed.append(minutes)
    assert passed == [1, 2, 4, 8, 16, 16]


def test_a_receiver_that_fails_is_not_asked_for_each_of_many_alerts(told: Told, webhook: Webhook) -> None:
    for source in ("shop", "outlet", "branch"):
        told.tell(settings(UNREACHABLE), replace(ALERT, source=source))
    webhook.status = 500
    assert told.again(settings(webhook.url)) == 0
    assert len(webhook.received) == 1
    webhook.status = 200
    assert told.again(settings(webhook.url)) == 3
    assert sorted(each["source"] for each in webhook.received[1:]) == ["branch", "outlet", "shop"]


def test_an_alert_that_is_too_old_is_given_up(told: Told, webhook: Webhook) -> None:
    told.tell(settings(UNREACHABLE))
    assert told.again(settings(webhook.url), after=timedelta(days=4)) == 0
    assert webhook.received == []
    assert told.kept() == []
    assert told.log[-1] == "alerts that could not be delivered within 3 days and were given up: 1"


def test_an_alert_is_told_though_the_process_died_before_it_was(told: Told, webhook: Webhook) -> None:
    key = AlertKey(ALERT.source, ALERT.condition, "webhook")
    assert claim_alert(told.database, key, message=ALERT.to_message(), min_interval=timedelta(hours=1))
    assert told.again(settings(webhook.url), after=timedelta(minutes=1)) == 0
    assert not told.tell(settings(webhook.url))
    assert told.again(settings(webhook.url), after=timedelta(minutes=1)) == 1
    assert len(webhook.received) == 1


def test_what_is_kept_holds_no_person_and_no_secret(told: Told) -> None:
    said = "contact +61 491 570 006 of ann@example.com, consumer_secret=cs_abcdef123456"
    told.tell(settings(UNREACHABLE), replace(ALERT, error=said, next_step=said))
    (kept,) = told.kept()
    for secret in ("570 006", "ann@", "cs_abcdef", "hunter2"):
        assert secret not in kept


def test_a_receiver_that_does_not_answer_holds_up_the_others_for_a_moment_only(
    told: Told, webhook: Webhook, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PATIENCE", 0.2)
    monkeypatch.setattr(delivery, "PAUSES", (0.3,))
    patience = Patience()
    webhook.status = 503
    both = settings(webhook.url, email=email_settings(mail_server))
    began = time.monotonic()
    for number in range(20):
        alert = replace(ALERT, source=f"shop {number}")
        assert notify(alert, both, database=lambda: told.database, log=told.log, patience=patience)
    assert time.monotonic() - began < 5
    assert len(webhook.received) == 2
    assert len(mail_server.messages) == 20
    assert told.log[-1] == "shop 19: run 1a2b3c4d failed: the webhook does not answer and is told later"
    webhook.status = 200
    # One that is slow on a busy machine is left alone until the next time.
    assert sum(told.again(both) for _ in range(5)) == 20


def test_that_the_database_is_down_is_told_without_it(webhook: Webhook) -> None:
    down = Database("postgresql://nobody:hunter2@127.0.0.1:1/nowhere")
    log = Log()
    for _ in range(2):
        assert notify(ALERT, settings(webhook.url), database=lambda: down, log=log)
    assert len(webhook.received) == 2
    assert not notify(ALERT, settings(UNREACHABLE), database=lambda: down, log=log)
    assert "hunter2" not in str(log)
    down.close()
