"""Runs that fail or end with errors are told, over real connections, by the sensors that Dagster would call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from woo_sync_pipeline.alerts import delivery
from woo_sync_pipeline.demo.klaviyo import AccountDetails, KlaviyoData
from woo_sync_pipeline.demo.world import CONSENT_KEY
from woo_sync_pipeline.orchestration.runner import SyncOutcome
from woo_sync_pipeline.state.syncs import find_sync
from woo_sync_pipeline.steps.fit import NormalisedRecords, fit_records
from woo_sync_pipeline_tests.alerts.receivers import MailServer, Webhook
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World, small_store
from woo_sync_pipeline_tests.orchestration.people import order_as_guest, subscribed_customer

pytestmark = pytest.mark.dagster


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PAUSES", (0.01, 0.01))


def alerted(make_world: MakeWorld, webhook: Webhook, **alerts: Any) -> World:
    return make_world(
        {KEY: small_store(customers=25, orders=10)},
        options={"alerts": {"webhook_url": webhook.url, **alerts}},
    )


@pytest.fixture
def world(make_world: MakeWorld, webhook: Webhook) -> World:
    return alerted(make_world, webhook)


def tell_of_failure(world: World, run_id: str) -> None:
    """Call the sensor for a run that failed, as the daemon does."""
    definitions = world.definitions()
    run = world.instance.get_run_by_id(run_id)
    assert run is not None
    failures = world.instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    context = dg.build_run_status_sensor_context(
        sensor_name="alert_on_failure",
        dagster_event=failures[-1].get_dagster_event(),
        dagster_instance=world.instance,
        dagster_run=run,
    ).for_run_failure()
    definitions.resolve_sensor_def("alert_on_failure")(context)


def tell_of_success(world: World, run_id: str) -> None:
    run = world.instance.get_run_by_id(run_id)
    assert run is not None
    (succeeded,) = world.instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_SUCCESS)
    context = dg.build_run_status_sensor_context(
        sensor_name="alert_on_errors",
        dagster_event=succeeded.get_dagster_event(),
        dagster_instance=world.instance,
        dagster_run=run,
    )
    world.definitions().resolve_sensor_def("alert_on_errors")(context)


def failed(outcome: SyncOutcome) -> str:
    assert outcome.error is not None
    assert outcome.sync is not None
    return outcome.sync.run_id


def test_without_a_receiver_there_are_no_alert_sensors_and_with_one_they_are_on(
    make_world: MakeWorld, webhook: Webhook
) -> None:
    names = {"alert_on_failure", "alert_on_errors", "alert_again"}
    limit_only = make_world(options={"alerts": {"max_invalid_share": 0.2}})
    assert not names & {each.name for each in limit_only.definitions().get_repository_def().sensor_defs}
    repository = alerted(make_world, webhook).definitions().get_repository_def()
    found = [each for each in repository.sensor_defs if each.name in names]
    assert len(found) == 3
    assert {each.default_status for each in found} == {dg.DefaultSensorStatus.RUNNING}


def test_a_failed_sync_is_told_with_source_reason_and_next_step(world: World, webhook: Webhook) -> None:
    world.server.faults.down = "unavailable"
    tell_of_failure(world, failed(world.try_sync()))
    (told,) = webhook.received
    assert (told["source"], told["sync"], told["kind"], told["status"]) == (KEY, 1, "first", "failed")
    assert told["error"].startswith(f"{KEY}: GET orders/statuses (5 attempts): ")
    assert "503" in told["error"]
    assert "run again" in told["next_step"].casefold()
    assert told["text"].startswith(f"{KEY}: first sync 1 failed. {told['error'].rstrip('.')}")
    assert told["next_step"] in told["text"]


def test_a_failed_sync_of_a_klaviyo_account_is_told_like_that_of_a_store(
    make_world: MakeWorld, webhook: Webhook
) -> None:
    account = KlaviyoData(account=AccountDetails(organization_name="Klaviyo"))
    world = make_world(
        {KEY: small_store(customers=0, orders=0)},
        accounts={"klaviyo": account},
        options={"alerts": {"webhook_url": webhook.url}},
    )
    world.demo.accounts["klaviyo"].stop()
    tell_of_failure(world, failed(world.try_sync("klaviyo")))
    (told,) = webhook.received
    assert (told["source"], told["sync"], told["kind"], told["status"]) == ("klaviyo", 1, "first", "failed")
    assert told["error"].startswith("klaviyo: GET ")
    assert "Connection refused" in told["error"]
    assert "reaches a.klaviyo.com" in told["next_step"]


def test_a_store_that_stays_down_is_told_once_an_hour_and_another_trouble_at_once(
    world: World, webhook: Webhook
) -> None:
    world.server.faults.down = "unavailable"
    for _ in range(2):
        tell_of_failure(world, failed(world.try_sync()))
    assert len(webhook.received) == 1
    world.server.faults.clear()
    world.directory.add_custom_field("email", type="NUMBER")
    tell_of_success(world, world.sync().run_id)
    assert [each["status"] for each in webhook.received] == ["failed", "completed with errors"]


def test_an_email_tells_it_as_well(make_world: MakeWorld, webhook: Webhook, mail_server: MailServer) -> None:
    world = alerted(
        make_world,
        webhook,
        email={
            "smtp_host": "localhost",
            "smtp_port": mail_server.port,
            "starttls": False,
            "from": "woo-sync@example.com",
            "to": ["team@example.com"],
        },
    )
    world.platform.stop()
    tell_of_failure(world, failed(world.try_sync()))
    world.platform.start()
    (message,) = mail_server.messages
    assert message["Subject"] == f"[woo-sync] {KEY}: first sync 1 failed"
    assert message.get_content().strip() == webhook.received[0]["text"]
    assert "messagemedia: GET /api/v1/contacts" in webhook.received[0]["error"]


def test_contacts_that_the_platform_refused_are_told_by_their_number_only(
    world: World, webhook: Webhook
) -> None:
    world.directory.add_custom_field("email", type="NUMBER")
    sync = world.sync()
    tell_of_success(world, sync.run_id)
    (told,) = webhook.received
    assert told["status"] == "completed with errors"
    assert told["error"] == f"MessageMedia refused {sync.counts['failed']} contacts"
    assert f"woo-sync report {sync.sync_id}" in told["next_step"]
    phones = [each.phone for each in world.contacts_of(sync) if each.phone]
    assert phones
    assert not [phone for phone in phones if phone in str(told)]


def test_too_many_invalid_records_are_told(make_world: MakeWorld, webhook: Webhook) -> None:
    world = alerted(make_world, webhook, max_invalid_share=0.01)
    sync = world.sync()
    assert sync.counts["invalid"] > 0
    tell_of_success(world, sync.run_id)
    (told,) = webhook.received
    assert told["status"] == "completed with errors"
    assert "the check invalid_share_is_below_the_limit did not pass" in told["error"]
    assert "the limit is 1%" in told["error"]


def test_a_sync_that_ended_well_is_not_told(world: World, webhook: Webhook) -> None:
    tell_of_success(world, world.sync().run_id)
    assert webhook.received == []


def test_a_receiver_that_is_down_fails_nothing_and_is_told_next_time(world: World, webhook: Webhook) -> None:
    world.server.faults.down = "unavailable"
    webhook.status = 500
    tell_of_failure(world, failed(world.try_sync()))
    assert {each["sync"] for each in webhook.received} == {1}
    webhook.received.clear()
    webhook.status = 200
    tell_of_failure(world, failed(world.try_sync()))
    assert [each["sync"] for each in webhook.received] == [2]


def evaluate(world: World, sensor: str, *, cursor: str | None = None) -> str | None:
    """Evaluate a sensor, runs and all, as the daemon does; returns the cursor that it would start at next."""
    repository = world.definitions().get_repository_def()
    with dg.build_sensor_context(
        instance=world.instance, cursor=cursor, repository_def=repository, sensor_name=sensor
    ) as context:
        return repository.get_sensor_def(sensor).evaluate_tick(context).cursor


def test_a_failed_sync_is_told_by_a_receiver_that_was_down_when_dagster_told_of_it(
    world: World, webhook: Webhook
) -> None:
    start = evaluate(world, "alert_on_failure")
    world.server.faults.down = "unavailable"
    failed(world.try_sync())
    webhook.status = 503
    after = evaluate(world, "alert_on_failure", cursor=start)
    assert webhook.received
    webhook.received.clear()
    webhook.status = 200
    evaluate(world, "alert_on_failure", cursor=after)
    assert webhook.received == []
    minute = "next_try_at = next_try_at - interval '1 minute'"
    with world.database.transaction() as connection:
        connection.execute(sa.text(f"UPDATE woo_sync.alerts_to_deliver SET {minute}"))
    for _ in range(2):
        evaluate(world, "alert_again")
    (told,) = webhook.received
    assert (told["source"], told["sync"], told["status"]) == (KEY, 1, "failed")
    assert "503" in told["error"]


def test_another_failure_of_the_same_source_is_told_at_once(world: World, webhook: Webhook) -> None:
    world.server.faults.down = "unavailable"
    tell_of_failure(world, failed(world.try_sync()))
    world.server.faults.clear()
    world.platform.api_secret = "another"
    tell_of_failure(world, failed(world.try_sync()))
    assert len(webhook.received) == 2
    first, second = (each["error"] for each in webhook.received)
    assert "503" in first
    assert "401" in second


def test_a_fault_of_ours_is_told_by_the_kind_of_its_exception(
    world: World, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (KeyError("one"), KeyError("another"), ValueError("three")):

        def fail(*args: Any, error: Exception = error, **options: Any) -> NormalisedRecords:
            raise error

        monkeypatch.setattr("woo_sync_pipeline.orchestration.assets.contact_assets.fit_records", fail)
        tell_of_failure(world, failed(world.try_sync()))
    assert ["KeyError" in each["error"] for each in webhook.received] == [True, False]


def test_a_sync_that_a_check_has_ended_is_told(
    world: World, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_one(*args: Any, **options: Any) -> NormalisedRecords:
        found = fit_records(*args, **options)
        return replace(found, records=found.records.iloc[1:])

    monkeypatch.setattr("woo_sync_pipeline.orchestration.assets.contact_assets.fit_records", lose_one)
    tell_of_failure(world, failed(world.try_sync()))
    (told,) = webhook.received
    assert "every_row_is_accounted_for failed" in told["error"]
    assert "nothing of it was sent" in told["error"]


def test_a_sync_that_its_limits_stopped_is_told_with_the_opt_outs_that_were_sent_all_the_same(
    world: World, webhook: Webhook
) -> None:
    world.sync()
    world.reconfigure(limits={"leaving_lists": {"share": 0.1, "at_least": 2}})
    customer, phone = subscribed_customer(world.store)
    for other in sorted(world.store.customers)[5:]:
        if other != customer.id:
            world.store.delete_customer(other)
    world.store.set_user_meta(customer.id, CONSENT_KEY, "0")
    tell_of_failure(world, failed(world.try_sync()))
    (told,) = webhook.received
    assert "too much would change at once" in told["error"]
    assert "Only 1 opt-out went out" in told["text"]
    assert f"--source {KEY} --accept-changes" in told["text"]
    assert world.directory.snapshot()[phone]["states"] == {"SMS": "UNSUBSCRIBED"}


def test_a_run_whose_process_was_killed_is_told(world: World, webhook: Webhook) -> None:
    job = world.definitions().resolve_job_def(f"{KEY}_daily_sync")
    run = world.instance.create_run_for_job(job, tags=job.tags)
    world.instance.report_run_failed(run, "Detected run worker status FAILED: 'exit code 137'")
    tell_of_failure(world, run.run_id)
    (told,) = webhook.received
    assert (told["source"], told["sync"], told["kind"]) == (KEY, None, None)
    assert f"run {run.run_id[:8]} failed" in told["text"]
    assert "the process ended before the run did" in told["error"]


def test_a_failed_retention_is_told_even_when_the_database_is_what_failed(
    make_world: MakeWorld, webhook: Webhook
) -> None:
    world = make_world(
        {KEY: small_store(customers=5, orders=1)},
        options={
            "database_url": "postgresql://nobody:hunter4@127.0.0.1:1/nowhere",
            "alerts": {"webhook_url": webhook.url},
        },
    )
    job = world.definitions().resolve_job_def("retention")
    result = job.execute_in_process(instance=world.instance, raise_on_error=False)
    tell_of_failure(world, result.run_id)
    (told,) = webhook.received
    assert told["source"] == "retention"
    assert told["error"].startswith("database 127.0.0.1/nowhere: ")
    assert "Check that PostgreSQL runs" in told["next_step"]
    assert "hunter" not in str(told)


def test_nothing_told_holds_a_person_or_a_secret(world: World, webhook: Webhook) -> None:
    world.sync()
    order_as_guest(world.store)
    secret, world.platform.api_secret = world.platform.api_secret, "another"
    run_id = failed(world.try_sync(incremental=True))
    tell_of_failure(world, run_id)
    assert find_sync(world.database, run_id=run_id) is not None
    (told,) = webhook.received
    assert "401" in told["error"]
    key = world.store.key()
    known = {secret, world.platform.api_key, key.consumer_key, key.consumer_secret, "491570006", "greta@"}
    assert not [value for value in known if value in str(told)]
