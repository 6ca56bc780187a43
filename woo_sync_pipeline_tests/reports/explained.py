"""Contacts that are explained, and what a push would have written about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import sqlalchemy as sa

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.reports.explanation import Explanation, RecordBehind, explain
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.steps.resources import StateResource
from woo_sync_pipeline_tests.state.stored import ANN

Explain = Callable[..., Explanation]


@contextmanager
def explaining(database_url: str) -> Iterator[Explain]:
    """Explains a phone (Ann's) of which something is known; `keys` are the sources that are configured."""
    with ExitStack() as opened:

        def explain_phone(phone: str = ANN, *, keys: tuple[str, ...] = ("shop", "outlet")) -> Explanation:
            settings = configured(database_url, keys)
            state = opened.enter_context(closing(StateResource(settings)))
            explanation = explain(settings, state.database(), phone)
            assert explanation is not None
            return explanation

        yield explain_phone


def configured(database_url: str, keys: tuple[str, ...]) -> Settings:
    sources = [
        {
            "name": "WooCommerce" if key == "shop" else key.title(),
            "key": key,
            "url": f"https://{key}.example.com",
            "consumer_key": "ck",
            "consumer_secret": "cs",
            "start_date": "2026-11-01",
            "default_region": "AU",
        }
        for key in keys
    ]
    account = {"base_url": "https://nowhere.example", "api_key": "k", "api_secret": "s"}
    return Settings.model_validate(
        {"database_url": database_url, "messagemedia": account, "sources": sources}
    )


def weights(record: RecordBehind) -> list[tuple[str, str]]:
    return [(choice.consent, choice.weight) for choice in record.choices]


def set_contact(database: Database, **values: Any) -> None:
    """Change columns of Ann's contact."""
    changes = ", ".join(f"{name} = :{name}" for name in values)
    with database.transaction() as connection:
        connection.execute(
            sa.text(f"UPDATE woo_sync.contacts SET {changes} WHERE phone = :phone"), {**values, "phone": ANN}
        )


def confirm(database: Database, state: str, by: str, **values: Any) -> None:
    """What a push writes when the platform has confirmed Ann's contact."""
    with database.transaction() as connection:
        connection.execute(
            sa.text(
                "UPDATE woo_sync.contacts SET base_first_name = first_name, base_last_name = last_name,"
                " base_email = email, base_sources = sources, base_groups = groups, base_consent = consent,"
                " base_consent_at = consent_at, base_consent_dated_at = consent_dated_at, confirmed_at = now(),"
                " base_seen_at = now(), base_state = :state, base_state_by = :by WHERE phone = :phone"
            ),
            {"state": state, "by": by, "phone": ANN},
        )
    if values:
        set_contact(database, **values)


def record(found: Explanation, number: int) -> RecordBehind:
    (wanted,) = (each for each in found.records if each.record_id == str(number))
    return wanted
