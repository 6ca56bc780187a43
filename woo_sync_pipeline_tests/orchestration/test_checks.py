"""The checks of assets in real syncs: what they find, and what a sync does then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from woo_sync_pipeline.contacts.merge import merge_contacts
from woo_sync_pipeline.contacts.normalise import RawRecords, normalise
from woo_sync_pipeline.sources.woocommerce import extractions
from woo_sync_pipeline.sources.woocommerce.customer_changes import CustomersRead, sweep
from woo_sync_pipeline.state import records
from woo_sync_pipeline.state.syncs import watermark
from woo_sync_pipeline.steps import fit as normalising
from woo_sync_pipeline.steps.fit import NormalisedRecords, fit_records
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World, small_store
from woo_sync_pipeline_tests.orchestration.expectation import expected_directory
from woo_sync_pipeline_tests.orchestration.people import GUEST_PHONE, order_as_guest

pytestmark = pytest.mark.dagster

Checks = dict[str, dg.AssetCheckEvaluation]
SECRET = 4711471147
"""A value that fits no email."""


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world({KEY: small_store(customers=30, orders=15)})


def checks_of(world: World, run_id: str) -> Checks:
    entries = world.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = [entry.get_dagster_event().asset_check_evaluation_data for entry in entries]
    return {each.check_name: each for each in evaluations}


def number(check: dg.AssetCheckEvaluation, name: str) -> int:
    value = check.metadata[name].value
    assert isinstance(value, int)
    return value


def fail(world: World, check: str) -> dg.AssetCheckEvaluation:
    """Sync; it must end at this check, with nothing in the state and nothing sent."""
    outcome = world.try_sync()
    assert outcome.sync is not None
    assert f"{check} failed" in (outcome.error or "")
    assert (outcome.sync.status, outcome.sync.error) == ("failed", outcome.error)
    found = checks_of(world, outcome.sync.run_id)
    assert [name for name, each in found.items() if not each.passed] == [check]
    assert (found[check].severity, found[check].blocking) == (dg.AssetCheckSeverity.ERROR, True)
    assert watermark(world.database, KEY) is None
    assert len(world.platform.requests) == 0
    shown = str(found[check])
    assert not [phone for phone in expected_directory(world.store) if phone in shown]
    return found[check]


@pytest.mark.pictures
def test_in_a_good_sync_every_check_passes_and_every_asset_tells_its_rows(world: World) -> None:
    first = world.sync()
    order_as_guest(world.store)
    live = world.sync(incremental=True)
    for run_id in (first.run_id, live.run_id):
        found = checks_of(world, run_id)
        assert len(found) == 9
        assert [name for name, each in found.items() if not each.passed] == []
        made = world.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        metadata = [entry.get_dagster_event().materialization.metadata for entry in made]
        assert len(metadata) >= 8
        assert all(isinstance(each["dagster/row_count"].value, int) for each in metadata)
        report = next(each for each in metadata if "report" in each)
        sync = first if run_id == first.run_id else live
        assert report["dagster/row_count"].value == len(world.contacts_of(sync))
        # Live syncs, which are many, draw none.
        assert ("chart" in report) == (sync is first)
        assert sync is live or "](data:image/png;base64," in str(report["chart"].value)
    swept = checks_of(world, first.run_id)["all_records_of_the_store_were_read"]
    assert number(swept, "read") == number(swept, "in_store") == len(world.store.customers)
    touched = checks_of(world, live.run_id)["all_records_of_the_store_were_read"]
    assert touched.description == "a live reading does not read all customers"


def test_a_reading_that_misses_a_customer_ends_before_anybody_counts_as_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def miss_one(*args: Any, **options: Any) -> CustomersRead:
        found = sweep(*args, **options)
        return replace(found, changed=found.changed.slice(1), read=found.read - 1)

    monkeypatch.setattr(extractions, "sweep", miss_one)
    check = fail(world, "all_records_of_the_store_were_read")
    assert number(check, "in_store") == number(check, "read") + 1
    monkeypatch.undo()
    world.sync()
    assert world.directory.snapshot() == expected_directory(world.store)


def test_customers_who_come_and_go_while_they_are_counted_fail_nothing(world: World) -> None:
    # Other roles would be asked for before.
    world.reconfigure(groups={"roles": "first"})
    asked: list[str] = []

    def come_and_go(path: str) -> None:
        if not path.endswith("/customers"):
            return
        asked.append(path)
        # The first question reads everybody, the second one counts.
        if len(asked) == 2:
            for number in range(3):
                world.store.register_customer(email=f"new{number}@example.com")
            world.store.delete_customer(max(world.store.customers) - 5)

    before = len(world.store.customers)
    world.server.on_request = come_and_go
    sync = world.sync()
    world.server.on_request = None
    assert len(asked) == 2
    check = checks_of(world, sync.run_id)["all_records_of_the_store_were_read"]
    assert (number(check, "read"), number(check, "in_store")) == (before, before - 1)


def test_a_rush_of_registrations_is_not_judged(world: World) -> None:
    world.reconfigure(groups={"roles": "first"})
    asked: list[str] = []

    def rush(path: str) -> None:
        asked.append(path)
        if [each for each in asked if each.endswith("/customers")][1:] and path.endswith("/customers"):
            for number in range(120):
                world.store.register_customer(email=f"new{number}@example.com")

    world.server.on_request = rush
    sync = world.sync()
    world.server.on_request = None
    check = checks_of(world, sync.run_id)["all_records_of_the_store_were_read"]
    assert check.passed
    assert (check.description or "").startswith("not judged")


def spoil_records(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    change_first_portion(monkeypatch, lambda found: replace(found, records=spoil(found.records)))


def change_first_portion(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[NormalisedRecords], NormalisedRecords]
) -> None:
    left = [change]

    def changed(*args: Any, **options: Any) -> NormalisedRecords:
        found = fit_records(*args, **options)
        return left.pop()(found) if left else found

    monkeypatch.setattr("woo_sync_pipeline.orchestration.assets.contact_assets.fit_records", changed)


def test_a_phone_that_is_not_e164_goes_no_further(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def national(found: pd.DataFrame) -> pd.DataFrame:
        place = found["phone"].first_valid_index()
        found.loc[place, "phone"] = "0491570006"
        return found

    spoil_records(monkeypatch, national)
    check = fail(world, "every_phone_is_e164")
    assert number(check, "wrong") == 1
    assert str(check.metadata["rows"].value).split()[0] in ("customer", "order")
    assert "491570006" not in str(check)


def test_a_lost_row_goes_no_further(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_records(monkeypatch, lambda found: found.iloc[1:])
    check = fail(world, "every_row_is_accounted_for")
    assert number(check, "records") == number(check, "rows_read") - 1


def spoil_merge(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    def spoilt(*args: Any, **options: Any) -> pd.DataFrame:
        return spoil(merge_contacts(*args, **options))

    monkeypatch.setattr(records, "merge_contacts", spoilt)


def test_consent_that_is_widened_goes_no_further_not_even_into_the_state(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_merge(monkeypatch, lambda merged: merged.assign(status="SUBSCRIBED"))
    check = fail(world, "consent_is_never_widened")
    opted_out = number(check, "opted_out_but_subscribed")
    unasked = number(check, "unasked_but_subscribed")
    states = [contact["states"]["SMS"] for contact in expected_directory(world.store).values()]
    assert opted_out + unasked == states.count("UNSUBSCRIBED")
    monkeypatch.undo()
    world.sync(incremental=True)
    assert world.directory.snapshot() == expected_directory(world.store)


def test_a_phone_that_comes_twice_goes_no_further(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_merge(monkeypatch, lambda merged: pd.concat([merged, merged.head(1)], ignore_index=True))
    assert number(fail(world, "no_phone_twice"), "repeated") == 1


def test_a_contact_that_does_not_fit_its_model_goes_no_further(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsorted(merged: pd.DataFrame) -> pd.DataFrame:
        groups: list[Any] = merged["groups"].tolist()
        groups[1] = ["WooCommerce", "Beans"]
        return merged.assign(groups=groups)

    spoil_merge(monkeypatch, unsorted)
    check = fail(world, "every_contact_fits_its_model")
    assert number(check, "groups: sorted_distinct_texts") == 1
    assert check.metadata["rows"].value == "row 1"


def test_too_many_invalid_records_warn_and_are_synced_all_the_same(make_world: MakeWorld) -> None:
    world = make_world(
        {KEY: small_store(customers=30, orders=15)}, options={"alerts": {"max_invalid_share": 0.01}}
    )
    order_as_guest(world.store)
    sync = world.sync()
    assert GUEST_PHONE in world.directory
    check = checks_of(world, sync.run_id)["invalid_share_is_below_the_limit"]
    assert (check.passed, check.severity, check.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    assert number(check, "invalid") == sync.counts["invalid"] > 0
    assert "the limit is 1%" in (check.description or "")


def test_a_record_that_does_not_fit_its_model_warns_and_the_others_are_synced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_email_of_a_customer(monkeypatch)
    sync = world.sync()
    check = checks_of(world, sync.run_id)["every_record_fits_its_model"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert number(check, "email: text") == 1
    assert len(world.directory) >= len(expected_directory(world.store)) - 1


def spoil_email_of_a_customer(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt(raw: RawRecords, default_region: str) -> pd.DataFrame:
        found = normalise(raw, default_region)
        emails: list[Any] = found["email"].tolist()
        emails[:1] = [SECRET] if raw.is_person else emails[:1]
        return found.assign(email=pd.Series(emails, dtype=object))

    monkeypatch.setattr(normalising, "normalise", spoilt)


def test_a_record_that_does_not_fit_is_in_the_report_until_it_does(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "does_not_fit (email: text)"
    with monkeypatch.context() as patched:
        spoil_email_of_a_customer(patched)
        swept = world.sync()
    (line,) = [each for each in world.contacts_of(swept) if each.reason == reason]
    assert (line.outcome, line.record_type, line.phone, line.phone_masked) == (
        "invalid",
        "customer",
        None,
        "",
    )
    reasons = swept.counts["invalid_reasons"]
    assert reasons["does_not_fit"] == 1
    assert swept.counts["invalid"] == swept.counts["newly_invalid"] == sum(reasons.values())
    shown = metadata_of(world, swept.run_id, "sync_report")
    assert "| does_not_fit | 1 | The record holds" in shown["report"]
    page = f"{world.source().url}/wp-admin/user-edit.php?user_id={line.record_id}"
    assert f"| [customer {line.record_id}]({page}) |  | {reason} |" in shown["to be mended"]
    assert str(SECRET) not in str(shown)

    mended = world.sync()
    assert "does_not_fit" not in mended.counts["invalid_reasons"]
    assert world.directory.snapshot() == expected_directory(world.store)


def test_a_live_sync_reports_a_record_that_does_not_fit_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    world.store.register_customer(email="new@example.com", billing={"phone": "0412 345 678"})
    spoil_email_of_a_customer(monkeypatch)
    live = world.sync(incremental=True)
    assert live.counts["invalid_reasons"] == {"does_not_fit": 1}
    assert [each.reason for each in world.contacts_of(live)] == ["does_not_fit (email: text)"]


def metadata_of(world: World, run_id: str, asset: str) -> dict[str, Any]:
    made = world.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    materialised = (entry.get_dagster_event().materialization for entry in made)
    found = next(each for each in materialised if each.asset_key.path[-1] == asset)
    return {name: value.value for name, value in found.metadata.items()}
