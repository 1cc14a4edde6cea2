"""Cells: numbers and truth values by column, and nothing that is guessed."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument
from cio_mcp.jobs.cells import READERS, Form, Guess, Oddity


def guess(*cells: str) -> Guess:
    seen = Guess()
    for cell in cells:
        seen.see(cell)
    return seen


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (("1", "-2", "3.50", "0"), "number"),
        (("true", "FALSE", "True"), "boolean"),
        (("1", "true"), "text"),
        (("1", "n/a"), "text"),
        (("007",), "text"),
        (("+447700900001",), "text"),
        (("1e5",), "text"),
        (("1,5",), "text"),
        (("1234567890123456",), "text"),
        (("\u0661\u0662",), "text"),
        ((), None),
    ],
)
def test_a_column_has_a_form_only_where_all_cells_agree(cells: tuple[str, ...], form: Form | None) -> None:
    assert guess(*cells).form == form


@pytest.mark.parametrize(
    ("cell", "oddity"),
    [
        ("2026-03-04", "dates"),
        ("2026-03-04T10:00:00.5+02:00", "dates"),
        ("2026-03-04 10:00", "dates"),
        ("03/04/2026", "other dates"),
        ("4.3.26", "other dates"),
        ("04-03-2026 10:00", "other dates"),
        ("1767312000000", "milliseconds"),
        ("12,50", "commas"),
        ("-1.234,50", "commas"),
        ("-inf", "missing"),
        ("NaN", "missing"),
        ("#N/A", "missing"),
        ("1.2.3.4", None),
        ("Nancy", None),
    ],
)
def test_what_a_person_may_not_expect_as_text_is_counted(cell: str, oddity: Oddity | None) -> None:
    assert guess(cell, cell).odd == ({oddity: 2} if oddity else {})


@pytest.mark.parametrize(
    ("cells", "others"),
    [
        (["true"] * 18 + ["ja", "nein"], 2),
        (["1.5"] * 9 + ["on request"], 1),
        (["1.5"] * 8 + ["on request"] * 2, 0),
        (["12345"] * 9 + ["01234"], 0),
        (["1"] * 10, 0),
        (["x"] * 10, 0),
        ([], 0),
    ],
)
def test_a_few_cells_that_keep_the_others_from_being_numbers_or_truth_values_are_counted(
    cells: list[str], others: int
) -> None:
    assert guess(*cells).others == others


@given(st.integers(-(10**14), 10**14) | st.decimals(-(10**6), 10**6, places=3, allow_nan=False))
def test_a_number_that_is_recognized_is_read_without_loss(number: object) -> None:
    text = format(number, "f") if not isinstance(number, int) else str(number)
    if guess(text).form == "number":
        assert float(str(READERS["number"](text))) == float(text)


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("number", " 42 ", 42),
        ("number", "0.5", 0.5),
        ("number", 7, 7),
        ("boolean", "TRUE", True),
        ("boolean", False, False),
        ("text", 42, "42"),
        ("text", True, "true"),
        ("time", "2026-01-02", 1767312000),
        ("time", "2026-01-02T01:00:00+01:00", 1767312000),
        ("time", "1767312000", 1767312000),
        ("time", 1767312000.9, 1767312000),
        ("decimal_comma", "12,5", 12.5),
        ("decimal_comma", " -1.234.567,89 ", -1234567.89),
        ("decimal_comma", "1.234", 1234),
        ("decimal_comma", 1.5, 1.5),
        ("day_first", "03.04.2026", 1775174400),
        ("day_first", "3/4/2026 09:05", 1775207100),
        ("month_first", "04/03/2026", 1775174400),
        ("month_first", "4-3-2026, 09:05:01", 1775207101),
    ],
)
def test_a_value_is_read_as_its_column_was_mapped(form: Form, text: JsonValue, value: JsonValue) -> None:
    read = READERS[form](text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("form", "value", "sentence"),
    [
        ("number", "1,5", "at most 15 digits. To read 12,5, map the column to :decimal_comma"),
        ("number", True, "expected a number"),
        ("number", "1" * 16, "at most 15 digits"),
        ("boolean", "yes", "expected true or false"),
        ("boolean", 1, "expected true or false"),
        ("time", "03/04/2026", "or 2026-01-31. To read 31.01.2026 or 01/31/2026, map the column to :day_first or"),
        ("time", "1767312000000", "milliseconds"),
        ("time", "45350", "expected an ISO 8601 time"),
        ("time", "1969-12-31", "expected a time from 1970 on"),
        ("time", "0001-01-01T00:00:00+23:59", "expected a time from 1970 on"),
        ("time", True, "expected an ISO 8601 time"),
        ("decimal_comma", "12.5", "expected a number such as 1.234,56"),
        ("decimal_comma", "1.2345,6", "expected a number such as 1.234,56"),
        ("decimal_comma", "1234567890123,456", "at most 15 digits"),
        ("decimal_comma", False, "expected a number such as 1.234,56"),
        ("day_first", "31.02.2026", "expected a date of 1970 or later, such as 31.01.2026"),
        ("day_first", "01/31/2026", "expected a date of 1970 or later, such as 31.01.2026"),
        ("day_first", "31.01.26", "expected a date of 1970 or later, such as 31.01.2026"),
        ("day_first", "31.12.1969", "expected a date of 1970 or later, such as 31.01.2026"),
        ("day_first", "31.01.2026 25:00", "expected a date of 1970 or later, such as 31.01.2026"),
        ("month_first", "31/01/2026", "expected a date of 1970 or later, such as 01/31/2026"),
        ("month_first", 1767312000, "expected a date of 1970 or later, such as 01/31/2026"),
        ("time", ["2026-01-01"], "expected an ISO 8601 time"),
    ],
)
def test_a_value_of_another_form_is_refused(form: Form, value: JsonValue, sentence: str) -> None:
    with pytest.raises(InvalidArgument, match=sentence) as refused:
        READERS[form](value)
    assert not str(value) or str(value) not in str(refused.value) or isinstance(value, bool)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=4))
def test_whatever_a_value_is_it_is_read_or_refused_in_a_sentence(value: JsonValue) -> None:
    for reader in READERS.values():
        with suppress(InvalidArgument):
            json.dumps(reader(value))
