"""Outlines of answers accept every answer that the whole schema accepts."""

from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, JsonValue

from cio_mcp.server.output_schemas import outline
from cio_mcp.text.untrusted import UntrustedText


class Owner(BaseModel):
    """A docstring for developers."""

    name: str


class Row(BaseModel):
    id: str
    state: Literal["on", "off"] = "on"
    owner: Owner | None = None
    value: UntrustedText | float | int | bool | None = None
    tags: list[str] = []


class Listing(BaseModel):
    kind: Literal["a", "b"]
    rows: tuple[Row, ...] | None = None
    first: Row | None = None
    totals: dict[str, int] = {}
    owners: dict[str, Owner] = {}
    data: dict[str, JsonValue] | None = None


def test_the_fields_of_an_answer_and_its_rows_are_named_and_deeper_values_have_a_type_only() -> None:
    row = {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "state": {"type": "string"},
            "owner": {"type": "object"},
            "value": {"type": ["object", "number", "boolean"]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
    assert outline(Listing.model_json_schema()) == {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["a", "b"]},
            "rows": {"type": "array", "items": row},
            "first": row,
            "totals": {"type": "object", "additionalProperties": {"type": "integer"}},
            "owners": {"type": "object", "additionalProperties": {"type": "object"}},
            "data": {"type": "object"},
        },
    }


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"error": "cursor: expected the cursor."},
        {"kind": "a", "rows": [{"id": "1", "state": "off", "owner": {"name": "x"}, "value": 1, "tags": ["t"]}]},
        {"kind": "b", "first": {"id": "2", "value": {"untrusted": "text", "length": 900}}, "totals": {"n": 1}},
        {"kind": "b", "data": {"deep": {"er": [1, None]}}, "owners": {"a": {"name": "x"}}},
    ],
)
def test_every_answer_is_accepted(answer: dict[str, Any]) -> None:
    Draft202012Validator(outline(Listing.model_json_schema())).validate(answer)


@pytest.mark.parametrize(
    "answer", [{"kind": "c"}, {"rows": {}}, {"rows": [1]}, {"first": {"value": "text"}}, {"totals": {"n": "1"}}]
)
def test_a_value_of_another_type_is_not_accepted(answer: dict[str, Any]) -> None:
    assert not Draft202012Validator(outline(Listing.model_json_schema())).is_valid(answer)
