"""The lines to paste: they are what the configuration takes, and they keep what is configured."""

from __future__ import annotations

from typing import Any

import yaml

from woo_sync_pipeline.contacts.consent import ConsentRules
from woo_sync_pipeline.sources.woocommerce.discovery.findings import Findings, judge
from woo_sync_pipeline.sources.woocommerce.discovery.proposal import proposal, proposal_lines
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceConsent, WooCommerceGroups
from woo_sync_pipeline_tests.sources.woocommerce.discovery.counted import counted, with_values

FIELD = "_wc_other/acme/sms-opt-in"


def pasted(findings: Findings, **configured: Any) -> dict[str, Any]:
    """The lines as they are read below a source; checked to be what the configuration takes."""
    lines = proposal_lines(findings, **configured)
    read: dict[str, Any] = yaml.safe_load("source:\n" + "\n".join(lines))["source"]
    WooCommerceConsent.model_validate(read["consent"])
    WooCommerceGroups.model_validate(read["groups"])
    assert read == proposal(findings, **configured)
    return read


def test_a_store_with_everything() -> None:
    customers = [
        {"sms_opt_in": "yes", "sms_opt_in_at": "1790000000", "sms_abmeldung": "1", "customer_tags": "vip"},
        {"sms_consent": "Ja", "newsletter": "yes", "accepts_marketing": "1", "customer_tags": "vip"},
        {"sms_consent": "nein", "vip_level": "gold"},
    ]
    findings = judge(counted(customers, with_values(FIELD, "1", "0")))
    assert pasted(findings) == {
        "consent": {
            "mode": "explicit",
            "meta_keys": ["sms_consent", FIELD],
            "opt_out_meta_keys": ["sms_abmeldung"],
            "words": {"opted_in": ["Ja"], "opted_out": ["nein"]},
            "mirrored_by": {FIELD: "sms_opt_in"},
            "dated_by": {"sms_opt_in": "sms_opt_in_at"},
        },
        "groups": {"meta_keys": ["customer_tags"]},
    }
    comments = [line.strip() for line in proposal_lines(findings) if line.strip().startswith("# - ")]
    assert comments == ["# - accepts_marketing", "# - vip_level"]


def test_what_the_plugin_alone_explains_comes_with_its_word() -> None:
    findings = judge(counted((), with_values("marketing_sms_opt_in_consent", "checkout", "checkout")))
    assert pasted(findings)["consent"]["words"] == {"opted_in": ["checkout"]}


def test_a_store_with_nothing() -> None:
    assert pasted(judge(counted())) == {
        "consent": {"mode": "explicit", "meta_keys": []},
        "groups": {"meta_keys": []},
    }


def test_what_is_configured_is_kept_and_nothing_comes_twice() -> None:
    consent = {
        "mode": "inferred",
        "meta_keys": ["sms_consent", FIELD],
        "words": {"opted_in": ["JA"]},
        "mirrored_by": {FIELD: "another_copy"},
        "repeated_yes": "counts",
    }
    groups = {"roles": False, "meta_keys": ["club"]}
    rules = ConsentRules(keys=("sms_consent", FIELD, "another_copy"))
    customers = [
        {"sms_consent": "ja", "another_copy": "no", "customer_tags": "vip"},
        {"customer_tags": "vip"},
    ]
    findings = judge(counted(customers, with_values(FIELD, "1"), rules=rules, tag_keys=["club"]))
    made = pasted(findings, consent=consent, groups=groups)
    assert made["consent"] == consent
    assert made["groups"] == {"roles": False, "meta_keys": ["club", "customer_tags"]}


def test_names_that_yaml_would_take_for_something_else_are_quoted() -> None:
    odd = [
        "sms consent: #1",
        "sms_consent: [x]",
        "- sms consent",
        "sms 'consent' \"now\"",
        "smsEinverständnis_consent",
    ]
    findings = judge(counted([dict.fromkeys(odd, "yes"), {"sms_opt_in": "да"}, {"sms_optin": "no"}]))
    assert set(pasted(findings)["consent"]["meta_keys"]) == {*odd, "sms_optin"}
