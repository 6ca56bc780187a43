"""Demo stores and a demo platform together, with the configuration that connects them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import yaml

from woo_sync_pipeline.config.settings import Settings, load_settings
from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo, KlaviyoData
from woo_sync_pipeline.demo.platform import DemoPlatform
from woo_sync_pipeline.demo.store import DemoStore, StoreData

CONSENT_KEY = "sms_marketing_consent"
ORDER_CONSENT_KEY = "_wc_other/woo/sms-opt-in"
MIRROR_KEY, MIRROR_DATE_KEY = "sms_opt_in", "sms_opt_in_at"
"""Where the demo's shops copy their customers' answer under the key that WooCommerce hides, and the time of it."""
TAGS_KEY = "customer_tags"
TIMEZONE = "Australia/Sydney"


def yesterday() -> date:
    """Yesterday in the demo's time zone: the day on which its stores were connected."""
    return datetime.now(ZoneInfo(TIMEZONE)).date() - timedelta(days=1)


def before_today() -> datetime:
    """The last second of yesterday in the demo's time zone (UTC): what is older happened before the second day."""
    midnight = datetime.now(ZoneInfo(TIMEZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - timedelta(seconds=1)).astimezone(UTC)


class DemoWorld:
    """Demo stores and Klaviyo accounts (data by source key), a demo platform, and `woo_sync.yaml` in a folder.

    `source_options` are settings of the stores, `account_options` of the accounts, `options` of the whole file. A
    context manager; everything listens on loopback only, and stops at the end.
    """

    def __init__(
        self,
        folder: Path,
        stores: Mapping[str, StoreData],
        *,
        accounts: Mapping[str, KlaviyoData] | None = None,
        source_options: Mapping[str, Any] | None = None,
        account_options: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        for data in stores.values():
            data.mirror_field(ORDER_CONSENT_KEY, into=MIRROR_KEY, dated=MIRROR_DATE_KEY)
        self.stores = {key: DemoStore(data) for key, data in stores.items()}
        self.accounts = {key: DemoKlaviyo(data) for key, data in (accounts or {}).items()}
        self.platform = DemoPlatform()
        self._source_options = dict(source_options or {})
        self._account_options = dict(account_options or {})
        self._options = dict(options or {})

    def __enter__(self) -> Self:
        self.platform.start()
        for server in (*self.stores.values(), *self.accounts.values()):
            server.start()
        self.write_config()
        return self

    def __exit__(self, *exc_info: object) -> None:
        for server in (*self.stores.values(), *self.accounts.values()):
            server.stop()
        self.platform.stop()

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "woo_sync.yaml"

    def settings(self) -> Settings:
        """The configuration, read from the file."""
        return load_settings(self.config)

    def write_config(self) -> None:
        """Write the configuration; the keys in it open nothing but the demo servers."""
        values = {
            "timezone": TIMEZONE,
            "messagemedia": {
                "base_url": self.platform.url,
                "api_key": self.platform.api_key,
                "api_secret": self.platform.api_secret,
            },
            "sources": [
                *(self._source(key, store) for key, store in self.stores.items()),
                *(self._account(key, account) for key, account in self.accounts.items()),
            ],
            **self._options,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config.touch(mode=0o600)
        self.config.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")

    def _source(self, key: str, store: DemoStore) -> dict[str, Any]:
        api_key = store.data.key()
        return {
            "name": store.data.name,
            "key": key,
            "url": store.url,
            "consumer_key": api_key.consumer_key,
            "consumer_secret": api_key.consumer_secret,
            "start_date": yesterday(),
            "default_region": "AU",
            "consent": {
                "mode": "explicit",
                "meta_keys": [CONSENT_KEY, ORDER_CONSENT_KEY],
                "mirrored_by": {ORDER_CONSENT_KEY: MIRROR_KEY},
                "dated_by": {MIRROR_KEY: MIRROR_DATE_KEY},
            },
            "groups": {"roles": True, "product_tags": True, "meta_keys": [TAGS_KEY]},
            **self._source_options,
        }

    def _account(self, key: str, account: DemoKlaviyo) -> dict[str, Any]:
        return {
            "name": account.data.account.organization_name,
            "key": key,
            "type": "klaviyo",
            "url": account.url,
            "api_key": (account.data.keys or [account.data.add_key()])[0].secret,
            "start_date": yesterday(),
            "default_region": "AU",
            **self._account_options,
        }
