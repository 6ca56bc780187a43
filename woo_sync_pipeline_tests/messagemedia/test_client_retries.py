import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.demo.platform import DemoPlatform, FaultKind
from woo_sync_pipeline.http.pace import backoff, retry_after_seconds
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.errors import OutcomeUnknown, PlatformUnavailable, ServerFault
from woo_sync_pipeline.messagemedia.retry import failure_of_status
from woo_sync_pipeline.messagemedia.settings import PlatformSettings

NOW = datetime(2026, 8, 18, 12, 0, 0, tzinfo=UTC)
BROKEN: list[FaultKind] = ["500", "502", "503", "504", "drop", "lost_answer", "500_after"]
BUSY: list[FaultKind] = ["429", "503_later"]


def settings_for(platform: DemoPlatform, **changes: float) -> PlatformSettings:
    values: dict[str, float] = {"backoff": 0.01, "read_timeout": 5.0, **changes}
    return PlatformSettings(
        platform.url,
        platform.api_key,
        platform.api_secret,
        backoff=values["backoff"],
        read_timeout=values["read_timeout"],
        attempts=int(values.get("attempts", 5)),
        throttle_patience=values.get("throttle_patience", 600.0),
    )


@pytest.fixture
def client(platform: DemoPlatform) -> Iterator[PlatformClient]:
    with PlatformClient(settings_for(platform)) as opened:
        yield opened


@pytest.mark.parametrize("kind", [*BROKEN, *BUSY])
def test_reads_are_repeated(platform: DemoPlatform, client: PlatformClient, kind: FaultKind) -> None:
    platform.directory.add_list("VIP")
    platform.faults.queue(kind, 3)
    assert [each.name for each in client.lists()] == ["VIP"]
    assert client.requests_made == 4


@pytest.mark.parametrize("kind", [*BROKEN, *BUSY])
def test_changes_are_repeated_because_they_set_absolute_values(
    platform: DemoPlatform, client: PlatformClient, kind: FaultKind
) -> None:
    contact_id = platform.directory.add_contact("+61412345678")
    list_id = platform.directory.add_list("VIP")
    platform.faults.queue(kind, 2, path="/contacts/contacts")
    platform.faults.queue(kind, 2, path="/contacts/lists")
    client.update_contact(contact_id, {"firstName": "Ada"})
    client.change_members(list_id, [contact_id], [])
    snapshot = platform.directory.snapshot()["+61412345678"]
    assert (snapshot["first_name"], snapshot["lists"]) == ("Ada", ["VIP"])
    assert client.writes_made == 6


@pytest.mark.parametrize("kind", BROKEN)
def test_a_creation_whose_outcome_is_unknown_is_never_repeated(
    platform: DemoPlatform, client: PlatformClient, kind: FaultKind
) -> None:
    platform.faults.queue(kind)
    with pytest.raises(OutcomeUnknown) as caught:
        client.create_list("VIP")
    assert client.writes_made == 1
    assert ("VIP" in platform.directory.list_names()) == (kind in ("lost_answer", "500_after"))
    assert platform.requests.writes == len(platform.directory.list_names())
    assert caught.value.transient


@pytest.mark.parametrize("kind", BUSY)
def test_a_creation_that_the_platform_put_off_is_repeated(
    platform: DemoPlatform, client: PlatformClient, kind: FaultKind
) -> None:
    platform.faults.queue(kind, 3)
    assert client.create_list("VIP").name == "VIP"
    assert platform.directory.list_names() == ["VIP"]
    assert client.writes_made == 4


def test_a_creation_is_repeated_while_no_connection_can_be_opened(platform: DemoPlatform) -> None:
    platform.stop()
    with PlatformClient(settings_for(platform, backoff=0.2)) as client:
        back_again = threading.Timer(0.15, platform.start)
        back_again.start()
        assert client.create_list("VIP").name == "VIP"
        back_again.join()
        assert client.requests_made > 1
    assert platform.directory.list_names() == ["VIP"]


def test_a_slow_answer_to_a_creation_leaves_its_outcome_unknown(platform: DemoPlatform) -> None:
    platform.faults.slow_seconds = 1.0
    platform.faults.queue("slow")
    with (
        PlatformClient(settings_for(platform, read_timeout=0.2)) as client,
        pytest.raises(OutcomeUnknown, match=r"no answer within 0\.2 s"),
    ):
        client.create_list("VIP")
    assert platform.directory.list_names() == ["VIP"]


def test_a_slow_answer_to_a_read_is_asked_for_again(platform: DemoPlatform) -> None:
    platform.faults.slow_seconds = 1.0
    platform.faults.queue("slow")
    with PlatformClient(settings_for(platform, read_timeout=0.2)) as client:
        assert client.lists() == []
        assert client.requests_made >= 2


@pytest.mark.parametrize("kind", BROKEN)
def test_patience_ends(platform: DemoPlatform, kind: FaultKind) -> None:
    platform.faults.rate(kind, 1.0)
    with (
        PlatformClient(settings_for(platform, attempts=3)) as client,
        pytest.raises(PlatformUnavailable, match="3 tries") as caught,
    ):
        client.lists()
    assert caught.value.transient
    assert len(platform.requests) == 3


@pytest.mark.parametrize("kind", ["500", "502", "504", "drop", "lost_answer", "500_after"])
def test_a_change_at_which_the_platform_always_breaks_is_told_from_an_outage(
    platform: DemoPlatform, kind: FaultKind
) -> None:
    contact_id = platform.directory.add_contact("+61412345678")
    platform.faults.rate(kind, 1.0)
    with PlatformClient(settings_for(platform, attempts=2)) as client, pytest.raises(ServerFault):
        client.update_contact(contact_id, {"firstName": "Ada"})


