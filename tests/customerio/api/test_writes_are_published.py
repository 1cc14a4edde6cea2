"""The calls that write, against the published specifications."""

from datetime import UTC, datetime

import pytest

from cio_mcp.customerio.api import sends, tracking, triggers
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import Call
from tests.customerio.api.published import assert_published

CALLS: dict[str, Call] = {
    "identify": tracking.identify(
        Reference("cio_a3000001", "cio_id"), {"plan": "pro", "unsubscribed": False}, at=1_800_000_000, create=False
    ),
    "create": tracking.identify(
        Reference("new@example.com", "email"), {"first_name": "New"}, at=1_800_000_000, create=True
    ),
    "event": tracking.event(Reference("ada"), "signed_up", {"plan": "pro"}, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=None),
    "identify by kind": tracking.identify(
        Reference("new@example.com"), {"first_name": "New"}, at=1_800_000_000, create=False
    ),
    "event by kind": tracking.event(
        Reference("+14155552671", "phone"),
        "signed_up",
        {"plan": "pro"},
        ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    ),
    "email": sends.email(
        2, {"id": "ada"}, "ada@example.com", {"order_id": 7}, send_at=None, options={"tracked": False, "language": "en"}
    ),
    "trigger": triggers.trigger("10", {"headline": "Hello"}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_write_is_as_published(name: str) -> None:
    assert_published(CALLS[name])
