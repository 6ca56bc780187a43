"""What people, shops and staff do in one step of their lives. Each act tells the referee what a person said by it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random

from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline_tests.lives.world import ACCOUNT_KEY, BLOCK_KEY, CLASSIC_KEY, LifeWorld, Person

Act = Callable[[LifeWorld, Person, Random], None]
PAUSES = [
    timedelta(seconds=1),
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=30),
    timedelta(hours=5),
]


def chooses_in_account(world: LifeWorld, person: Person, random: Random) -> None:
    """The visible setting, which has no date. Only what changes it is an act, and can be seen."""
    # Who takes back what nobody has read yet leaves no trace.
    if not world.accounts_are_known or not all(
        word.can_be_known for word in world.referee.words[person.phone]
    ):
        return
    customer = world.store.customers[world.customer_ids[person.phone]]
    known = customer.meta.get(ACCOUNT_KEY)
    is_yes = known is not None and known.value == "yes"
    if is_yes:
        # That an empty text takes an opt-in back is known only to who has seen the opt-in in this account.
        taken_back = [""] if customer.id in world.read_accounts else []
        world.store.set_user_meta(customer.id, ACCOUNT_KEY, random.choice(["no", *taken_back]))
    else:
        world.store.set_user_meta(customer.id, ACCOUNT_KEY, "yes")
    world.referee.hears(person.phone, "in the account", yes=not is_yes, place="account")


def refuses_in_account(world: LifeWorld, person: Person, random: Random) -> None:
    """Somebody who never chose says no."""
    customer = world.store.customers[world.customer_ids[person.phone]]
    if ACCOUNT_KEY not in customer.meta and world.accounts_are_known:
        world.store.set_user_meta(customer.id, ACCOUNT_KEY, "no")
        world.referee.hears(person.phone, "in the account", yes=False, place="account")


def ticks_in_my_account(world: LifeWorld, person: Person, random: Random) -> None:
    """The hidden field of the block checkout, which the shop mirrors with its date."""
    if world.circumstances.is_behind_cdn:
        return  # What tells the error of the store's clock there are orders alone.
    customer_id = world.customer_ids[person.phone]
    ticked = not _kept(world, person)
    world.store.save_account_field(customer_id, BLOCK_KEY, ticked)
    world.referee.hears(person.phone, "in My account", yes=ticked, place="account")


def changes_box_at_checkout(world: LifeWorld, person: Person, random: Random) -> None:
    """The box of the block checkout is found as it was left, and changed."""
    ticked = not _kept(world, person)
    _check_out(world, person, fields={BLOCK_KEY: ticked})
    world.referee.hears(person.phone, "at the block checkout", yes=ticked, place="order")


def leaves_box_as_it_is(world: LifeWorld, person: Person, random: Random) -> None:
    """A purchase that says nothing: the box stays as it was prefilled."""
    _check_out(
        world, person, fields={BLOCK_KEY: True} if _kept(world, person) and random.random() < 0.5 else {}
    )


def answers_at_classic_checkout(world: LifeWorld, person: Person, random: Random) -> None:
    """A question that is asked anew with each order."""
    yes = random.random() < 0.5
    world.store.place_order(
        customer_id=world.customer_ids.get(person.phone, 0),
        billing=_billing(person),
        meta={CLASSIC_KEY: "yes" if yes else "no"},
        status=random.choice(["processing", "completed", "failed"]),
    )
    world.referee.hears(person.phone, "at the classic checkout", yes=yes, place="order")


def is_renewed(world: LifeWorld, person: Person, random: Random) -> None:
    if orders := _orders(world, person):
        world.store.renew(random.choice(orders))


def order_is_edited(world: LifeWorld, person: Person, random: Random) -> None:
    if orders := _orders(world, person):
        world.store.update_order(random.choice(orders), status="completed")


def order_is_thrown_away(world: LifeWorld, person: Person, random: Random) -> None:
    live = [order for order in _orders(world, person) if world.store.orders[order].status != "trash"]
    if live:
        world.store.trash_order(random.choice(live))


def order_is_fetched_back(world: LifeWorld, person: Person, random: Random) -> None:
    trashed = [order for order in _orders(world, person) if world.store.orders[order].status == "trash"]
    if trashed:
        world.store.untrash_order(random.choice(trashed))


def is_renamed_in_store(world: LifeWorld, person: Person, random: Random) -> None:
    world.store.save_profile(world.customer_ids[person.phone], billing_first_name=random.choice("ABCDEF"))


def is_imported_again(world: LifeWorld, person: Person, random: Random) -> None:
    customer_id = world.customer_ids[person.phone]
    world.customer_ids[person.phone] = world.store.import_again([customer_id])[customer_id]


def writes_stop(world: LifeWorld, person: Person, random: Random) -> None:
    """An answer to a message: only who is subscribed gets any."""
    # START and STOP between two looks cannot be told from nothing at all.
    if world.platform.state(person.phone) == "SUBSCRIBED" and person.phone not in world.started_since_look:
        world.platform.answer(person.phone, SubscriptionState.UNSUBSCRIBED)
        world.referee.hears(person.phone, "STOP", yes=False, place="platform")


def writes_start(world: LifeWorld, person: Person, random: Random) -> None:
    if world.platform.state(person.phone) == "UNSUBSCRIBED":
        world.platform.answer(person.phone, SubscriptionState.SUBSCRIBED)
        world.started_since_look.add(person.phone)
        world.referee.hears(person.phone, "START", yes=True, place="platform")


def is_deleted_on_platform(world: LifeWorld, person: Person, random: Random) -> None:
    # A contact that a crashed sync has made, and of which nobody saw that it was made, can go without a trace.
    if person.phone in world.confirmed:
        world.platform.contacts.pop(person.phone, None)


def is_renamed_on_platform(world: LifeWorld, person: Person, random: Random) -> None:
    if person.phone in world.platform.contacts:
        world.platform.rename(person.phone)


OF_CUSTOMERS: list[Act] = [
    chooses_in_account,
    chooses_in_account,
    refuses_in_account,
    ticks_in_my_account,
    is_renamed_in_store,
    is_imported_again,
]
OF_EVERYBODY: list[Act] = [
    changes_box_at_checkout,
    changes_box_at_checkout,
    leaves_box_as_it_is,
    leaves_box_as_it_is,
    answers_at_classic_checkout,
    is_renewed,
    order_is_edited,
    order_is_thrown_away,
    order_is_fetched_back,
    writes_stop,
    writes_stop,
    writes_stop,
    writes_start,
    is_deleted_on_platform,
    is_renamed_on_platform,
]


def act(world: LifeWorld, person: Person, random: Random) -> None:
    """Anything that can happen to this person."""
    acts = OF_EVERYBODY + OF_CUSTOMERS if person.has_account else OF_EVERYBODY
    random.choice(acts)(world, person, random)


def register(world: LifeWorld, person: Person, random: Random) -> None:
    """The beginning of a life in the store."""
    if person.has_account:
        world.customer_ids[person.phone] = world.store.register_customer(
            email=f"{person.phone[1:]}@example.com", first_name="Ann", billing=_billing(person)
        )
    else:
        world.store.place_order(billing=_billing(person))


def _billing(person: Person) -> dict[str, str]:
    return {
        "first_name": "Ann",
        "phone": person.phone,
        "country": "AU",
        "email": f"{person.phone[1:]}@example.com",
    }


def _check_out(world: LifeWorld, person: Person, *, fields: dict[str, bool]) -> None:
    world.store.check_out(
        customer_id=world.customer_ids.get(person.phone, 0),
        billing=_billing(person),
        fields=fields,
        session=person.phone,
    )
    if not person.has_account and BLOCK_KEY in fields:
        world.sessions[person.phone] = fields[BLOCK_KEY]


def _kept(world: LifeWorld, person: Person) -> bool:
    if not person.has_account:
        return world.sessions.get(person.phone, False)
    known = world.store.customers[world.customer_ids[person.phone]].meta.get(BLOCK_KEY)
    return known is not None and known.value == "1"


def _orders(world: LifeWorld, person: Person) -> list[int]:
    return [order.id for order in world.store.orders.values() if order.billing.get("phone") == person.phone]
