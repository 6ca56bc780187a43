"""What a platform answers need not be what it does: the state that it shows afterwards is what counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import pytest

from woo_sync_pipeline.contacts.contact import ContactBase, StoreContact
from woo_sync_pipeline.contacts.subscription import (
    NotApplied,
    SetBy,
    Signal,
    SubscriptionBase,
    SubscriptionState,
)
from woo_sync_pipeline.demo.platform import DemoPlatform, Exchange, Readings, api, contacts_api
from woo_sync_pipeline.demo.platform.account import Account, Call
from woo_sync_pipeline.demo.platform.answers import Answer, InvalidField, invalid
from woo_sync_pipeline.messagemedia.account import ensure_custom_fields
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.encoding import ContactPlan, Vocabulary, plan_contact
from woo_sync_pipeline.messagemedia.models import Contact
from woo_sync_pipeline.messagemedia.outcomes import PushOutcome, PushResult
from woo_sync_pipeline.messagemedia.parallel_sending import Pusher
from woo_sync_pipeline_tests.contacts.people import base_of, store
from woo_sync_pipeline_tests.contacts.situations import (
    SUBSCRIBED,
    UNSUBSCRIBED,
    by_us,
    dated,
    opted_out,
    undated,
)
from woo_sync_pipeline_tests.messagemedia.test_sending import CONTACTS, connect, phone

ANN, BOB = phone(1), phone(2)


@dataclass
class World:
    """A platform, and a store's contacts that are pushed to it."""

    platform: DemoPlatform
    client: PlatformClient
    stores: dict[str, StoreContact]

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary({}, *ensure_custom_fields(self.client), clock_offset=self.client.clock_offset)

    def plan(self, of: str) -> ContactPlan:
        there = self.client.contacts_by_phone([of]).get(of)
        return plan_contact(self.stores[of], there, self.vocabulary, now=datetime.now(UTC))

    def push(self, *phones: str) -> PushResult:
        """Send what these contacts need, as a sync does."""
        vocabulary = self.vocabulary

        def replan(plan: ContactPlan, found: Contact | None, *, maybe_sent: bool) -> ContactPlan:
            wanted = self.stores[plan.phone]
            current = replace(wanted, in_flight=plan.base) if maybe_sent else wanted
            return plan_contact(current, found, vocabulary, now=datetime.now(UTC))

        plans = [self.plan(each) for each in phones]
        self.platform.requests.reset()
        with Pusher(self.client, max_concurrency=2) as pusher:
            return pusher.finish(pusher.begin(plans, replan=replan, read_at=monotonic()))

    def push_one(self, of: str = ANN) -> PushOutcome:
        (outcome,) = self.push(of).outcomes
        return outcome

    def state(self, of: str = ANN) -> str:
        return self.platform.directory.snapshot()[of]["states"]["SMS"]

    @property
    def changes_sent(self) -> int:
        return self.platform.requests.count("PATCH", CONTACTS)


@pytest.fixture(params=[Readings(), Readings("merge", "keep")], ids=["replace", "merge"])
def readings(request: pytest.FixtureRequest) -> Readings:
    chosen: Readings = request.param
    return chosen


@pytest.fixture
def world(platform: DemoPlatform) -> Iterator[World]:
    with connect(platform) as client:
        yield World(platform, client, {})


def know(
    world: World,
    of: str = ANN,
    *,
    state: SubscriptionState,
    signal: Signal,
    **changes: Any,
) -> None:
    """A contact that a sync has brought about, and whose stores say something new since."""
    world.platform.directory.add_contact(
        of,
        first_name="Ann",
        last_name="Lee",
        state=state,
        custom_fields={"source": "WooCommerce", "email": "ann@example.com"},
    )
    there = world.client.contacts_by_phone([of])[of]
    applied = dated(1) if state is SUBSCRIBED else opted_out(1)
    base = replace(by_us(state, applied), modified_at=there.last_modified_at)
    confirmed = store(phone=of, groups=(), signal=applied)
    world.stores[of] = replace(confirmed, signal=signal, base=base_of(confirmed, base), **changes)


def subscription_of(outcome: PushOutcome) -> SubscriptionBase:
    assert outcome.plan.base.subscription is not None
    return outcome.plan.base.subscription


def confirm(world: World, outcome: PushOutcome, of: str = ANN) -> None:
    world.stores[of] = replace(world.stores[of], base=outcome.plan.base, in_flight=None)


def test_an_unsubscription_that_is_not_applied_fails_after_three_tries(world: World) -> None:
    know(world, state=SUBSCRIBED, signal=opted_out(5))
    know(world, BOB, state=SUBSCRIBED, signal=opted_out(5))
    world.platform.directory.keeps_state_of = {ANN}
    result = world.push(ANN, BOB)

    assert result.stopped_by is None
    kept, other = result.outcomes
    assert kept.failed
    assert kept.reason == (
        "MessageMedia answered that the contact is unsubscribed now, and goes on showing it as subscribed: "
        "look at the contact there; the next sync tries again"
    )
    assert (kept.was_created, kept.changes, kept.changed_nothing) == (False, (), False)
    assert (other.failed, other.changes) == (False, ("unsubscribed",))
    assert (world.state(ANN), world.state(BOB)) == ("SUBSCRIBED", "UNSUBSCRIBED")
    assert world.changes_sent == 3 + 1


