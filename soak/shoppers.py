"""People who go on shopping, registering and changing their minds in a demo store.

They do only what `expected_directory` can tell from how the store looks in the end: nobody takes back by an order what
a profile says, and only people whose phone nobody shares change it or leave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from random import Random

from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.store.records import Customer
from woo_sync_pipeline.demo.world import CONSENT_KEY, ORDER_CONSENT_KEY, TAGS_KEY
from woo_sync_pipeline_tests.orchestration.expectation import phone_of_customer, phone_of_order

_GUESTS = 200
_TAGS = ("Hat & Glove club", "Early birds", "Night owls", "Søndag")


class Shoppers:
    """What happens in one store; `act` lets one thing happen.

    `stores` are all that feed the same account: a phone is shared also by people of different stores. Guests have
    the 200 mobile numbers from `guests_from` on, who registers those from `customers_from` on.
    """

    def __init__(
        self,
        data: StoreData,
        stores: Iterable[StoreData],
        random: Random,
        *,
        guests_from: int,
        customers_from: int,
    ) -> None:
        self._data = data
        self._random = random
        self._guests_from = guests_from
        self._new_number = count(customers_from)
        uses = Counter(
            phone
            for store in stores
            for phone in (
                *map(phone_of_customer, store.customers.values()),
                *map(phone_of_order, store.orders.values()),
            )
            if phone
        )
        self._alone = [
            customer.id
            for customer in data.customers.values()
            if uses[phone_of_customer(customer) or ""] == 1
        ]
        self.acts: Counter[str] = Counter()

    def act(self) -> None:
        """Let one thing happen."""
        weights: dict[Callable[[], None], int] = {
            self._guest_buys: 4,
            self._customer_buys: 3,
            self._registers: 2,
            self._edits_profile: 3,
            self._plugin_writes_tags: 2,
            self._gets_role: 1,
            self._order_moves: 3,
            self._changes_phone: 1,
            self._leaves: 1,
            self._retags_product: 1,
        }
        (chosen,) = self._random.choices(list(weights), list(weights.values()))
        with self._data.lock:
            chosen()
        self.acts[chosen.__name__.strip("_")] += 1

    def without_orders(self) -> list[int]:
        """Customers whose phone nobody shares, and who never bought anything."""
        return [each for each in self._alone if not self._data.orders_of_customer.get(each)]

    def keep_away_from(self, customer_id: int) -> None:
        """Let this customer do nothing from here on."""
        self._alone.remove(customer_id)

    def _guest_buys(self) -> None:
        guest = self._random.randrange(_GUESTS)
        self._data.place_order(
            billing={
                "first_name": f"Guest {guest}",
                "last_name": "O&#039;Hara",
                "email": f"guest.{guest}@example.com",
                "phone": _mobile(self._guests_from + guest),
                "country": "AU",
            },
            product_ids=self._products(),
            meta=self._choice(),
        )

    def _customer_buys(self) -> None:
        customer = self._one_who_may_choose()
        self._data.place_order(
            customer_id=customer.id,
            billing=_billing(customer),
            product_ids=self._products(),
            meta=self._choice(),
        )

    def _registers(self) -> None:
        number = next(self._new_number)
        answer = self._random.choice(("yes", "no", None))
        self._alone.append(
            self._data.register_customer(
                email=f"new.{number}@example.com",
                first_name=f"New {number}",
                last_name="Person",
                billing={"first_name": f"New {number}", "phone": _mobile(number), "country": "AU"},
                meta={} if answer is None else {CONSENT_KEY: answer},
            )
        )

    def _edits_profile(self) -> None:
        customer = self._random.choice(self._alone)
        name = f"Edited {self._random.randrange(1000)}"
        self._data.save_profile(customer, first_name=name, billing_first_name=name)

    def _plugin_writes_tags(self) -> None:
        tags = self._random.sample(_TAGS, self._random.randrange(len(_TAGS)))
        self._data.set_user_meta(self._random.choice(self._data.customer_ids), TAGS_KEY, tags)

    def _gets_role(self) -> None:
        role = self._random.choice(("customer", "wholesale", "subscriber"))
        self._data.set_roles(self._random.choice(self._alone), [role])

    def _order_moves(self) -> None:
        order = self._data.orders[self._random.choice(self._data.order_ids)]
        if order.status == "trash":
            self._data.untrash_order(order.id)
        elif order.status != "checkout-draft":
            # Another one: an order that is saved as it was is no newer than before to whoever compares content.
            others = {"processing", "completed", "cancelled", "refunded", "trash"} - {order.status}
            if order.customer_id:
                # It may be the customer's first one that is completed: that moves the customer's date only.
                others -= {"completed"}
            status = self._random.choice(sorted(others))
            if status == "trash":
                self._data.trash_order(order.id)
            else:
                self._data.set_order_status(order.id, status)

    def _changes_phone(self) -> None:
        for customer in self._random.sample(self.without_orders(), 5):
            if CONSENT_KEY not in self._data.customers[customer].meta:
                self._data.set_user_meta(customer, "billing_phone", _mobile(next(self._new_number)))
                self._data.set_user_meta(customer, "billing_country", "AU")
                return

    def _leaves(self) -> None:
        customer = self._random.choice(self.without_orders())
        self._alone.remove(customer)
        self._data.delete_customer(customer)

    def _retags_product(self) -> None:
        tags = self._random.sample(_TAGS, self._random.randrange(1, len(_TAGS)))
        self._data.set_product_tags(self._random.choice(sorted(self._data.products)), tags)

    def _one_who_may_choose(self) -> Customer:
        while True:
            customer = self._data.customers[self._random.choice(self._alone)]
            if CONSENT_KEY not in customer.meta:
                return customer

    def _products(self) -> list[int]:
        return self._random.sample(sorted(self._data.products), 2)

    def _choice(self) -> dict[str, str]:
        answer = self._random.choice(("0", "1", None))
        return {} if answer is None else {ORDER_CONSENT_KEY: answer}


def _mobile(number: int) -> str:
    return f"0{400_000_000 + number}"


def _billing(customer: Customer) -> dict[str, str]:
    return {
        key.removeprefix("billing_"): value
        for key, value in customer.address.items()
        if key.startswith("billing_")
    }
