"""The calls that write, against the published specifications."""

import pytest

from cio_mcp.customerio.api import sends, tracking, triggers
from cio_mcp.customerio.call import Call
from tests.customerio.api.published import assert_published

CALLS: dict[str, Call] = {
    "identify": tracking.identify(
        "cio_a3000001", {"plan": "pro", "unsubscribed": False}, at=1_800_000_000, create=False
    ),
    "create": tracking.identify("new@example.com", {"first_name": "New"}, at=1_800_000_000, create=True),
    "event": tracking.event("ada", "signed_up", {"plan": "pro"}, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=None),
    "email": sends.email(
        2, {"id": "ada"}, "ada@example.com", {"order_id": 7}, send_at=None, options={"tracked": False, "language": "en"}
    ),
    "trigger": triggers.trigger("10", {"headline": "Hello"}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_write_is_as_published(name: str) -> None:
    assert_published(CALLS[name])