def test_the_rest_of_such_a_change_is_applied(world: World) -> None:
    know(world, state=SUBSCRIBED, signal=opted_out(5), first_name="Anna")
    world.platform.directory.keeps_state_of = {ANN}
    assert world.push_one().failed
    assert world.platform.directory.snapshot()[ANN]["first_name"] == "Anna"


def test_the_next_sync_tries_again(world: World) -> None:
    know(world, state=SUBSCRIBED, signal=opted_out(5))
    world.platform.directory.keeps_state_of = {ANN}
    failed = world.push_one()
    # What failed is not confirmed, but noted as having been under way.
    world.stores[ANN] = replace(world.stores[ANN], in_flight=failed.plan.base)
    assert world.push_one().failed

    world.platform.directory.keeps_state_of = set()
    done = world.push_one()
    assert (done.failed, done.changes) == (False, ("unsubscribed",))
    assert subscription_of(done).set_by is SetBy.sync
    assert world.state() == "UNSUBSCRIBED"


def test_an_unsubscription_that_is_applied_at_the_second_try_is_done(world: World) -> None:
    know(world, state=SUBSCRIBED, signal=opted_out(5))
    world.platform.directory.keeps_state_of = {ANN}

    def come_to_itself(exchange: Exchange) -> None:
        if exchange.method == "PATCH":
            world.platform.directory.keeps_state_of = set()

    world.platform.on_exchange = come_to_itself
    done = world.push_one()
    assert (done.failed, done.changes) == (False, ("unsubscribed",))
    assert (world.state(), world.changes_sent) == ("UNSUBSCRIBED", 2)


@pytest.mark.parametrize("signal", [dated(5), undated(5)])
def test_a_subscription_that_is_not_applied_is_no_failure_and_is_not_tried_again(
    world: World, signal: Signal
) -> None:
    know(world, state=UNSUBSCRIBED, signal=signal)
    world.platform.directory.keeps_state_of = {ANN}
    outcome = world.push_one()

    assert not outcome.failed
    assert outcome.changed_nothing
    assert outcome.plan.refuses_anew
    base = subscription_of(outcome)
    assert (base.state, base.set_by) == (UNSUBSCRIBED, SetBy.platform)
    assert base.unsubscribed_seen_at is not None
    assert base.applied == signal
    assert base.not_applied in (NotApplied.undated, NotApplied.perhaps_earlier)
    assert (world.state(), world.changes_sent) == ("UNSUBSCRIBED", 1)

    confirm(world, outcome)
    again = world.plan(ANN)
    assert again.sends_nothing
    assert not again.refuses_anew


