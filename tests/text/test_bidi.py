"""Right-to-left text: what stands around it keeps its order."""

from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.text.bidi import isolate, isolate_json, without_isolates


def test_a_right_to_left_value_turns_nothing_around_it() -> None:
    line = "- city: “ירושלים” → “תל”."
    assert isolate(line) == "- city: “\u2068ירושלים\u2069” → “\u2068תל\u2069”."  # noqa: RUF001
    assert without_isolates(isolate(line)) == line
    assert isolate_json('{"עיר": "x"}') == '{"\u2068עיר\u2069": "x"}'  # noqa: RUF001


def test_other_text_stays_as_it_is() -> None:
    assert isolate("“Größe” → “漢字”") == "“Größe” → “漢字”"


@given(st.text(st.sampled_from("“”אa→ \u2068\u2069")))
def test_isolating_twice_is_isolating_once(text: str) -> None:
    assert isolate(isolate(text)) == isolate(text)
