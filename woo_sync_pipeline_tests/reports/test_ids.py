from __future__ import annotations

import pytest

from woo_sync_pipeline.reports.times import shown_id


@pytest.mark.parametrize(
    ("record_id", "shown"),
    [
        ("0", 0),
        ("123", 123),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), str(2**63)),
        ("9" * 30, "9" * 30),
        ("007", "007"),
        ("-7", "-7"),
        ("1.5", "1.5"),
        ("\u0661\u0662", "\u0661\u0662"),
        ("01GDDKASAP8TKDDA2GRZDSVP4H", "01GDDKASAP8TKDDA2GRZDSVP4H"),
        ("", ""),
        (None, None),
    ],
)
def test_only_what_is_written_as_a_whole_number_is_shown_as_one(
    record_id: str | None, shown: int | str | None
) -> None:
    assert shown_id(record_id) == shown
