"""People whom an account and a store both know."""

from __future__ import annotations

import html
from dataclasses import dataclass, field

from woo_sync_pipeline.contacts.phones import parse_phone
from woo_sync_pipeline.demo.store import StoreData

COUNTRY_NAMES = {
    "AU": "Australia",
    "NZ": "New Zealand",
    "GB": "United Kingdom",
    "US": "United States",
    "DE": "Germany",
    "SG": "Singapore",
}


@dataclass(frozen=True)
class KnownPerson:
    """Somebody with a name, an address and a phone in E.164; `country` is two letters."""

    first_name: str
    last_name: str
    email: str = field(repr=False)
    phone_number: str = field(repr=False)
    country: str = "AU"


def people_of(store: StoreData) -> list[KnownPerson]:
    """The customers of a demo store whose phone can receive SMS, in the order of their ids."""
    found = []
    with store.lock:
        for customer_id in store.customer_ids:
            customer = store.customers[customer_id]
            country = customer.address.get("billing_country") or "AU"
            phone = parse_phone(customer.address.get("billing_phone", ""), country).e164
            if phone is not None:
                first, last = (customer.address.get(f"billing_{part}_name", "") for part in ("first", "last"))
                found.append(
                    KnownPerson(
                        html.unescape(first).strip(),
                        html.unescape(last).strip(),
                        customer.email,
                        phone,
                        country if country in COUNTRY_NAMES else "AU",
                    )
                )
    return found
