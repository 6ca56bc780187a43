"""What plugins make out of what is there: renewals of subscriptions, users imported over themselves."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from woo_sync_pipeline.demo.store.checkout import CheckoutActions
from woo_sync_pipeline.demo.store.records import Meta

RENEWAL_KEY = "_subscription_renewal"


class CopyActions(CheckoutActions):
    """The acts of plugins that copy orders and users, with whatever plugins have written on them."""

    def renew(self, order_id: int, *, created_at: datetime | None = None) -> int:
        """Place the next order of a subscription that began with this one, and return its id.

        Nobody was asked anything, yet it carries all meta of the parent, consent included. It is processing,
        created and modified now unless told otherwise. Renewals of one order are of one subscription; so are
        those of a renewal.
        """
        with self.lock:
            parent = self.orders[order_id]
            meta = _copied(parent.meta)
            if RENEWAL_KEY not in meta:
                if order_id not in self.subscriptions:
                    self.subscriptions[order_id] = next(self.next_post_id)
                meta[RENEWAL_KEY] = self.subscriptions[order_id]
            now = created_at or self.now()
            order = self.make_order(
                customer_id=parent.customer_id,
                billing=parent.billing,
                shipping=parent.shipping,
                product_ids=(),
                status="processing",
                meta=meta,
                created_at=now,
                modified_at=now,
                created_via="subscription",
            )
            # A subscription goes on at its old price, and after its product was deleted.
            order.items = tuple(replace(item, id=next(self.next_item_id)) for item in parent.items)
            self.index_order(order)
            return order.id

    def import_again(self, customer_ids: Iterable[int]) -> dict[int, int]:
        """Delete users and create them again, as an import does; returns their new ids by the old ones.

        All that makes a person is as before, hidden meta included; but they are registered now, were never
        modified, and their orders are those of guests. Raises KeyError, and does nothing, when one is not there.
        """
        with self.lock:
            leaving = [self.customers[customer_id] for customer_id in dict.fromkeys(customer_ids)]
            for customer in leaving:
                self.delete_customer(customer.id)
            new_ids = {customer.id: next(self.next_user_id) for customer in leaving}
            for customer in leaving:
                self.index_customer(
                    replace(
                        customer,
                        id=new_ids[customer.id],
                        registered_at=self.now(),
                        modified_at=None,
                        roles=list(customer.roles),
                        address=dict(customer.address),
                        meta=self.entries(_copied(customer.meta)),
                    )
                )
            return new_ids


def _copied(meta: Mapping[str, Meta]) -> dict[str, Any]:
    return {key: copy.deepcopy(entry.value) for key, entry in meta.items()}
