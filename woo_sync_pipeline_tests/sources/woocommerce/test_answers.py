from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from woo_sync_pipeline.http.pace import retry_after_seconds
from woo_sync_pipeline.http.requester import Answer
from woo_sync_pipeline.sources.woocommerce import errors
from woo_sync_pipeline.sources.woocommerce.answers import read_answer
from woo_sync_pipeline.sources.woocommerce.bodies import parse_json

WARNING = "<br />\n<b>Warning</b>:  Undefined array key [phone] in <b>/srv/p.php</b> on line <b>1</b><br />\n"
values = st.lists(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=6,
        ),
        max_size=4,
    ),
    max_size=5,
)


def answer(body: bytes | str, *, status: int = 200, **headers: str) -> Answer:
    raw = body.encode() if isinstance(body, str) else body
    return Answer(
        status, CaseInsensitiveDict({name.replace("_", "-"): text for name, text in headers.items()}), raw
    )


def failure(given_answer: Answer) -> errors.StoreError:
    with pytest.raises(errors.StoreError) as caught:
        read_answer(given_answer, source="shop", tried="GET orders")
    return caught.value


@given(
    value=values,
    before=st.sampled_from(
        ["", "\ufeff", "\n\ufeff\ufeff", "\r\n", WARNING, "Notice: x on line 3\n", "\ufeff" + WARNING]
    ),
)
def test_json_is_read_behind_whatever_text_a_plugin_prints(value: list[Any], before: str) -> None:
    parsed = parse_json((before + json.dumps(value)).encode())
    assert parsed.value == value
    assert parsed.had_text_before == bool(before.strip())


@given(value=values.filter(bool), before=st.sampled_from(["", "\ufeff", WARNING]), data=st.data())
def test_a_cut_body_is_never_taken_for_a_whole_one(
    value: list[Any], before: str, data: st.DataObject
) -> None:
    text = json.dumps(value, ensure_ascii=False)
    kept = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(ValueError):  # noqa: PT011 - also UnicodeDecodeError and JSONDecodeError
        parse_json((before + text[:kept]).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "body",
    [
        '[{"id":1},{"id":2,"meta_data":[]',
        WARNING + '[{"id":1},{"id":2,"meta_data":[]',
        WARNING + '[{"id":1,"note":"<p>[]',
        "<html><body>[]</body></html>",
        "[]<!DOCTYPE html><p>fatal</p>",
        "null",
        b"[\xff]",
        "[" * 100_000,
    ],
)
def test_what_is_not_one_whole_json_value_is_named_so(body: bytes | str) -> None:
    assert isinstance(failure(answer(body)), errors.StoreAnswerNotJsonError)


@pytest.mark.parametrize("body", ["", " \n"])
def test_an_empty_answer_is_not_an_empty_list(body: str) -> None:
    assert isinstance(failure(answer(body)), errors.StoreAnswerEmptyError)


def error_body(code: str, message: str = "", status: int | None = None) -> str:
    return json.dumps({"code": code, "message": message, "data": {"status": status}})


AUTH = "woocommerce_rest_authentication_error"


@pytest.mark.parametrize(
    ("given_answer", "kind"),
    [
        (answer("<h1>Protected</h1>", status=401), errors.StoreBlockedError),
        (answer("<h1>Blocked</h1>", status=403), errors.StoreBlockedError),
        (answer("gone", status=404), errors.StoreRouteMissingError),
        (
            answer('{"errors":[{"code":"woocommerce_api_disabled"}]}', status=404),
            errors.StoreRouteMissingError,
        ),
        (answer("slow", status=408), errors.StoreTimeoutError),
        (answer("stop", status=429), errors.StoreThrottledError),
        (answer("busy", status=503), errors.StoreUnavailableError),
        (answer(error_body("wp_die", "Briefly unavailable"), status=503), errors.StoreMaintenanceError),
        (answer("bad gateway", status=502), errors.StoreUnavailableError),
        (answer("origin down", status=522), errors.StoreUnavailableError),
        (answer("I am a teapot", status=418), errors.StoreBlockedError),
        (answer("", status=301, Location="https://shop.example/wp-json/?x=1"), errors.StoreRedirectedError),
        (
            answer(error_body(AUTH, "Invalid signature - signature method is invalid."), status=401),
            errors.StoreAuthError,
        ),
        (answer(error_body("jwt_auth_no_token", "no"), status=401), errors.StoreAuthError),
        (answer(error_body("rest_cannot_access", "Only for users."), status=401), errors.StoreBlockedError),
        (answer(error_body("rest_login_required", "Only for users."), status=401), errors.StoreBlockedError),
        (
            answer(error_body("itsec_rest_api_access_restricted", "No."), status=401),
            errors.StoreBlockedError,
        ),
        (answer(error_body("rest_forbidden", "No."), status=403), errors.StoreBlockedError),
        (
            answer(WARNING + error_body(AUTH, "Consumer secret is invalid.", 401)),
            errors.StoreSecretRefusedError,
        ),
        (answer(WARNING + error_body("internal_server_error", "died", 500)), errors.StoreUnavailableError),
    ],
)
def test_each_failure_has_its_name(given_answer: Answer, kind: type[errors.StoreError]) -> None:
    error = failure(given_answer)
    assert type(error) is kind
    assert error.next_step == kind.advice


