"""A request to any operation, built from a model's arguments and checked against what is published.

Everything wrong is reported at once, before anything is sent.
"""

from collections.abc import Collection, Iterator, Mapping

from pydantic import JsonValue, ValidationError

from cio_mcp.customerio.api.base import IDENTIFIER_KINDS
from cio_mcp.customerio.body_sizes import faults_of_size
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.operations import EVERYTHING, OPERATIONS, Operation, action_fields, effects
from cio_mcp.customerio.operations.row import Field, parse_fields
from cio_mcp.customerio.url_values import query_of
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted, without_quotation_marks, word
from cio_mcp.text.spelling import closest_word
from cio_mcp.tools.api.index import close_ids

Values = Mapping[str, JsonValue]

MAX_FAULTS = 8
"""Faults that one refusal names. Chosen: more do not fit a sentence."""
TYPE_NAMES = {
    "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "object": "an object", "array": "a list",
}  # fmt: skip
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "object": (dict,),
    "array": (list,),
}  # fmt: skip
IDENTIFIER_FIELDS = frozenset({"identifiers", "primary", "secondary"})
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
    faults = [*_argument_faults(row, arguments), *_body_faults(row, arguments, body)]
    if faults:
        raise _refusal(faults)
    full = _filled(row, _with_bare_ids(body, row), generated or {})
    path = {name: _text(arguments[name]) for name in row.path_parameters}
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


def _argument_faults(row: Operation, arguments: Values) -> Iterator[str]:
    query = {field.name: field for field in parse_fields(row.query)}
    accepted = [*row.path_parameters, *query]
    for name in arguments:
        if name not in accepted and not (row.unpublished and not row.writes):
            yield _unknown(name, accepted, "an argument")
    for name in row.path_parameters:
        if name not in arguments:
            yield f"{name} is required"
        elif not _is_scalar(arguments[name]):
            yield f"{name}: expected text"
    for name, field in query.items():
        if name in arguments:
            if not _fits_query(arguments[name], field):
                yield f"{name}: expected {_types(field)}"
        elif field.required:
            yield f"{name} is required"


def _body_faults(row: Operation, arguments: Values, body: JsonValue) -> Iterator[str]:
    if [field.name for field in row.body_fields] == [EVERYTHING]:
        if body is None:
            yield "body is required"
        return
    if not row.body_fields and not row.unpublished:
        if body is not None:
            yield f"body: {row.id} takes none"
        return
    if body is None and not _needs_body(row):
        return
    if not isinstance(body, dict) and body is not None:
        yield "body: expected an object"
        return
    content = body or {}
    for name in row.path_parameters:
        if content.get(name) is not None and name in arguments and _text(content[name]) != _text(arguments[name]):
            yield f"body.{name} differs from {name}; omit it from the body"
    yield from _fields_faults(row, content, "body.", whole=not row.elements)
    elements = content.get(row.elements) if row.elements else None
    if row.elements:
        yield from _element_faults(row, elements)


def _needs_body(row: Operation) -> bool:
    return bool(row.elements) or any(field.required for field in row.body_fields) or bool(row.when)


def _element_faults(row: Operation, elements: JsonValue) -> Iterator[str]:
    place = f"body.{row.elements}"
    if not isinstance(elements, list) or not elements:
        yield f"{place}: expected a list of requests"
        return
    for number, (effect, element) in enumerate(
        zip(effects(row, {row.elements: elements}), elements, strict=True), start=1
    ):
        if not isinstance(element, dict):
            yield f"{place}[{number}]: expected an object"
        elif effect.operation.elements:
            yield f"{place}[{number}].type: expected {', '.join(_types_of_elements(row))}"
        else:
            yield from _fields_faults(effect.operation, element, f"{place}[{number}].", whole=True)


def _types_of_elements(batch: Operation) -> list[str]:
    prefix = f"{batch.api}_"
    singles = (row for row in OPERATIONS.values() if row.api == batch.api and not row.when and not row.elements)
    return [row.id.removeprefix(prefix) for row in singles if row.id.startswith(prefix)]


