"""Schemas said shorter accept what they accepted."""

from pydantic import BaseModel, JsonValue

from cio_mcp.server.schemas import slim


class Given(BaseModel):
    attributes: dict[str, JsonValue]
    data: dict[str, JsonValue] | None = None
    anything: dict[str, object] | None = None
    title: str | None = None


def test_an_object_of_any_values_says_no_more_than_that() -> None:
    assert slim(Given.model_json_schema()) == {
        "type": "object",
        "properties": {
            "attributes": {"type": "object"},
            "data": {"type": "object"},
            "anything": {"type": "object"},
            "title": {"type": "string"},
        },
        "required": ["attributes"],
    }
