from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan, Span, Tracer
from opentelemetry.util.types import AttributeValue

from cio_mcp.customerio import client as module
from cio_mcp.customerio.call import read
from cio_mcp.customerio.client import Client, Work
from tests.customerio.peer import Peer, says

pytestmark = pytest.mark.anyio


class Recorded(NonRecordingSpan):
    def __init__(self, name: str, attributes: dict[str, Any]) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)
        self.name = name
        self.attributes = attributes

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        self.attributes[key] = value


class Recorder(Tracer):
    """A tracer that keeps what it is told."""

    def __init__(self) -> None:
        self.spans: list[Recorded] = []

    def start_span(self, name: str, *_: Any, attributes: Any = None, **__: Any) -> Span:
        self.spans.append(Recorded(name, dict(attributes or {})))
        return self.spans[-1]

    @contextmanager
    def start_as_current_span(self, name: str, *args: Any, **options: Any) -> Iterator[Span]:  # type: ignore[override] # the API's own decorator type
        with trace.use_span(self.start_span(name, *args, **options)) as span:
            yield span


async def test_a_span_tells_route_lane_wait_and_status_and_nothing_of_whom(
    client: Client, peer: Peer, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    monkeypatch.setattr(module, "_tracer", recorder)
    peer.script = [says(503), says(200, b'{"email": "ada@example.com"}')]
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
    told = str([(span.name, span.attributes) for span in recorder.spans])
    assert not any(part in told for part in ("ada", "secret", "127.0.0.1"))
