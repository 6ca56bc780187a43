"""The block checkout and its additional fields: written on orders, kept on users and in cart sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from woo_sync_pipeline.demo.store.orders import OrderActions

_FIELD_PREFIXES = ("_wc_other/", "_wc_billing/", "_wc_shipping/")


class CheckoutActions(OrderActions):
    """What shoppers do with additional fields. A field is named by its meta key (`_wc_other/woo/sms-opt-in`)."""

    def check_out(
        self,
        *,
        customer_id: int = 0,
        billing: Mapping[str, str] | None = None,
        shipping: Mapping[str, str] | None = None,
        product_ids: Iterable[int] = (),
        status: str = "processing",
        fields: Mapping[str, bool] | None = None,
        session: str = "",
        created_at: datetime | None = None,
        modified_at: datetime | None = None,
    ) -> int:
        """Place an order through the Store API and return its id; the other arguments as in `place_order`.

        `fields` are the additional fields that the request sends. They are sticky: one that is not sent, but is
        kept from before, is written on the order all the same. A user's are kept as user meta, a guest's in
        the cart `session` (nowhere when it has no name). Keeping them moves no modification date. Raises
        KeyError for a user who is not there, ValueError for a key that is no additional field's.
        """
        sent = dict(fields or {})
        for key in sent:
            _check_field(key)
        with self.lock:
            kept = self._user_fields(customer_id) if customer_id else self.cart_sessions.get(session, {})
            order_id = self.place_order(
                customer_id=customer_id,
                billing=billing,
                shipping=shipping,
                product_ids=product_ids,
                status=status,
                # WooCommerce turns the booleans of an order's fields into these texts.
                meta={key: "1" if ticked else "0" for key, ticked in {**kept, **sent}.items()},
                created_at=created_at,
                modified_at=modified_at,
                created_via="store-api",
            )
            if customer_id:
                for key, ticked in sent.items():
                    self._keep_on_user(customer_id, key, ticked=ticked)
            elif session and sent:
                self.cart_sessions[session] = {**kept, **sent}
            return order_id

    def save_account_field(self, customer_id: int, key: str, ticked: bool) -> None:
        """Save an additional field in *My account*: moves the modification date, though no answer shows the field."""
        _check_field(key)
        with self.lock:
            self._keep_on_user(customer_id, key, ticked=ticked)
            self._moved(self.customers[customer_id])

    def mirror_field(self, key: str, *, into: str, dated: str) -> None:
        """Install the shop's snippet that makes a field of users visible from now on; one for each field.

        When a user's field is set to another value than the kept one, the user meta `into` becomes "yes" or
        "no" and `dated` the time in Unix seconds. A field that was never set has no value: the first one differs
        from that, also when it is unticked. As any meta of a plugin these move no modification date.
        """
        _check_field(key)
        with self.lock:
            self.field_mirrors[key] = (into, dated)

    def _user_fields(self, customer_id: int) -> dict[str, bool]:
        return {
            key: entry.value not in ("", "0")
            for key, entry in self.customers[customer_id].meta.items()
            if key.startswith(_FIELD_PREFIXES)
        }

    def _keep_on_user(self, customer_id: int, key: str, *, ticked: bool) -> None:
        before = self._user_fields(customer_id).get(key)
        self.set_user_meta(customer_id, key, ticked)
        if key in self.field_mirrors and ticked != before:
            into, dated = self.field_mirrors[key]
            self.set_user_meta(customer_id, into, "yes" if ticked else "no")
            self.set_user_meta(customer_id, dated, str(int(self.now().timestamp())))


def _check_field(key: str) -> None:
    if not key.startswith(_FIELD_PREFIXES):
        raise ValueError(
            f"the meta key of an additional field begins with {', '.join(_FIELD_PREFIXES)}: {key!r}"
        )
