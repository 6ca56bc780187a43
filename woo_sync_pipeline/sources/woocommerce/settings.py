"""What the configuration says of a WooCommerce store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from woo_sync_pipeline.config.source import ConsentSettings, GroupSettings, SourceSettings
from woo_sync_pipeline.config.values import (
    ApiKey,
    Name,
    Section,
    WebAddress,
    no_secret,
    not_blank,
    refuse,
)
from woo_sync_pipeline.contacts.consent import Consent, ConsentRules, comparable


def _order_status(value: str) -> str:
    status = not_blank(value)
    if status in {"draft", "auto-draft", "checkout-draft"}:
        raise refuse("this is a checkout that nobody has finished, so no contact comes from it. Leave it out")
    if status in {"any", "all"}:
        raise refuse("write the statuses one by one, or leave order_statuses out for all of them but drafts")
    if status.startswith("wc-"):
        raise refuse("write a status without wc-, such as completed")
    return no_secret(status)


def _some_statuses(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise refuse("name at least one status, or leave order_statuses out for all of them but drafts")
    return value


OrderStatuses = Annotated[
    tuple[Annotated[str, AfterValidator(_order_status)], ...], AfterValidator(_some_statuses)
]


class ConsentWords(Section):
    """A store's own words for a choice, beside the English ones that are known anyway."""

    opted_in: tuple[Name, ...] = ()
    opted_out: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _words_differ(self) -> Self:
        seen: dict[str, str] = {}
        for name, words in (("opted_in", self.opted_in), ("opted_out", self.opted_out)):
            for position, word in enumerate(words, 1):
                if not comparable(word):
                    raise refuse(
                        f"word {position} of {name} is no word: blanks, hyphens and underscores do not count"
                    )
                if seen.setdefault(comparable(word), name) != name:
                    raise refuse(
                        f"word {position} of {name} is under opted_in as well. Write it under one of them"
                    )
        return self

    @property
    def meanings(self) -> dict[str, Consent]:
        """What each word means."""
        return {
            **dict.fromkeys(self.opted_in, Consent.opted_in),
            **dict.fromkeys(self.opted_out, Consent.opted_out),
        }


class WooCommerceConsent(ConsentSettings):
    """Where a store keeps the choice about SMS marketing, and what the absence of a choice means."""

    meta_keys: tuple[Name, ...] = Field(default=(), description="meta keys of customers and of orders")
    opt_out_meta_keys: tuple[Name, ...] = Field(
        default=(), description="of the same, in which a yes means no"
    )
    words: ConsentWords = ConsentWords()
    dated_by: dict[Name, Name] = Field(
        default={}, description="for a meta key the one that holds the time of its choice"
    )
    mirrored_by: dict[Name, Name] = Field(
        default={}, description="for a meta key that is hidden on customers its visible copy"
    )

    @model_validator(mode="after")
    def _keys_belong_together(self) -> Self:
        for position, key in enumerate(self.mirrored_by, 1):
            if key not in self.meta_keys:
                raise refuse(
                    f"key {position} of mirrored_by is not among the meta_keys. Write it there too, spelled alike"
                )
        for position, key in enumerate(self.dated_by, 1):
            if key not in self.keys:
                raise refuse(
                    f"key {position} of dated_by is neither among the meta_keys nor a copy in mirrored_by. "
                    "Write it there too, spelled alike"
                )
        for name, others in (("mirrored_by", self.mirrored_by), ("dated_by", self.dated_by)):
            for position, other in enumerate(others.values(), 1):
                if other.startswith("_"):
                    raise refuse(
                        f"entry {position} of {name} names a key that begins with an underscore, and such keys of "
                        "customers WooCommerce hides. Keep it under a key without one"
                    )
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """All meta keys that choices are read from."""
        return tuple(dict.fromkeys((*self.meta_keys, *self.mirrored_by.values(), *self.opt_out_meta_keys)))

    @property
    def rules(self) -> ConsentRules:
        """How choices are read from the meta of a record."""
        return ConsentRules(
            keys=self.keys,
            opt_out_keys=frozenset(self.opt_out_meta_keys),
            words=self.words.meanings,
            dated_by=self.dated_by,
            mirrored_by=self.mirrored_by,
        )

    @property
    def hidden_keys(self) -> tuple[str, ...]:
        """Meta keys that WooCommerce hides on customers, and that are not mirrored."""
        return tuple(key for key in self.keys if key.startswith("_") and key not in self.mirrored_by)

    @property
    def basis(self) -> str:
        """What choices are read from, as text: what reads differently only because this changed is no new choice."""
        words = ",".join(sorted(f"{word}={meaning}" for word, meaning in self.words.meanings.items()))
        opposite = ",".join(f"!{key}" for key in self.opt_out_meta_keys)
        dates = ",".join(f"{key}@{other}" for key, other in sorted(self.dated_by.items()))
        copies = ",".join(f"{key}~{other}" for key, other in sorted(self.mirrored_by.items()))
        return ";".join(filter(None, (",".join(self.meta_keys), opposite, words, dates, copies)))


class WooCommerceGroups(GroupSettings):
    """Which properties of customers become lists on the platform."""

    roles: bool | Literal["first", "all"] = Field(
        default=True, description="true: all roles of a user where the store has at most ten, else the first"
    )
    product_tags: bool = True
    meta_keys: tuple[Name, ...] = ()


class WooCommerceSettings(SourceSettings):
    """One WooCommerce store."""

    type: Literal["woocommerce"] = "woocommerce"
    url: WebAddress
    consumer_key: ApiKey
    consumer_secret: ApiKey
    verify_tls: bool | str = True
    use_environment_proxies: bool = False
    orders_from: date | None = None
    order_statuses: OrderStatuses | None = None
    consent: WooCommerceConsent = WooCommerceConsent()
    groups: WooCommerceGroups = WooCommerceGroups()
    max_concurrency: Annotated[int, Field(ge=1, le=32)] = 4
    max_requests_per_second: Annotated[float, Field(gt=0, le=1000)] | None = None

    @property
    def meta_keys(self) -> tuple[str, ...]:
        """All meta keys that are read from this store, each once."""
        consent = (*self.consent.keys, *self.consent.dated_by.values())
        return tuple(dict.fromkeys((*consent, *self.groups.meta_keys)))

    @property
    def meaning(self) -> Mapping[str, Any]:
        """See `SourceSettings.meaning`."""
        return {
            **super().meaning,
            "orders_from": self.orders_from and self.orders_from.isoformat(),
            "order_statuses": self.order_statuses and sorted(self.order_statuses),
        }

    def page_of(self, record_type: str, record_id: str) -> str:
        """The page in the store's administration on which a customer or an order is edited."""
        return self.url.rstrip("/") + _PAGES[record_type].format(record_id=record_id)


_PAGES = {
    "customer": "/wp-admin/user-edit.php?user_id={record_id}",
    # Stores that keep orders in tables of their own redirect from here to the page of the order.
    "order": "/wp-admin/post.php?post={record_id}&action=edit",
}


NORMALISATION_VERSION = 1
"""Part of every hash: raise it when records shall be read anew because they are normalised differently."""


def settings_fingerprint(source: WooCommerceSettings) -> str:
    """What a record's contact depends on beside the record: changed settings make all records count as changed."""
    relevant = {
        "version": NORMALISATION_VERSION,
        "default_region": source.default_region,
        "consent": source.consent.basis,
        "groups": source.groups.meta_keys,
        "roles": source.groups.roles,
        "names": source.groups.name_format,
    }
    return json.dumps(relevant, sort_keys=True)
