"""What is refused whichever tool planned it, by the guardrails of what each request does."""

import pytest
from pydantic import JsonValue

from cio_mcp.customerio import batches
from cio_mcp.customerio.call import Call
from cio_mcp.errors import Refused
from cio_mcp.gate import guardrails
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.risk import RISKS, Risk

ADA: dict[str, JsonValue] = {"type": "person", "identifiers": {"id": "ada"}}
REDIRECT: dict[str, JsonValue] = {"recipient": "eve@example.com"}
SEND: dict[str, JsonValue] = {"to": "ada@example.com", "send_to_unsubscribed": False}


@pytest.mark.parametrize(
    "call",
    [
        Call(operation="track_event", path={"identifier": "ada"}, body={"name": "x", "data": REDIRECT}),
        Call(operation="track_anonymous_event", body={"name": "x", "data": REDIRECT}),
        Call(operation="apply_entity", body={**ADA, "action": " Event ", "name": "x", "attributes": REDIRECT}),
        batches.batch([{**ADA, "action": "identify"}, {**ADA, "action": "page", "attributes": REDIRECT}]),
        batches.batch([{**ADA, "action": "an unknown one", "data": {"deep": [REDIRECT]}}]),
    ],
)
def test_event_data_that_would_redirect_mail_are_refused_in_every_request_that_records_events(call: Call) -> None:
    with pytest.raises(Refused, match="redirect"):
        guardrails.check([call])


@pytest.mark.parametrize(
    "call",
    [
        Call(operation="identify_customer", path={"identifier": "ada"}, body=REDIRECT),
        batches.batch([{**ADA, "action": "identify", "attributes": REDIRECT}]),
    ],
)
def test_an_attribute_of_that_name_is_just_an_attribute(call: Call) -> None:
    guardrails.check([call])


@pytest.mark.parametrize("id_", ["send_email", "send_push", "send_sms", "send_whatsapp", "send_in_app"])
def test_every_send_keeps_its_sender_and_says_whether_it_reaches_unsubscribed_people(id_: str) -> None:
    guardrails.check([Call(operation=id_, body=SEND)])
    with pytest.raises(Refused, match="sender"):
        guardrails.check([Call(operation=id_, body={**SEND, "Reply_To": "eve@example.com"})])
    bodies: tuple[JsonValue, ...] = ({"to": "ada@example.com"}, None, [])
    for body in bodies:
        with pytest.raises(Refused, match="unsubscribed"):
            guardrails.check([Call(operation=id_, body=body)])


@pytest.mark.parametrize(
    "call",
    [
        Call(operation="identify_customer", path={"identifier": "ada"}, body={"pl\u200ban": 1}),
        Call(operation="send_email", body={**SEND, "message_data": {"order": [{"i\u200bd": 1}]}}),
        Call(operation="update_collection_content", path={"collection_id": "1"}, body=[{"na\u200bme": 1}]),
    ],
)
def test_a_name_that_cannot_be_seen_is_refused_wherever_it_stands(call: Call) -> None:
    with pytest.raises(Refused, match=r"U\+200B"):
        guardrails.check([call])


@pytest.mark.parametrize(
    ("call", "floor"),
    [
        (Call(operation="identify_customer", path={"identifier": "ada"}, body={"shoe": 42}), "data"),
        (Call(operation="send_email", body=SEND), "send"),
        (Call(operation="delete_customer", path={"identifier": "ada"}), "destroy"),
        (batches.batch([{**ADA, "action": "identify"}, {**ADA, "action": "delete"}]), "destroy"),
        (batches.batch([{**ADA, "action": "an unknown one"}]), "destroy"),
    ],
)
def test_a_plan_is_in_no_lower_class_than_each_of_its_operations(call: Call, floor: Risk) -> None:
    for risk in RISKS:
        plan = Plan(risk=risk, summary="Do it.", calls=(call,))
        if RISKS.index(risk) >= RISKS.index(floor):
            guardrails.check_plan(plan)
        else:
            with pytest.raises(Refused, match="riskier than the class"):
                guardrails.check_plan(plan)
