"""Rendering a question costs as little as a few dozen values, however many its requests have."""

import anyio
import pytest
from pydantic import JsonValue

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.tracking import ProfileWrite
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import PersonEdit, Plan, ValueEdit, arguments_digest, parse_plan
from cio_mcp.gate.question import MAX_CHARACTERS, MAX_LINES, question_about
from cio_mcp.gate.question_values import Value
from cio_mcp.gate.service import Gate
from cio_mcp.text.visible import shorten, visible
from tests.calls import code_of, counted
from tests.gate.test_question import event, identify


def nested(value: JsonValue, levels: int) -> JsonValue:
    for _ in range(levels):
        value = {"a": value}
    return value


def edit_of_many(people: int, attributes: int) -> Plan:
    values: dict[str, JsonValue] = {f"a{number}": number for number in range(attributes)}
    references = [Reference(f"id_{number}") for number in range(people)]
    edits = tuple(ValueEdit(name=name, before=None, after=value) for name, value in values.items())
    call = tracking.identify_many([ProfileWrite(person, values) for person in references], at=1)
    named = tuple(PersonEdit(person=each.value, kind="id", name=each.value, edits=edits) for each in references)
    return Plan(risk="send", summary="Set.", people=named, affected=people, calls=(call,))


PLANS = {
    "many keys": Plan(risk="send", summary="Send.", calls=(event({f"k{number}": 1 for number in range(9_000)}),)),
    "many objects": Plan(risk="send", summary="Send.", calls=(event({"a": [{"b": n} for n in range(5_000)]}),)),
    "deep": Plan(risk="send", summary="Send.", calls=(event({"a": nested([[n] for n in range(5_000)], 150)}),)),
    "many people": edit_of_many(50, 100),
    "long texts": Plan(risk="send", summary="Send.", calls=(event({f"k{n}": "x" * 100_000 for n in range(9)}),)),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.sampled(2)
def test_only_as_many_values_are_rendered_as_a_question_has_room_for(plan: Plan) -> None:
    with counted() as calls:
        question = question_about(plan, "aaaa0001")
    assert not question.fits
    assert len(question.text) <= MAX_CHARACTERS
    assert calls[code_of(Value.render)] <= MAX_LINES + 1


def test_the_values_that_are_not_listed_are_counted() -> None:
    assert "8,982 more values are not listed" in question_about(PLANS["many keys"], "aaaa0001").text


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "fits"), [("one value", True), ("many keys", False)])
async def test_whether_a_question_fits_is_stored_with_it(name: str, fits: bool, gate: Gate) -> None:
    async def plan() -> Plan:
        await anyio.lowlevel.checkpoint()
        return PLANS.get(name, Plan(risk="send", summary="Send.", calls=(event({"a": 1}),)))

    change = await gate.propose("local:ada", "send_event", arguments_digest({}), plan)
    assert isinstance(change, Change)
    with counted() as calls:
        stored = await gate.approvals.current(change)
    assert (change.plan.fits_prompt, stored.plan.fits_prompt) == (fits, fits)
    assert not calls[code_of(Value.render)]


def test_a_question_of_which_it_is_not_known_that_it_fits_is_decided_outside() -> None:
    assert not parse_plan('{"risk": "send", "summary": "Planned by an earlier version."}').fits_prompt


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("x" * 1_000_000, "“xxx", " 999,550 more characters … “" + "x" * 50 + "”"),
        ("\u200b" * 1_000_000, "“\\u200b", "\\u200b”"),
        ([*range(10_000)], "[0, 1, ", " more items … 9999]"),
        (["a", "x" * 10_000], "[“a”, “xxx", "x”]"),
        ([["x" * 300] * 4] * 4, "[[“xxx", "]"),
        (10**4_000, "1000", "000"),
    ],
    ids=["text", "invisible", "many items", "long last item", "lists", "number"],
)
def test_the_beginning_and_end_of_a_long_value_are_shown(value: JsonValue, start: str, end: str) -> None:
    with counted() as calls:
        shown, whole = shorten(value)
    assert not whole
    assert shown.startswith(start)
    assert shown.endswith(end.replace("“", "", 1) if isinstance(value, str) else end)
    assert len(shown) < 2_500
    assert calls[code_of(visible)] < 300


def test_a_key_that_is_too_long_is_not_shown_in_a_client() -> None:
    for plan in (event({"k" * 501: 1}), identify({"k" * 501: 1})):
        assert not question_about(Plan(risk="send", summary="Send.", calls=(plan,)), "aaaa0001").fits
