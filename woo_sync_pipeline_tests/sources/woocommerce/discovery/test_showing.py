"""What is said of findings: hidden keys, plugins, and tables without anything personal."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from woo_sync_pipeline.contacts.consent import ConsentRules
from woo_sync_pipeline.sources.woocommerce.discovery.findings import Findings, judge
from woo_sync_pipeline.sources.woocommerce.discovery.showing import (
    consent_table,
    finding_values,
    notes,
    tags_table,
)
from woo_sync_pipeline_tests.sources.woocommerce.discovery.counted import counted, with_values

FIELD = "_wc_other/acme/sms-opt-in"


def said(findings: Findings, *, active_plugins: tuple[str, ...] | None = ()) -> str:
    return "\n".join(notes(findings, active_plugins=active_plugins))


def printed(findings: Findings) -> str:
    console = Console(width=250, file=io.StringIO(), record=True)
    console.print(consent_table(findings))
    console.print(tags_table(findings))
    return console.export_text()


def test_what_is_hidden_is_told_with_what_to_do() -> None:
    field = said(judge(counted([{}], with_values(FIELD, "1", "0"))))
    assert f"so of {FIELD} only what was ticked at a checkout is seen" in field
    assert "docs/consent.md (A box at the block checkout)" in field
    other = said(judge(counted([{}], with_values("_sms_opt_in", "1", "0"))))
    assert "whether customers have _sms_opt_in as well" in other
    assert "docs/consent.md" not in other
    copied = said(judge(counted(with_values("sms_opt_in", "yes"), with_values(FIELD, "1", "0"))))
    assert "hides" not in copied


def test_a_store_without_meta_of_customers_asks_for_an_administrators_key() -> None:
    assert "the API key must belong to an administrator" in said(judge(counted([None])))
    assert "administrator" not in said(judge(counted([{}])))


def test_klaviyo_is_told_always_and_more_so_where_it_is_active() -> None:
    findings = judge(counted())
    assert "not kept in WooCommerce: no key holds them" in said(findings)
    assert "Klaviyo is active in this shop" not in said(findings)
    assert "Klaviyo is active in this shop" in said(findings, active_plugins=("woocommerce", "klaviyo"))
    assert "does not tell which plugins are active" in said(findings, active_plugins=None)


def test_nothing_found_and_nothing_proposed_are_told() -> None:
    nothing = said(judge(counted([{"is_trade": "yes"}], rules=ConsentRules(keys=("sms",)))))
    assert "nothing is proposed: ask whoever built the shop" in nothing
    assert "nothing but yes and no: is_trade (1×)" in nothing
    assert "Configured, but nowhere in what was read: sms." in nothing


def test_a_key_about_email_that_is_configured_is_kept_and_doubted() -> None:
    keys = ("newsletter", "sms_consent")
    findings = judge(counted([dict.fromkeys(keys, "yes")], rules=ConsentRules(keys=keys)))
    assert {each.key: each.reason for each in findings.proposed_consent} == {
        "sms_consent": "it is configured",
        "newsletter": "it is configured, although it is about e-mail, which is no consent to SMS",
    }
    assert "Configured, but no consent to SMS: newsletter. Take it out of meta_keys." in said(findings)


def test_what_is_known_of_a_plugin_is_told_with_its_source() -> None:
    (omnisend,) = judge(counted((), with_values("marketing_sms_opt_in_consent", "checkout"))).consent
    assert "Omnisend writes where the box was ticked" in said(
        judge(counted((), with_values(omnisend.key, "checkout")))
    )
    values = finding_values(omnisend)
    assert values["known_from"]["plugin"] == "Omnisend for WooCommerce"
    assert values["known_from"]["source"].startswith("https://github.com/")
    (count,) = values["found_on"].values()
    assert count["values"] == [
        {"value": "checkout", "times": 1, "read_as": "unread", "with_more_words": "yes"}
    ]


def test_tables_say_how_often_how_it_is_read_and_nothing_personal() -> None:
    customers: list[dict[str, Any]] = [
        {"sms_consent": "Ann Lee", "customer_tags": "Ann Lee, wine club", "newsletter": "yes"},
        {"sms_consent": "yes", "customer_tags": ["wine club"]},
        {"sms_consent": "[bold]no[/bold]", "sms_text": "+61 491 570 006"},
        {"sms_consent": "no"},
        {"sms_consent": ""},
    ]
    shown = printed(judge(counted(customers)))
    for expected in (
        "4 of 5 customers",
        "1× yes: yes",
        "1× no: no",
        "1× A•••: unread",
        "1× empty: says nothing",
    ):
        assert expected in shown
    assert "2 different: w••• (2×), A••• (1×)" in shown
    assert "e-mail only" in shown
    assert "2026-11-20" in shown
    assert [secret for secret in ("Ann", "Lee", "wine club", "491") if secret in shown] == []
