"""Configurations as somebody writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from woo_sync_pipeline.config.settings import Settings, load_settings
from woo_sync_pipeline.errors import ConfigurationError

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