@pytest.mark.parametrize("kind", ["429", "503", "503_later"])
def test_a_change_that_the_platform_is_too_busy_for_is_an_outage(
    platform: DemoPlatform, kind: FaultKind
) -> None:
    contact_id = platform.directory.add_contact("+61412345678")
    platform.faults.rate(kind, 1.0)
    with (
        PlatformClient(settings_for(platform, attempts=2, throttle_patience=0.05)) as client,
        pytest.raises(PlatformUnavailable) as caught,
    ):
        client.update_contact(contact_id, {"firstName": "Ada"})
    assert not isinstance(caught.value, ServerFault)


def test_a_read_that_only_a_gateway_answers_is_an_outage(platform: DemoPlatform) -> None:
    platform.faults.rate("502", 1.0)
    with (
        PlatformClient(settings_for(platform, attempts=2)) as client,
        pytest.raises(PlatformUnavailable) as caught,
    ):
        client.lists()
    assert not isinstance(caught.value, ServerFault)


def test_a_platform_that_goes_away_while_a_change_is_repeated_is_an_outage(platform: DemoPlatform) -> None:
    contact_id = platform.directory.add_contact("+61412345678")
    platform.faults.queue("502")
    with PlatformClient(settings_for(platform, backoff=0.4, attempts=2)) as client:
        going_away = threading.Timer(0.1, platform.stop)
        going_away.start()
        with pytest.raises(PlatformUnavailable, match="no connection could be opened") as caught:
            client.update_contact(contact_id, {"firstName": "Ada"})
        going_away.join()
    assert not isinstance(caught.value, ServerFault)


@pytest.mark.parametrize("kind", BUSY)
def test_patience_with_a_busy_platform_is_counted_in_time(platform: DemoPlatform, kind: FaultKind) -> None:
    platform.faults.rate(kind, 1.0)
    with (
        PlatformClient(settings_for(platform, attempts=2, throttle_patience=0.3)) as client,
        pytest.raises(PlatformUnavailable),
    ):
        client.create_list("VIP")
    assert len(platform.requests) > 2


@pytest.mark.parametrize("kind", BUSY)
def test_retry_after_may_be_a_date(platform: DemoPlatform, client: PlatformClient, kind: FaultKind) -> None:
    platform.faults.retry_after = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    platform.faults.queue(kind)
    started = time.monotonic()
    client.lists()
    # A date has whole seconds.
    assert time.monotonic() - started >= 0.9
    assert len(platform.requests) == 2


def test_retry_after_holds_back_every_thread(platform: DemoPlatform, client: PlatformClient) -> None:
    platform.faults.retry_after = "1"
    platform.faults.queue("429")
    moments: list[float] = []

    def note(_method: str, _path: str) -> None:
        moments.append(time.monotonic())

    platform.on_request = note
    started = time.monotonic()
    first = threading.Thread(target=client.count_contacts)
    first.start()
    while not platform.requests.entries and time.monotonic() < started + 5:
        first.join(0.005)
    first.join(0.1)
    client.lists()
    first.join()
    assert len(moments) == 2
    assert min(moments) - started >= 1.0


def test_closing_the_client_ends_the_waiting(platform: DemoPlatform) -> None:
    platform.faults.retry_after = "100"
    platform.faults.queue("429")
    client = PlatformClient(settings_for(platform))
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            client.lists()
        except PlatformUnavailable as closed:
            raised.append(closed)

    asking = threading.Thread(target=ask)
    asking.start()
    deadline = time.monotonic() + 5
    while not platform.requests.entries and time.monotonic() < deadline:
        asking.join(0.01)
    client.close()
    asking.join(5)
    assert not asking.is_alive()
    assert len(raised) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("1.5", None),
        ("-1", None),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("3600", 120.0),
        ("9" * 5000, 120.0),
        (format_datetime(NOW + timedelta(seconds=30), usegmt=True), 30.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=1), usegmt=True), 120.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_is_capped(header: str | None, seconds: float | None) -> None:
    headers = {"Date": format_datetime(NOW, usegmt=True)} | (
        {} if header is None else {"Retry-After": header}
    )
    failure = failure_of_status(429, headers)
    assert failure is not None
    assert failure.retry_after == seconds


@given(st.text(max_size=60))
def test_no_retry_after_is_too_strange_to_be_read(header: str) -> None:
    seconds = retry_after_seconds({"Retry-After": header})
    assert seconds is None or 0 <= seconds <= 366 * 86_400


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_double_up_to_a_limit(failures: int, jitter: float) -> None:
    pause = backoff(failures, first=0.5, jitter=jitter)
    assert 0.25 <= pause <= 30
    assert backoff(failures + 1, first=0.5, jitter=jitter) >= pause


def test_a_tenth_of_all_requests_may_fail_and_everything_arrives_once(platform: DemoPlatform) -> None:
    for kind in (*BROKEN, *BUSY):
        platform.faults.rate(kind, 0.03)
    with PlatformClient(settings_for(platform, attempts=12)) as client:
        for number in range(200):
            body = {"channels": [{"channelId": f"+614{number:08d}", "type": "SMS"}]}
            while True:
                try:
                    client.create_contact(body)
                except OutcomeUnknown:
                    if client.contacts_by_phone([f"+614{number:08d}"]):
                        break
                else:
                    break
        assert client.count_contacts() == 200
    assert platform.requests.writes == 200
    assert sum(platform.faults.happened.values()) > 20
