import pytest

from cio_mcp.customerio import client as module
from cio_mcp.customerio.call import read
from cio_mcp.customerio.client import Client, Work
from tests.customerio.peer import Peer, reply_with
from tests.spans import SpanRecorder

pytestmark = pytest.mark.anyio


async def test_a_span_has_route_lane_wait_and_status_and_no_customer(
    client: Client, peer: Peer, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = SpanRecorder()
    monkeypatch.setattr(module, "_tracer", recorder)
    peer.script = [reply_with(503), reply_with(200, b'{"email": "ada@example.com"}')]
    await client.reader(work).read(
        read("get_customer_attributes", customer_id="ada@example.com", query={"id_type": "email"})
    )
    first, second = recorder.spans
    assert first.name == "GET /v1/customers/{customer_id}/attributes"
    assert first.attributes["http.response.status_code"] == 503
    assert second.attributes["http.response.status_code"] == 200
    assert (first.attributes["cio.attempt"], second.attributes["cio.attempt"]) == (1, 2)
    assert set(second.attributes) == {
        "http.route", "cio.lane", "cio.attempt", "cio.wait", "http.response.status_code",
    }  # fmt: skip
    recorded = str([(span.name, span.attributes) for span in recorder.spans])
    assert not any(part in recorded for part in ("ada", "secret", "127.0.0.1"))
