"""The difference of two texts: everything that differs is in a hunk, whatever the texts are."""

from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.text.difference import LONG_LINE_CHARACTERS, MAX_DIFFERENCES, Hunk, hunks, spans

ITEMS = st.lists(st.sampled_from("abc"), max_size=30)
TEXTS = st.text(st.sampled_from("ab <>\n{}"), max_size=400)


@given(ITEMS, ITEMS)
def test_the_spans_of_two_sequences_make_one_of_the_other(old: list[str], new: list[str]) -> None:
    rebuilt: list[str] = []
    position = 0
    for start, end, new_start, new_end in spans(old, new):
        rebuilt += old[position:start]
        assert len(rebuilt) == new_start
        rebuilt += new[new_start:new_end]
        position = end
    assert rebuilt + old[position:] == new


@given(TEXTS, TEXTS)
def test_different_texts_have_hunks_and_equal_ones_none(old: str, new: str) -> None:
    assert bool(hunks(old, new)) == (old != new)
    assert all(hunk.removed != hunk.added for hunk in hunks(old, new))


def test_a_changed_line_is_one_hunk_with_its_number() -> None:
    assert hunks("a\nb\nc\nd\n", "a\nB\nc\nD\n") == [Hunk(2, "b\n", "B\n"), Hunk(4, "d\n", "D\n")]


def test_a_change_within_a_long_line_shows_only_what_changed_and_where() -> None:
    filler = "<p>x</p>" * LONG_LINE_CHARACTERS
    old = f"<p>Good to have you.</p>{filler}<p>Bye now.</p>"
    first, second = hunks(old, old.replace("Good", "Great").replace("Bye", "See you"))
    assert (first.removed, first.added) == ("Good", "Great")
    assert first.before == "<p>"
    assert first.after.startswith(" to have you.")
    assert (second.removed, second.added) == ("Bye", "See you")


def test_texts_that_differ_almost_everywhere_are_one_hunk() -> None:
    lines = MAX_DIFFERENCES * 10
    assert hunks("a\n" * lines, "b\n" * lines) == [Hunk(1, "a\n" * lines, "b\n" * lines)]
