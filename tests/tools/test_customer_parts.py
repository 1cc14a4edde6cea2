"""Parts of a customer's answer: foreign data of any shape becomes lines, and fits what clients were promised."""

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.sandbox import Sandbox
from cio_mcp.text.render import Answer, render
from cio_mcp.tools.common.person_ref import PersonRef, pairs
from cio_mcp.tools.core.customer_attributes import cut_to_fit
from cio_mcp.tools.core.customer_parts import MAX_KEYS, MAX_VALUE_CHARACTERS, ActivityLine, Include, flat
from cio_mcp.tools.core.customers import CustomerAnswer, find_customers, get_customer
from cio_mcp.tools.core.messages import get_message, list_messages
from cio_mcp.tools.core.segments import get_segment, list_segments
from cio_mcp.workspace import CallContext

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def assert_fits(answer: Answer) -> None:
    """Fail unless the answer is what its model promises."""
    jsonschema.Draft202012Validator(type(answer).model_json_schema(mode="serialization")).validate(
        render(answer, mask=False).structured
    )


def test_nested_data_is_json_text_and_nulls_are_left_out() -> None:
    assert flat({"plan": {"from": "free", "to": "vip"}, "n": 1, "none": None}) == {
        "plan": '{"from":"free","to":"vip"}',
        "n": 1,
    }
    assert flat({}) is flat(None) is flat({"none": None}) is None


def test_values_are_masked_before_they_are_cut() -> None:
    text = "x" * (MAX_VALUE_CHARACTERS - 8) + " ada.lovelace@example.com"
    assert "ada" not in str(flat({"text": text}, mask=True))
    assert "1234567" not in str(flat({"nested": {"phone": "0151 1234567", "text": text}}, mask=True))


def test_an_attribute_of_a_list_is_masked_before_it_is_cut() -> None:
    person = PersonRef(
        id="ada", attributes={f"a{number}": f"{'x' * 12} ada.lovelace@x.test" for number in range(2_000)}
    )
    assert "ada" not in str(cut_to_fit([person], mask=True)[0].attributes)


def test_endless_data_is_cut_by_keys_and_by_length() -> None:
    assert len(flat({str(number): "x" * 400 for number in range(100)}) or {}) == 4
    assert len((flat({"long": "x" * 400}) or {})["long"]) == 200  # type: ignore[arg-type] # a text stays one
    assert len(flat({str(number): number for number in range(100)}) or {}) == MAX_KEYS


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_any_event_is_one_line_and_fits_the_schema(data: dict[str, object]) -> None:
    answer = CustomerAnswer(id="ada", activities=[ActivityLine(type="event", name="e", data=flat(data))])
    assert_fits(answer)
    assert len(render(answer, mask=False).text.split("\n")) == 3


def test_a_plain_attribute_name_stands_bare_and_any_other_is_quoted() -> None:
    assert pairs({"plan": "vip", "two words": "x", "n": 2}) == ["plan: “vip”", "“two words”: “x”", "n: 2"]


@pytest.mark.anyio
@pytest.mark.slow
async def test_every_answer_fits_its_schema(ws: CallContext, sandbox: Sandbox) -> None:
    everything: tuple[Include, ...] = ("segments", "messages", "activities", "subscriptions", "relationships")
    listed = await list_messages(ws, customer="ada", limit=2)
    for answer in (
        await find_customers(ws, email="two@example.com"),
        await get_customer(ws, "ada", include=everything),
        await get_customer(ws, "two@example.com"),
        listed,
        await get_message(ws, listed.messages[0].id, content=True),
        await list_segments(ws, limit=2),
        await get_segment(ws, "Subscribers", members=True, limit=2),
    ):
        assert_fits(answer)
    assert sandbox.statuses.keys() == {"200"}
