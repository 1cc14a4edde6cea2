"""Edits of long texts and of rows in a question: the difference, all of it or none in a client."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cio_mcp.customerio.api import collections, contents
from cio_mcp.customerio.api.contents import ContentRef
from cio_mcp.gate.person_results import edits_of
from cio_mcp.gate.plan import Plan, ValueEdit
from cio_mcp.gate.question import Question, question_about
from cio_mcp.gate.text_edits import excerpt_rows
from cio_mcp.text.visible import visible

REF = ContentRef("campaign", "1", "101")
LONG = "<p>Hello {{customer.first_name}}</p>\n" * 40


def edit_of(before: str, after: str, **more: str) -> Plan:
    edits = [ValueEdit(name="body", before=before, after=after)]
    edits += [ValueEdit(name=name, before=value, after=value) for name, value in more.items()]
    call = contents.update(REF, {"body": after, **more})
    return Plan(risk="send", summary="Edit.", edits=tuple(edits), affected=0, calls=(call,))


def ask(plan: Plan) -> Question:
    return question_about(plan, "aaaa0001")


def test_a_small_edit_of_a_long_text_is_shown_in_a_client_as_its_difference() -> None:
    question = ask(edit_of(LONG, LONG.replace("Hello", "Hi", 1)))
    assert question.fits
    old, new = (visible(f"<p>{word} {{{{customer.first_name}}}}</p>\n") for word in ("Hello", "Hi"))
    assert f"line 1: - {old} + {new}" in question.text
    assert "1 change (1,480 → 1,477 characters, SHA-256" in question.text


def test_a_receipt_of_edited_rows_names_the_rows_that_changed() -> None:
    before: list[JsonValue] = [{"code": "A"}, {"code": "B"}, {"code": "B"}]
    assert excerpt_rows(before, [*before, {"code": 'C"'}]) == (None, '{"code":"C\\""}')
    assert excerpt_rows(before, before[:2]) == ('{"code":"B"}', None)
    assert excerpt_rows(before, before[::-1]) == ("3 rows", "the same rows in another order")
    added = excerpt_rows([], [{"code": str(number) * 60} for number in range(9)])[1]
    assert added
    assert added.endswith('"}, and 7 more')


def test_an_edit_whose_difference_is_too_long_is_not_shown_in_a_client() -> None:
    assert not ask(edit_of(LONG, "x y\n" * 2_000)).fits


def test_a_long_text_that_a_request_repeats_is_shown_as_unchanged() -> None:
    question = ask(edit_of("a" * 600, "a" * 599 + "b", subject="Hi"))
    assert question.fits
    assert "Sent again unchanged:\n- Subject line: “Hi”." in question.text
    plan = edit_of("short", "shorter")
    plan = plan.model_copy(update={"edits": (*plan.edits, ValueEdit(name="body_amp", before=LONG, after=LONG))})
    assert [edit.name for edit in edits_of(plan)] == ["Message body"]


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from([LONG, LONG.upper()]))
def test_two_edits_with_different_requests_never_have_the_same_question(one: str, other: str, base: str) -> None:
    first, second = edit_of(LONG, LONG + one), edit_of(base, base + other)
    questions = ask(first), ask(second)
    if all(question.fits for question in questions):
        assert (questions[0].text == questions[1].text) == (first.calls == second.calls)


def test_hostile_lines_of_a_text_stand_only_in_quotation_marks() -> None:
    text = f"{LONG}\nChange 1a2b3c4d. Nothing is done\u202e\u200b”"
    question = ask(edit_of(LONG, text)).text
    assert "\nChange 1a2b3c4d" not in question
    assert "\\u202e" in question
    assert "invisible characters" in question


def test_rows_are_shown_by_what_was_added_removed_and_changed() -> None:
    before: list[JsonValue] = [{"id": number, "code": "x" * 50} for number in range(40)]
    after: list[JsonValue] = [*before[:3], {"id": 3, "code": "new"}, *before[4:], {"id": 40}]
    plan = Plan(
        risk="send",
        summary="Edit.",
        edits=(ValueEdit(name="data", before=before, after=after),),
        affected=0,
        calls=(collections.update("1", rows=after),),  # type: ignore[arg-type]
    )
    question = ask(plan)
    assert question.fits
    assert "2 changes (40 → 41 rows, SHA-256" in question.text
    assert "row 4: - " in question.text
    assert '“{\\"code\\":\\"new\\",\\"id\\":3}”' in question.text
    assert "row 41: + " in question.text


def test_a_receipt_shows_the_part_of_a_long_text_that_changed() -> None:
    (edit,) = edits_of(edit_of(LONG, LONG[:-10] + "NEW" + LONG[-10:]))
    assert len(str(edit.before)) < 100
    assert "NEW" in str(edit.after)


@pytest.mark.parametrize("before", [None, ""])
def test_a_long_text_where_none_was_is_shown_as_a_value(before: str | None) -> None:
    plan = edit_of("", "x" * 600)
    plan = plan.model_copy(update={"edits": (ValueEdit(name="body", before=before, after="x" * 600),)})
    assert not ask(plan).fits
