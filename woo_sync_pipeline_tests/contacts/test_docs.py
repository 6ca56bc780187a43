"""docs/contacts.md says what the code does."""

from __future__ import annotations

import re

import pytest

from woo_sync_pipeline.contacts.consent import Consent, parse_consent
from woo_sync_pipeline.contacts.decision_table import (
    TABLES,
    decision_table,
    field_table,
    markers,
    membership_table,
    with_current_tables,
)
from woo_sync_pipeline.contacts.names import clean_name
from woo_sync_pipeline.contacts.phones import InvalidReason, parse_phone
from woo_sync_pipeline_tests.checkout import CHECKOUT

PAGE = CHECKOUT / "docs" / "contacts.md"
WRITE = "python -m woo_sync_pipeline.contacts.decision_table docs/contacts.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text("utf-8")


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first column has this heading."""
    lines = page.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_tables_of_decisions_are_the_ones_that_the_code_makes(page: str) -> None:
    assert with_current_tables(page) == page, f"write them anew: {WRITE}"


def test_the_table_of_decisions_has_every_situation() -> None:
    lines = decision_table().splitlines()
    assert len(lines) == 2 + 5 * 3
    assert len({tuple(line.split("|")[1:3]) for line in lines}) == len(lines)
    assert {line.count("|") for line in lines} == {9}


def test_the_newer_opt_out_column_is_unsubscribed_in_every_situation() -> None:
    header, _, *lines = [line.split("|") for line in decision_table().splitlines()]
    column = [cell.strip() for cell in header].index("a newer opt-out")
    assert {line[column].strip() for line in lines} == {"unsubscribed"}


def test_the_table_of_fields_has_every_situation() -> None:
    stays, new, none, emptied = "stays as it is", "the store's value", "–", "is emptied"
    assert [
        [cell.strip() for cell in line.strip("|").split("|")] for line in field_table().splitlines()[2:]
    ] == [
        ["nothing is known", "nothing", stays, none, stays],
        ["nothing is known", "a value", new, none, stays],
        ["an empty value", "nothing", stays, none, stays],
        ["an empty value", "a value", new, none, new],
        ["a value", "the same", stays, stays, stays],
        ["a value", "another value", new, new, new],
        ["a value", "nothing", stays, emptied, emptied],
    ]


def test_the_table_of_lists_has_every_situation() -> None:
    stays = "stays as it is"
    assert [
        [cell.strip() for cell in line.strip("|").split("|")] for line in membership_table().splitlines()[2:]
    ] == [
        ["nothing is known", "on it", stays, "joins"],
        ["nothing is known", "not on it", stays, stays],
        ["on it", "on it", stays, stays],
        ["on it", "not on it", "leaves", stays],
        ["not on it", "on it", stays, "joins"],
        ["not on it", "not on it", stays, stays],
    ]


BEGIN, END = markers("decision table")


@pytest.mark.parametrize("text", ["no markers", BEGIN, END, f"{END}{BEGIN}"])
def test_a_page_without_both_markers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="markers"):
        with_current_tables(text)


@pytest.mark.parametrize("name", TABLES)
def test_no_table_may_be_missing(page: str, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        with_current_tables(page.replace(markers(name)[1], ""))


def test_every_reason_is_explained_as_the_report_explains_it(page: str) -> None:
    explained = {quoted(code)[0]: explanation for code, explanation, _ in rows(page, "reason")}
    assert explained == {reason.value: reason.explanation for reason in InvalidReason}


def test_the_examples_of_reasons_are_examples_of_them(page: str) -> None:
    for code, _, examples in rows(page, "reason"):
        for example in quoted(examples):
            found = parse_phone(example, "AU").reason
            assert found is not None, example
            assert found.value == quoted(code)[0], example


def test_every_word_for_a_choice_means_what_the_page_says(page: str) -> None:
    meanings = {"opted in": Consent.opted_in, "opted out": Consent.opted_out}
    said = 0
    for words, meaning in rows(page, "value"):
        expected, *always = (part.strip() for part in meaning.split(","))
        for word in quoted(words):
            assert parse_consent("sms", word) is meanings[expected], word
            if always:
                assert parse_consent("sms_optout", word) is meanings[expected], word
            said += 1
    assert said > 30


def test_keys_that_ask_for_the_opposite_are_named(page: str) -> None:
    (listed,) = re.findall(r"its name contains\s+([^)]+)\)", page)
    for part in quoted(listed):
        assert parse_consent(f"sms_{part.replace(' ', '_')}", "yes") is Consent.opted_out, part


def test_placeholders_are_no_names(page: str) -> None:
    (listed,) = re.findall(r"(`0`,[^.]*)are no\s+names", page)
    found = quoted(listed.partition("bare")[0])
    assert len(found) == 6
    assert [clean_name(word) for word in found] == [""] * 6
