"""Outlines of answers for clients: the fields of an answer and of its rows, each with its type."""

from typing import Any

Schema = dict[str, Any]

LEVELS = 2
"""Levels of objects whose fields an outline names: the answer, and its rows. Chosen: the schemas of all default tools
cost a model some 5,200 tokens in full, and 3,800 so."""


def outline(schema: Schema) -> Schema:
    """A short schema that accepts every answer the whole one accepts.

    Deeper values have a type only, and no field is required: absent ones are left out, and a failed call has only an
    `error`. Values to choose from are listed for the fields of the answer itself.
    """
    return _outline(schema, schema.get("$defs", {}), LEVELS)


def _outline(node: Schema, definitions: Schema, levels: int) -> Schema:
    node = _resolve(node, definitions)
    if arms := _arms(node, definitions):
        return _described(node, {"type": arms})
    short: Schema = {key: node[key] for key in ("type",) if key in node}
    if "enum" in node and levels:
        short["enum"] = node["enum"]
    if "items" in node:
        short["items"] = _outline(node["items"], definitions, levels)
    if levels and "properties" in node:
        short["properties"] = {name: _outline(one, definitions, levels - 1) for name, one in node["properties"].items()}
    elif levels and isinstance(values := node.get("additionalProperties"), dict):
        short |= {"additionalProperties": one} if (one := _outline(values, definitions, levels - 1)) else {}
    return _described(node, short)


def _resolve(node: Schema, definitions: Schema) -> Schema:
    """A node without references, null arms, and the docstrings of classes, which are for developers."""
    real = [arm for arm in node.get("anyOf", ()) if arm != {"type": "null"}]
    if len(real) == 1:
        node = real[0] | {key: value for key, value in node.items() if key != "anyOf"}
    if "$ref" not in node:
        return node if "properties" not in node else {key: value for key, value in node.items() if key != "description"}
    definition = definitions[node["$ref"].rsplit("/", 1)[-1]]
    own = {key: value for key, value in node.items() if key != "$ref"}
    return _resolve({key: value for key, value in definition.items() if key != "description"}, definitions) | own


def _arms(node: Schema, definitions: Schema) -> list[str]:
    """The types of a union; `number` accepts whole numbers too."""
    arms = (_resolve(arm, definitions)["type"] for arm in node.get("anyOf", ()))
    types = list(dict.fromkeys(arm for arm in arms if arm != "null"))
    return [each for each in types if each != "integer" or "number" not in types]


def _described(node: Schema, short: Schema) -> Schema:
    return short | ({"description": node["description"]} if "description" in node else {})