def test_nor_is_one_that_leaves_the_contact_as_if_nothing_had_arrived(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was answered, so that it has arrived, whatever the contact's date says."""
    know(world, state=UNSUBSCRIBED, signal=dated(5))

    def do_nothing(account: Account, call: Call) -> Answer:
        return contacts_api.get(account, Call(call.ids, "", None))

    monkeypatch.setitem(operations("contacts", "{id}"), "PATCH", do_nothing)
    outcome = world.push_one()
    assert (outcome.failed, outcome.changes) == (False, ())
    assert subscription_of(outcome).not_applied is NotApplied.perhaps_earlier
    assert world.changes_sent == 1


def test_what_else_was_changed_with_it_is_done_and_told(world: World) -> None:
    know(world, state=UNSUBSCRIBED, signal=dated(5), first_name="Anna")
    world.platform.directory.keeps_state_of = {ANN}
    outcome = world.push_one()
    assert (outcome.failed, outcome.changes) == (False, ("first_name",))
    assert outcome.plan.not_applied_sentence is not None
    assert world.platform.directory.snapshot()[ANN]["first_name"] == "Anna"
    assert world.changes_sent == 1


def test_a_stop_that_the_platform_remembers_outweighs_an_opt_in_that_could_not_know_of_it(
    world: World,
) -> None:
    world.platform.directory.remembers_opt_outs = True
    world.platform.directory.stop_moves_date = False
    know(world, state=UNSUBSCRIBED, signal=undated(5))
    world.platform.directory.unsubscribe(ANN)
    outcome = world.push_one()
    assert (outcome.failed, outcome.changes) == (False, ())
    assert subscription_of(outcome).not_applied is NotApplied.undated
    assert (world.state(), world.changes_sent) == ("UNSUBSCRIBED", 1)


def test_a_contact_that_is_made_and_kept_unsubscribed_is_new_and_not_subscribed(world: World) -> None:
    directory = world.platform.directory
    directory.remembers_opt_outs = True
    directory.add_contact(ANN, state="UNSUBSCRIBED")
    directory.delete(ANN)
    world.stores[ANN] = store(phone=ANN, groups=(), signal=dated(5))
    outcome = world.push_one()

    assert (outcome.failed, outcome.was_created, outcome.changes) == (False, True, ("created",))
    base = subscription_of(outcome)
    assert (base.state, base.set_by) == (UNSUBSCRIBED, SetBy.platform)
    assert base.not_applied is NotApplied.unsubscribed_before
    assert world.platform.requests.count("POST", CONTACTS) == 1
    assert world.changes_sent == 0
    confirm(world, outcome)
    assert world.plan(ANN).sends_nothing


def test_somebody_known_who_was_deleted_there_is_not_subscribed_by_a_platform_that_remembers(
    world: World,
) -> None:
    directory = world.platform.directory
    directory.remembers_opt_outs = True
    know(world, state=UNSUBSCRIBED, signal=undated(5))
    directory.delete(ANN)
    outcome = world.push_one()
    assert (outcome.failed, outcome.was_created) == (False, True)
    base = subscription_of(outcome)
    assert (base.state, base.set_by) == (UNSUBSCRIBED, SetBy.platform)
    assert (world.state(), world.changes_sent) == ("UNSUBSCRIBED", 0)


def answering_with_the_contact_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform applies a change and answers with the contact as it was."""
    change: Callable[[Account, Call], Answer] = contacts_api.update

    def update(account: Account, call: Call) -> Answer:
        before = contacts_api.get(account, Call(call.ids, "", None))
        answer = change(account, call)
        return before if answer.status == 200 else answer

    monkeypatch.setitem(operations("contacts", "{id}"), "PATCH", update)


def operations(*template: str) -> Any:
    found: Mapping[str, object] = api._OPERATIONS[template]
    return found


@pytest.mark.parametrize(
    ("state", "signal", "changes"),
    [(SUBSCRIBED, opted_out(5), ("unsubscribed",)), (UNSUBSCRIBED, dated(5), ("subscribed",))],
)
def test_an_answer_that_still_shows_the_old_state_is_fine_if_a_look_shows_the_new_one(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    state: SubscriptionState,
    signal: Signal,
    changes: Sequence[str],
) -> None:
    know(world, state=state, signal=signal)
    answering_with_the_contact_before(monkeypatch)
    outcome = world.push_one()
    assert (outcome.failed, outcome.changes) == (False, changes)
    assert subscription_of(outcome).set_by is SetBy.sync
    assert subscription_of(outcome).not_applied is None
    assert world.state() != state
    assert world.changes_sent == 1


def test_an_answer_that_shows_the_state_that_was_sent_is_believed(world: World) -> None:
    know(world, state=SUBSCRIBED, signal=opted_out(5))
    outcome = world.push_one()
    assert not outcome.failed
    # Read once more right before it was written to, and not afterwards.
    assert [each.method for each in world.platform.requests.entries] == ["GET", "PATCH"]
    there = world.client.contacts_by_phone([ANN])[ANN]
    assert outcome.modified_at == there.last_modified_at


def test_a_state_that_nobody_sent_is_not_compared(world: World) -> None:
    know(world, state=SUBSCRIBED, signal=dated(1), first_name="Anna")
    world.platform.directory.keeps_state_of = {ANN}
    outcome = world.push_one()
    assert (outcome.failed, outcome.changes) == (False, ("first_name",))


def test_nobody_is_said_to_be_unsubscribed_all_the_same_who_is_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(world, state=SUBSCRIBED, signal=opted_out(5), first_name="Mallory")
    change = contacts_api.update

    def refuse_names(account: Account, call: Call) -> Answer:
        if "firstName" in str(call.body):
            raise invalid([InvalidField("firstName", "invalid_format", "is not taken")])
        return change(account, call)

    monkeypatch.setitem(operations("contacts", "{id}"), "PATCH", refuse_names)
    world.platform.directory.keeps_state_of = {ANN}
    failed = world.push_one()
    assert failed.reason is not None
    assert failed.reason.startswith("firstName: invalid_format")
    assert "unsubscribed" not in failed.reason
    world.platform.directory.keeps_state_of = set()
    failed = world.push_one()
    assert str(failed.reason).endswith("; the person is unsubscribed all the same")
    assert world.state() == "UNSUBSCRIBED"


def test_a_contact_that_is_deleted_at_the_same_time_is_planned_anew(world: World) -> None:
    know(world, state=SUBSCRIBED, signal=opted_out(5))

    def delete(exchange: Exchange) -> None:
        if exchange.method == "PATCH" and ANN in world.platform.directory:
            world.platform.directory.delete(ANN)

    world.platform.directory.keeps_state_of = {ANN}
    world.platform.on_exchange = delete
    outcome = world.push_one()
    assert (outcome.failed, outcome.was_created) == (False, True)
    assert world.state() == "UNSUBSCRIBED"
    assert outcome.plan.base != ContactBase()
