import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import JsonValue

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.references import reference_of
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.question import question_about
from cio_mcp.gate.subject import Subject
from cio_mcp.storage.erasure import bare_plan
from cio_mcp.storage.rows import ChangeRow
from tests.rows import change_row

ADA = Subject(id="ada", email="Ada@example.com", phone="+4915112345678", cio_id="03000001")
ONE = Subject(id="1")


def row(proposal: Plan) -> ChangeRow:
    question = question_about(proposal, "aaaa0001").text
    return change_row("aaaa0001", proposal, state="sent", question=question, effect=None, digest="", expires_at=0.0)


def about(person: str, data: dict[str, JsonValue] | None = None, **more: Any) -> ChangeRow:
    call = tracking.event(reference_of(person), "x", data or {}, ulid="01HZZZZZZZZZZZZZZZZZZZ0001", at=None)
    return replace(row(Plan(risk="send", summary="Send.", calls=(call,))), **more)


@pytest.mark.parametrize("person", ["ada", "ada@example.com", "cio_03000001"])
def test_the_subject_of_a_request_is_found_by_each_identifier(person: str) -> None:
    assert ADA.is_in(about(person))
    assert not ADA.is_in(about(f"x{person}"))
    assert not ADA.is_in(about(f"{person}-2"))


@pytest.mark.parametrize(
    "text", ["to ada@example.com.", "ADA@EXAMPLE.COM", "call +4915112345678!", "/people/cio_03000001", "03000001"]
)
def test_addresses_numbers_and_cio_ids_are_found_wherever_they_stand(text: str) -> None:
    assert ADA.is_in(about("bob", {"note": {"deep": [text]}}))
    assert ADA.is_in(about("bob", {text: 1}))
    assert ADA.is_in(about("bob", outcome=f'{{"message": "{text}"}}'))
    assert ADA.is_in(about("bob", summary=text))
    assert ADA.is_in(about("bob", arguments_json=json.dumps({"to": text})))


@pytest.mark.parametrize(
    "text", ["lada@example.com", "ada@example.com.au", "x.ada@example.com", "ada@example.community", "+49151123456789"]
)
def test_a_longer_identifier_is_somebody_else(text: str) -> None:
    assert not ADA.is_in(about("bob", {"note": text}))


def test_an_id_that_is_a_plain_word_counts_only_where_somebody_is_named() -> None:
    assert not ONE.is_in(about("bob", {"quantity": "1", "1": 1, "note": "1"}))
    assert ONE.is_in(about("1"))
    call = Call(operation="send_sms", body={"identifiers": {"id": "1"}, "transactional_message_id": 1})
    assert ONE.is_in(row(Plan(risk="send", summary="Send.", calls=(call,))))
    assert not ONE.is_in(
        row(Plan(risk="send", summary="Send.", calls=(call.model_copy(update={"body": {"to": "2"}}),)))
    )
    added = Call(operation="add_to_segment", path={"segment_id": "1"}, body={"ids": ["7", "1"]})
    assert not ONE.is_in(row(Plan(risk="send", summary="Send.", calls=(added.model_copy(update={"body": {}}),))))
    assert ONE.is_in(row(Plan(risk="send", summary="Send.", calls=(added,))))
    assert ONE.is_in(row(Plan(risk="data", summary="Set “plan” of “1”.")))
    assert ONE.is_in(row(Plan(risk="data", summary="Set.", examples=("“1” (cio_07), subscribed",))))


def test_a_change_of_which_the_summary_is_left_is_found_by_it() -> None:
    summary = "Set “plan” of “ada”."
    assert ADA.is_in(about("bob", summary=summary, question="", plan=bare_plan("data", summary)))


def test_an_address_with_signs_that_are_shown_as_others_is_found_in_a_summary() -> None:
    odd = Subject(email="a*d~a@example.com")
    plan = Plan(risk="data", summary="Set “plan” of “a∗d∼a@example.com”.")  # noqa: RUF001 - as quoting shows it
    assert odd.is_in(replace(row(plan), question="", plan=bare_plan("data", plan.summary)))
