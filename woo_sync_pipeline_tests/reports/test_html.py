"""The report as a page of its own, and the picture of it in the UI."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from typing import Any

import pytest
from matplotlib.figure import Figure

from woo_sync_pipeline.reports import chart
from woo_sync_pipeline.reports.bars import MOST_SYNCS, sync_bars
from woo_sync_pipeline.reports.chart import sync_chart
from woo_sync_pipeline.reports.html import report_html
from woo_sync_pipeline.reports.report import PageOf, SyncCounts, explain_reason, no_page
from woo_sync_pipeline.reports.tables import number_rows
from woo_sync_pipeline.state.syncs import SyncRun
from woo_sync_pipeline_tests.reports.samples import (
    COUNTS,
    CREATED,
    INVALID,
    LEFT_OUT,
    NOT_APPLIED,
    SYNC,
    UNREADABLE,
    UPDATED,
    pages,
    sync,
)

STORE = "https://shop.example.com"
_PAGES = pages(STORE)
FAILED = replace(UPDATED, outcome="failed", reason="<no> thanks")
CONTACTS = [CREATED, UPDATED, FAILED, NOT_APPLIED, INVALID, LEFT_OUT]


def page(of: SyncRun = SYNC, *, page_of: PageOf = _PAGES) -> str:
    return report_html(of, CONTACTS, [SYNC], source_name="My <Shop>", page_of=page_of)


def test_it_has_every_number_reason_stage_and_request() -> None:
    text = re.sub(r"\s+", " ", page())
    for label, value in number_rows(COUNTS):
        assert f'<td>{label.strip()}</td><td class="number">{value:,}</td>' in text
    for reason, count in COUNTS.invalid_reasons.items():
        line = f'<td>{reason}</td><td class="number">{count}</td><td>{explain_reason(reason)}</td>'
        assert f'style="width: {8 * count / 5:.1f}rem"' in text
        assert line in text
    assert (
        "Read 1,300 customers, 80 orders. Requests: 15 store, 1,240 platform. Seconds: customers 1.5." in text
    )
    assert "Warning: the store withholds customers&#39; meta data" in text
    assert "started 2026-11-01 15:30:00 UTC, took 12.3 s, succeeded" in text


def test_it_needs_nothing_else_and_leads_to_the_store_only() -> None:
    text = page()
    places = re.findall(r"""(?:src|href|url\()\s*=?\s*["']?([^"')>\s]+)""", text)
    assert places == [
        f"{STORE}/wp-admin/user-edit.php?user_id=31",
        f"{STORE}/wp-admin/post.php?post=77&amp;action=edit",
    ]
    assert "<script" not in text


def test_it_shows_the_last_thirty_syncs_as_bars() -> None:
    text = report_html(SYNC, CONTACTS, history(40), source_name="Shop", page_of=pages(STORE))
    bars = re.findall(r'<div title="([^"]+)" style="height: ([\d.]+)%">', text)
    assert len(bars) == 30
    assert bars[0][0] == "sync 11: 90 new, 11 updated, 2 failed"
    assert max(float(height) for _, height in bars) == 100
    assert "contacts sent by the last 30 syncs (11 to 40)" in text


def test_a_first_sync_hides_no_small_one() -> None:
    first, live = (sync(counts=SyncCounts(new=new).to_json()) for new in (1_000_000, 1))
    large, small = sync_bars([first, live])
    assert (large.height, large.shares) == (100, {"new": 100, "updated": 0, "failed": 0})
    assert small.height == pytest.approx(0.8, abs=0.05)
    assert sync_bars([sync(counts=SyncCounts().to_json())])[0].height == 0


def test_a_record_that_does_not_fit_is_to_be_mended_and_shows_no_phone() -> None:
    assert f">order 77</a></td><td></td><td>{LEFT_OUT.reason}</td></tr>" in page()


def test_a_record_without_an_id_is_to_be_mended_and_has_no_link() -> None:
    text = report_html(SYNC, [UNREADABLE], [SYNC], source_name="Shop", page_of=pages(STORE))
    assert "<td>customer without an id</td><td>049•••••156</td><td>does_not_fit (id: a text)</td>" in text


def test_answers_that_nobody_understands_are_a_table_the_most_frequent_first() -> None:
    text = page()
    many, few = (
        f'<td>{key}</td><td class="number">' for key in ("sms = a|b", "_wc_other/acme/sms-opt-in = maybe")
    )
    assert f"{many}1,006</td>" in text
    assert f"{few}4</td>" in text
    assert text.index(many) < text.index(few)
    counts = SyncCounts(unread_consent={"sms = <b>": 1})
    assert "<td>sms = &lt;b&gt;</td>" in page(sync(counts=counts.to_json()))
    assert "neither yes nor no" not in page(sync(counts=SyncCounts().to_json()))


def test_a_contact_whose_opt_in_is_not_applied_is_told_before_those_without_a_reason() -> None:
    text = page()
    line = (
        f"<td>unchanged</td><td>{NOT_APPLIED.phone_masked}</td><td>unsubscribed</td><td></td>"
        f"<td>{NOT_APPLIED.reason}</td>"
    )
    assert text.index("&lt;no&gt;") < text.index(line) < text.index(CREATED.phone_masked)


def test_a_store_that_is_configured_no_more_is_not_linked() -> None:
    text = page(page_of=no_page)
    assert "<a " not in text
    assert "<td>customer 31</td>" in text


def test_phones_are_masked_and_foreign_text_is_no_markup() -> None:
    text = page()
    assert CREATED.phone is not None
    assert CREATED.phone not in text
    assert CREATED.phone_masked in text
    assert "&lt;no&gt; thanks" in text
    assert "My &lt;Shop&gt;: sync 42" in text


@pytest.mark.parametrize("status", ["running", "failed", "crashed"])
def test_a_sync_that_did_not_succeed_says_so(status: str) -> None:
    unfinished = sync(status=status, counts={}, finished_at=None, error="shop: GET orders: 503")
    text = page(unfinished)
    assert f"UTC,\n{status}</p>" in text
    assert '<p class="failed">shop: GET orders: 503</p>' in text


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    figures: list[Figure] = []

    class Kept(Figure):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            figures.append(self)

    monkeypatch.setattr(chart, "Figure", Kept)
    return figures


def history(number: int) -> list[SyncRun]:
    return [
        sync(sync_id=each, counts=SyncCounts(new=1000 // each, updated=each, failed=each % 3).to_json())
        for each in range(1, number + 1)
    ]


def test_the_chart_shows_the_last_thirty_syncs_beside_a_bar_for_each_reason(drawn: list[Figure]) -> None:
    png = sync_chart(history(40), COUNTS.invalid_reasons)
    syncs, reasons = drawn[0].axes
    assert MOST_SYNCS == 30
    assert syncs.get_title() == "contacts sent by the last 30 syncs"
    assert [len(bars) for bars in syncs.containers] == [30, 30, 30]
    assert [bar.get_height() for bar in syncs.containers[1]] == list(range(11, 41))
    assert [label.get_text() for label in reasons.get_yticklabels()] == ["too_short", "not_mobile"]
    assert [bar.get_width() for bar in reasons.containers[0]] == [2, 5]
    width, height = struct.unpack(">II", png[16:24])
    assert (width, height) == (612, 172)
    # It lives in the event log.
    assert len(png) < 20_000


def test_what_was_not_sent_is_not_drawn_as_sent(drawn: list[Figure]) -> None:
    runs = [*history(3), sync(is_dry_run=True), sync(status="failed"), sync(status="running")]
    sync_chart(runs, {})
    assert drawn[0].axes[0].get_title() == "contacts sent by the last 3 syncs"
