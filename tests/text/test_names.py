"""Names of attributes and event data: which count as the same, and which a person cannot read."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.text.names import fold, hidden_characters, normalized_name

RESERVED = ("email", "_update", "recipient", "cio_subscription_preferences")


@given(
    st.sampled_from(RESERVED),
    st.lists(st.sampled_from(["\u200b", "\u00ad", "\u2060", "\ufeff", "\u202e", "\U000e0001"]), max_size=3),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", ".x", "[0]", ".topics.topic_1", "['a']"]),
    st.integers(0, 12),
)
def test_a_disguised_name_is_taken_for_the_reserved_one(
    name: str, hidden: list[str], upper: bool, wide: bool, inside: str, at: int
) -> None:
    spelled = name.upper() if upper else name
    if wide:
        spelled = "".join(chr(ord(letter) + 0xFEE0) for letter in spelled)
    spelled = f"  {spelled[:at]}{''.join(hidden)}{spelled[at:]}{inside}"
    assert normalized_name(spelled) == name


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "[]", "email_address", "e-mail", "order.email", "my data", "recipients", "updated", "\u0435mail"],
)
def test_another_name_is_taken_for_itself(name: str) -> None:
    assert normalized_name(name) not in RESERVED


@given(st.text(max_size=30))
def test_comparing_twice_changes_nothing(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@given(st.text(st.characters(categories=["L", "N", "P", "S"], max_codepoint=0x2E7F), max_size=30))
def test_letters_digits_and_signs_are_seen(name: str) -> None:
    shown = [character for character in name if "FILLER" not in unicodedata.name(character, "")]
    assert not hidden_characters("".join(shown))


def test_hidden_characters_are_listed_once_by_their_code_points() -> None:
    assert hidden_characters("a\u200bb\u200b\n") == ("U+200B", "U+000A")
    assert hidden_characters("first name") == ()
