"""Every way in which an account cannot be read has its name and its line in `woo-sync check`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from woo_sync_pipeline.sources.error_table import error_table, errors_in
from woo_sync_pipeline.sources.klaviyo import errors
from woo_sync_pipeline.sources.klaviyo.check import check_lines
from woo_sync_pipeline.sources.klaviyo.client import AccountSettings, KlaviyoClient, connect
from woo_sync_pipeline.sources.klaviyo.errors import KlaviyoError
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings
from woo_sync_pipeline_tests.checkout import CHECKOUT
from woo_sync_pipeline_tests.sources.klaviyo.conftest import Account
from woo_sync_pipeline_tests.sources.woocommerce.loopback import LoopbackStore, Reply

PAGE = CHECKOUT / "docs" / "klaviyo.md"

Circumstance = Callable[[Account], KlaviyoSettings]


def hastily(source: KlaviyoSettings) -> KlaviyoClient:
    client = connect(source)
    settings = client.settings
    hasty = AccountSettings(
        source=settings.source,
        url=settings.url,
        revision=settings.revision,
        share=settings.share,
        api_key=settings.api_key,
        verify_tls=settings.verify_tls,
        read_timeout=0.3,
        attempts=2,
        largest_answer=40_000,
    )
    client.close()
    return KlaviyoClient(hasty)


def down(fault: str) -> Circumstance:
    def circumstance(account: Account) -> KlaviyoSettings:
        account.server.faults.down = fault  # type: ignore[assignment] # one of those that there are
        account.server.faults.retry_after = 0
        account.server.faults.slow_seconds = 1.0
        return account.source()

    return circumstance


def unreachable(account: Account) -> KlaviyoSettings:
    source = account.source()
    account.server.stop()
    return source


def with_many_people(account: Account) -> KlaviyoSettings:
    for _ in range(100):
        account.data.add_profile(first_name="Ann" * 60, last_name="Lee" * 60)
    return account.source()


def elsewhere(account: Account) -> KlaviyoSettings:
    server = LoopbackStore(lambda _: Reply(status=404, body=b"{}"))
    return account.source(url=account.beside.enter_context(server).url)


def without_scope(account: Account) -> KlaviyoSettings:
    return account.source(api_key=account.data.add_key(["profiles:read", "lists:read"]).secret)


CASES: dict[str, tuple[Circumstance, type[KlaviyoError], str]] = {
    "a wrong key": (
        lambda account: account.source(api_key="pk_0000000000000000000000000000000000"),
        errors.KlaviyoKeyRefusedError,
        "status 401",
    ),
    "a missing scope": (without_scope, errors.KlaviyoScopeMissingError, "status 403"),
    "a revision that is gone": (
        lambda account: account.source(revision="2020-01-01"),
        errors.KlaviyoRevisionGoneError,
        "status 410",
    ),
    "another address": (
        elsewhere,
        errors.KlaviyoRecordMissingError,
        "status 404",
    ),
    "too many requests": (down("too_many_requests"), errors.KlaviyoThrottledError, "status 429"),
    "a server error": (down("server_error"), errors.KlaviyoUnavailableError, "status 500"),
    "unavailable": (down("unavailable"), errors.KlaviyoUnavailableError, "status 503"),
    "a dropped connection": (down("drop"), errors.KlaviyoUnreachableError, "closed without an answer"),
    "a cut answer": (down("cut"), errors.KlaviyoAnswerCutError, "the answer broke off"),
    "no answer in time": (down("slow"), errors.KlaviyoTimeoutError, "no answer within"),
    "a page of HTML": (down("html"), errors.KlaviyoAnswerNotJsonError, "that are not JSON"),
    "other JSON": (down("other_json"), errors.KlaviyoAnswerMalformedError, "where a list of objects was due"),
    "an expired place": (down("expired_cursor"), errors.KlaviyoCursorExpiredError, "page[cursor]"),
    "pages without an end": (down("empty_page"), errors.KlaviyoListEndlessError, "and no end"),
    "nobody there": (unreachable, errors.KlaviyoUnreachableError, "Connection refused"),
    "a huge answer": (with_many_people, errors.KlaviyoAnswerTooLargeError, "an answer of more than"),
}


def read_everything(client: KlaviyoClient) -> None:
    for path, size in (("profiles", 100), ("lists", 10), ("segments", 10)):
        for _ in client.pages(path, {"page[size]": size}):
            pass


@pytest.mark.parametrize("case", CASES)
def test_a_failure_has_its_name_and_its_line(account: Account, case: str) -> None:
    circumstance, kind, sign = CASES[case]
    source = circumstance(account)
    (line,) = [each for each in check_lines(source, hastily) if each.verdict == "FAIL"]
    assert sign in line.text
    assert kind.advice in line.text
    assert source.api_key.get_secret_value() not in line.text
    with hastily(source) as client, pytest.raises(kind):
        read_everything(client)


def test_what_a_key_may_not_read_is_named(account: Account) -> None:
    source = without_scope(account)
    (line,) = list(check_lines(source, hastily))
    assert "GET segments" in line.text
    assert "read access to accounts, lists, profiles and segments" in line.text


def test_an_account_that_is_fine_is_one_line(account: Account) -> None:
    account.data.add_profile(first_name="Ann")
    account.data.add_list("Newsletter")
    account.data.add_segment("Engaged")
    (line,) = list(check_lines(account.source()))
    assert (line.verdict, line.subject) == ("ok", "klaviyo")
    assert line.text == "Klaviyo account Demo Klaviyo, Australia/Sydney, DemoKl, 1 lists and 1 segments"


def test_names_that_no_list_has_and_segments_that_sleep_are_warned_of(account: Account) -> None:
    account.data.add_list("Newsletter")
    account.data.add_segment("Engaged", is_active=False)
    lines = list(check_lines(account.source(lists=["Newsleter"])))
    assert [line.verdict for line in lines] == ["ok", "warn", "warn"]
    assert "there is no list Newsleter in the account" in lines[1].text
    assert "inactive segments (Engaged)" in lines[2].text


def test_a_key_without_the_scope_for_accounts_is_good_enough(account: Account) -> None:
    key = account.data.add_key(["profiles:read", "lists:read", "segments:read"]).secret
    first, second = check_lines(account.source(api_key=key))
    assert (first.verdict, second.verdict) == ("ok", "ok")
    assert "a sync does not need" in second.text


def test_the_key_is_shown_nowhere(account: Account) -> None:
    source = account.source()
    secret = source.api_key.get_secret_value()
    with connect(source) as client:
        client.get("profiles", {})
        assert secret not in repr(client.settings) + repr(source) + repr(client)
    assert all(secret not in str(request) for request in account.server.requests)


def test_every_error_is_in_the_page_with_its_meaning_and_what_to_do() -> None:
    kinds = errors_in(errors, KlaviyoError)
    assert all(kind.signs and kind.__doc__ and kind.advice for kind in kinds)
    assert len({kind.advice for kind in kinds}) == len(kinds)
    assert error_table(kinds) in PAGE.read_text("utf-8")
