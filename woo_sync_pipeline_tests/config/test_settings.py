"""What is read of a configuration."""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path

import pytest
from dagster import AssetKey
from dagster._core.definitions.utils import validate_asset_owner

from woo_sync_pipeline.config.settings import config_path, load_settings
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.sources.woocommerce.settings import settings_fingerprint
from woo_sync_pipeline_tests.checkout import CHECKOUT
from woo_sync_pipeline_tests.config.written import GOOD, SECOND_SOURCE, SECRETS, load
from woo_sync_pipeline_tests.sources.woocommerce.configured import woocommerce

EXAMPLE = CHECKOUT / "woo_sync.example.yaml"


def test_a_good_file_is_read_with_its_defaults(file: Path) -> None:
    settings = load(file, GOOD)
    source = woocommerce(settings.source("woocommerce"))
    assert source.url == "https://shop.example.com"
    assert source.default_region == "AU"
    assert source.consumer_key.get_secret_value() == SECRETS["WOO_KEY"]
    assert (source.type, source.verify_tls, source.orders_from) == ("woocommerce", True, None)
    assert (source.start_date, source.daily_at) == (date(2026, 11, 1), time(2, 0))
    assert (source.max_concurrency, source.live_interval_seconds) == (4, 30)
    assert (source.groups.roles, source.groups.product_tags) == (True, True)
    assert source.meta_keys == ("customer_tags",)
    assert (settings.messagemedia.auth, settings.messagemedia.max_concurrency) == ("basic", 16)
    assert settings.messagemedia.verify_tls is True
    assert settings.database_url is not None
    assert settings.data_directory == file.parent / ".woo_sync"
    assert settings.staging_location == str(file.parent / ".woo_sync" / "staging")
    with pytest.raises(KeyError):
        woocommerce(settings.source("nobody"))


@pytest.mark.usefixtures("environment")
def test_the_example_file_is_valid() -> None:
    settings = load_settings(EXAMPLE)
    assert settings.database_url is None
    assert settings.timezone == "Australia/Sydney"
    assert [source.key for source in settings.sources] == ["woocommerce"]


