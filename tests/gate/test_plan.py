"""The event that a plan sends, read from its requests."""

import pytest

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.gate.plan import Plan

ULID = "01HZZZZZZZZZZZZZZZZZZZ0001"


@pytest.mark.parametrize("person", [Reference("ada"), Reference("ada@example.com"), Reference("+14155552671", "phone")])
def test_an_event_is_known_by_its_ulid_whichever_request_records_it(person: Reference) -> None:
    call = tracking.event(person, "x", {}, ulid=ULID, at=None)
    assert Plan(risk="send", summary="Send.", calls=(call,)).event_id == ULID


def test_a_profile_write_sends_no_event() -> None:
    call = tracking.identify(Reference("ada"), {"id": "x"}, at=1, create=False)
    assert Plan(risk="data", summary="Set.", calls=(call,)).event_id is None
