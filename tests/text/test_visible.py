import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.text.visible import hides, shorten, visible, visible_name

ANY = st.text(st.characters(), max_size=40) | st.text(st.sampled_from(' \\"“”<‹[［*∗\u200b\u202e\n\tu0'), max_size=20)


@given(ANY, ANY)
def test_two_different_texts_are_never_spelled_alike(one: str, other: str) -> None:
    assert (visible(one) == visible(other)) == (one == other)


@given(ANY)
def test_a_spelled_text_stands_on_one_line_and_cannot_close_its_quotes(text: str) -> None:
    inner = visible(text)[1:-1]
    assert "”" not in inner
    assert "\n" not in inner
    assert not hides(inner.replace(" ", ""))


@given(ANY)
def test_a_client_that_joins_spaces_and_lines_loses_nothing(text: str) -> None:
    spelled = visible(text)
    assert " ".join(spelled.split()) == spelled


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("pl\u200ban", "“pl\\u200ban”"),
        ("https://a.example/\u202egpj.exe", "“https://a.example/\\u202egpj.exe”"),
        ("a\x00b", "“a\\u0000b”"),
        ("two  spaces ", "“two \\u0020spaces\\u0020”"),
        ("**bold** <b>[x](y)", "“∗∗bold∗∗ ‹b›［x］(y)”"),
        ("∗", "“\\u2217”"),
        ('say "hi"', '“say \\"hi\\"”'),
        ("Zoë & Ünal", "“Zoë & Ünal”"),
        ("😀", "“😀”"),
        ("a\u00a0b", "“a\\u00a0b”"),
    ],
)
def test_invisible_characters_and_markup_are_escaped(text: str, spelled: str) -> None:
    assert visible(text) == spelled


def test_a_plain_key_stands_bare_and_any_other_is_quoted() -> None:
    assert (visible_name("order_id"), visible_name("a.b"), visible_name("1")) == ("order_id", "“a.b”", "“1”")


def test_a_long_text_of_escapes_is_shortened_more() -> None:
    text, whole = shorten("\u200b" * 600)
    assert not whole
    assert len(text) < 700
    assert " … 510 more characters … " in text


def test_a_list_of_five_hundred_characters_is_shown_whole() -> None:
    assert shorten(["x" * 240, "y" * 252]) == (f"[“{'x' * 240}”, “{'y' * 252}”]", True)
    assert not shorten(["x" * 240, "y" * 253])[1]
    assert not shorten(["x" * 501])[1]


def test_what_is_left_out_of_a_long_list_or_number_is_counted() -> None:
    text, _ = shorten([*range(1000)])
    start, left_out, end = text.strip("[]").split(" … ")
    assert end == "999"
    assert left_out == f"{1000 - len(start.split(', ')) - 1} more items"
    assert shorten(10**600) == (f"1{'0' * 399} … 151 more characters … {'0' * 50}", False)