def test_every_setting_of_the_example_file_that_is_commented_out_is_valid_too(file: Path) -> None:
    text = re.sub(
        r"^( {0,6})# ((?:- | *)[a-z_]+:)", r"\1\2", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    text = text.replace("${WOO_SYNC_DATABASE_URL}", "${DATABASE_URL}")
    text = text.replace("${KLAVIYO_API_KEY}", "${WOO_KEY}")
    settings = load(file, text)
    assert settings.database_url is not None
    assert settings.staging_location == "s3://my-bucket/woo-sync-staging"
    consent = woocommerce(settings.sources[0]).consent
    assert consent.repeated_yes == "counts"
    assert consent.dated_by == {"sms_marketing_consent": "sms_consent_at"}
    assert consent.mirrored_by == {"_wc_other/acme/sms-opt-in": "acme_sms_opt_in"}
    assert consent.words.opted_in == ("Ja, gerne",)
    assert [source.type for source in settings.sources] == ["woocommerce", "klaviyo"]
    assert settings.celery is not None
    assert settings.alerts.has_receiver
    assert settings.alerts.email is not None
    assert settings.alerts.email.to == ("data-team@example.com",)


def test_without_a_database_url_the_state_is_embedded(file: Path) -> None:
    assert load(file, GOOD.replace("database_url: ${DATABASE_URL}\n", "")).database_url is None


def test_several_stores_may_be_configured(file: Path) -> None:
    assert [source.key for source in load(file, GOOD + SECOND_SOURCE).sources] == ["woocommerce", "outlet"]


@pytest.mark.parametrize(
    ("written", "read"), [("02:30", time(2, 30)), ("14:30", time(14, 30)), ('"23:05"', time(23, 5))]
)
def test_a_time_of_day_needs_no_quotes(file: Path, written: str, read: time) -> None:
    assert woocommerce(load(file, f"{GOOD}    daily_at: {written}\n").sources[0]).daily_at == read


def test_meta_keys_for_consent_and_groups_are_read_once(file: Path) -> None:
    text = GOOD.replace("mode: explicit", "mode: explicit\n      meta_keys: [sms, customer_tags, sms]")
    assert woocommerce(load(file, text).sources[0]).meta_keys == ("sms", "customer_tags")


def test_words_for_a_choice_and_names_of_lists_are_the_user_s(file: Path) -> None:
    text = GOOD.replace(
        "mode: explicit",
        'mode: explicit\n      words: {opted_in: ["Ja, gerne"], opted_out: [Nein, abgemeldet]}',
    ).replace("groups:", 'groups:\n      name_format: " {tag} ({source}) "')
    source = woocommerce(load(file, text).sources[0])
    assert source.consent.words.meanings == {
        "Ja, gerne": "opted_in",
        "Nein": "opted_out",
        "abgemeldet": "opted_out",
    }
    assert source.groups.name_format == "{tag} ({source})"
    assert woocommerce(load(file, GOOD).sources[0]).groups.name_format == "{source} - {tag}"


def test_other_words_are_another_basis_of_consent_and_read_all_records_anew(file: Path) -> None:
    keys = "mode: explicit\n      meta_keys: [sms]"
    plain = woocommerce(load(file, GOOD.replace("mode: explicit", keys)).sources[0])
    worded = woocommerce(
        load(
            file,
            GOOD.replace("mode: explicit", f"{keys}\n      words: {{opted_in: [ja], opted_out: [nein]}}"),
        ).sources[0]
    )
    assert plain.consent.basis == "sms"
    assert worded.consent.basis == "sms;ja=opted_in,nein=opted_out"
    assert settings_fingerprint(plain) != settings_fingerprint(worded)


def test_keys_that_ask_for_the_opposite_are_read_too_and_are_another_basis(file: Path) -> None:
    keys = "mode: explicit\n      meta_keys: [sms]"
    plain = woocommerce(load(file, GOOD.replace("mode: explicit", keys)).sources[0])
    more = woocommerce(
        load(
            file, GOOD.replace("mode: explicit", f"{keys}\n      opt_out_meta_keys: [sms_abmeldung]")
        ).sources[0]
    )
    assert more.consent.keys == ("sms", "sms_abmeldung")
    assert set(more.meta_keys) >= {"sms", "sms_abmeldung"}
    assert more.consent.basis == "sms;!sms_abmeldung"
    assert settings_fingerprint(plain) != settings_fingerprint(more)


CONSENT = """mode: explicit
      meta_keys: [_wc_other/acme/sms, sms]
      repeated_yes: counts
      mirrored_by: {_wc_other/acme/sms: acme_sms}
      dated_by: {sms: sms_at, acme_sms: acme_sms_at}"""


def test_copies_of_hidden_keys_and_dates_of_choices_are_read_too(file: Path) -> None:
    source = woocommerce(load(file, GOOD.replace("mode: explicit", CONSENT)).sources[0])
    assert source.consent.keys == ("_wc_other/acme/sms", "sms", "acme_sms")
    assert source.meta_keys == (*source.consent.keys, "sms_at", "acme_sms_at", "customer_tags")
    assert source.consent.hidden_keys == ()
    rules = source.consent.rules
    assert rules.keys == source.consent.keys
    assert rules.mirrored_by == {"_wc_other/acme/sms": "acme_sms"}
    assert rules.dated_by == {"sms": "sms_at", "acme_sms": "acme_sms_at"}


def test_a_repeated_yes_is_ignored_and_no_key_has_a_date_or_copy_unless_it_says_otherwise(
    file: Path,
) -> None:
    plain = woocommerce(
        load(file, GOOD.replace("mode: explicit", "meta_keys: [_wc_other/acme/sms, sms]")).sources[0]
    ).consent
    assert (plain.mode, plain.repeated_yes) == ("explicit", "ignored")
    assert plain.dated_by == plain.mirrored_by == {}
    assert plain.hidden_keys == ("_wc_other/acme/sms",)
    assert (
        woocommerce(load(file, GOOD.replace("mode: explicit", CONSENT)).sources[0]).consent.repeated_yes
        == "counts"
    )


@pytest.mark.parametrize("left_out", ["mirrored_by", "dated_by"])
def test_other_copies_and_dates_are_another_basis_of_consent_and_read_all_records_anew(
    file: Path, left_out: str
) -> None:
    lines = CONSENT.replace("acme_sms: acme_sms_at", "_wc_other/acme/sms: acme_sms_at").splitlines()
    whole, part = (
        woocommerce(load(file, GOOD.replace("mode: explicit", "\n".join(each))).sources[0])
        for each in (lines, [line for line in lines if left_out not in line])
    )
    assert whole.consent.basis != part.consent.basis
    assert settings_fingerprint(whole) != settings_fingerprint(part)


def test_other_names_of_lists_read_all_records_anew(file: Path) -> None:
    renamed = woocommerce(
        load(file, GOOD.replace("groups:", "groups:\n      name_format: '{tag}'")).sources[0]
    )
    assert settings_fingerprint(renamed) != settings_fingerprint(woocommerce(load(file, GOOD).sources[0]))


def test_a_variable_may_be_a_part_of_a_value_and_is_read_once(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP", "shop.example.com")
    monkeypatch.setenv("WOO_KEY", "ck_${SHOP}")
    source = woocommerce(
        load(file, GOOD.replace("https://shop.example.com/", "https://${SHOP}/store")).sources[0]
    )
    assert source.url == "https://shop.example.com/store"
    assert source.consumer_key.get_secret_value() == "ck_${SHOP}"


@pytest.mark.parametrize("owner", ["team:data", "team:data_2-x", "ann.b+c@mail.example.com"])
def test_the_owner_of_the_assets_is_a_team_or_an_address_that_dagster_takes(file: Path, owner: str) -> None:
    assert load(file, GOOD).owner == "team:data-engineering"
    settings = load(file, f"owner: {owner}\n{GOOD}")
    assert settings.owner == owner
    validate_asset_owner(owner, AssetKey("a"))


def test_secrets_are_never_shown(file: Path) -> None:
    settings = load(file, GOOD)
    shown = f"{settings!r} {settings} {settings.sources[0]!r} {settings.messagemedia} {settings.model_dump()}"
    shown += settings.model_dump_json()
    for secret in [*SECRETS.values(), "hunter2"]:
        assert secret not in shown


@pytest.mark.parametrize(("written", "read"), [("false", False), ("/etc/ssl/own.pem", "/etc/ssl/own.pem")])
def test_whose_certificates_are_trusted_is_told_alike_for_a_store_and_for_messagemedia(
    file: Path, written: str, read: bool | str
) -> None:
    text = GOOD.replace("sources:", f"  verify_tls: {written}\nsources:")
    settings = load(file, f"{text}    verify_tls: {written}\n")
    assert settings.messagemedia.verify_tls == woocommerce(settings.sources[0]).verify_tls == read


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path / "nowhere.yaml")
    assert str(tmp_path / "nowhere.yaml") in str(caught.value)
    assert "`woo-sync init`" in caught.value.next_step
    assert "Copy woo_sync.example.yaml" in caught.value.next_step


@pytest.mark.usefixtures("environment")
def test_the_file_in_force_is_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WOO_SYNC_CONFIG", raising=False)
    assert config_path() == tmp_path / "woo_sync.yaml"
    monkeypatch.setenv("WOO_SYNC_CONFIG", "elsewhere/other.yaml")
    assert config_path() == tmp_path / "elsewhere/other.yaml"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/other.yaml").write_text(GOOD, encoding="utf-8")
    assert load_settings().data_directory == tmp_path / "elsewhere/.woo_sync"


def test_settings_can_not_be_changed(file: Path) -> None:
    settings = load(file, GOOD)
    with pytest.raises(ValueError, match="frozen"):
        settings.timezone = "UTC"
