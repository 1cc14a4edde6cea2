"""Relationships between people and objects, as requests contain them."""

from collections.abc import Callable
from typing import Any

from cio_mcp.sandbox.api.fields import is_identifier, is_optional_object
from cio_mcp.sandbox.world.people import ID_TYPES


def is_relationship_list(value: Any) -> bool:
    """Whether a value is a list of relationships with objects: `identifiers`, and attributes if any."""
    return isinstance(value, list) and all(_is_relationship(each, _is_object_key) for each in value)


def is_people_list(value: Any) -> bool:
    """Whether a value is a list of relationships with people."""
    return isinstance(value, list) and all(_is_relationship(each, _is_person_key) for each in value)


def _is_relationship(value: Any, is_key: Callable[[dict[str, Any]], bool]) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("identifiers"), dict)
        and is_key(value["identifiers"])
        and is_optional_object(value.get("relationship_attributes"))
    )


def _is_object_key(identifiers: dict[str, Any]) -> bool:
    if "cio_object_id" in identifiers:
        return is_identifier(identifiers["cio_object_id"])
    return is_identifier(identifiers.get("object_id")) and is_identifier(identifiers.get("object_type_id", 1))


def _is_person_key(identifiers: dict[str, Any]) -> bool:
    return len(identifiers) == 1 and all(
        name in ID_TYPES and is_identifier(value) for name, value in identifiers.items()
    )
