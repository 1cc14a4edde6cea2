"""Shortened schemas of arguments accept what they accepted before, and state what converters need."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, JsonValue

from cio_mcp.server.definitions import load
from cio_mcp.server.schemas import slim_input
from cio_mcp.tools.common.arguments import ReadAs
from tests.examples import EXAMPLES

INPUTS: dict[str, dict[str, Any]] = {each.name: each.tool.input_schema for each in load()}
FREE_FORM = {(tool, argument) for tool, example in EXAMPLES.items() for argument in example.free_form}


class Part(BaseModel):
    flag: bool | None = None


class Taken(BaseModel):
    const: Literal["email"] = "email"
    name: Annotated[str, ReadAs("reference")] | None = None
    data: dict[str, JsonValue]
    part: Part | None = None


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema in a schema."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from objects(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from objects(item)


def test_arguments_say_what_is_open_and_what_may_be_null_but_not_how_the_server_reads_them() -> None:
    assert slim_input(Taken.model_json_schema()) == {
        "type": "object",
        "properties": {
            "const": {"type": "string", "enum": ["email"], "default": "email"},
            "name": {"type": "string"},
            "data": {"type": "object", "additionalProperties": {}},
            "part": {"type": "object", "properties": {"flag": {"anyOf": [{"type": "boolean"}, {"type": "null"}]}}},
        },
        "required": ["data"],
    }


@pytest.mark.parametrize("tool", INPUTS)
def test_no_argument_has_what_some_client_refuses(tool: str) -> None:
    schema = INPUTS[tool]
    assert schema["type"] == "object"
    assert not {"anyOf", "oneOf", "allOf"} & schema.keys()
    assert '"const"' not in json.dumps(schema)
    assert '"x-' not in json.dumps(schema)
    for part in objects(schema):
        if part.get("type") == "array":
            assert part["items"]
        assert isinstance(part.get("type", ""), str | dict)


def test_only_free_form_objects_declare_no_members_and_they_say_that_they_are_open() -> None:
    undeclared = {
        (tool, name)
        for tool, schema in INPUTS.items()
        for name, argument in schema["properties"].items()
        for part in objects(argument)
        if part.get("type") == "object" and "properties" not in part
    }
    open_parts = {(tool, name) for tool, example in EXAMPLES.items() for name in example.open_parts}
    assert undeclared == FREE_FORM | open_parts
    assert all(INPUTS[tool]["properties"][name]["additionalProperties"] == {} for tool, name in FREE_FORM)
