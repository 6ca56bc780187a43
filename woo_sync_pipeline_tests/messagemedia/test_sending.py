"""Sending plans to the demo account; what is planned and remembered is tested elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any

import pytest

from woo_sync_pipeline.contacts.contact import ContactBase
from woo_sync_pipeline.contacts.decision import Decision, MembershipChange
from woo_sync_pipeline.contacts.subscription import SubscriptionState, Verdict
from woo_sync_pipeline.demo.platform import DemoPlatform, Exchange, FaultKind, api, lists_api
from woo_sync_pipeline.demo.platform.account import Account, Call
from woo_sync_pipeline.demo.platform.answers import Answer, InvalidField, conflict, invalid
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.encoding import Action, ContactPlan
from woo_sync_pipeline.messagemedia.errors import PlatformAuthError, PlatformUnavailable
from woo_sync_pipeline.messagemedia.models import Contact
from woo_sync_pipeline.messagemedia.outcomes import PushResult
from woo_sync_pipeline.messagemedia.parallel_sending import Pusher
from woo_sync_pipeline.messagemedia.settings import PlatformSettings

CONTACTS, LISTS = "/api/v1/contacts/contacts", "/api/v1/contacts/lists"


@pytest.fixture
def client(platform: DemoPlatform) -> Iterator[PlatformClient]:
    with connect(platform) as opened:
        yield opened


def connect(platform: DemoPlatform, **changes: Any) -> PlatformClient:
    patience = {"backoff": 0.01, "attempts": 3, **changes}
    return PlatformClient(PlatformSettings(platform.url, platform.api_key, platform.api_secret, **patience))


def phone(number: int) -> str:
    return f"+614{number:08d}"


def decision(first_name: str | None = None) -> Decision:
    return Decision(
        creates=False,
        first_name=first_name or "",
        last_name="",
        email="",
        label="",
        membership=MembershipChange(),
        base=ContactBase(first_name),
        verdict=Verdict(SubscriptionState.SUBSCRIBED),
        state_before=None,
    )


def creation(number: int, first_name: str = "Ann") -> ContactPlan:
    channel = {"channelId": phone(number), "type": "SMS", "subscriptionState": "SUBSCRIBED"}
    body = {"firstName": first_name, "channels": [channel]}
    return ContactPlan(phone(number), Action.create, None, decision(first_name), body, changes=("created",))


def update(number: int, contact_id: str, first_name: str = "Anna", joins: Sequence[str] = ()) -> ContactPlan:
    return ContactPlan(
        phone(number),
        Action.update,
        contact_id,
        decision(first_name),
        {"firstName": first_name},
        joins=tuple(joins),
        changes=("first_name",),
    )


def membership(
    number: int, contact_id: str, *, joins: Sequence[str] = (), leaves: Sequence[str] = ()
) -> ContactPlan:
    return ContactPlan(
        phone(number),
        Action.none,
        contact_id,
        decision(),
        joins=tuple(joins),
        leaves=tuple(leaves),
        changes=("groups",),
    )


def replan(plan: ContactPlan, found: Contact | None, *, maybe_sent: bool) -> ContactPlan:
    """Wants the same as before, of whatever is there now."""
    wanted = str(plan.base.first_name)
    number = int(plan.phone[4:])
    if found is None:
        return creation(number, wanted)
    if found.first_name == wanted:
        return ContactPlan(plan.phone, Action.none, found.id, plan.decision)
    return update(number, found.id, wanted)


def push(client: PlatformClient, plans: Sequence[ContactPlan], *, concurrency: int = 4) -> PushResult:
    with Pusher(client, max_concurrency=concurrency) as pusher:
        return pusher.finish(pusher.begin(plans, replan=replan, read_at=monotonic()))


def many(platform: DemoPlatform, count: int) -> list[str]:
    return [platform.directory.add_contact(phone(number)) for number in range(count)]


def test_nothing_to_send_is_no_request(platform: DemoPlatform, client: PlatformClient) -> None:
    assert push(client, []) == PushResult(())
    assert platform.requests.entries == []


def test_contacts_are_created_updated_and_put_into_lists(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    old = platform.directory.add_contact(phone(2), first_name="Bob", lists=["left"])
    joined, left = platform.directory.add_list("joined"), platform.directory.add_list("left")
    moved = membership(2, old, joins=[joined], leaves=[left])
    result = push(client, [creation(1), moved])

    assert result.stopped_by is None
    first, second = result.outcomes
    assert (first.was_created, first.changes, first.failed) == (True, ("created",), False)
    assert first.contact_id == client.contacts_by_phone([phone(1)])[phone(1)].id
    assert (second.was_created, second.changes, second.contact_id) == (False, ("groups",), old)
    # Of a contact to which nothing was written the platform says no date.
    assert (first.modified_at is not None, second.modified_at) == (True, None)
    assert platform.directory.list_members("joined") == {phone(2)}
    assert platform.directory.list_members("left") == set()
    assert platform.requests.writes == 3


def test_members_are_changed_a_thousand_at_a_time(platform: DemoPlatform, client: PlatformClient) -> None:
    ids = many(platform, 1500)
    joined, left = platform.directory.add_list("joined"), platform.directory.add_list("left")
    for number in range(1500):
        platform.directory.add_to_list(phone(number), "left")
    result = push(
        client,
        [membership(n, contact_id, joins=[joined], leaves=[left]) for n, contact_id in enumerate(ids)],
    )
    assert not any(outcome.failed for outcome in result.outcomes)
    assert len(platform.directory.list_members("joined")) == 1500
    assert platform.directory.list_members("left") == set()
    assert platform.requests.count("PATCH", LISTS) == len(platform.requests) == 4


def test_one_refused_contact_fails_alone_and_with_its_reason(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    result = push(client, [creation(1), creation(2, "Mallory" * 20), creation(3)])
    assert [outcome.failed for outcome in result.outcomes] == [False, True, False]
    refused = result.outcomes[1]
    assert refused.reason is not None
    assert refused.reason.startswith("firstName: invalid_length")
    assert "Mallory" not in refused.reason
    assert (refused.was_created, refused.changes) == (False, ())
    assert phone(2) not in platform.directory


def test_a_creation_without_an_answer_is_looked_up_before_it_is_repeated(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.faults.queue("lost_answer", methods=["POST"])
    (outcome,) = push(client, [creation(1)]).outcomes
    assert (outcome.was_created, outcome.failed, outcome.changes) == (True, False, ("created",))
    assert [(each.method, each.status) for each in platform.requests.entries] == [
        ("POST", None),
        ("GET", 200),
    ]

    platform.requests.reset()
    platform.faults.queue("drop", methods=["POST"])
    (outcome,) = push(client, [creation(2)]).outcomes
    assert (outcome.was_created, outcome.failed) == (True, False)
    assert [each.method for each in platform.requests.entries] == ["POST", "GET", "POST"]
    assert len(platform.directory) == 2


def test_a_creation_is_looked_up_and_repeated_as_often_as_it_needs_to_be(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.faults.queue("500", 7, methods=["POST"])
    (outcome,) = push(client, [creation(1)]).outcomes
    assert (outcome.was_created, outcome.failed) == (True, False)
    assert [each.method for each in platform.requests.entries] == [*["POST", "GET"] * 7, "POST"]


def test_a_phone_that_is_taken_is_completed_and_not_counted_as_new(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    contact_id = platform.directory.add_contact(phone(1), first_name="Bob")
    (outcome,) = push(client, [creation(1)]).outcomes
    assert (outcome.was_created, outcome.contact_id) == (False, contact_id)
    assert outcome.changes == ("first_name",)
    assert platform.directory.snapshot()[phone(1)]["first_name"] == "Ann"


def test_a_contact_that_is_gone_is_made_anew(platform: DemoPlatform, client: PlatformClient) -> None:
    contact_id = platform.directory.add_contact(phone(1))
    platform.directory.delete(phone(1))
    (outcome,) = push(client, [update(1, contact_id)]).outcomes
    assert (outcome.was_created, outcome.changes) == (True, ("created",))
    assert outcome.contact_id not in (None, contact_id)


def test_a_contact_that_is_there_and_is_not_is_given_up(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    # Somebody takes the phone before every attempt and gives it back before every look.
    def contradict(method: str, path: str) -> None:
        if method == "POST":
            platform.directory.add_contact(phone(1))
        elif phone(1) in platform.directory:
            platform.directory.delete(phone(1))

    platform.on_request = contradict
    (outcome,) = push(client, [creation(1)]).outcomes
    assert outcome.failed
    assert outcome.reason is not None
    assert "409" in outcome.reason
    assert not outcome.was_created
    assert len(platform.requests) < 20


def test_refused_credentials_stop_the_push_at_once(platform: DemoPlatform, client: PlatformClient) -> None:
    def revoke(exchange: Exchange) -> None:
        if platform.requests.writes + (exchange.status == 201) == 5:
            platform.api_secret = "revoked"

    platform.on_exchange = revoke
    result = push(client, [creation(number) for number in range(200)], concurrency=1)

    assert isinstance(result.stopped_by, PlatformAuthError)
    # Which five were first is for the threads to settle; that they are the ones that are there now is not.
    assert len(result.outcomes) == 5
    assert all(outcome.plan.phone in platform.directory for outcome in result.outcomes)
    assert [each.status for each in platform.requests.entries].count(401) <= 3


def test_an_outage_leaves_contacts_unfinished_whose_lists_were_still_to_be_changed(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    ids = many(platform, 4)
    vip = platform.directory.add_list("VIP")
    plans = [update(0, ids[0]), update(1, ids[1], joins=[vip]), update(2, ids[2]), update(3, ids[3])]
    platform.faults.queue("503", 3, methods=["PATCH"], path=f"{CONTACTS}/{ids[2]}")
    result = push(client, plans, concurrency=1)

    assert isinstance(result.stopped_by, PlatformUnavailable)
    finished = {outcome.plan.phone for outcome in result.outcomes}
    assert phone(0) in finished
    assert not finished & {phone(1), phone(2)}
    assert platform.directory.list_members("VIP") == set()


def test_an_outage_during_the_changes_of_lists_finishes_only_the_others(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    ids = many(platform, 2)
    vip = platform.directory.add_list("VIP")
    platform.faults.queue("503", 3, methods=["PATCH"], path=LISTS)
    result = push(client, [update(0, ids[0]), membership(1, ids[1], joins=[vip])])
    assert isinstance(result.stopped_by, PlatformUnavailable)
    assert [outcome.plan.phone for outcome in result.outcomes] == [phone(0)]


def test_contacts_that_are_gone_when_their_lists_are_changed_are_made_anew(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    ids = many(platform, 20)
    vip = platform.directory.add_list("VIP")
    for number in (3, 11):
        platform.directory.delete(phone(number))
    result = push(client, [membership(number, each, joins=[vip]) for number, each in enumerate(ids)])

    assert [outcome.plan.phone for outcome in result.outcomes] == [phone(number) for number in range(20)]
    made = [outcome for outcome in result.outcomes if outcome.was_created]
    assert [(outcome.plan.phone, outcome.failed) for outcome in made] == [
        (phone(3), False),
        (phone(11), False),
    ]
    assert made[0].contact_id == client.contacts_by_phone([phone(3)])[phone(3)].id
    assert len(platform.directory.list_members("VIP")) == 18
    assert platform.requests.count("PATCH", LISTS) == 2
    assert platform.requests.count("POST", CONTACTS) == 2


def test_a_contact_that_others_made_anew_meanwhile_joins_the_lists_as_it_is_now(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    old, _ = many(platform, 2)
    vip = platform.directory.add_list("VIP")
    platform.directory.delete(phone(0))
    new = platform.directory.add_contact(phone(0))

    def join(plan: ContactPlan, found: Contact | None, *, maybe_sent: bool) -> ContactPlan:
        assert found is not None
        return membership(0, found.id, joins=[vip])

    with Pusher(client, max_concurrency=2) as pusher:
        sending = pusher.begin([membership(0, old, joins=[vip])], replan=join, read_at=monotonic())
        (outcome,) = pusher.finish(sending).outcomes
    assert (outcome.failed, outcome.contact_id) == (False, new)
    assert platform.directory.list_members("VIP") == {phone(0)}


def test_a_contact_that_is_there_and_refused_by_a_list_fails_with_the_reason(
    platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = many(platform, 4)
    vip = platform.directory.add_list("VIP")
    change = lists_api.change_members

    def full(account: Account, call: Call) -> Answer:
        if ids[2] in str(call.body):
            raise invalid([InvalidField("contactsToAddIds", "constraint_violation", "is on too many lists")])
        return change(account, call)

    monkeypatch.setitem(api._OPERATIONS["lists", "{id}", "contacts"], "PATCH", full)
    result = push(client, [membership(number, each, joins=[vip]) for number, each in enumerate(ids)])
    (failed,) = [outcome for outcome in result.outcomes if outcome.failed]
    assert failed.plan.phone == phone(2)
    assert failed.reason is not None
    assert failed.reason.startswith("list membership: 400: contactsToAddIds: constraint_violation")
    assert len(platform.directory.list_members("VIP")) == 3


def test_members_that_the_platform_refuses_without_naming_them_are_narrowed_down(
    platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        lists_api, "unknown_ids", lambda name, _: InvalidField(name, "invalid_reference", "not known")
    )
    ids = many(platform, 32)
    vip, old = platform.directory.add_list("VIP"), platform.directory.add_list("old")
    for number in range(32):
        platform.directory.add_to_list(phone(number), "old")
    platform.directory.delete(phone(13))
    result = push(
        client,
        [membership(n, contact_id, joins=[vip], leaves=[old]) for n, contact_id in enumerate(ids)],
    )
    assert [outcome.plan.phone for outcome in result.outcomes if outcome.was_created] == [phone(13)]
    assert len(platform.directory.list_members("VIP")) == 31
    assert platform.directory.list_members("old") == set()
    assert platform.requests.count("PATCH", LISTS) <= 1 + 2 * 6


def test_a_list_that_is_gone_fails_its_members_with_one_request(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    ids = many(platform, 20)
    gone, vip = platform.directory.add_list("gone"), platform.directory.add_list("VIP")
    platform.directory.delete_list("gone")
    plans = [membership(number, each, joins=[vip, gone][number % 2 :]) for number, each in enumerate(ids)]
    result = push(client, plans)
    assert all(outcome.failed for outcome in result.outcomes)
    assert len(platform.directory.list_members("VIP")) == 10
    assert len(platform.requests) == 2


@pytest.mark.parametrize("kind", ["500", "502", "drop"])
def test_the_only_list_to_change_fails_its_members_alone_when_the_platform_breaks_at_it(
    platform: DemoPlatform, client: PlatformClient, kind: FaultKind
) -> None:
    ids = many(platform, 20)
    vip = platform.directory.add_list("VIP")
    platform.faults.rate(kind, 1.0, path=f"{LISTS}/{vip}")
    plans = [
        membership(n, each, joins=[vip]) if n % 2 else update(n, each, "Anna") for n, each in enumerate(ids)
    ]
    result = push(client, plans)
    assert result.stopped_by is None
    failed = {outcome.plan.phone: outcome.reason for outcome in result.outcomes if outcome.failed}
    assert failed.keys() == {phone(number) for number in range(1, 20, 2)}
    assert all(reason and reason.startswith("list membership: ") for reason in failed.values())
    assert all("3 tries" in str(reason) for reason in failed.values())
    assert platform.requests.count("PATCH", LISTS) == 3


def test_a_list_at_which_the_platform_breaks_stops_no_other(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    ids = many(platform, 30)
    lists = [platform.directory.add_list(f"list {number}") for number in range(6)]
    for each in lists[1:]:
        platform.faults.rate("500", 1.0, path=f"{LISTS}/{each}")
    result = push(client, [membership(n, each, joins=[lists[n % 6]]) for n, each in enumerate(ids)])
    assert result.stopped_by is None
    done = [outcome.plan.phone for outcome in result.outcomes if not outcome.failed]
    assert done == [phone(number) for number in range(0, 30, 6)]
    assert platform.directory.list_members("list 0") == set(done)


def test_a_list_whose_change_is_a_conflict_fails_its_members_with_one_request(
    platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def conflicting(account: Account, call: Call) -> Answer:
        raise conflict("The list is being changed")

    monkeypatch.setitem(api._OPERATIONS["lists", "{id}", "contacts"], "PATCH", conflicting)
    ids = many(platform, 4)
    lists = [platform.directory.add_list(name) for name in ("VIP", "old")]
    result = push(client, [membership(n, each, joins=[lists[n % 2]]) for n, each in enumerate(ids)])
    # An answer is no outage, whichever it is.
    assert result.stopped_by is None
    assert [outcome.failed for outcome in result.outcomes] == [True] * 4
    assert all(str(each.reason).startswith("list membership: 409") for each in result.outcomes)
    assert platform.requests.count("PATCH", LISTS) == 2


@pytest.mark.parametrize("kind", ["500", "502", "503", "504"])
@pytest.mark.parametrize("count", [2, 40])
def test_a_platform_that_breaks_at_the_change_of_every_list_stops_the_push(
    platform: DemoPlatform, client: PlatformClient, kind: FaultKind, count: int
) -> None:
    ids = many(platform, 41)
    lists = [platform.directory.add_list(f"list {number}") for number in range(count)]
    platform.faults.rate(kind, 1.0, methods=["PATCH"], path=LISTS)
    plans = [membership(n, each, joins=[lists[n % count]]) for n, each in enumerate(ids[:40])]
    result = push(client, [*plans, update(40, ids[40])])
    assert isinstance(result.stopped_by, PlatformUnavailable)
    assert [outcome.plan.phone for outcome in result.outcomes] == [phone(40)]
    assert platform.requests.count("PATCH", LISTS) <= 3 * 20


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "drop"])
def test_a_platform_that_goes_down_before_the_only_list_is_changed_stops_the_push(
    platform: DemoPlatform, client: PlatformClient, kind: FaultKind
) -> None:
    ids = many(platform, 2)
    vip = platform.directory.add_list("VIP")
    platform.faults.rate(kind, 1.0)
    result = push(client, [membership(n, each, joins=[vip]) for n, each in enumerate(ids)])
    assert isinstance(result.stopped_by, PlatformUnavailable)
    assert result.outcomes == ()


def test_one_list_at_which_the_platform_breaks_is_no_outage_in_any_number_of_batches(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    ids = many(platform, 12)
    vip = platform.directory.add_list("VIP")
    platform.faults.rate("500", 1.0, path=f"{LISTS}/{vip}")
    with Pusher(client, max_concurrency=2) as pusher:
        for number, each in enumerate(ids):
            plans = [membership(number, each, joins=[vip])]
            result = pusher.finish(pusher.begin(plans, replan=replan, read_at=monotonic()))
            assert result.stopped_by is None
            assert [outcome.failed for outcome in result.outcomes] == [True]


def test_a_fault_of_our_own_stops_the_push_and_is_not_taken_for_an_answer(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.directory.add_contact(phone(1))

    def broken(plan: ContactPlan, found: Contact | None, *, maybe_sent: bool) -> ContactPlan:
        raise KeyError("a fault of the program")

    with Pusher(client, max_concurrency=2) as pusher:
        result = pusher.finish(pusher.begin([creation(1)], replan=broken, read_at=monotonic()))
        assert isinstance(result.stopped_by, KeyError)
        assert result.outcomes == ()
        later = pusher.finish(pusher.begin([creation(2)], replan=replan, read_at=monotonic()))
    assert later == PushResult(())
    assert phone(2) not in platform.directory


def test_contacts_are_sent_at_the_same_time(platform: DemoPlatform, client: PlatformClient) -> None:
    platform.faults.latency = 0.05
    push(client, [creation(number) for number in range(16)], concurrency=8)
    assert len(platform.directory) == 16
    assert platform.requests.most_at_once > 1


@pytest.mark.parametrize("kind", ["500", "503", "drop"])
def test_a_platform_that_takes_no_creation_stops_the_push_and_puts_nobody_aside(
    platform: DemoPlatform, client: PlatformClient, kind: FaultKind
) -> None:
    made = push(client, [creation(number) for number in range(1000, 1005)])
    assert len(made.outcomes) == 5
    platform.faults.rate(kind, 1.0, methods=["POST"])
    result = push(client, [creation(number) for number in range(200)])
    assert isinstance(result.stopped_by, PlatformUnavailable)
    assert "contacts in a row" in str(result.stopped_by)
    assert result.outcomes == ()
    assert platform.requests.count("POST", CONTACTS) < 5 + 200


def test_a_platform_that_breaks_at_every_update_stops_the_push(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    ids = many(platform, 40)
    platform.faults.rate("500", 1.0, methods=["PATCH"])
    result = push(client, [update(number, each) for number, each in enumerate(ids)])
    assert isinstance(result.stopped_by, PlatformUnavailable)
    assert result.outcomes == ()


def test_a_contact_at_which_the_platform_breaks_stops_no_other(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    ids = many(platform, 30)
    platform.faults.rate("500", 1.0, methods=["PATCH"], path=f"{CONTACTS}/{ids[7]}")
    platform.faults.queue("500", 8, methods=["POST"])
    plans = [creation(100), *(update(number, each) for number, each in enumerate(ids)), creation(101)]
    result = push(client, plans, concurrency=1)
    assert result.stopped_by is None
    failed = {outcome.plan.phone: outcome.reason for outcome in result.outcomes if outcome.failed}
    assert failed.keys() == {phone(100), phone(7)}
    assert all(reason and "breaks at this contact: status 500" in reason for reason in failed.values())
    assert phone(101) in platform.directory


@pytest.mark.parametrize("kind", ["502", "504", "drop", "slow"])
def test_a_contact_at_which_no_change_is_ever_answered_stops_no_other(
    platform: DemoPlatform, kind: FaultKind
) -> None:
    ids = many(platform, 6)
    platform.faults.slow_seconds = 1.0
    platform.faults.rate(kind, 1.0, methods=["PATCH"], path=f"{CONTACTS}/{ids[2]}")
    with connect(platform, read_timeout=0.2, attempts=2) as client:
        result = push(client, [update(number, each) for number, each in enumerate(ids)], concurrency=1)
    assert result.stopped_by is None
    (failed,) = [outcome for outcome in result.outcomes if outcome.failed]
    assert failed.plan.phone == phone(2)
    assert failed.reason is not None
    assert failed.reason.startswith("the platform breaks at this contact: ")
    assert "2 tries" in failed.reason
    assert len(result.outcomes) == 6


@pytest.mark.parametrize("kind", ["502", "504", "drop", "slow"])
def test_a_platform_that_answers_no_change_at_all_stops_the_push_and_puts_nobody_aside(
    platform: DemoPlatform, kind: FaultKind
) -> None:
    ids = many(platform, 60)
    platform.faults.slow_seconds = 1.0
    platform.faults.rate(kind, 1.0, methods=["PATCH"])
    with connect(platform, read_timeout=0.2, attempts=2) as client:
        result = push(client, [update(number, each) for number, each in enumerate(ids)], concurrency=8)
    assert isinstance(result.stopped_by, PlatformUnavailable)
    assert "contacts in a row" in str(result.stopped_by)
    assert result.outcomes == ()
    assert platform.requests.count("PATCH", CONTACTS) < 2 * 30


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "drop", "slow"])
def test_a_platform_that_is_down_is_known_by_the_first_contact_and_puts_nobody_aside(
    platform: DemoPlatform, kind: FaultKind
) -> None:
    ids = many(platform, 3)
    platform.faults.slow_seconds = 1.0
    platform.faults.rate(kind, 1.0)
    with connect(platform, read_timeout=0.2, attempts=2) as client:
        result = push(client, [update(number, each) for number, each in enumerate(ids)], concurrency=1)
    assert isinstance(result.stopped_by, PlatformUnavailable)
    assert result.outcomes == ()


def test_contacts_at_which_the_platform_breaks_here_and_there_are_no_outage(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    ids = many(platform, 60)
    for each in ids[::3]:
        platform.faults.rate("500", 1.0, methods=["PATCH"], path=f"{CONTACTS}/{each}")
    result = push(client, [update(number, each) for number, each in enumerate(ids)], concurrency=1)
    assert result.stopped_by is None
    assert sum(outcome.failed for outcome in result.outcomes) == 20
