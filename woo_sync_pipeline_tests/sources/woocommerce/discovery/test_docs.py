"""docs/first_steps.md says what the code does."""

from __future__ import annotations

import re

from woo_sync_pipeline.sources.woocommerce.discovery.findings import judge
from woo_sync_pipeline.sources.woocommerce.discovery.key_names import KeyPurpose
from woo_sync_pipeline.sources.woocommerce.discovery.plugins import KNOWN_KEYS
from woo_sync_pipeline.sources.woocommerce.discovery.showing import consent_table
from woo_sync_pipeline_tests.checkout import CHECKOUT
from woo_sync_pipeline_tests.sources.woocommerce.discovery.counted import counted

PAGE = CHECKOUT / "docs" / "first_steps.md"


def test_the_page_has_every_known_key_with_its_plugin_and_its_source() -> None:
    (table,) = re.findall(
        r"<!-- known keys: begin -->\n(.*?)<!-- known keys: end -->", PAGE.read_text("utf-8"), re.S
    )
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \| (.*) \| \[source\]\((.*)\) \|$", table, re.MULTILINE)
    assert rows == [(each.key, each.plugin, str(each.purpose), each.source) for each in KNOWN_KEYS.values()]


def test_the_page_explains_every_column_and_every_purpose() -> None:
    page = PAGE.read_text("utf-8")
    for column in consent_table(judge(counted())).columns:
        assert f"| {column.header} |" in page
    for purpose in KeyPurpose:
        if purpose.is_about_consent:
            assert f"| {purpose} |" in page
