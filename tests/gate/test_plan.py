"""The event that a plan sends, read from its requests, and plans that another release stored."""

import json

import pytest

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.gate.plan import Plan, parse_plan

ULID = "01HZZZZZZZZZZZZZZZZZZZ0001"


@pytest.mark.parametrize("person", [Reference("ada"), Reference("ada@example.com"), Reference("+14155552671", "phone")])
def test_an_event_is_known_by_its_ulid_whichever_request_records_it(person: Reference) -> None:
    call = tracking.event(person, "x", {}, ulid=ULID, at=None)
    assert Plan(risk="send", summary="Send.", calls=(call,)).event_id == ULID


def test_a_profile_write_sends_no_event() -> None:
    call = tracking.identify(Reference("ada"), {"id": "x"}, at=1, create=False)
    assert Plan(risk="data", summary="Set.", calls=(call,)).event_id is None


def test_the_confirmation_of_a_plan_is_read_and_stored_under_the_name_that_older_releases_use() -> None:
    older = '{"risk": "destroy", "summary": "Delete ada.", "typed": "ada", "typed_case": true}'
    plan = parse_plan(older)
    assert (plan.confirmation, plan.exact_case) == ("ada", True)
    stored = json.loads(plan.model_dump_json())
    assert (stored["typed"], stored["typed_case"]) == ("ada", True)
    assert parse_plan(plan.model_dump_json()) == plan
