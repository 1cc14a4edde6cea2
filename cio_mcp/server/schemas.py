"""Schemas without what a model need not read: titles, null arms, null defaults, definitions used once."""

from typing import Any

Schema = dict[str, Any]

NAMES = frozenset({"properties", "$defs"})
"""Keywords whose keys are names and not keywords."""


def slim(schema: Schema) -> Schema:
    """The same schema, said shorter; what it accepts stays, but for nulls, which are left out rather than given."""
    definitions = schema.get("$defs", {})
    uses = _uses(schema)
    once = {name: body for name, body in definitions.items() if uses.get(name) == 1 or not body}
    slimmed: Schema = _slimmed(_undocumented(schema), once)
    kept = {
        name: _undocumented(body)
        for name, body in slimmed.pop("$defs", {}).items()
        if name not in once and name in uses
    }
    return slimmed | ({"$defs": kept} if kept else {})


def _uses(node: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    pending = [node]
    while pending:
        here = pending.pop()
        if isinstance(here, dict):
            if name := _referred(here):
                counts[name] = counts.get(name, 0) + 1
            pending.extend(here.values())
        elif isinstance(here, list):
            pending.extend(here)
    return counts


def _slimmed(node: Any, inline: dict[str, Schema]) -> Any:
    if isinstance(node, list):
        return [_slimmed(item, inline) for item in node]
    if not isinstance(node, dict):
        return node
    node = _without_null(node)
    if (name := _referred(node)) in inline:
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _slimmed(_undocumented(inline[name]) | rest, inline)
    slimmed = {key: _named(value, inline) if key in NAMES else _slimmed(value, inline) for key, value in node.items()}
    return {key: value for key, value in slimmed.items() if not _is_noise(key, value)}


def _named(children: dict[str, Any], inline: dict[str, Schema]) -> dict[str, Any]:
    return {name: _slimmed(child, inline) for name, child in children.items()}


def _undocumented(definition: Schema) -> Schema:
    """A definition less its class's docstring, which speaks to us."""
    return {key: value for key, value in definition.items() if key != "description"}


def _is_noise(key: str, value: Any) -> bool:
    if key == "title":
        return isinstance(value, str)
    # Every time in an answer is ISO 8601, as a model sees, and the word costs more than it says.
    if key == "format":
        return bool(value == "date-time")
    return (key == "default" and value in (None, [], {})) or (
        key == "additionalProperties" and value in (True, False, {})
    )


def _without_null(node: Schema) -> Schema:
    arms = node.get("anyOf", [])
    real = [arm for arm in arms if arm != {"type": "null"}]
    if len(real) == len(arms):
        return node
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    return real[0] | rest if len(real) == 1 else rest | {"anyOf": real}


def _referred(node: Schema) -> str:
    reference = node.get("$ref")
    return reference.rsplit("/", 1)[-1] if isinstance(reference, str) else ""
