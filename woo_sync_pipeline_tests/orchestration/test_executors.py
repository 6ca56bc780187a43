"""Where steps run is a matter of configuration, for all jobs and for what is started from the page of an asset."""

from __future__ import annotations

import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from woo_sync_pipeline.config.settings import Settings, load_settings
from woo_sync_pipeline.definitions import build_definitions
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.orchestration.executors import celery_app
from woo_sync_pipeline_tests.orchestration.test_definitions import CONFIG

SECRET = "hunter2"
CELERY = {
    "staging_url": "s3://bucket/staging",
    "celery": {"redis_url": f"redis://:{SECRET}@192.0.2.9:6379/0", "redeliver_after_seconds": 600},
}


def settings(folder: Path, **options: object) -> Settings:
    file = folder / "woo_sync.yaml"
    file.write_text(yaml.safe_dump({**CONFIG, **options}))
    return load_settings(file)


def executor_names(loaded: dg.Definitions) -> dict[str, str]:
    jobs = loaded.get_repository_def().get_all_jobs()
    return {job.name: job.executor_def.name for job in jobs}


def test_steps_share_the_process_of_their_run_unless_told_otherwise(tmp_path: Path) -> None:
    assert set(executor_names(build_definitions(settings(tmp_path))).values()) == {"in_process"}


def test_with_celery_every_sync_is_handed_to_workers_and_the_retention_is_not(tmp_path: Path) -> None:
    pytest.importorskip("dagster_celery", reason="needs the extra celery")
    names = executor_names(build_definitions(settings(tmp_path, **CELERY)))
    assert names.pop("retention") == "in_process"
    assert len(names) == 7
    assert set(names.values()) == {"celery"}


def test_workers_are_configured_like_the_executor_and_keep_a_step_until_it_is_done(tmp_path: Path) -> None:
    pytest.importorskip("dagster_celery", reason="needs the extra celery")
    config = celery_app(settings(tmp_path, **CELERY)).conf
    assert config.broker_url == config.result_backend == CELERY["celery"]["redis_url"]  # type: ignore[index]
    assert config.task_acks_late
    assert config.worker_prefetch_multiplier == 1
    assert config.broker_transport_options["visibility_timeout"] == 600


def test_the_address_of_the_queue_is_a_secret(tmp_path: Path) -> None:
    configured = settings(tmp_path, **CELERY)
    assert SECRET not in repr(configured) + configured.model_dump_json()


def test_without_the_extra_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dagster_celery.executor", None)
    with pytest.raises(ConfigurationError, match=r"woo_sync_pipeline\[celery\]"):
        build_definitions(settings(tmp_path, **CELERY))


def test_a_worker_without_the_section_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no section celery"):
        celery_app(settings(tmp_path))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"celery": CELERY["celery"]}, "celery needs database_url and staging_url"),
        (
            {**CELERY, "celery": {"redis_url": "amqp://guest@host"}},
            "celery.redis_url: this is no address of a Redis",
        ),
        ({**CELERY, "celery": {}}, "celery.redis_url: this key is missing"),
    ],
)
def test_what_cannot_be_shared_by_several_machines_is_refused(
    tmp_path: Path, options: dict[str, object], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        settings(tmp_path, **options)
