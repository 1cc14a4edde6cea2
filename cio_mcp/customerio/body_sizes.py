"""The published sizes of requests, so that what is too large is refused before it leaves.

Some APIs refuse it themselves; the Pipelines API answers 200 and discards it.
"""

from collections.abc import Iterator
from typing import Any

from cio_mcp.customerio.api.tracking import (
    ATTRIBUTE_NAME_BYTES,
    ATTRIBUTE_VALUE_BYTES,
    ATTRIBUTES,
    EVENT_DATA_BYTES,
    EVENT_NAME_BYTES,
    MAX_BATCH_BYTES,
    MAX_OPERATION_BYTES,
)
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.encoding import encode
from cio_mcp.customerio.operations import Effect, value_at

CALL_BYTES = 32 * 1024
"""One call of the Pipelines API, alone or in a batch: https://docs.customer.io/integrations/api/cdp/"""
BODY_BYTES: dict[str, int] = {
    "apply_entity": MAX_OPERATION_BYTES,
    "apply_batch": MAX_BATCH_BYTES,
    "pipelines_batch": MAX_BATCH_BYTES,
    "trigger_broadcast": 25_000_000,
    "create_collection": 10_000_000,
    "update_collection": 10_000_000,
    "update_collection_content": 10_000_000,
}
"""Bytes of a whole body, by operation: https://docs.customer.io/integrations/api/app/ and the other references."""
FIELD_BYTES: dict[str, dict[str, int]] = {
    "trigger_broadcast": {"data": 50_000},
    "send_email": {"message_data": 1_000_000, "attachments": 2_000_000},
    "send_push": {"message_data": 1_000_000},
    "send_sms": {"message_data": 1_000_000},
}
"""Bytes of one field, by operation. Sources as above."""
FIELD_ITEMS: dict[str, dict[str, int]] = {
    "add_to_segment": {"ids": 1_000},
    "remove_from_segment": {"ids": 1_000},
    "get_customers": {"ids": 100},
    "trigger_broadcast": {"ids": 10_000, "emails": 10_000, "per_user_data": 10_000},
}
"""Items of one list, by operation. Sources as above."""


def faults_of_size(call: Call) -> Iterator[str]:
    """What of a request is larger than Customer.io accepts, a sentence each."""
    id_, row = call.operation, call.row
    whole = BODY_BYTES.get(id_) or (MAX_OPERATION_BYTES if row.when and row.api == "track" else None)
    if whole is None and row.api == "pipelines":
        whole = CALL_BYTES
    if whole:
        yield from _too_large("the body", call.body, whole)
    for name, limit in FIELD_BYTES.get(id_, {}).items():
        yield from _too_large(name, value_at(call.body, name), limit)
    for name, limit in FIELD_ITEMS.get(id_, {}).items():
        items = value_at(call.body, name)
        if isinstance(items, list) and len(items) > limit:
            yield f"{name} has {len(items):,} items; Customer.io accepts at most {limit:,}"
    for number, effect in enumerate(call.effects, start=1):
        place = f"{row.elements}[{number}]" if row.elements else ""
        if place:
            yield from _too_large(place, effect.body, CALL_BYTES if row.api == "pipelines" else MAX_OPERATION_BYTES)
        yield from _effect_faults(effect, f"{place}." if place else "")


def _effect_faults(effect: Effect, place: str) -> Iterator[str]:
    """What the Track API documents for the attributes of a person, and for an event."""
    row, body = effect.operation, effect.body if isinstance(effect.body, dict) else {}
    if row.api != "track":
        return
    if row.event_data:
        yield from _too_large(f"{place}name", body.get("name"), EVENT_NAME_BYTES)
        yield from _too_large(f"{place}{row.event_data}", body.get(row.event_data), EVENT_DATA_BYTES)
    if row.evidence == "attributes":
        values = body.get("attributes") if "attributes" in {field.name for field in row.body_fields} else body
        attributes = values if isinstance(values, dict) else {}
        if len(attributes) > ATTRIBUTES:
            yield f"{place}attributes are {len(attributes):,}; Customer.io accepts at most {ATTRIBUTES} in a request"
        for name, value in attributes.items():
            yield from _too_large(f"{place}the name of an attribute", name, ATTRIBUTE_NAME_BYTES)
            if not name.startswith("cio_"):
                yield from _too_large(f"{place}an attribute", value, ATTRIBUTE_VALUE_BYTES)


def _too_large(what: str, value: Any, limit: int) -> Iterator[str]:
    if value is not None and (size := size_of(value)) > limit:
        yield f"{what} is {size:,} bytes; Customer.io accepts at most {limit:,}"


def size_of(value: Any) -> int:
    """The size of a value as it leaves; of a text without its quotes."""
    if isinstance(value, str):
        return len(value.encode(errors="surrogatepass"))
    return len(encode(value))
