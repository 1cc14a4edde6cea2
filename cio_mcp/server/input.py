"""Arguments as models write them, read as a tool's schema means them.

Models send null for an argument they leave out, one value for a list of one, JSON as text, `Newsletters` for
`newsletter`, an ID with the quotation marks it was shown in, a date without a zone. All of that is unambiguous, so it
is read here, once for all tools, before validation. What is not declared is never changed: `data` and `attributes`
arrive as they were sent.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from cio_mcp.customerio.api.periods import zone
from cio_mcp.errors import InvalidArgument
from cio_mcp.server.sizes import check_size
from cio_mcp.text.sanitize import without_quotation_marks
from cio_mcp.text.spelling import match_word
from cio_mcp.text.timestamps import read_time
from cio_mcp.tools.common.arguments import MAX_TIME_BYTES, READ_AS
from cio_mcp.tools.common.people_filter import read_filter

Schema = dict[str, Any]

BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
MAX_JSON_CHARACTERS = 1_000_000
"""Characters of JSON in a text: as many as Customer.io accepts bytes of a message."""
MAX_ITEMS = 1_000
"""Items of a list that are read; as many as any list of ours may have."""
ZONE_ARGUMENT = "timezone"
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "array": (list,), "object": (dict,)
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Input:
    """A call's arguments in the types of its tool's schema; `faults` by argument, and a `note` on what was assumed."""

    arguments: dict[str, Any]
    faults: dict[str, str]
    note: str | None


def read_input(raw: Mapping[str, Any], schema: Schema, now: datetime) -> Input:
    """Read the arguments that `schema` declares; validation still decides what is acceptable, `now` is for errors.

    Raises:
        InvalidArgument: they contain too many values, which are not looked at then.
    """
    check_size(raw)
    reader = _Reader(schema.get("$defs", {}), _zone_of(raw, schema), now)
    arguments = reader.members(raw, schema, "")
    return Input(arguments, reader.faults, reader.note())


def _zone_of(raw: Mapping[str, Any], schema: Schema) -> tzinfo:
    """The zone for times without one; validation refuses a zone that does not exist."""
    name = raw.get(ZONE_ARGUMENT)
    if ZONE_ARGUMENT not in schema.get("properties", {}) or not isinstance(name, str) or not name.strip():
        return UTC
    try:
        return zone(without_quotation_marks(name))
    except InvalidArgument:
        return UTC


@dataclass(slots=True)
class _Reader:
    definitions: dict[str, Schema]
    zone: tzinfo
    now: datetime
    faults: dict[str, str] = field(default_factory=dict)
    guesses: dict[str, list[str]] = field(default_factory=dict)
    assumed: dict[str, str] = field(default_factory=dict)

    def members(self, raw: Mapping[str, Any], schema: Schema, path: str) -> dict[str, Any]:
        """Read the declared members of an object; an optional one without a value counts as absent."""
        properties, required = schema.get("properties", {}), schema.get("required", ())
        keep_blank = schema.get(READ_AS) == "whole"
        read = {
            name: self.value(value, properties[name], f"{path}{name}") if name in properties else value
            for name, value in raw.items()
        }
        return {
            name: value
            for name, value in read.items()
            if name in required
            or (keep_blank and value is not None)
            or not self._is_blank(value, properties.get(name), nested=bool(path))
        }

    def note(self) -> str | None:
        """What was assumed, in sentences."""
        sentences = [f"{path} was read as {', '.join(values)}." for path, values in self.guesses.items()]
        if self.assumed:
            times = ", ".join(f"{path} {time}" for path, time in self.assumed.items())
            sentences.append(f"Times without a zone were read as {getattr(self.zone, 'key', 'UTC')}: {times}.")
        return " ".join(sentences) or None

    def value(self, value: Any, schema: Schema, path: str) -> Any:
        """Read one value; one that is not understood stays as it is."""
        schema = self._arm(value, schema)
        if value is None or value == "":
            return value
        read: Any = value
        match schema.get("type"):
            case _ if choices := _choices(schema):
                read = self._choice(value, choices, path)
            case "array":
                items = self._items(value, schema, path)
                # Validation refuses a longer list.
                few = len(items) <= MAX_ITEMS
                read = [self.value(item, schema.get("items", {}), path) for item in items] if few else items
            case "object":
                read = _from_json(value, dict, path)
                if isinstance(read, dict) and "properties" in schema:
                    read = self.members(read, schema, f"{path}.")
                if schema.get(READ_AS) == "filter" and read != {}:
                    read, faults = read_filter(read, path)
                    self.faults |= faults
            case "boolean" if isinstance(value, str):
                read = BOOLEANS.get(value.strip().casefold(), value)
            case "integer" | "number":
                read = self._number(value, path)
            case "string":
                read = self._text(value, schema, path)
        return read

    def _arm(self, value: Any, schema: Schema) -> Schema:
        return schema_for(value, schema, self.definitions)

    def _is_blank(self, value: Any, schema: Schema | None, *, nested: bool) -> bool:
        """Whether an optional value means "not given"; strict converters make every member of an object required."""
        if schema is None or value is None:
            return schema is not None
        schema = self._arm(value, schema)
        if value == "":
            accepted = schema.get("type", "string") == "string" and not schema.get("minLength") and not _choices(schema)
            return not (nested and accepted)
        if value == []:
            return nested
        return value == {} and "properties" in schema and schema.get(READ_AS) != "whole"

    def _items(self, value: Any, schema: Schema, path: str) -> list[Any]:
        value = _from_json(value, list, path)
        if isinstance(value, list):
            return value
        if isinstance(value, str) and _choices(self._arm(value, schema.get("items", {}))):
            return [part for part in value.split(",") if part.strip()]
        return [value]

    def _choice(self, value: Any, choices: list[Any], path: str) -> Any:
        if not isinstance(value, str) or value in choices:
            return value
        text = without_quotation_marks(value)
        if (matched := match_word(text, [choice for choice in choices if isinstance(choice, str)])) is None:
            return text
        if matched.casefold() != text.casefold():
            self.guesses.setdefault(path, []).append(matched)
        return matched

    def _number(self, value: Any, path: str) -> Any:
        if isinstance(value, bool):  # which validation would take for 0 or 1
            self.faults[path] = f"{path}: expected a number"
        return value.strip() if isinstance(value, str) else value

    def _text(self, value: Any, schema: Schema, path: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return value
        form = schema.get(READ_AS)
        if form == "time":
            return self._time(value, path, self.zone)
        if form == "moment":
            return self._time(value, path, None)
        text = value if isinstance(value, str) else _number_as_text(value)
        if form == "reference" and not text.strip():
            # Omitted, it would widen the answer to all customers.
            self.faults[path] = f"{path}: contains only spaces; set a value or omit it"
        return without_quotation_marks(text) if form == "reference" else text

    def _time(self, value: str | float, path: str, zone: tzinfo | None) -> str:
        """A time in ISO 8601. A moment, which has no `zone` to assume, is checked as UTC and stays without a zone."""
        text = without_quotation_marks(value) if isinstance(value, str) else _number_as_text(value)
        if len(text) > MAX_TIME_BYTES:  # which validation refuses
            return text
        try:
            read = read_time(text, path, zone=zone or UTC, now=self.now, whole_days=zone is not None)
            written = read.at.isoformat().replace("+00:00", "Z")
        except InvalidArgument as wrong:
            self.faults[path] = str(wrong)
            return text
        except OverflowError:
            self.faults[path] = f"{path}: expected a time between the years 1 and 9999"
            return text
        if read.zone_assumed:
            self.assumed[path] = written
        return written.removesuffix("Z") if read.zone_assumed and zone is None else written


def schema_for(value: Any, schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Return the schema that a value is read by: references followed, and of a union the arm of the value's type."""
    if isinstance(reference := schema.get("$ref"), str):
        return schema_for(value, definitions.get(reference.rsplit("/", 1)[-1], {}), definitions)
    arms = [schema_for(value, arm, definitions) for arm in schema.get("anyOf", []) if arm.get("type") != "null"]
    same = (arm for arm in arms if isinstance(value, _JSON_TYPES.get(arm.get("type", ""), ())))
    return next(same, arms[0] if arms else schema)


def _choices(schema: Schema) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _from_json(value: Any, kind: type[dict[str, Any]] | type[list[Any]], path: str) -> Any:
    """The list or object that a text holds as JSON; any other value as it is.

    Raises:
        InvalidArgument: it is too long, or contains too many values.
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return value
    if len(value) > MAX_JSON_CHARACTERS:
        raise InvalidArgument(
            path, f"is JSON text of {len(value):,} characters; at most {MAX_JSON_CHARACTERS:,} are accepted"
        )
    try:
        read = json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return value
    check_size({path: read})
    return read if isinstance(read, kind) else value


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _number_as_text(number: float) -> str:
    return str(number).removesuffix(".0")
