"""Unicode normalization takes no longer for hostile texts than for others."""

import sys
import unicodedata
from itertools import groupby
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cio_mcp
from cio_mcp.text.names import fold
from cio_mcp.text.normalization import MAX_MARKS, break_runs, normalize

PACKAGE = Path(cio_mcp.__file__).parent
FORMS: tuple[Literal["NFC", "NFKC"], ...] = ("NFC", "NFKC")
MARKS = [
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if unicodedata.combining(unicodedata.normalize("NFKD", character)[0])
]
"""Every character that decomposes to a mark, or to one and others."""
OF_ONE_LETTER = 3
"""Marks that one letter decomposes to, at most."""


def longest_run(text: str) -> int:
    marks = groupby(unicodedata.normalize("NFKD", text), key=lambda each: unicodedata.combining(each) > 0)
    return max((len(list(run)) for is_mark, run in marks if is_mark), default=0)


def test_every_mark_counts() -> None:
    letters = "ᾂ"  # which decomposes to a letter and three marks
    for mark in MARKS:
        assert longest_run(break_runs(letters + mark * 2 * MAX_MARKS)) <= OF_ONE_LETTER * (MAX_MARKS + 1)


@given(st.text(st.sampled_from([*MARKS, "a", "ᾂ"]), min_size=MAX_MARKS))
def test_no_run_of_marks_to_sort_is_long(text: str) -> None:
    assert longest_run(break_runs(text)) <= OF_ONE_LETTER * (MAX_MARKS + 1)


@pytest.mark.parametrize("form", FORMS)
@given(text=st.text(max_size=MAX_MARKS - 1))
def test_other_texts_are_normalized_as_ever(form: Literal["NFC", "NFKC"], text: str) -> None:
    assert normalize(form, text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("form", FORMS)
def test_a_megabyte_of_marks_is_normalized(form: Literal["NFC", "NFKC"]) -> None:
    marks = "a" + "\u0301\u0323" * 250_000
    assert normalize(form, marks).startswith("\u1ea1\u0323")


def test_names_of_very_many_marks_are_compared() -> None:
    assert fold("A" + "\u0301\u0323" * 250_000) == fold("a" + "\u0301\u0323" * 250_000)


def test_nothing_else_normalizes_texts() -> None:
    one_character = PACKAGE / "text" / "mask.py"
    modules = {path for path in PACKAGE.rglob("*.py") if "unicodedata.normalize(" in path.read_text(encoding="utf-8")}
    assert modules == {PACKAGE / "text" / "normalization.py", one_character}
