"""The two files of a first configuration: both or none, for their owner alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from woo_sync_pipeline.cli.new_configuration import Answers, write_configuration
from woo_sync_pipeline.config.settings import load_settings
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.sources.woocommerce.kind import WOOCOMMERCE
from woo_sync_pipeline_tests.sources.woocommerce.configured import woocommerce

ANSWERS = Answers(
    name="Käse: 'Müller' #1",
    key="cheese",
    type=None,
    settings={
        "url": "https://shop.example.com",
        "consumer_key": "${WOO_KEY}",
        "consumer_secret": "${WOO_SECRET}",
    },
    source_secrets={"WOO_KEY": "ck_1", "WOO_SECRET": "cs_$x 'y' \"z\""},
    first_sections=WOOCOMMERCE.first_sections,
    base_url="https://au.app.api.sinch.com",
    api_key="a-key-of-mine",
    api_secret="secret word",
    auth="hmac",
    region="NO",
    timezone="Australia/Sydney",
    database_url="postgresql://me:pass@db/x",
)
PROPOSED = ["    consent:", "      mode: explicit", "      meta_keys: [sms]"]


@pytest.fixture
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_open_umask")
def test_what_was_answered_is_what_is_configured(tmp_path: Path) -> None:
    made = write_configuration(tmp_path / "new" / "woo_sync.yaml", ANSWERS)
    settings = load_settings(made.path)
    source = woocommerce(settings.sources[0])
    assert len(settings.sources) == 1
    assert (source.name, source.key, source.url) == (ANSWERS.name, "cheese", ANSWERS.settings["url"])
    assert (source.default_region, source.start_date, settings.timezone) == (
        "NO",
        made.today,
        "Australia/Sydney",
    )
    assert source.consumer_secret.get_secret_value() == ANSWERS.source_secrets["WOO_SECRET"]
    account = settings.messagemedia
    assert (account.auth, account.api_secret.get_secret_value()) == ("hmac", "secret word")
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == ANSWERS.database_url
    assert [path.stat().st_mode & 0o777 for path in (made.path, made.env_path)] == [0o600, 0o600]
    assert not any(secret in made.path.read_text("utf-8") for secret in ANSWERS.secrets.values())
    assert "secret word" not in repr(ANSWERS)


@pytest.mark.usefixtures("_open_umask")
def test_a_proposal_is_taken_while_nobody_has_touched_the_file(tmp_path: Path) -> None:
    made = write_configuration(tmp_path / "woo_sync.yaml", ANSWERS)
    assert made.take(PROPOSED)
    assert woocommerce(load_settings(made.path).sources[0]).consent.meta_keys == ("sms",)
    assert made.path.stat().st_mode & 0o777 == 0o600
    touched = made.path.read_text("utf-8") + "# mine\n"
    made.path.write_text(touched, "utf-8")
    assert not made.take(PROPOSED)
    assert made.path.read_text("utf-8") == touched
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "woo_sync.yaml"]


def test_where_one_file_cannot_be_written_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="File name too long"):
        write_configuration(tmp_path / f"{'x' * 300}.yaml", ANSWERS)
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_leads_nowhere_is_something_that_is_there(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="nothing is ever overwritten"):
        write_configuration(tmp_path / "woo_sync.yaml", ANSWERS)
    assert not (tmp_path / "elsewhere").exists()
