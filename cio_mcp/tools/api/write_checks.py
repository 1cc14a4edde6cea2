"""What `write_api` refuses beside the guardrails: values that no typed tool sends either."""

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from cio_mcp.customerio.attribute_checks import check_meaning, one_address
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.operations import Effect, value_at
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.names import meanings
from cio_mcp.tools.common.name_checks import check_visible

ADDRESS_FIELDS = {"send_email": "to"}
"""The field with the one address that an email goes to; a list of them, or Liquid, would reach others as well."""
MERGING = frozenset({"cio_id"})
"""Attributes with which a profile write would be about another person than its question says."""
EVENT_NAMES = ("name", "event")


def check_values(call: Call) -> None:
    """Refuse values with which a request would do something else than its question says.

    Raises:
        InvalidArgument: an email goes to anything but one address, an attribute means another person or cannot have
            its value, the name of an event cannot be seen whole, or an audience is empty.
    """
    if name := ADDRESS_FIELDS.get(call.operation):
        _check_address(f"body.{name}", value_at(call.body, name))
    if call.row.evidence == "trigger" and value_at(call.body, "recipients") == {}:
        raise InvalidArgument("body.recipients", "is empty; name an audience, or omit it for the broadcast's own")
    for number, effect in enumerate(call.effects, start=1):
        place = f"body.{call.row.elements}[{number}]" if call.row.elements else "body"
        for field in EVENT_NAMES if effect.operation.event_data else ():
            _check_event_name(f"{place}.{field}", value_at(effect.body, field))
        for field, attributes in _attributes(effect):
            for key, value in attributes.items():
                if MERGING & meanings(key, value):
                    raise InvalidArgument(f"{place}{field}", f"{key} cannot be set; omit it")
                check_meaning(f"{place}{field}", key, value)


def _check_address(field: str, value: JsonValue) -> None:
    if isinstance(value, str):
        one_address(field, value)


def _check_event_name(field: str, value: JsonValue) -> None:
    if isinstance(value, str):
        check_visible(field, value)


def _attributes(effect: Effect) -> Iterator[tuple[str, Mapping[str, JsonValue]]]:
    """The attributes that a profile write sets, with the field that holds them; none for any other request."""
    row, body = effect.operation, effect.body
    if row.verify != "get_customer_attributes" or row.evidence != "attributes" or not isinstance(body, dict):
        return
    fields = {field.name for field in row.body_fields}
    name = next((each for each in ("attributes", "traits") if each in fields), None)
    values = body.get(name) if name else body
    if isinstance(values, dict):
        yield f".{name}" if name else "", values
