"""What the name of a meta key says: whether it may hold a choice about SMS, about something else, or tags."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache


class KeyPurpose(StrEnum):
    """What a meta key is for, as far as its name tells."""

    sms = "SMS"
    email = "e-mail only"
    other_channel = "another channel"
    order_messages = "messages about orders"
    unclear = "unclear"
    detail = "a detail of a choice"
    tags = "tags"
    perhaps_tags = "perhaps tags"
    none = "nothing of these"

    @property
    def is_about_consent(self) -> bool:
        """Whether the name speaks of a choice about messages, of whatever kind."""
        return not self.is_about_tags and self is not KeyPurpose.none

    @property
    def is_undecided(self) -> bool:
        """Whether a person who knows the shop may know better than the name."""
        return self in (KeyPurpose.sms, KeyPurpose.unclear, KeyPurpose.tags, KeyPurpose.perhaps_tags)

    @property
    def is_about_tags(self) -> bool:
        """Whether the name speaks of tags."""
        return self in (KeyPurpose.tags, KeyPurpose.perhaps_tags)


CHECKOUT_FIELD = re.compile(r"_wc_(?:other|billing|shipping)/(?P<namespace>[^/]+)/(?P<field>.+)")
"""Fields that plugins add to the block checkout. WooCommerce keeps them under these keys, on orders and on users:
https://github.com/woocommerce/woocommerce/blob/trunk/plugins/woocommerce/src/Blocks/Domain/Services/CheckoutFields.php
"""

ADDRESS_FIELD = re.compile(r"_(?P<copy>(?:billing|shipping)_.+)")
"""Fields that plugins add to the addresses of the classic checkout. WooCommerce keeps them on orders under these keys,
and on users under the same without the underscore, where the API shows them:
https://github.com/woocommerce/woocommerce/blob/trunk/plugins/woocommerce/includes/class-wc-checkout.php
"""

DATE_ENDING = re.compile(r"[-_ ]?(?:at|date|time|timestamp|datetime)\Z", re.IGNORECASE)
"""How a key is called that holds the time of the choice under the key of the same name without it."""

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")

# All patterns are searched in the words of a key, in lower case, with an underscore before and after each. A stem that
# begins or ends without an underscore is found inside of words too: "smsoptin" is written without any.
_SMS = re.compile(
    r"sms|_mms_|_texts_|_texting_|_text_?(?:messag|market|opt|alert|club|subscri|promo|consent)"
)
_EMAIL = re.compile(r"e_?mail|_mail|mail_|newsletter|_news_|_edm_")
_OTHER_CHANNEL = re.compile(
    r"whats_?app|_push_|_calls?_|_phone_?calls?_|_viber_|_telegram_|_post_|_postal_|_fax_"
)
_CHOICE = re.compile(
    r"consent|_opt_?(?:ed_?)?(?:in|out)|optin_|optout_|opted|subscrib|unsub|accept|agree|permi(?:t|ssion)|gdpr"
    r"|_do_?not_|_dn[cd]_|_stop_"
    # The same in other languages of shops: German, French, Spanish, Italian, Portuguese, Dutch, Polish, Scandinavian.
    r"|einwillig|zustimm|anmeld|acepta|accetta|aceita|autoriz|consen[st]|toestemming|zgoda|samtyk|samtyc"
)
_OPPOSITE = re.compile(
    r"abmeld|widerruf|afmeld|desuscri|de_?sinscri|desabon|disiscri|wypis|odjav|avmeld|frameld"
)
"""Names in other languages that ask for the opposite; English ones are known to `contacts.consent`."""
_ABOUT_EMAIL = re.compile(rf"{_CHOICE.pattern}|newsletter|mailing|_receive|_wants?_|_can_|_allow")
_MARKETING = re.compile(r"marketing|promo|_offers?_|_deals?_|advert|_ads_|werbung|publicid|reklam")
_ORDER_MESSAGES = re.compile(
    r"_orders?_|shipping|shipment|delivery|tracking|booking|appointment|reminder|_otp_|verif|invoice|payment|pick_?up"
    r"|notif"
)
_NOT_MARKETING = re.compile(
    r"_user_?agent|_terms?_|privacy|cookie|_polic(?:y|ies)_|_tos_|_agb_|_cgv_|_age_|stripe|paypal|_card_"
)
_DETAIL = re.compile(
    r"_(?:phone|number|mobile|tel|ip|url|link|source|method|agent|version|wording|text|label|title|ids?|hash|token|count"
    r"|log|page|form|channel|by|sent|errors?|message|template|list|lists|country|code)_\Z"
)
_TAGS = re.compile(r"_(?:tags?|segments?|audiences?|labels)_\Z")
_PERHAPS_TAGS = re.compile(
    r"_(?:groups?|tiers?|levels?|memberships?|clusters?|interests?|categor(?:y|ies)|customer_types?|loyalty|vip)_\Z"
)
# WordPress and WooCommerce itself write these on users and orders.
_OF_THE_SHOP_ITSELF = re.compile(
    r"_?(?:wp_|wc_(?!other/|billing/|shipping/|[^_]+_sms)|wpcf7|billing_(?:phone|email|country|city|state|postcode"
    r"|address_[12]|first_name|last_name|company)\Z"
    r"|shipping_|order_|recorded_|download_|new_order_|cart_hash|created_via|payment_|transaction_id|date_|edit_lock"
    r"|paying_customer|is_vat_exempt|rich_editing|syntax_highlighting|comment_shortcuts|show_admin_bar|use_ssl"
    r"|dismissed_|session_tokens|last_update|nickname|description\Z|locale\Z|admin_color|subscription_renewal|stripe_"
    r"|paypal|ppcp|wcpay|klarna|afterpay|square)",
    re.IGNORECASE,
)


@lru_cache(maxsize=1 << 13)
def purpose_of(key: str) -> KeyPurpose:
    """Tell from its name what a meta key of a customer or order is for.

    `sms` takes two words: one for the channel, and one for a choice or for marketing. A name that speaks of e-mail or
    of a newsletter is never `sms`, also where it speaks of SMS too: that one is `unclear`.
    """
    of_checkout = CHECKOUT_FIELD.fullmatch(key)
    return _purpose(key if of_checkout is None else f"{of_checkout['namespace']}_{of_checkout['field']}")


def is_of_the_shop_itself(key: str) -> bool:
    """Whether WordPress, WooCommerce or a payment plugin writes this key for its own work."""
    return CHECKOUT_FIELD.fullmatch(key) is None and _OF_THE_SHOP_ITSELF.match(key) is not None


def asks_the_opposite(key: str) -> bool:
    """Whether the name is one, in another language than English, under which a yes is an opt-out."""
    return _OPPOSITE.search(f"_{words_of_key(key)}_") is not None


def words_of_key(key: str) -> str:
    """The words of a key in lower case, one underscore between them: `smsOptIn` and `sms-opt-in` are alike."""
    return "_".join(_PART.findall(key)).lower()


def _purpose(key: str) -> KeyPurpose:
    words = f"_{words_of_key(DATE_ENDING.sub('', key))}_"
    is_sms, is_email = bool(_SMS.search(words)), bool(_EMAIL.search(words))
    is_marketing = bool(_MARKETING.search(words))
    if is_sms or is_email or is_marketing:
        # The phone number to which an SMS goes, the wording of a box: no choice, whatever else the name says.
        if _DETAIL.search(words):
            return KeyPurpose.detail if is_sms or is_marketing else KeyPurpose.none
        if is_sms:
            return _of_sms(words, is_mixed=is_email, is_marketing=is_marketing)
        if is_email:
            return KeyPurpose.email if is_marketing or _ABOUT_EMAIL.search(words) else _of_tags(words)
    elif not _CHOICE.search(words) or _NOT_MARKETING.search(words):
        return _of_tags(words)
    return KeyPurpose.other_channel if _OTHER_CHANNEL.search(words) else KeyPurpose.unclear


def _of_sms(words: str, *, is_mixed: bool, is_marketing: bool) -> KeyPurpose:
    if _ORDER_MESSAGES.search(words) and not is_marketing:
        return KeyPurpose.order_messages
    if is_mixed or _OTHER_CHANNEL.search(words):
        return KeyPurpose.unclear
    is_choice = is_marketing or _CHOICE.search(words) or _OPPOSITE.search(words)
    return KeyPurpose.sms if is_choice else KeyPurpose.unclear


def _of_tags(words: str) -> KeyPurpose:
    if _TAGS.search(words):
        return KeyPurpose.tags
    return KeyPurpose.perhaps_tags if _PERHAPS_TAGS.search(words) else KeyPurpose.none