def _fields_faults(row: Operation, body: Values, place: str, *, whole: bool) -> Iterator[str]:
    """What is wrong with the top-level fields of one request; `whole` requests name their action exactly."""
    if whole:
        action = effects(row, {**dict(_fixed(row)), **body})[0].operation
        if faults := list(_action_faults(row, action, body, place)):
            yield from faults
            return
        row = action
    fields = {field.name: field for field in row.body_fields}
    for name, value in body.items():
        field = fields.get(name) or fields.get(EVERYTHING)
        if name in row.generated:
            yield f"{place}{name} is set by this server; omit it"
        elif field is None and not row.unpublished:
            yield _unknown(name, fields, place)
        elif field is not None and not _fits(value, field):
            yield f"{place}{name}: expected {_types(field)}"
    fixed = dict(_fixed(row))
    missing = [name for name, field in fields.items() if field.required and body.get(name, fixed.get(name)) is None]
    yield from (f"{place}{name} is required" for name in missing)
    yield from _identifier_faults(row, body, place)


def _action_faults(row: Operation, action: Operation, body: Values, place: str) -> Iterator[str]:
    """Whether the fields that select an action say exactly one, and the one that was meant."""
    names = action_fields(row)
    if not names:
        return
    if not action.when:
        yield f"{place}{' and '.join(names)}: no action has these; search_api lists the actions"
        return
    for name, value in action.when:
        given = body.get(name, dict(_fixed(row)).get(name))
        if value not in (EVERYTHING, given):
            yield f"{place}{name}: write it as {quoted(value)}"
    if row.when and action is not row:
        yield f"{place}{names[-1]}: belongs to {action.id}, not to {row.id}"


def _identifier_faults(row: Operation, body: Values, place: str) -> Iterator[str]:
    """Whom a request names must be one person, by one identifier: with two, it is open which of them counts."""
    for name in IDENTIFIER_FIELDS.intersection(row.people):
        value = body.get(name)
        if not isinstance(value, dict):
            continue
        kinds = [kind for kind in IDENTIFIER_KINDS if kind in value]
        if len(value) != 1 or len(kinds) != 1 or not _is_text(value[kinds[0]]):
            yield f"{place}{name}: expected exactly one of {', '.join(IDENTIFIER_KINDS)}"


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


def _fixed(row: Operation) -> list[tuple[str, str]]:
    return [(name, value) for name, value in row.when if value != EVERYTHING]


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
    full = {**dict(_fixed(row)), **(body or {})}
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


def _unknown(name: str, accepted: Collection[str], place: str) -> str:
    match = closest_word(name, [each for each in accepted if each != EVERYTHING])
    hint = f", did you mean {match}?" if match else f" (accepted: {', '.join(accepted) or 'none'})"
    what = place if " " in place else f"a field of {place.rstrip('.')}"
    return f"{word(name)} is not {what}{hint}"


def _fits(value: JsonValue, field: Field) -> bool:
    if "any" in field.types:
        return True
    if value is None:
        return not field.required and "boolean" not in field.types
    if isinstance(value, bool):
        return "boolean" in field.types
    return any(isinstance(value, _TYPES[each]) for each in field.types)


def _fits_query(value: JsonValue, field: Field) -> bool:
    text = _text(value)
    if not _is_scalar(value):
        return False
    match field.types:
        case ("integer",):
            return text.removeprefix("-").isdecimal() and text.isascii()
        case ("boolean",):
            return text in {"true", "false"}
        case _:
            return True


def _is_scalar(value: JsonValue) -> bool:
    return isinstance(value, str | int | float)


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and bool(str(value).strip())


def _text(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _types(field: Field) -> str:
    return " or ".join(TYPE_NAMES[each] for each in field.types if each in TYPE_NAMES) or "a value"
