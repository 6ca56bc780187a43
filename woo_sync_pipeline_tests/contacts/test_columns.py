from __future__ import annotations

from collections import Counter

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.columns import Distinct, each_distinct, is_empty, objects, texts


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
