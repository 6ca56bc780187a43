"""The report as the Dagster UI shows it."""

from __future__ import annotations

from dataclasses import replace

from woo_sync_pipeline.reports.markdown import markdown_changes, markdown_report, markdown_to_be_mended
from woo_sync_pipeline.reports.report import SyncCounts
from woo_sync_pipeline_tests.reports.samples import (
    COUNTS,
    CREATED,
    INVALID,
    LEFT_OUT,
    SYNC,
    UNREADABLE,
    pages,
    sync,
)

STORE = "https://shop.example.com"


def test_it_has_a_heading_every_number_the_reasons_and_where_to_read_on() -> None:
    report = markdown_report(SYNC, COUNTS, source_name="My Shop").splitlines()

    assert report[0] == "### My Shop: sync 42 (manual), 2026-11-01 to 2026-11-03"
    for line in (
        "| new | 1,200 |",
        "| failed | 1 |",
        "| of these new or changed | 2 |",
        "| found unsubscribed on MessageMedia | 3 |",
        "| opted in, not applied | 8 |",
        "| customers saved without a visible change | 21 |",
        "| `_wc_other/acme/sms-opt-in = maybe` | 4 |",
        "| `sms = a\\|b` | 1,006 |",
        "| groups made | 6 |",
        "| too_short | 2 | The phone number has too few digits. |",
        "**Warning:** the store withholds customers' meta data",
        "What happened to each contact: `woo-sync report 42`",
    ):
        assert line in report, line
    (effort,) = (line for line in report if line.startswith("Read"))
    assert effort.startswith("Read 1,300 customers, 80 orders. Requests: 15 store, 1,240 platform.")


def test_each_table_has_as_many_cells_in_every_row_as_in_its_heading() -> None:
    report = markdown_report(SYNC, COUNTS, source_name="A|B")
    report += "\n\n" + markdown_to_be_mended([INVALID], page_of=pages(STORE))

    tables = [block.splitlines() for block in report.split("\n\n") if block.startswith("|")]
    assert len(tables) == 4
    for heading, rule, *rows in tables:
        assert {line.replace("\\|", "").count("|") for line in (heading, rule, *rows)} == {heading.count("|")}
    assert report.startswith("### A\\|B: ")


def test_records_to_be_mended_link_to_their_page_and_show_a_masked_phone() -> None:
    order = replace(INVALID, record_type="order", record_id="77")

    report = markdown_to_be_mended([INVALID, order], page_of=pages(STORE + "/"))

    assert f"[customer 31]({STORE}/wp-admin/user-edit.php?user_id=31) | 041•••••567 | too_short" in report
    assert f"[order 77]({STORE}/wp-admin/post.php?post=77&action=edit)" in report


def test_a_record_without_an_id_has_a_line_without_a_link() -> None:
    *_, line = markdown_to_be_mended([UNREADABLE], page_of=pages(STORE)).splitlines()
    assert line == "| customer without an id | 049•••••156 | does_not_fit (id: a text) |"


def test_a_record_that_does_not_fit_links_to_its_page_and_shows_no_phone() -> None:
    *_, line = markdown_to_be_mended([LEFT_OUT], page_of=pages(STORE)).splitlines()

    link = f"[order 77]({STORE}/wp-admin/post.php?post=77&action=edit)"
    assert line == f"| {link} |  | does_not_fit (email: text, tags: list_of_str) |"


def test_of_many_invalid_records_the_first_are_listed() -> None:
    many = [replace(INVALID, record_id=str(number)) for number in range(1, 501)]

    report = markdown_to_be_mended(many, page_of=pages(STORE))

    assert report.count("[customer ") == 20
    assert "the first 20 of 500" in report


def test_without_invalid_records_and_warnings_there_is_no_word_of_them() -> None:
    report = markdown_report(SYNC, SyncCounts(new=1), source_name="Shop")

    assert "invalid because" not in report
    assert "neither yes nor no" not in report
    assert "Warning" not in report


def test_an_answer_cannot_leave_its_cell() -> None:
    counts = SyncCounts(unread_consent={"sms = `<b>` | x": 1})

    assert "| `sms = '<b>' \\| x` | 1 |" in markdown_report(SYNC, counts, source_name="Shop").splitlines()


def test_a_dry_run_says_that_nothing_was_sent() -> None:
    heading = markdown_report(sync(is_dry_run=True), COUNTS, source_name="Shop").splitlines()[0]

    assert "dry run: nothing was sent" in heading


def test_no_phone_is_shown_whole() -> None:
    invalid = replace(INVALID, phone=CREATED.phone)

    report = markdown_to_be_mended([invalid], page_of=pages(STORE))

    assert CREATED.phone is not None
    assert CREATED.phone not in report


def test_what_changed_in_the_store_is_a_table_of_its_own_with_what_explains_it() -> None:
    changes = {
        "new": 3,
        "leaving_lists": 1_200,
        "leaving_because": {"customer gone": 1_200},
        "circumstances": "Configured otherwise than at the last sync: consent. That alone may explain it.",
    }
    assert markdown_changes(SyncCounts(changes=changes)).splitlines() == [
        "| contacts | |",
        "|---|---:|",
        "| new contacts | 3 |",
        "| leave lists | 1,200 |",
        "| customer gone | 1,200 |",
        "",
        "Configured otherwise than at the last sync: consent. That alone may explain it.",
    ]
    assert markdown_changes(SyncCounts()) == ""
