"""Every recorded answer of a real store is either understood or becomes the error with the right name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from woo_sync_pipeline.sources.woocommerce import errors
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline_tests.checkout import SHARED
from woo_sync_pipeline_tests.sources.woocommerce.loopback import LoopbackStore, Reply

RECORDED = SHARED / "woocommerce" / "recorded"
FILES = sorted(RECORDED.glob("*.json"))

pytestmark = pytest.mark.skipif(
    not FILES, reason="no recorded exchanges beside the checkout (shared/woocommerce)"
)

FAILURES: dict[str, type[errors.StoreError]] = {
    "auth_basic_over_http": errors.StoreKeyUnknownError,
    "auth_key_of_customer_role": errors.StoreKeyWithoutRightsError,
    "auth_none": errors.StoreKeyUnknownError,
    "auth_oauth1_bad_signature": errors.StoreSecretRefusedError,
    "auth_oauth1_missing_params": errors.StoreSignatureIncompleteError,
    "auth_oauth1_nonce_reused": errors.StoreSignatureReplayedError,
    "auth_oauth1_old_timestamp": errors.StoreClockWrongError,
    "auth_oauth1_unknown_key": errors.StoreKeyUnknownError,
    "auth_query_http": errors.StoreKeyUnknownError,
    "auth_read_key_post": errors.StoreKeyPermissionError,
    "auth_write_key_get": errors.StoreKeyPermissionError,
    "auth_wrong_key": errors.StoreKeyUnknownError,
    "auth_wrong_secret": errors.StoreSecretRefusedError,
    "error_400_bad_json": errors.StoreRequestRefusedError,
    "error_400_create_bad_email": errors.StoreRequestRefusedError,
    "error_400_customers_orderby_modified": errors.StoreRequestRefusedError,
    "error_400_customers_page_0": errors.StoreRequestRefusedError,
    "error_400_customers_per_page_101": errors.StoreRequestRefusedError,
    "error_400_customers_role_unknown": errors.StoreRequestRefusedError,
    "error_400_orders_bad_date": errors.StoreRequestRefusedError,
    "error_400_orders_bad_status": errors.StoreRequestRefusedError,
    "error_400_webhook_topic": errors.StoreRequestRefusedError,
    "error_404_customer": errors.StoreRecordMissingError,
    "error_404_no_route": errors.StoreRouteMissingError,
    "error_404_order": errors.StoreRecordMissingError,
    "error_501_delete_without_force": errors.StoreRequestRefusedError,
    "error_503_maintenance": errors.StoreMaintenanceError,
    "error_plain_permalinks": errors.StoreRedirectedError,
    "error_plain_permalinks_rest_route": errors.StoreKeyUnknownError,
    "error_shape_exit": errors.StoreAnswerEmptyError,
    "error_shape_fatal": errors.StoreUnavailableError,
    "error_shape_oom": errors.StoreUnavailableError,
}
SURVIVED = {"error_shape_bom", "error_shape_notice"}


def recorded(file: Path) -> tuple[dict[str, Any], Reply]:
    exchange = json.loads(file.read_text(encoding="utf-8"))
    response = exchange["response"]
    body = response["body"]
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return exchange, Reply(text.encode(), status=response["status"], headers=response["headers"])


def is_delivery(file: Path) -> bool:
    """A webhook's delivery: the store is the client there, so there is no answer of it to read."""
    return file.stem.startswith("webhook_")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recorded_answer_is_understood_or_named(file: Path, connect: Callable[..., StoreClient]) -> None:
    if is_delivery(file):
        assert json.loads(file.read_text(encoding="utf-8"))["request"]["method"] == "POST"
        return
    exchange, reply = recorded(file)
    body = exchange["response"]["body"]
    with LoopbackStore(lambda _: reply) as server, connect(server.url, attempts=2) as client:
        if expected := FAILURES.get(file.stem):
            with pytest.raises(errors.StoreError) as caught:
                client.get_list("customers", {})
            assert type(caught.value) is expected
            message = str(caught.value)
            assert message.startswith("shop: GET customers")
            assert expected.advice in message
            assert "ck_" not in message
            assert "cs_" not in message
            asked_again = expected.transient and caught.value.retry_after is None
            assert client.requests_made == (2 if asked_again else 1)
        elif isinstance(body, dict):
            assert client.get_object("customers/1", {}) == body
        else:
            page = client.get_list("customers", {})
            total = exchange["response"]["headers"].get("X-WP-Total")
            assert page.rows == (body if isinstance(body, list) else [{"id": 94}])
            assert page.total == (None if total is None else int(total))
            assert client.notices == (1 if file.stem in SURVIVED else 0)


def test_every_recorded_error_is_in_the_table() -> None:
    bad = {
        file.stem
        for file in FILES
        if not is_delivery(file)
        and (recorded(file)[0]["response"]["status"] >= 300 or file.stem.startswith("error_"))
    }
    assert bad == set(FAILURES) | SURVIVED


def test_a_list_where_an_object_is_due_and_the_reverse_are_named(connect: Callable[..., StoreClient]) -> None:
    _, page = recorded(RECORDED / "customers_page1.json")
    _, single = recorded(RECORDED / "customer_single.json")
    server = LoopbackStore(lambda request: single if "list" in request.path else page)
    with server, connect(server.url) as client:
        with pytest.raises(errors.StoreAnswerMalformedError, match="an object where a list"):
            client.get_list("list", {})
        with pytest.raises(errors.StoreAnswerMalformedError, match="where an object"):
            client.get_object("object", {})
