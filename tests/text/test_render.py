from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, JsonValue

from cio_mcp.text.render import LEAF_LIMIT, Answer, Long, render, scrub
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.timestamps import from_unix


class Person(BaseModel):
    id: str
    phone: str | None = None
    seen: datetime | None = None
    attributes: dict[str, JsonValue] = {}


class Found(Answer):
    people: list[Person]
    note: str | None = None
    body: Annotated[str | None, Long(1_000)] = None

    def lines(self) -> Iterable[str]:
        yield f"{len(self.people)} found"
        for person in self.people:
            yield f"- {quoted(person.id)}"


def test_an_answer_becomes_lines_and_structure_without_nulls() -> None:
    answer = Found(people=[Person(id="ada", seen=from_unix(0))])
    rendered = render(answer, mask=False)
    assert rendered.text == "1 found\n- “ada”"
    assert rendered.structured == {"people": [{"id": "ada", "seen": "1970-01-01T00:00:00Z", "attributes": {}}]}


def test_nothing_foreign_can_forge_a_line_or_hide() -> None:
    answer = Found(people=[Person(id="ada\n2 found\u202e", attributes={"pl\nan": ["a\u200bb", {"x": "y\x00"}]})])
    rendered = render(answer, mask=False)
    assert rendered.text == "1 found\n- “ada 2 found”"
    assert rendered.structured["people"] == [
        {"id": "ada 2 found", "attributes": {"pl an": ["ab", {"x": "y"}]}},
    ]


def test_long_values_are_cut_and_fields_marked_long_keep_their_lines() -> None:
    text = "line\r\n" * 200
    rendered = render(Found(people=[], note=text, body=text), mask=False)
    assert len(str(rendered.structured["note"])) == LEAF_LIMIT
    assert str(rendered.structured["body"]).startswith("line\nline\n")
    assert len(str(rendered.structured["body"])) == 1_000


def test_masking_reaches_fields_attributes_keys_and_text() -> None:
    person = Person(id="ada@example.com", phone="15551234567", attributes={"ada@example.com": {"mobile": 15551234567}})
    rendered = render(Found(people=[person], body="to ada@example.com"), mask=True)
    assert rendered.text == "1 found\n- “a•••@example.com”"
    assert rendered.structured == {
        "people": [
            {"id": "a•••@example.com", "phone": "1•••67", "attributes": {"a•••@example.com": {"mobile": "1•••67"}}}
        ],
        "body": "to a•••@example.com",
    }


def test_keys_that_become_equal_are_all_kept() -> None:
    person = Person(id="x", attributes={"ada@example.com": 1, "anna@example.com": 2})
    scrubbed = scrub(person, mask=True)
    assert sorted(map(str, scrubbed.attributes.values())) == ["1", "2"]


def test_an_address_is_masked_before_it_is_cut() -> None:
    near = "x" * (LEAF_LIMIT - 8) + " ada.lovelace@example.com"
    assert "lovelace" not in str(render(Found(people=[], note=near), mask=True).structured["note"])


def test_a_harmless_answer_is_not_copied() -> None:
    answer = Found(people=[Person(id="ada", attributes={})])
    assert scrub(answer, mask=False).people is answer.people


def test_a_model_that_lets_extra_fields_pass_is_refused() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")

    with pytest.raises(TypeError, match="extra fields"):
        scrub(Open(), mask=False)


def test_a_value_that_cannot_be_looked_into_is_refused() -> None:
    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        thing: object

    with pytest.raises(TypeError, match="thing: cannot clean a set"):
        scrub(Odd(thing={"a"}), mask=False)


def test_durations_and_numbers_pass() -> None:
    class Spent(BaseModel):
        wait: timedelta
        share: float

    spent = Spent(wait=timedelta(seconds=1), share=0.5)
    assert scrub(spent, mask=True) is spent


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.emails(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(value=st.dictionaries(st.text(max_size=5), JSON, max_size=4), mask=st.booleans())
def test_scrubbing_twice_is_scrubbing_once(value: dict[str, JsonValue], *, mask: bool) -> None:
    once = scrub(Person(id="x", attributes=value), mask=mask)
    assert scrub(once, mask=mask) == once
