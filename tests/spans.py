"""A tracer that keeps what the client records about its requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan, Span, Tracer
from opentelemetry.util.types import AttributeValue


class RecordedSpan(NonRecordingSpan):
    """The name of a span and the last value of each attribute."""

    def __init__(self, name: str, attributes: dict[str, Any]) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)
        self.name = name
        self.attributes = attributes

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        self.attributes[key] = value

    def __repr__(self) -> str:
        return f"{self.name} {self.attributes}"


class SpanRecorder(Tracer):
    """Every span that was started."""

    def __init__(self) -> None:
        self.spans: list[RecordedSpan] = []

    def start_span(self, name: str, *_: Any, attributes: Any = None, **__: Any) -> Span:
        self.spans.append(RecordedSpan(name, dict(attributes or {})))
        return self.spans[-1]

    @contextmanager
    def start_as_current_span(self, name: str, *args: Any, **options: Any) -> Iterator[Span]:  # type: ignore[override] # the API's own decorator type
        with trace.use_span(self.start_span(name, *args, **options)) as span:
            yield span
