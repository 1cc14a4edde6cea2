"""Sample rows of an import in a question: what each changes, or what its event says."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from cio_mcp.customerio.attribute_checks import REACHING_ATTRIBUTES
from cio_mcp.gate.values import same
from cio_mcp.text.names import meanings
from cio_mcp.text.timestamps import from_unix, moment
from cio_mcp.text.visible import visible, visible_name, visible_value
from cio_mcp.tools.bulk.known_people import Known
from cio_mcp.tools.bulk.report import Example

MAX_VALUE_CHARACTERS = 40
"""Characters of a value in a sample; `cio-mcp jobs rows` writes whole rows."""
MAX_SAMPLE_CHARACTERS = 1_600
"""Characters of the values of all rows: with these, a question can be shown in a client. Chosen."""


def customer_samples(sample: Sequence[Example], known: Known, *, create: bool) -> tuple[str, ...]:
    """A line for each row: the customer, and each attribute before and after, those that affect who is reached first.

    `create` says that rows create customers who don't exist.
    """
    room = MAX_SAMPLE_CHARACTERS // max(1, len(sample))
    return tuple(_customer_line(each, known, room, create=create) for each in sample)


def event_samples(sample: Sequence[Example]) -> tuple[str, ...]:
    """A line for each row: the customer, the event and its time, and its data."""
    return tuple(_event_line(each, MAX_SAMPLE_CHARACTERS // len(sample)) for each in sample)


def _customer_line(example: Example, known: Known, room: int, *, create: bool) -> str:
    reference, attributes = example.customer, _reaching_first(example.values)
    person = known.get(reference)
    head = f"line {example.line:,}, {reference.kind} {visible(reference.value)}"
    if reference not in known:
        return _line(head, [f"{visible_name(name)}: → {_short(value)}" for name, value in attributes.items()], room)
    if person is None and not (create and reference.kind != "cio_id"):
        return f"{head}: doesn't exist, so nothing changes"
    if person is None:
        new = [f"{visible_name(name)}: {_short(value)}" for name, value in attributes.items()]
        return _line(f"{head}, a new customer", new, room)
    before = person.attributes
    edits = [
        f"{visible_name(name)}: {_old(before.get(name))} → {_short(value)}"
        for name, value in attributes.items()
        if not same(before.get(name), value)
    ]
    return _line(head, edits, room) if edits else f"{head}: no change"


def _event_line(example: Example, room: int) -> str:
    reference = example.customer
    at = example.operation.get("timestamp")
    when = f" at {moment(from_unix(at))}" if isinstance(at, int) else ""
    name = visible(str(example.operation.get("name")))
    head = f"line {example.line:,}, {reference.kind} {visible(reference.value)}, {name}{when}"
    data = [f"{visible_name(key)}: {_short(value)}" for key, value in example.values.items()]
    return _line(head, data, room) if data else head


def _reaching_first(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return dict(sorted(values.items(), key=lambda item: not meanings(*item) & REACHING_ATTRIBUTES))


def _line(head: str, values: Sequence[str], room: int) -> str:
    shown: list[str] = []
    size = 0
    for value in values:
        size += len(value)
        if shown and size > room:
            break
        shown.append(value)
    left = len(values) - len(shown)
    return f"{head}: {'; '.join(shown)}{f'; and {left} more' if left else ''}"


def _old(value: JsonValue) -> str:
    return "(not set)" if value in (None, "") else _short(value)


def _short(value: JsonValue) -> str:
    if isinstance(value, str):
        return (
            visible(value) if len(value) <= MAX_VALUE_CHARACTERS else f"{visible(value[:MAX_VALUE_CHARACTERS])[:-1]}…”"
        )
    text = visible_value(value)
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[:MAX_VALUE_CHARACTERS]}…"
