"""What the code location holds, and that loading it touches nothing outside."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import dagster as dg
import pytest
import yaml

from woo_sync_pipeline import definitions as definitions_module
from woo_sync_pipeline.config.settings import CONFIG_ENV, Settings, load_settings
from woo_sync_pipeline.definitions import build_definitions

# The addresses are of TEST-NET-1 and a name that never resolves: whoever tries them fails the test.
SECRETS = {
    "database password": "pw-8c1f2e",
    "API key": "mmkey-77aa01",
    "API secret": "mmsecret-5b0d92",
    "consumer key": "ck_0123456789abcdef",
    "consumer secret": "cs_fedcba9876543210",
}
CONFIG = {
    "database_url": f"postgresql://sync:{SECRETS['database password']}@192.0.2.1:5432/state",
    "timezone": "Australia/Sydney",
    "messagemedia": {
        "base_url": "https://messagemedia.invalid",
        "api_key": SECRETS["API key"],
        "api_secret": SECRETS["API secret"],
    },
    "sources": [
        {
            "name": name,
            "key": key,
            "url": "https://192.0.2.2",
            "consumer_key": SECRETS["consumer key"],
            "consumer_secret": SECRETS["consumer secret"],
            "start_date": "2026-11-01",
            "default_region": "AU",
        }
        for name, key in (("WooCommerce", "woocommerce"), ("Tea House", "tea"))
    ],
}
CHAIN = [
    "contacts",
    "customers",
    "guest_orders",
    "merged_contacts",
    "orders",
    "sync_report",
    "synced_contacts",
    "tags",
]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("something reached for the network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "woo_sync.yaml"
    file.write_text(yaml.safe_dump(CONFIG))
    monkeypatch.setenv(CONFIG_ENV, str(file))
    return file


@pytest.fixture
def settings(config: Path) -> Settings:
    return load_settings(config)


@pytest.fixture
def loaded(settings: Settings) -> dg.Definitions:
    return build_definitions(settings)


def test_definitions_load_without_network_and_database(config: Path) -> None:
    definitions = definitions_module.definitions()
    dg.Definitions.validate_loadable(definitions)
    assert not (config.parent / ".woo_sync").exists()


def test_the_code_location_holds_exactly_this(loaded: dg.Definitions) -> None:
    repository = loaded.get_repository_def()
    graph = loaded.resolve_asset_graph()
    assert sorted(key.to_user_string() for key in graph.get_all_asset_keys()) == [
        "tea/contacts",
        "tea/customers",
        "tea/guest_orders",
        "tea/merged_contacts",
        "tea/orders",
        "tea/sync_report",
        "tea/synced_contacts",
        "tea/tags",
        "woocommerce/contacts",
        "woocommerce/customers",
        "woocommerce/guest_orders",
        "woocommerce/merged_contacts",
        "woocommerce/orders",
        "woocommerce/sync_report",
        "woocommerce/synced_contacts",
        "woocommerce/tags",
    ]
    assert sorted(key.to_user_string() for key in graph.asset_check_keys) == [
        f"{source}/{check}"
        for source in ("tea", "woocommerce")
        for check in (
            "contacts:every_phone_is_e164",
            "contacts:every_record_fits_its_model",
            "contacts:every_row_is_accounted_for",
            "contacts:invalid_share_is_below_the_limit",
            "customers:all_records_of_the_store_were_read",
            "merged_contacts:changes_are_within_limits",
            "merged_contacts:consent_is_never_widened",
            "merged_contacts:every_contact_fits_its_model",
            "merged_contacts:no_phone_twice",
            "synced_contacts:changes_are_within_limits",
        )
    ]
    assert sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")) == [
        "retention",
        "tea_daily_sync",
        "tea_incremental_sync",
        "tea_preview",
        "woocommerce_daily_sync",
        "woocommerce_incremental_sync",
        "woocommerce_preview",
    ]
    assert {each.name: each.cron_schedule for each in repository.schedule_defs} == {
        "retention_nightly": "30 4 * * *",
        "tea_daily": "0 2 * * *",
        "woocommerce_daily": "0 2 * * *",
    }
    assert {each.name: each.minimum_interval_seconds for each in repository.sensor_defs} == {
        "tea_live": 30,
        "woocommerce_live": 30,
    }


def test_each_job_runs_the_chain_of_its_own_source_in_process(loaded: dg.Definitions) -> None:
    for source in ("woocommerce", "tea"):
        for way in ("daily", "incremental"):
            job = loaded.resolve_job_def(f"{source}_{way}_sync")
            keys = {tuple(key.path) for key in job.asset_layer.executable_asset_keys}
            assert keys == {(source, name) for name in CHAIN}
            assert job.executor_def is dg.in_process_executor
            assert job.tags["woo_sync/source"] == source
            assert isinstance(job.partitions_def, dg.DailyPartitionsDefinition)


def test_the_chain_leads_from_the_store_to_the_report(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    parents = {
        key.path[1]: {parent.path[1] for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
        if key.path[0] == "woocommerce"
    }
    assert parents == {
        "orders": set(),
        "customers": {"orders"},
        "guest_orders": {"orders"},
        "tags": {"orders"},
        "contacts": {"customers", "orders", "guest_orders", "tags"},
        "merged_contacts": {"contacts"},
        "synced_contacts": {"merged_contacts"},
        "sync_report": {"synced_contacts"},
    }
    crossing = [
        key
        for key in graph.get_all_asset_keys()
        if any(parent.path[0] != key.path[0] for parent in graph.get(key).parent_keys)
    ]
    assert crossing == []


def test_every_asset_is_fit_for_the_ui(loaded: dg.Definitions, settings: Settings) -> None:
    for definition in loaded.resolve_asset_graph().assets_defs:
        assert definition.backfill_policy == dg.BackfillPolicy.single_run()
        assert definition.partitions_def == dg.DailyPartitionsDefinition(
            start_date="2026-11-01", timezone=settings.timezone, end_offset=1
        )
    for spec in loaded.resolve_all_asset_specs():
        source, name = spec.key.path
        assert spec.description, name
        assert spec.description.strip().endswith("."), name
        assert spec.owners == ["team:data-engineering"]
        assert spec.kinds, name
        assert spec.group_name == source
        assert spec.freshness_policy is not None, name
        schema = spec.metadata.get("dagster/column_schema")
        assert isinstance(schema, dg.TableSchema), name
        assert schema.columns, name
        assert all((column.description or "").endswith(".") for column in schema.columns), name


def test_nothing_is_pickled() -> None:
    forbidden = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "read_pickle", "to_pickle"}
    package = Path(definitions_module.__file__).parent
    named = {
        path.relative_to(package).as_posix(): found
        for path in package.rglob("*.py")
        if (found := forbidden & set(re.findall(r"\w+", path.read_text(encoding="utf-8"))))
    }
    assert named == {}


def test_columns_that_hold_personal_data_are_marked(loaded: dg.Definitions) -> None:
    marked: dict[str, set[str]] = {}
    for spec in loaded.resolve_all_asset_specs():
        schema = spec.metadata.get("dagster/column_schema")
        if isinstance(schema, dg.TableSchema) and spec.key.path[0] == "woocommerce":
            marked[spec.key.path[1]] = {column.name for column in schema.columns if "pii" in column.tags}
    assert marked["merged_contacts"] == {"phone", "first_name", "last_name", "email"}
    assert marked["synced_contacts"] == marked["sync_report"] == {"phone"}
    assert {"billing_phone", "shipping_phone", "billing_email", "email"} <= marked["customers"]
    assert marked["tags"] == set()


def test_schedules_and_sensors_run_without_being_switched_on(loaded: dg.Definitions) -> None:
    repository = loaded.get_repository_def()
    assert {each.default_status for each in repository.schedule_defs} == {dg.DefaultScheduleStatus.RUNNING}
    assert {each.execution_timezone for each in repository.schedule_defs} == {"Australia/Sydney"}
    assert {each.default_status for each in repository.sensor_defs} == {dg.DefaultSensorStatus.RUNNING}


def test_no_secret_shows_in_anything_that_can_be_printed(loaded: dg.Definitions, settings: Settings) -> None:
    resources = loaded.resources or {}
    shown = [repr(loaded), repr(settings), str(settings), repr(resources)]
    shown += [text(each) for each in (*resources.values(), *settings.sources) for text in (repr, str)]
    shown += [repr(spec) for spec in loaded.resolve_all_asset_specs()]
    shown += [repr(job.tags) + repr(job.metadata) for job in loaded.get_repository_def().get_all_jobs()]
    shown.append(settings.model_dump_json())
    leaks = [what for what, secret in SECRETS.items() if any(secret in text for text in shown)]
    assert leaks == []
