"""Shortens the schemas of arguments for models: no titles, null arms, null defaults, or definitions used once."""

from typing import Any

Schema = dict[str, Any]

NAMES = frozenset({"properties", "$defs"})
"""Keywords whose keys are names and not keywords."""


OURS = "x-"
"""How keywords begin that only this server reads."""


def slim_input(schema: Schema) -> Schema:
    """The schema of a tool's arguments as clients are shown it: short, and as the converters of model APIs take it.

    The old field of Gemini knows no `const`. An object without declared members says that it is open, since converters
    would else close it; it says so with `{}`, since google-genai fails on `true`. Members of declared objects keep
    their null arm, since strict converters make every member required. An argument needs none: "" means not given.
    """
    arguments = {name: _without_null(argument) for name, argument in schema.get("properties", {}).items()}
    return _slim(schema | {"properties": arguments})


def _slim(schema: Schema) -> Schema:
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
    node = _without_const(node)
    if (name := _referred(node)) in inline:
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _slimmed(_undocumented(inline[name]) | rest, inline)
    slimmed = {key: _shorten(value, inline) if key in NAMES else _slimmed(value, inline) for key, value in node.items()}
    short = {key: value for key, value in slimmed.items() if not _is_noise(key, value)}
    is_open = short.get("type") == "object" and "properties" not in short
    return short | ({"additionalProperties": {}} if is_open else {})


def _shorten(children: dict[str, Any], inline: dict[str, Schema]) -> dict[str, Any]:
    return {name: _slimmed(child, inline) for name, child in children.items()}


def _undocumented(definition: Schema) -> Schema:
    """A definition without its class's docstring, which is for developers."""
    return {key: value for key, value in definition.items() if key != "description"}


def _is_noise(key: str, value: Any) -> bool:
    if key == "title":
        return isinstance(value, str)
    if key in ("minLength", "minimum"):
        return bool(value == 1)  # "" and 0 are refused with a sentence, or mean not given
    return (key == "default" and not value and type(value) is not int) or (
        key == "additionalProperties" and value in (True, False, {})
    )


def _without_null(node: Schema) -> Schema:
    arms = node.get("anyOf", [])
    real = [arm for arm in arms if arm != {"type": "null"}]
    if len(real) == len(arms):
        return node
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    return real[0] | rest if len(real) == 1 else rest | {"anyOf": real}


def _without_const(node: Schema) -> Schema:
    """The node without what only this server reads, and with an `enum` of one value for `const`."""
    visible = {key: value for key, value in node.items() if not key.startswith(OURS) and key != "const"}
    return ({"enum": [node["const"]]} if "const" in node else {}) | visible


def _referred(node: Schema) -> str:
    reference = node.get("$ref")
    return reference.rsplit("/", 1)[-1] if isinstance(reference, str) else ""
