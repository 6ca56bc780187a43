"""Which account a key opens."""

from __future__ import annotations

from typing import Any

from woo_sync_pipeline.sources.klaviyo.client import KlaviyoClient, id_of
from woo_sync_pipeline.sources.klaviyo.errors import (
    KlaviyoAnswerMalformedError,
    KlaviyoOtherAccountError,
    KlaviyoRecordMissingError,
    KlaviyoRequestRefusedError,
    KlaviyoScopeMissingError,
    KlaviyoThrottledError,
)
from woo_sync_pipeline.sources.klaviyo.profile_reader import ProfileReader


def account_id(client: KlaviyoClient) -> str | None:
    """The id of the account; None where it is not told, or asked for too often: a sync needs no scope for it.

    Raises KlaviyoError.
    """
    try:
        rows = client.get("accounts", {"fields[account]": "timezone"})
    except (
        KlaviyoScopeMissingError,
        KlaviyoRecordMissingError,
        KlaviyoRequestRefusedError,
        KlaviyoAnswerMalformedError,
        KlaviyoThrottledError,
    ):
        return None
    return id_of(rows[0]) if rows else None


def account_details(client: KlaviyoClient) -> dict[str, Any]:
    """What the account says of itself; nothing where that is no object. Raises KlaviyoError."""
    rows = client.get("accounts", {})
    found = rows[0].get("attributes") if rows else None
    return found if isinstance(found, dict) else {}


def refuse_another_account(client: KlaviyoClient, reader: ProfileReader, *, before: str | None) -> str | None:
    """The id of the account, if it is told, after it was made sure that it is the one that was read `before`.

    Where no id is told, some of the known profiles must be there. Raises KlaviyoError.
    """
    now = account_id(client)
    is_same = now == before if now is not None and before is not None else reader.knows_the_account()
    if not is_same:
        got = "another account than before" + (f" ({now}, and not {before})" if now and before else "")
        raise client.failed(KlaviyoOtherAccountError, tried="find out which account the key opens", got=got)
    return now or before
