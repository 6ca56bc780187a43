"""The settings of a source that say how politely and which orders are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from woo_sync_pipeline.config.settings import load_settings
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline_tests.checkout import CHECKOUT
from woo_sync_pipeline_tests.sources.woocommerce.configured import woocommerce

EXAMPLE = CHECKOUT / "woo_sync.example.yaml"


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("MESSAGEMEDIA_API_KEY", "MESSAGEMEDIA_API_SECRET", "WOO_KEY", "WOO_SECRET"):
        monkeypatch.setenv(name, "x")

    def configure(**options: Any) -> WooCommerceSettings:
        values = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
        values["sources"][0].update(options)
        file = tmp_path / "woo_sync.yaml"
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
        return woocommerce(load_settings(file).sources[0])

    return configure


def test_both_may_be_left_out_or_given(configured: Any) -> None:
    assert (configured().order_statuses, configured().max_requests_per_second) == (None, None)
    given = configured(order_statuses=["completed", "in-the-kiln", "trash"], max_requests_per_second=0.5)
    assert given.order_statuses == ("completed", "in-the-kiln", "trash")
    assert given.max_requests_per_second == 0.5


def test_what_the_example_shows_of_them_can_be_used_as_it_stands(configured: Any) -> None:
    shown = re.findall(
        r"^    # ((?:order_statuses|max_requests_per_second): .*)$", EXAMPLE.read_text("utf-8"), re.MULTILINE
    )
    assert len(shown) == 2
    configured(**{name: value for line in shown for name, value in yaml.safe_load(line).items()})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order_statuses": ["completed", "checkout-draft"]}, r"order_statuses\[1\].*nobody has finished"),
        ({"order_statuses": ["draft"]}, "nobody has finished"),
        ({"order_statuses": ["auto-draft"]}, "nobody has finished"),
        ({"order_statuses": ["any"]}, "one by one"),
        ({"order_statuses": ["wc-completed"]}, "without wc-, such as completed"),
        ({"order_statuses": []}, "at least one status"),
        ({"order_statuses": [" "]}, "this is empty"),
        ({"max_requests_per_second": 0}, "max_requests_per_second.*greater than 0"),
        ({"max_requests_per_second": float("nan")}, "max_requests_per_second"),
    ],
)
def test_what_cannot_be_meant_is_refused(configured: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"line \d+, sources\[0\].*{message}"):
        configured(**options)
