from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.columns import Distinct, Stack, each_distinct, is_empty, objects, texts


def test_lists_in_a_column_stay_lists_even_when_all_have_the_same_length() -> None:
    column = objects([["a", "b"], ["c", "d"]], 2)
    assert column.shape == (2,)
    assert column.tolist() == [["a", "b"], ["c", "d"]]


def test_cells_are_read_as_texts() -> None:
    mixed = pd.Series(["a", "", None, float("nan"), 412345678, True, 1.5, ["a"]], dtype=object)
    assert texts(mixed).tolist() == ["a", "", "", "", "412345678", "", "", ""]
    assert texts(pd.Series([412345678])).tolist() == ["412345678"]
    assert texts(pd.Series(["a", "b"])).tolist() == ["a", "b"]
    assert texts(pd.Series([], dtype=object)).tolist() == []


def test_a_function_is_called_once_for_each_distinct_cell() -> None:
    calls: Counter[str] = Counter()

    def noted(cell: str) -> list[str]:
        calls[cell] += 1
        return [cell]

    result = each_distinct(noted, objects(["x", "y", "x", "x"], 4))
    assert result.tolist() == [["x"], ["y"], ["x"], ["x"]]
    assert result[0] is result[2]
    assert calls == {"x": 1, "y": 1}


@given(st.lists(st.one_of(st.none(), st.text(max_size=2))))
def test_every_row_gets_the_result_of_its_own_cell(cells: list[str | None]) -> None:
    def shown(cell: object) -> str:
        return repr(cell) if isinstance(cell, str) else "absent"

    distinct = Distinct(objects(cells, len(cells)))
    assert distinct.over_rows(distinct.map(shown)).tolist() == [shown(cell) for cell in cells]
    assert len(distinct.cells) == len(set(cells))


def test_the_empty_text_is_empty_and_nothing_else() -> None:
    assert is_empty(objects(["", " ", "a", None], 4)).tolist() == [True, False, False, False]


def frame(numbers: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "text": pd.Series([str(number) for number in numbers], dtype=object),
            "list": pd.Series([[number] for number in numbers], dtype=object),
            "number": pd.Series(numbers, dtype="int64"),
            "maybe": pd.Series(numbers, dtype="Int64"),
            "time": pd.Series(pd.to_datetime(numbers, unit="s", utc=True)),
            "flag": pd.Series(numbers, dtype="int64") > 2,
            "unwanted": 0,
        }
    )


def test_stacked_frames_are_one_frame_with_the_same_types() -> None:
    parts: list[list[int]] = [[1, 2], [], [3]]
    columns = ["flag", "text", "list", "number", "maybe", "time"]
    stack = Stack(columns, rows=7)
    for part in parts:
        stack.add(frame(part))
    expected = frame([1, 2, 3])[columns]
    pd.testing.assert_frame_equal(stack.frame(), expected)


def test_a_stack_of_nothing_has_its_columns() -> None:
    stack = Stack(["text", "number"], rows=0)
    stack.add(frame([]))
    empty: Any = stack.frame()
    assert list(empty.columns) == ["text", "number"]
    assert (len(empty), empty["number"].dtype) == (0, np.int64)
