"""A request to any operation, built from a model's arguments and checked against what is published.

Everything wrong is reported at once, before anything is sent.
"""

from pydantic import JsonValue, ValidationError

from cio_mcp.customerio.body_sizes import faults_of_size
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.operations import EVERYTHING, OPERATIONS, Operation, effects
from cio_mcp.customerio.operations.row import parse_fields
from cio_mcp.customerio.url_values import query_of
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted, without_quotation_marks
from cio_mcp.tools.api.index import close_ids
from cio_mcp.tools.api.request_faults import (
    IDENTIFIER_FIELDS,
    Values,
    argument_faults,
    as_text,
    body_faults,
    fixed_fields,
)

MAX_FAULTS = 8
"""Faults that one refusal names. Chosen: more do not fit a sentence."""
RELATIONSHIPS = "cio_relationships"


def find_operation(name: str, *, writes: bool) -> Operation:
    """Find an operation by its id.

    Raises:
        InvalidArgument: there is none, or it belongs to the other tool.
    """
    id_ = without_quotation_marks(name)
    row = OPERATIONS.get(id_)
    if row is None:
        close = close_ids(id_)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise InvalidArgument("operation", f"there is no {quoted(id_)}; {hint}search_api finds operations")
    if row.writes != writes:
        raise InvalidArgument("operation", f"{row.id} {'reads; use read_api' if writes else 'writes; use write_api'}")
    return row


def build_call(row: Operation, arguments: Values, body: JsonValue, generated: Values | None = None) -> Call:
    """Build the request of an operation; `generated` are the values of fields that this server fills in, by name.

    Raises:
        InvalidArgument: anything does not fit what is published; the text names all of it.
    """
    arguments, body = _sorted_out(row, arguments, body)
    faults = [*argument_faults(row, arguments), *body_faults(row, arguments, body)]
    if faults:
        raise _refusal(faults)
    full = _filled(row, _with_bare_ids(body, row), generated or {})
    path = {name: as_text(arguments[name]) for name in row.path_parameters}
    query = query_of({name: value for name, value in arguments.items() if name not in path})
    try:
        call = Call(operation=row.id, path=path, query=query, body=full)
    except ValidationError as wrong:
        raise InvalidArgument("body", _reason(wrong)) from None
    if faults := list(faults_of_size(call)):
        raise _refusal(faults)
    return call


def _refusal(faults: list[str]) -> InvalidArgument:
    return InvalidArgument("arguments", join_first(faults, MAX_FAULTS, separator="; "))


def _reason(wrong: ValidationError) -> str:
    """The reason of a call that fits no operation; errors of ours are raised as they are."""
    return str(wrong.errors()[0]["msg"]).removeprefix("Value error, ")


def _sorted_out(row: Operation, arguments: Values, body: JsonValue) -> tuple[dict[str, JsonValue], JsonValue]:
    """Move body fields that stand among the arguments into the body, and leave out arguments without a value."""
    in_url = {*row.path_parameters, *(field.name for field in parse_fields(row.query))}
    known = {field.name for field in row.body_fields} - in_url - {EVERYTHING}
    moved = {name: value for name, value in arguments.items() if name in known}
    if moved and (body is None or (isinstance(body, dict) and not moved.keys() & body.keys())):
        body = {**(body or {}), **moved}
        arguments = {name: value for name, value in arguments.items() if name not in moved}
    return {name: value for name, value in arguments.items() if value is not None}, body


def _with_bare_ids(body: JsonValue, row: Operation) -> JsonValue:
    """The body with each `cio_id` as bodies have it: with the `cio_` that it takes in a path it would reach no one."""
    if not isinstance(body, dict):
        return body
    holders = {*IDENTIFIER_FIELDS, *((row.elements,) if row.elements else ()), RELATIONSHIPS}
    return {name: _bare(value, row) if name in holders else value for name, value in body.items()}


def _bare(value: JsonValue, row: Operation) -> JsonValue:
    match value:
        case dict() if isinstance(cio_id := value.get("cio_id"), str):
            return value | {"cio_id": cio_id.removeprefix("cio_")}
        case list():
            return [_with_bare_ids(each, row) for each in value]
        case _:
            return value


def _filled(row: Operation, body: JsonValue, generated: Values) -> JsonValue:
    """The body with what selects the action, and the ids and times that this server fills in."""
    if isinstance(body, dict) and row.elements:
        elements = body.get(row.elements)
        parts = effects(row, body)
        listed = elements if isinstance(elements, list) else []
        return {
            **body,
            row.elements: [
                _generated(part.operation, one, generated) for part, one in zip(parts, listed, strict=False)
            ],
        }
    if body is None and not row.when and not row.generated:
        return None
    if not isinstance(body, dict) and body is not None:
        return body
    full = {**dict(fixed_fields(row)), **(body or {})}
    return _generated(effects(row, full)[0].operation, full, generated)


def _generated(row: Operation, body: JsonValue, generated: Values) -> JsonValue:
    if not isinstance(body, dict):
        return body
    types = {field.name: field.types for field in row.body_fields}
    times = {"timestamp", "_timestamp"}
    added = {
        name: generated["now" if "integer" in types.get(name, ()) else "now_text"]
        if name in times
        else generated["ulid"]
        for name in row.generated
        if name not in body and generated
    }
    return {**body, **added}
