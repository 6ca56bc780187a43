"""What the name of a meta key says."""

from __future__ import annotations

import pytest

from woo_sync_pipeline.sources.woocommerce.discovery.key_names import (
    KeyPurpose,
    asks_the_opposite,
    is_of_the_shop_itself,
    purpose_of,
    words_of_key,
)
from woo_sync_pipeline.sources.woocommerce.discovery.plugins import KNOWN_KEYS

NAMES = {
    KeyPurpose.sms: """
        sms_marketing_consent _wc_other/woo/sms-opt-in _wc_shipping/acme/sms-opt-in smsOptIn smsoptin SMSMarketing
        sms_opt_in sms_opt_in_at billing_sms_consent einwilligung_sms sms_abmeldung sms_optout text_opt_in
        marketing_text_message_opt_in _smsbump_subscribed mms_opt_in sms_marketing_delivery
    """,
    KeyPurpose.email: """
        newsletter newsletter_opt_in email_opt_in e_mail_opt_in mailpoet_subscribed receive_emails mailing_list_consent
        _wc_other/newsletter-pro/opt-in email_marketing mailchimp_woocommerce_is_subscribed
    """,
    KeyPurpose.order_messages: """
        sms_order_updates order_sms_opt_in sms_notifications sms_delivery_notifications sms_reminder_consent
    """,
    KeyPurpose.unclear: """
        accepts_marketing gdpr_consent marketing_opt_in subscribed email_and_sms_consent sms_newsletter receive_sms sms
        sms_and_whatsapp_opt_in _wc_other/newsletter-pro/sms-opt-in phone_marketing_consent
    """,
    KeyPurpose.other_channel: "whatsapp_opt_in push_consent whatsapp_marketing",
    KeyPurpose.detail: """
        sms_consent_phone sms_consent_ip sms_consent_text sms_sent_count last_sms_sent sms_opt_in_source
    """,
    KeyPurpose.tags: "customer_tags crm_segments tag audience",
    KeyPurpose.perhaps_tags: "vip_level membership_group customer_tier loyalty",
    KeyPurpose.none: """
        billing_phone favourite_song privacy_accepted terms_accepted is_trade _order_total shipping_label email
        transmission consignment user_agent
    """,
}


@pytest.mark.parametrize(("purpose", "keys"), NAMES.items(), ids=[purpose.name for purpose in NAMES])
def test_a_name_tells_what_its_key_is_for(purpose: KeyPurpose, keys: str) -> None:
    assert {key: purpose_of(key) for key in keys.split()} == dict.fromkeys(keys.split(), purpose)


@pytest.mark.parametrize("about_email", ["newsletter", "email", "mailchimp", "Mailing", "e-mail"])
@pytest.mark.parametrize("about_sms", ["sms", "SMS-marketing", "text_message"])
def test_a_name_that_speaks_of_email_is_never_one_of_sms(about_email: str, about_sms: str) -> None:
    for key in (f"{about_email}_{about_sms}_opt_in", f"_wc_other/{about_email}/{about_sms}-consent"):
        assert purpose_of(key) is not KeyPurpose.sms


def test_names_for_the_opposite_are_known_in_other_languages() -> None:
    assert asks_the_opposite("sms_abmeldung")
    assert asks_the_opposite("smsDesabonnement")
    assert not asks_the_opposite("sms_anmeldung")


def test_words_of_a_key_are_alike_however_they_are_joined() -> None:
    assert {words_of_key(key) for key in ("smsOptIn", "sms-opt-in", "_sms_opt_in", "SMS Opt In")} == {
        "sms_opt_in"
    }


def test_keys_of_the_shop_itself_are_told_from_those_of_plugins() -> None:
    own = (
        "is_vat_exempt",
        "_order_stock_reduced",
        "wc_order_count_wp_",
        "wp_user_level",
        "_stripe_customer_id",
    )
    assert all(map(is_of_the_shop_itself, own))
    assert not any(
        map(is_of_the_shop_itself, ("_wc_other/woo/sms-opt-in", "customer_tags", "billing_sms_consent"))
    )


def test_every_known_key_has_a_public_source_and_is_no_sms_where_it_speaks_of_email() -> None:
    for key, known in KNOWN_KEYS.items():
        assert known.source.startswith("https://")
        assert known.plugin
        if any(word in key for word in ("email", "newsletter", "is_subscribed")):
            assert known.purpose is KeyPurpose.email
