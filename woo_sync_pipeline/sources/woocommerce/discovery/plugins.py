"""Meta keys of which it is publicly known which plugin writes them, and for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.sources.woocommerce.discovery.key_names import KeyPurpose


@dataclass(frozen=True, kw_only=True)
class KnownKey:
    """A meta key of a plugin.

    source: where the plugin's code or documentation shows it. words: values of this key that only the plugin's code
    explains, and what they mean. remark: what else to know.
    """

    key: str
    plugin: str
    purpose: KeyPurpose
    source: str
    words: Mapping[str, Consent] = field(default_factory=dict)
    remark: str = ""


_GITHUB = "https://github.com"
_MAILCHIMP = "Mailchimp for WooCommerce"
_MAILCHIMP_CODE = f"{_GITHUB}/mailchimp/mc-woocommerce/blob/9f1eb18a88ca735508db7410eb62f78ccf37d0f9/includes"
_OMNISEND = "Omnisend for WooCommerce"
_OMNISEND_CODE = (
    f"{_GITHUB}/WordpressPluginDirectory/omnisend-connect/blob/1791ce87da6b971e3c80aa93af5dc0bdc4c25245"
    "/omnisend-connect/omnisend-woocommerce-hooks.php"
)
_CUSTOBAR = "Custobar for WooCommerce"
_CUSTOBAR_CODE = (
    f"{_GITHUB}/Custobar/woocommerce-custobar/blob/53b0343c9c9bd1c605de09d821af71ff6a20c6bd"
    "/includes/checkout.php"
)

KNOWN_KEYS: Mapping[str, KnownKey] = {
    each.key: each
    for each in (
        KnownKey(
            key="mailchimp_woocommerce_sms_consent_subscribed",
            plugin=_MAILCHIMP,
            purpose=KeyPurpose.sms,
            source=f"{_MAILCHIMP_CODE}/class-mailchimp-woocommerce-sms-consent.php",
            remark="The box has a phone number of its own, mailchimp_woocommerce_sms_consent_phone, which may be "
            "another than the one of the order: the choice is read for the order's",
        ),
        KnownKey(
            key="mailchimp_woocommerce_is_subscribed",
            plugin=_MAILCHIMP,
            purpose=KeyPurpose.email,
            source=f"{_MAILCHIMP_CODE}/class-mailchimp-woocommerce-newsletter.php",
        ),
        KnownKey(
            key="marketing_sms_opt_in_consent",
            plugin=_OMNISEND,
            purpose=KeyPurpose.sms,
            source=_OMNISEND_CODE,
            words={"checkout": Consent.opted_in},
            remark="Omnisend writes where the box was ticked, and nothing where it was not",
        ),
        KnownKey(
            key="marketing_opt_in_consent",
            plugin=_OMNISEND,
            purpose=KeyPurpose.email,
            source=_OMNISEND_CODE,
            words={"checkout": Consent.opted_in},
        ),
        KnownKey(
            key="can_sms",
            plugin=_CUSTOBAR,
            purpose=KeyPurpose.sms,
            source=_CUSTOBAR_CODE,
            remark="Customers have it as _woocommerce_custobar_can_sms, which the API hides",
        ),
        KnownKey(key="can_email", plugin=_CUSTOBAR, purpose=KeyPurpose.email, source=_CUSTOBAR_CODE),
        KnownKey(
            key="wpwc_sms_consent",
            plugin="SMS Consent Management for WooCommerce (RingCentral)",
            purpose=KeyPurpose.sms,
            source=f"{_GITHUB}/pbmacintyre/WooComm-SMS-Consent-Plugin/blob/c684303ad22cc0e7758c73be40a04d747830e62e"
            "/wpwc-sms_consent.php",
            remark="The box asks for news of the order and promotions at once",
        ),
        KnownKey(
            key="_wc_twilio_sms_optin",
            plugin="Twilio SMS Notifications",
            purpose=KeyPurpose.order_messages,
            source="https://woocommerce.com/document/twilio-sms-notifications/",
        ),
        KnownKey(
            key="_wc_other/doppler/consent-checkbox",
            plugin="Doppler for WooCommerce",
            purpose=KeyPurpose.email,
            source=f"{_GITHUB}/FromDoppler/doppler-woocommerce-plugin/blob/89d4ed6f7a662dfb1de180ba27a1bb61fd5e93f3"
            "/includes/class-doppler-for-woocommerce-checkout.php",
        ),
        KnownKey(
            key="ws_opt_in",
            plugin="Brevo (Sendinblue) for WooCommerce",
            purpose=KeyPurpose.email,
            source=f"{_GITHUB}/sail-agency/wp-plugin-woocommerce-sendinblue-newsletter-subscription/blob"
            "/9db9aede32ace9e5b9d8d336c057d06b0ee714ce/src/managers/cart-events-manager.php",
        ),
        KnownKey(
            key="activecampaign_for_woocommerce_accepts_marketing",
            plugin="ActiveCampaign for WooCommerce",
            purpose=KeyPurpose.email,
            source=f"{_GITHUB}/pixelgrade/activecampaign-for-woocommerce/blob/02bc201e804c1fb24bd79ebd548134b3bbc56ee1"
            "/includes/services/class-activecampaign-for-woocommerce-user-meta-service.php",
        ),
        KnownKey(
            key="_wc_subscribed_to_newsletter",
            plugin="Dotdigital for WooCommerce",
            purpose=KeyPurpose.email,
            source=f"{_GITHUB}/dotmailer/dotdigital-for-woocommerce/blob/cca1f18fc756115ee46b507461edc474344bcc38"
            "/admin/class-dotdigital-woocommerce-migrator.php",
        ),
    )
}
"""By key. Each was read in the plugin's published code, but the one of Twilio SMS Notifications, which is sold: its
key stands in the published copy of the plugin, and what it is for in the documentation that is named here."""

KLAVIYO = "klaviyo"
"""The folder of Klaviyo's plugin among the active plugins of a store (https://wordpress.org/plugins/klaviyo/)."""
