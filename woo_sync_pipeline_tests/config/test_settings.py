from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path

import pytest
from dagster import AssetKey
from dagster._core.definitions.utils import validate_asset_owner

from woo_sync_pipeline.config.settings import Settings, config_path, load_settings
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.sources.woocommerce.record_settings import settings_fingerprint
from woo_sync_pipeline_tests.checkout import CHECKOUT
from woo_sync_pipeline_tests.sources.woocommerce.configured import woocommerce

EXAMPLE = CHECKOUT / "woo_sync.example.yaml"
SECRETS = {
    "MESSAGEMEDIA_API_KEY": "mm-key-5f2c",
    "MESSAGEMEDIA_API_SECRET": "mm-secret-9a1b",
    "WOO_KEY": "ck_11112222333344445555",
    "WOO_SECRET": "cs_66667777888899990000",
    "ALERT_WEBHOOK_URL": "https://hooks.example.com/T0/hunter2",
    "SMTP_USER": "smtp-user-31d0",
    "SMTP_PASSWORD": "hunter2",
    "WOO_SYNC_REDIS_URL": "redis://:hunter2@queue.example.com:6379/0",
    "DATABASE_URL": "postgresql://sync:hunter2@db.example.com:5432/sync",
}
GOOD = """\
database_url: ${DATABASE_URL}
timezone: Australia/Sydney
messagemedia:
  base_url: https://au.app.api.sinch.com
  api_key: ${MESSAGEMEDIA_API_KEY}
  api_secret: ${MESSAGEMEDIA_API_SECRET}
sources:
  - name: WooCommerce
    key: woocommerce
    url: https://shop.example.com/
    consumer_key: ${WOO_KEY}
    consumer_secret: ${WOO_SECRET}
    start_date: 2026-11-01
    default_region: au
    consent:
      mode: explicit
    groups:
      meta_keys: [customer_tags]
"""
SECOND_SOURCE = """\
  - name: Outlet
    key: outlet
    url: https://outlet.example.com
    consumer_key: ${WOO_KEY}
    consumer_secret: ${WOO_SECRET}
    start_date: 2026-11-01
    default_region: NZ
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "woo_sync.yaml"


def load(file: Path, text: str) -> Settings:
    file.write_text(text, encoding="utf-8")
    return load_settings(file)


def refusal(file: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(file, text)
    assert caught.value.source == str(file)
    message = str(caught.value)
    for secret in SECRETS.values():
        assert secret not in message
    return message


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


def test_the_example_file_is_valid() -> None:
    settings = load_settings(EXAMPLE)
    assert settings.database_url is None
    assert settings.timezone == "Australia/Sydney"
    assert [source.key for source in settings.sources] == ["woocommerce"]


def test_every_setting_of_the_example_file_that_is_commented_out_is_valid_too(file: Path) -> None:
    text = re.sub(
        r"^( {0,6})# ( *[a-z_]+:)", r"\1\2", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    text = text.replace("${WOO_SYNC_DATABASE_URL}", "${DATABASE_URL}")
    settings = load(file, text)
    assert settings.database_url is not None
    assert settings.staging_location == "s3://my-bucket/woo-sync-staging"
    consent = woocommerce(settings.sources[0]).consent
    assert consent.repeated_yes == "counts"
    assert consent.dated_by == {"sms_marketing_consent": "sms_consent_at"}
    assert consent.mirrored_by == {"_wc_other/acme/sms-opt-in": "acme_sms_opt_in"}
    assert consent.words.opted_in == ("Ja, gerne",)
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


@pytest.mark.parametrize("owner", ["data", "'team:'", "team:a b", "ann@localhost", "a@b@example.com"])
def test_what_dagster_would_not_take_as_an_owner_is_refused(file: Path, owner: str) -> None:
    assert "owner" in refusal(file, f"owner: {owner}\n{GOOD}")


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


REFUSALS = [
    # what is written, instead of what, where the complaint points to, what it says
    ("timezone: Sydney", "timezone: Australia/Sydney", "line 2, timezone", "such as Australia/Sydney"),
    ("timezones: UTC", "timezone: Australia/Sydney", "line 2, timezones", "Known here: database_url, timezone"),
    ("  api_keys: x", "  api_key: ${MESSAGEMEDIA_API_KEY}", "line 5, messagemedia.api_keys", "Known here: base_url"),
    ("", "  api_key: ${MESSAGEMEDIA_API_KEY}\n", "messagemedia.api_key: this key is missing", "example.yaml"),
    ("  api_key: ''", "  api_key: ${MESSAGEMEDIA_API_KEY}", "line 5, messagemedia.api_key", "or ${NAME} to"),
    ("  api_key: ${NOT_SET}", "  api_key: ${MESSAGEMEDIA_API_KEY}", "line 5", "NOT_SET is not set"),
    ("  api_key: ${A B}", "  api_key: ${MESSAGEMEDIA_API_KEY}", "line 5, messagemedia.api_key", "${NAME}"),
    ("  verify_tls: []", "  api_key: ${MESSAGEMEDIA_API_KEY}", "line 5, messagemedia.verify_tls", "boolean"),
    ("base_url: au.example.com", "base_url: https://au.app.api.sinch.com", "line 4, messagemedia.base_url", "https://"),
    ("base_url: ftp://example.com", "base_url: https://au.app.api.sinch.com", "line 4, messagemedia.base_url", "https://"),
    ("url: https://ann:hunter2@x.com", "url: https://shop.example.com/", "line 10, sources[0].url", "credentials"),
    ("url: https://shop.example.com?x=1", "url: https://shop.example.com/", "line 10, sources[0].url", "a query"),
    ("url: https://x.com/wp-json", "url: https://shop.example.com/", "line 10, sources[0].url", "/wp-json"),
    ("url: https://[::1", "url: https://shop.example.com/", "line 10, sources[0].url", "no web address"),
    ("key: Woo Commerce", "key: woocommerce", "line 9, sources[0].key", "lower-case letters, digits and underscores"),
    ("name: '  '", "name: WooCommerce", "line 8, sources[0].name", "this is empty"),
    ("name: Shop, Sydney", "name: WooCommerce", "line 8, sources[0].name", "comma"),
    ("default_region: Australia", "default_region: au", "line 14, sources[0].default_region", "such as AU"),
    ("start_date: soon", "start_date: 2026-11-01", "line 13, sources[0].start_date", "date"),
    ("mode: maybe", "mode: explicit", "line 16, sources[0].consent.mode", "'explicit' or 'inferred'"),
    ("modus: explicit", "mode: explicit", "line 16, sources[0].consent.modus", "Known here: mode, repeated_yes"),
    ("tags: []", "meta_keys: [customer_tags]", "line 18, sources[0].groups.tags", "Known here: name_format"),
    ("meta_keys: [ok, '']", "meta_keys: [customer_tags]", "line 18, sources[0].groups.meta_keys[1]", "this is empty"),
    ("database_url: mysql://a:hunter2@db/a", "database_url: ${DATABASE_URL}", "line 1, database_url", "Postgre"),
    ("    max_concurrency: 0\n    consent:", "    consent:", "line 15, sources[0].max_concurrency", "greater than"),
    ("    type: magento\n    consent:", "    consent:", "line 15, sources[0].type", "woocommerce"),
    ("    daily_at: late\n    consent:", "    consent:", "line 15, sources[0].daily_at", "time"),
    ("    live_interval_seconds: 1\n    consent:", "    consent:", "line 15, sources[0].live_interval_seconds", "5"),
    ("    order_statuses: []\n    consent:", "    consent:", "line 15, sources[0].order_statuses", "at least one"),
    ("    order_statuses: [any]\n    consent:", "    consent:", "line 15, sources[0].order_statuses[0]", "one by one"),
    ("    order_statuses: [wc-completed]\n    consent:", "    consent:", "sources[0].order_statuses[0]", "without wc-"),
    ("name_format: '{source}'", "meta_keys: [customer_tags]", "line 18, sources[0].groups.name_format", "{tag}, "),
    ("name_format: '{tag} {tag}'", "meta_keys: [customer_tags]", "sources[0].groups.name_format", "'{source} - {tag}'"),
    ("name_format: '{name} {tag}'", "meta_keys: [customer_tags]", "sources[0].groups.name_format", "only {source} and"),
    (f"name_format: '{'x' * 21}{{tag}}'", "meta_keys: [customer_tags]", "groups.name_format", "20 characters"),
    ("words: {opted_in: [Ja], opted_out: [' ja']}", "mode: explicit", "sources[0].consent.words", "under one of them"),
    ("words: {opted_in: ['--']}", "mode: explicit", "line 16, sources[0].consent.words", "is no word"),
    ("repeated_yes: maybe", "mode: explicit", "line 16, sources[0].consent.repeated_yes", "'ignored' or 'counts'"),
    ("dated_by: {sms: sms_at}", "mode: explicit", "sources[0].consent", "key 1 of dated_by is neither among"),
    ("mirrored_by: {_sms: sms}", "mode: explicit", "sources[0].consent", "key 1 of mirrored_by is not among"),
    (" {meta_keys: [_sms], mirrored_by: {_sms: _b}}", "\n      mode: explicit", "sources[0].consent", "1 of mirrored"),
    (" {meta_keys: [sms], dated_by: {sms: _at}}", "\n      mode: explicit", "sources[0].consent", "1 of dated_by"),
    ("dated_by: [sms]", "mode: explicit", "line 16, sources[0].consent.dated_by", "dictionary"),
    ("words: {in: [ja]}", "mode: explicit", "sources[0].consent.words", "Known here: opted_in, opted_out"),
    ("    order_statuses: [checkout-draft]\n    consent:", "    consent:", "order_statuses[0]", "Leave it out"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "instead_of", "place", "says"), REFUSALS, ids=[each[0] for each in REFUSALS]
)
def test_what_can_not_be_is_refused_with_its_place_and_what_to_write(
    file: Path, written: str, instead_of: str, place: str, says: str
) -> None:
    assert GOOD.count(instead_of) == 1
    message = refusal(file, GOOD.replace(instead_of, written))
    assert place in message
    assert says in message
    assert "hunter2" not in message


def test_all_that_is_wrong_is_told_at_once(file: Path) -> None:
    text = (
        GOOD.replace("Australia/Sydney", "Sydney")
        .replace("key: woocommerce", "key: W")
        .replace("au\n", "XX\n")
    )
    message = refusal(file, text)
    for place in ("line 2, timezone", "line 9, sources[0].key", "line 14, sources[0].default_region"):
        assert place in message
    assert "too_short" not in message
    assert "at least 1 item" not in message


@pytest.mark.parametrize(
    ("instead_of", "written", "place", "says"),
    [
        ("NZ", "New Zealand", "line 25, sources[1].default_region", "such as AU"),
        ("https://outlet", "outlet", "line 21, sources[1].url", "this is no web address"),
        ("${WOO_KEY}", "${OUTLET_KEY}", "line 22, sources[1].consumer_key", "variable OUTLET_KEY is not set"),
        ("2026-11-01", "2026-11-01\n    regions: NZ", "line 25, sources[1].regions", "Known here: name, key"),
        (
            "name: Outlet",
            "name: Outlet\n    name: Old",
            "line 20, sources[1].name",
            "this key is there twice",
        ),
        ("    start_date: 2026-11-01\n", "", "sources[1].start_date", "this key is missing"),
    ],
    ids=["region", "url", "variable", "unknown key", "key twice", "missing key"],
)
def test_a_mistake_in_one_of_several_stores_sets_that_store_aside_and_no_other(
    file: Path, instead_of: str, written: str, place: str, says: str
) -> None:
    settings = load(file, GOOD + SECOND_SOURCE.replace(instead_of, written))
    assert [source.key for source in settings.sources] == ["woocommerce"]
    (refused,) = settings.refused
    assert (refused.key, refused.label, settings.refused_keys) == ("outlet", "outlet", ("outlet",))
    message = str(refused.error)
    assert message.startswith(f"outlet: read its part of {file}: ")
    assert place in message
    assert says in message
    assert "`woo-sync check`" in message
    assert message.count("sources[") == 1
    assert not any(secret in message for secret in SECRETS.values())


def test_a_store_without_a_key_that_can_be_read_may_be_any(file: Path) -> None:
    settings = load(file, GOOD + SECOND_SOURCE.replace("key: outlet", "key: Out let") + "  - nonsense\n")
    assert [source.key for source in settings.sources] == ["woocommerce"]
    assert [refused.label for refused in settings.refused] == ["source_2", "source_3"]
    assert [refused.error.source for refused in settings.refused] == ["sources[1]", "sources[2]"]
    assert settings.refused_keys is None


def test_of_stores_that_share_a_key_none_is_read(file: Path) -> None:
    twin = SECOND_SOURCE.replace("name: Outlet", "name: Factory")
    settings = load(file, GOOD + SECOND_SOURCE + twin)
    assert [source.key for source in settings.sources] == ["woocommerce"]
    assert settings.refused_keys == ("outlet", "outlet")
    for refused in settings.refused:
        assert "two sources have the same key" in str(refused.error)


def test_what_is_wrong_outside_of_stores_is_told_together_with_what_is_wrong_in_them(file: Path) -> None:
    text = GOOD.replace("Australia/Sydney", "Sydney") + SECOND_SOURCE.replace("NZ", "New Zealand")
    message = refusal(file, text)
    assert "line 2, timezone" in message
    assert "line 25, sources[1].default_region" in message


@pytest.mark.parametrize(
    ("name", "key", "says"),
    [
        ("WOOCOMMERCE", "outlet", "two sources have the same name"),
        ("Outlet", "woocommerce", "two sources have the same key"),
    ],
)
def test_stores_have_names_and_keys_of_their_own(file: Path, name: str, key: str, says: str) -> None:
    second = SECOND_SOURCE.replace("Outlet", name).replace("key: outlet", f"key: {key}")
    message = refusal(file, GOOD + second)
    assert says in message
    assert "of its own" in message


def test_a_key_that_is_there_twice_is_refused(file: Path) -> None:
    message = refusal(file, GOOD.replace("    key: woocommerce\n", "    key: woocommerce\n    key: other\n"))
    assert "line 10, sources[0].key: this key is there twice" in message


def test_a_file_without_sources_is_refused(file: Path) -> None:
    top = GOOD.partition("sources:")[0]
    assert "sources: this key is missing" in refusal(file, top)
    assert "line 7, sources" in refusal(file, f"{top}sources: []\n")
    assert "line 7, sources" in refusal(file, f"{top}sources: WooCommerce\n")


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "just words", "- a\n- list\n"])
def test_a_file_without_keys_is_refused(file: Path, text: str) -> None:
    assert "the file must hold keys and values" in refusal(file, text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("timezone: [unclosed\nnext: 1\n", 2),
        ("timezone: UTC\n\tsources: []\n", 2),
        ("a: 1\nb: @nobody\n", 2),
        ("a: *unknown\n", 1),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(file: Path, text: str, line: int) -> None:
    message = refusal(file, text)
    assert f"line {line}: this is no YAML" in message


def test_what_stores_share_may_be_an_anchor_and_what_a_store_says_itself_goes_before(file: Path) -> None:
    text = GOOD.replace("    consent:\n", "    consent: &consent\n      repeated_yes: counts\n")
    second = SECOND_SOURCE + "    consent:\n      <<: *consent\n      mode: inferred\n"
    first, outlet = load(file, text + second).sources
    assert (first.consent.mode, first.consent.repeated_yes) == ("explicit", "counts")
    assert (outlet.consent.mode, outlet.consent.repeated_yes) == ("inferred", "counts")
    assert "line 29, sources[1].consent.mode" in str(
        load(file, text + second.replace("inferred", "maybe")).refused[0].error
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &a [*a]", "line 1: an anchor holds itself"),
        ("a: &a\n  b: *a", "line 1: an anchor holds itself"),
        ("a: &a {<<: *a}", "line 1: an anchor holds itself"),
        (f"a: {'[' * 500}{']' * 500}", "line 1: this is nested too deeply"),
        (f"a: {'[' * 50_000}{']' * 50_000}", "line 1: this is nested too deeply"),
        (f"{'- ' * 50_000}x", "line 1: this is nested too deeply"),
        (
            "a0: &a0 [x]\n"
            + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(9)),
            "anchors make this too much",
        ),
        ("{[a]: b}", "a key must be a plain text"),
    ],
    ids=["itself", "in a mapping", "merged", "deep", "very deep", "very deep lists", "much", "key"],
)
def test_a_file_without_end_or_measure_is_refused(file: Path, text: str, says: str) -> None:
    assert says in refusal(file, text)


@pytest.mark.parametrize(
    ("written", "says"),
    [("2026-13-45", "valid date"), ("!!int soon", "valid date"), ("!!timestamp soon", "valid date")],
)
def test_a_date_that_there_is_not_is_refused_with_its_line(file: Path, written: str, says: str) -> None:
    message = refusal(file, GOOD.replace("start_date: 2026-11-01", f"start_date: {written}"))
    assert "line 13, sources[0].start_date" in message
    assert says in message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://sync:p%40ss%3Aw%2Fo%3Frd@db.example.com:5432/sync",
        "postgresql+psycopg2://sync@db/sync",
        "postgres://db:5432/sync?sslmode=require",
        "postgresql://[::1]:5432/sync",
        "postgresql://sync:@/sync?host=/var/run/postgresql",
        "postgresql:///sync?user=me@there",
        "postgresql+psycopg2://sync:@/sync?host=/home/ann/My Shops #1/postgres",
    ],
)
def test_urls_of_databases_whose_parts_are_clear_are_taken(file: Path, url: str) -> None:
    assert load(file, GOOD.replace("${DATABASE_URL}", f"'{url}'")).database_url is not None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://sync:p@ss@db/sync",
        "postgresql://sync:p:ss@db/sync",
        "postgresql://sync:p/ss@db/sync",
        "postgresql://sync:p?ss@db/sync",
        "postgresql://sync:p#ss@db/sync",
        "postgresql://sync:p%ss@db/sync",
        "postgresql://sync:p ss@db/sync",
        "postgresql://sync@db:x/sync",
        "postgresql://sync@db:99999/sync",
    ],
)
def test_urls_of_databases_whose_parts_cannot_be_told_apart_say_how_to_write_them(
    file: Path, url: str
) -> None:
    message = refusal(file, GOOD.replace("${DATABASE_URL}", f"'{url}'"))
    assert "line 1, database_url: its parts cannot be told apart" in message
    assert "%40 for @" in message
    assert "ss" not in message.partition("database_url: ")[2].replace("password", "")


def test_a_file_that_is_no_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00timezone")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    assert str(file) in str(caught.value)


def test_control_characters_are_refused(file: Path) -> None:
    assert "this is no YAML" in refusal(file, "timezone: UTC\x00\n")


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path / "nowhere.yaml")
    assert str(tmp_path / "nowhere.yaml") in str(caught.value)
    assert "`woo-sync init`" in caught.value.next_step
    assert "Copy woo_sync.example.yaml" in caught.value.next_step


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
