"""Names of attributes in sentences: in quotes, and Customer.io's own attributes in its words."""

from collections.abc import Iterable

from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted

MAX_NAMED = 5
"""Attributes that a sentence names; the rest is counted."""
OWN_ATTRIBUTES = {
    "cio_subscription_preferences": "subscription preferences",
    "cio_relationships": "relationships to objects",
}


def name_attribute(name: str) -> str:
    """Name one attribute."""
    return OWN_ATTRIBUTES.get(name) or quoted(name, 40)


def name_attributes(names: Iterable[str]) -> str:
    """Name the first attributes, and count the others."""
    return join_first(list(names), MAX_NAMED, name_attribute)
