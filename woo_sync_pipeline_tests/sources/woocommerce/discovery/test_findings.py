"""Which keys are proposed, and why others are not."""

from __future__ import annotations

from typing import Any

import pytest

from woo_sync_pipeline.contacts.consent import Consent, ConsentRules
from woo_sync_pipeline.sources.woocommerce.discovery.findings import Finding, Findings, judge
from woo_sync_pipeline_tests.sources.woocommerce.discovery.counted import NOON, counted, with_values

FIELD = "_wc_other/acme/sms-opt-in"
YES_AND_NO = ("yes", "no", "yes", "")


def only(findings: Findings) -> Finding:
    (finding,) = (*findings.consent, *findings.tags)
    return finding


@pytest.mark.parametrize(
    ("key", "values", "proposed", "reason"),
    [
        ("sms_marketing_consent", YES_AND_NO, True, "its name says so"),
        ("sms_marketing_consent", ["yes"] * 20, True, "never holds a no"),
        ("sms_marketing_consent", ["yes"] * 19, True, "its name says so"),
        ("sms_consent", ["Ann", "Bob", "yes"], False, "neither a yes nor a no"),
        ("sms_consent", ["ja", "nein"], True, "its name says so"),
        ("sms_consent", ["", ""], False, "empty wherever it stands"),
        ("sms_optout", ["no", "no", "yes"], True, "its name says so"),
        ("sms_abmeldung", ["nein", "nein", "ja"], True, "its name says so"),
        ("sms_consent_at", ["2026-11-01", "1790000000"], True, "its name says so"),
        ("newsletter", YES_AND_NO, False, "e-mail, which is no consent to SMS"),
        ("mailchimp_woocommerce_is_subscribed", YES_AND_NO, False, "e-mail, which is no consent to SMS"),
        ("_wc_twilio_sms_optin", ["1"], False, "messages on orders, which is no consent to marketing"),
        ("accepts_marketing", YES_AND_NO, False, "does not tell whether it is about SMS"),
        ("whatsapp_opt_in", YES_AND_NO, False, "another channel"),
        ("sms_consent_phone", ["+61491570006"], False, "tells something of a choice, and is none"),
        ("sms_" + "very_" * 12 + "consent", YES_AND_NO, False, "more than 60 characters"),
        ("marketing_sms_opt_in_consent", ["checkout"], True, "Omnisend for WooCommerce writes it so"),
    ],
)
def test_a_key_is_proposed_for_consent_or_not(
    key: str, values: list[Any], proposed: bool, reason: str
) -> None:
    for findings in (
        judge(counted(with_values(key, *values))),
        judge(counted((), with_values(key, *values))),
    ):
        finding = only(findings)
        assert (finding.key, finding.proposed) == (key, proposed)
        assert reason in finding.reason


@pytest.mark.parametrize(
    ("key", "values", "proposed", "reason"),
    [
        ("customer_tags", [["vip", "b2b"], "vip, b2b", {"0": "vip"}], True, "its name says so"),
        ("customer_tags", [f"tag {number}" for number in range(20)], True, "its name says so"),
        ("customer_tags", [f"tag {number % 21}" for number in range(42)], True, "its name says so"),
        ("customer_tags", [f"tag {number}" for number in range(200)], False, "more than 100 different"),
        (
            "customer_tags",
            [f"tag {number}" for number in range(21)],
            False,
            "almost every person has another",
        ),
        ("customer_tags", [["12", "40"]] * 9, False, "it holds numbers"),
        ("customer_tags", ["ann@example.com"] * 9, False, "look like texts, phones or e-mail"),
        ("customer_tags", ["x" * 61] * 9, False, "look like texts"),
        ("customer_tags", ["null", "-"], False, "no tag was found"),
        ("vip_level", ["gold", "gold", "silver", "silver"], False, "does not tell whether these are tags"),
        ("customer_" + "very_" * 12 + "tags", ["vip"] * 9, False, "more than 60 characters"),
    ],
)
def test_a_key_is_proposed_for_tags_or_not(key: str, values: list[Any], proposed: bool, reason: str) -> None:
    finding = only(judge(counted(with_values(key, *values))))
    assert (finding.key, finding.proposed) == (key, proposed)
    assert reason in finding.reason


