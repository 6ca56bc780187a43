"""What cannot be is refused with its place and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from woo_sync_pipeline_tests.config.written import GOOD, SECOND_SOURCE, SECRETS, load, refusal

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


@pytest.mark.parametrize("owner", ["data", "'team:'", "team:a b", "ann@localhost", "a@b@example.com"])
def test_what_dagster_would_not_take_as_an_owner_is_refused(file: Path, owner: str) -> None:
    assert "owner" in refusal(file, f"owner: {owner}\n{GOOD}")
