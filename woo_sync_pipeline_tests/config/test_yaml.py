"""Files that are no YAML, or none that ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from woo_sync_pipeline.config.settings import load_settings
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline_tests.config.written import GOOD, SECOND_SOURCE, load, refusal


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "just words", "- a\n- list\n"])
def test_a_file_without_keys_is_refused(file: Path, text: str) -> None:
    assert "the file must hold keys and values" in refusal(file, text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("timezone: [unclosed\nnext: 1\n", 2),
        ("timezone: UTC\n\tsources: []\n", 2),
        ("a: 1\nb: @nobody\n", 2),
        ("a: *unknown\n", 1),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(file: Path, text: str, line: int) -> None:
    message = refusal(file, text)
    assert f"line {line}: this is no YAML" in message


def test_what_stores_share_may_be_an_anchor_and_what_a_store_says_itself_goes_before(file: Path) -> None:
    text = GOOD.replace("    consent:\n", "    consent: &consent\n      repeated_yes: counts\n")
    second = SECOND_SOURCE + "    consent:\n      <<: *consent\n      mode: inferred\n"
    first, outlet = load(file, text + second).sources
    assert (first.consent.mode, first.consent.repeated_yes) == ("explicit", "counts")
    assert (outlet.consent.mode, outlet.consent.repeated_yes) == ("inferred", "counts")
    assert "line 29, sources[1].consent.mode" in str(
        load(file, text + second.replace("inferred", "maybe")).refused[0].error
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &a [*a]", "line 1: an anchor holds itself"),
        ("a: &a\n  b: *a", "line 1: an anchor holds itself"),
        ("a: &a {<<: *a}", "line 1: an anchor holds itself"),
        (f"a: {'[' * 500}{']' * 500}", "line 1: this is nested too deeply"),
        (f"a: {'[' * 50_000}{']' * 50_000}", "line 1: this is nested too deeply"),
        (f"{'- ' * 50_000}x", "line 1: this is nested too deeply"),
        (
            "a0: &a0 [x]\n"
            + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(9)),
            "anchors make this too much",
        ),
        ("{[a]: b}", "a key must be a plain text"),
    ],
    ids=["itself", "in a mapping", "merged", "deep", "very deep", "very deep lists", "much", "key"],
)
def test_a_file_without_end_or_measure_is_refused(file: Path, text: str, says: str) -> None:
    assert says in refusal(file, text)


def test_a_file_that_is_no_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00timezone")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    assert str(file) in str(caught.value)


def test_control_characters_are_refused(file: Path) -> None:
    assert "this is no YAML" in refusal(file, "timezone: UTC\x00\n")