def test_tags_of_orders_are_not_read() -> None:
    finding = only(judge(counted((), with_values("customer_tags", "vip"))))
    assert not finding.proposed
    assert "stands on orders" in finding.reason


def test_a_field_of_the_block_checkout_is_joined_with_its_visible_dated_copy() -> None:
    for copy in ("sms_opt_in", "acme_sms_opt_in", "acmeSmsOptIn"):
        customers = [{copy: "yes", f"{copy}_at": "1790000000"}, {copy: "no", f"{copy}_at": "1790000001"}]
        findings = judge(counted(customers, with_values(FIELD, "1", "0")))
        found = {each.key: each for each in findings.proposed_consent}
        assert set(found) == {copy, FIELD}
        assert (found[copy].mirrors, found[copy].dated_by) == (FIELD, f"{copy}_at")
        assert not found[FIELD].hides_customers
        assert f"visible copy of {FIELD}" in found[copy].reason


def test_a_field_of_the_classic_checkout_is_joined_with_the_one_of_customers_which_is_visible() -> None:
    hidden, copy = "_billing_sms_opt_in", "billing_sms_opt_in"
    findings = judge(counted(with_values(copy, "1", "0"), with_values(hidden, "1", "0")))
    assert {each.key: each.mirrors for each in findings.proposed_consent} == {copy: hidden, hidden: ""}
    alone = only(judge(counted((), with_values(hidden, "1", "0"))))
    assert (alone.proposed, alone.hides_customers) == (True, False)


def test_another_key_that_begins_with_an_underscore_may_be_hidden_on_customers() -> None:
    findings = judge(counted(with_values("sms_opt_in", "1"), with_values("_sms_opt_in", "1", "0")))
    assert {each.key: (each.mirrors, each.hides_customers) for each in findings.proposed_consent} == {
        "sms_opt_in": ("", False),
        "_sms_opt_in": ("", True),
    }


def test_without_a_copy_a_field_of_the_block_checkout_is_hidden_on_customers() -> None:
    finding = only(judge(counted([{}], with_values(FIELD, "1", "0"))))
    assert (finding.proposed, finding.hides_customers) == (True, True)


def test_what_is_called_alike_and_holds_no_dates_dates_nothing() -> None:
    findings = judge(counted([{"sms_consent": "yes", "sms_consent_at": "checkout"}, {"sms_consent": "no"}]))
    assert {each.key: each.dated_by for each in findings.consent} == {"sms_consent": "", "sms_consent_at": ""}


def test_what_is_configured_stays_whatever_it_looks_like_and_what_is_nowhere_is_told() -> None:
    rules = ConsentRules(keys=("zustimmung", "nowhere"), words={"jo": Consent.opted_in})
    findings = judge(counted(with_values("zustimmung", "jo"), rules=rules, tag_keys=("club", "no_tags")))
    assert only(findings).proposed
    assert only(findings).read_as(Consent.opted_in) == 1
    assert findings.missing == ("nowhere", "club", "no_tags")


def test_other_keys_with_nothing_but_yes_and_no_are_told_and_not_proposed() -> None:
    metas = [{"is_trade": "yes", "song": "Hey", "is_vat_exempt": "no", "visits": "7"} for _ in range(3)]
    findings = judge(counted(metas, metas))
    assert (findings.consent, findings.tags) == ((), ())
    assert findings.answers_elsewhere == {"is_trade": 6}


def test_keys_with_a_person_in_their_name_are_nowhere() -> None:
    findings = judge(counted([{"sms_consent_ann@example.com": "yes"}]))
    assert (findings.consent, findings.answers_elsewhere, findings.unnamed) == ((), {}, 1)


def test_withheld_meta_is_told_only_where_somebody_could_have_shown_it() -> None:
    assert judge(counted([None], [{}])).hidden_meta
    assert not judge(counted([{}], [{}])).hidden_meta
    assert not judge(counted()).hidden_meta


def test_the_newest_record_and_all_places_are_told_and_customers_come_first() -> None:
    findings = judge(counted(with_values("sms_consent", "yes"), with_values("sms_opt_in", "1", "1")))
    assert [(each.key, each.records, each.newest) for each in findings.consent] == [
        ("sms_consent", 1, NOON),
        ("sms_opt_in", 2, NOON),
    ]
