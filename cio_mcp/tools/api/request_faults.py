"""What is wrong with a request to any operation, against what is published: its path, query, and body."""

from collections.abc import Collection, Iterator, Mapping

from pydantic import JsonValue

from cio_mcp.customerio.api.base import IDENTIFIER_KINDS
from cio_mcp.customerio.operations import EVERYTHING, OPERATIONS, Operation, action_fields, effects
from cio_mcp.customerio.operations.row import Field, parse_fields
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.text.spelling import closest_word

Values = Mapping[str, JsonValue]

TYPE_NAMES = {
    "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "object": "an object", "array": "a list",
}  # fmt: skip
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "object": (dict,),
    "array": (list,),
}  # fmt: skip
IDENTIFIER_FIELDS = frozenset({"identifiers", "primary", "secondary"})


def argument_faults(row: Operation, arguments: Values) -> Iterator[str]:
    """What is wrong with the path and query values of a request."""
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


def body_faults(row: Operation, arguments: Values, body: JsonValue) -> Iterator[str]:
    """What is wrong with the body of a request, and of a batch with each of its requests."""
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
        if content.get(name) is not None and name in arguments and as_text(content[name]) != as_text(arguments[name]):
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
        action = effects(row, {**dict(fixed_fields(row)), **body})[0].operation
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
    fixed = dict(fixed_fields(row))
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
        given = body.get(name, dict(fixed_fields(row)).get(name))
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
    text = as_text(value)
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


def _types(field: Field) -> str:
    return " or ".join(TYPE_NAMES[each] for each in field.types if each in TYPE_NAMES) or "a value"


def fixed_fields(row: Operation) -> list[tuple[str, str]]:
    """The body fields that select an action, with their values."""
    return [(name, value) for name, value in row.when if value != EVERYTHING]


def as_text(value: JsonValue) -> str:
    """A value as it stands in a URL."""
    return str(value).lower() if isinstance(value, bool) else str(value)