LOG_FOLDER = "/home/jane/public_html/"
NOISY = f"<br />\n<b>Warning</b>:  Undefined array key &quot;phone&quot; in <b>{LOG_FOLDER}wp-content/plugins/noisy/"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            NOISY + "noisy.php</b> on line <b>1</b><br />\n<p>fatal",
            'Warning: Undefined array key "phone" in wp-content/plugins/noisy/noisy.php on line 1',
        ),
        (
            "<html><head><style>p{}</style><title>Attention Required! | Cloudflare</title></head><p>Ray 1",
            "Attention Required! | Cloudflare",
        ),
        ("<html><h1>Blocked by <i>SiteGuard</i></h1>", "Blocked by SiteGuard"),
        (f"<h1>{'x' * 300}</h1>", "x" * 79 + "…"),
        (
            "PHP Fatal error:  Uncaught TypeError: f(): Argument #1 ($x) must be int in /w/wp-content/y.php:12\n"
            "Stack trace:\n#0 /w/y.php(3): f('Jane')\n  thrown in /w/wp-content/y.php on line 12",
            "Fatal error: Uncaught TypeError: f(): Argument #1 ($x) must be int in wp-content/y.php:12",
        ),
    ],
)
def test_text_in_place_of_json_is_told_in_few_words(body: str, shown: str) -> None:
    assert f"bytes that are not the API's JSON: {shown}" in failure(answer(body)).got.replace("  ", " ")


@pytest.mark.parametrize(
    "body",
    [
        '[{"id":1,"first_name":"Jane"',
        'Notice of a plugin\n[{"id":1,"first_name":"Jane","billing":',
        'array(1) { ["first_name"]=> string(4) "Jane" }',
        "Array\n(\n    [first_name] => Jane\n)\n",
        "id;first_name\n1;Jane\n",
        "<script>var user = 'Jane'</script>",
        "<!-- Jane --><p>Hello Jane</p>",
        "Jane",
    ],
)
def test_records_in_a_broken_answer_are_not_shown(body: str) -> None:
    assert "Jane" not in str(failure(answer(body)))


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        ("\ufeff", "a byte order mark"),
        ("\ufeff\n", "a byte order mark"),
        (WARNING, "Warning: Undefined array key [phone] in /srv/p.php on line 1"),
        ("Jane Doe\n", "8 characters that are no message of PHP"),
    ],
)
def test_what_stood_before_the_json_is_told(before: str, shown: str) -> None:
    notice = read_answer(answer(before + "[]"), source="shop", tried="GET orders").notice
    assert notice.replace("  ", " ") == shown


def test_messages_hold_no_personal_data_and_no_credentials() -> None:
    said = "Invalid value jane.doe@example.com, +61 491 570 156, consumer_secret=cs_0123456789abcdef"
    for given_answer in (
        answer(error_body("rest_invalid_param", said), status=400),
        answer(f"<p>{said}</p>", status=500),
        answer("", status=302, Location="https://shop.example/x?consumer_secret=cs_0123456789abcdef"),
    ):
        message = str(failure(given_answer))
        assert "jane.doe" not in message
        assert "570 156" not in message
        assert "cs_0" not in message
        assert "jane.doe" not in repr(given_answer)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "9" * 400}, 31_622_400.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 31_622_400.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -0500"}, None),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:30 GMT", "Date": "Mon, 23 Nov 2026 12:00:00 GMT"}, 30.0),
        ({"Retry-After": "Mon, 23 Nov 2026 11:00:00 GMT", "Date": "Mon, 23 Nov 2026 12:00:00 GMT"}, 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers) == seconds


def test_only_a_failure_that_may_pass_carries_the_time_to_come_back() -> None:
    assert failure(answer("", status=429, Retry_After="9")).retry_after == 9.0
    assert failure(answer(error_body("x"), status=400, Retry_After="9")).retry_after is None
