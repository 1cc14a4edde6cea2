"""Writes about whole profiles and their devices, as calls: deletions, suppressions, merges, and devices.

As in `tracking`, an identifier that a path of version 1 would read as another kind goes through version 2.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import Call


def delete(person: Reference) -> Call:
    """Delete a customer; the identifiers stay usable."""
    return _about(person, "delete_customer", "person_delete", "delete")


def suppress(person: Reference) -> Call:
    """Delete a customer and block the identifiers: https://docs.customer.io/integrations/api/track/ (suppress)."""
    return _about(person, "suppress_customer", "person_suppress", "suppress")


def unsuppress(person: Reference) -> Call:
    """Allow identifiers that were suppressed; no profile comes back."""
    return _about(person, "unsuppress_customer", "person_unsuppress", "unsuppress")


def merge(primary: Reference, secondary: Reference) -> Call:
    """Merge a customer into another and delete it; it does nothing if `primary` does not exist."""
    body: dict[str, JsonValue] = {"primary": {**primary.in_body}, "secondary": {**secondary.in_body}}
    return Call(operation="merge_customers", body=body)


def add_device(person: Reference, token: str, platform: str, attributes: Mapping[str, JsonValue]) -> Call:
    """Add a device to a customer, or replace it."""
    values: dict[str, JsonValue] = {"platform": platform}
    if attributes:
        values["attributes"] = {**attributes}
    if person.fits_path:
        path = {"identifier": person.value}
        return Call(operation="add_device", path=path, body={"device": {"id": token, **values}})
    return _entity(person, "person_add_device", "add_device", device={"token": token, **values})


def remove_device(person: Reference, token: str) -> Call:
    """Remove a device from a customer, through version 2: a token may be too long for a path."""
    return _entity(person, "person_delete_device", "delete_device", device={"token": token})


def _about(person: Reference, operation: str, entity_operation: str, action: str) -> Call:
    if person.fits_path:
        return Call(operation=operation, path={"identifier": person.value})
    return _entity(person, entity_operation, action)


def _entity(person: Reference, operation: str, action: str, **fields: JsonValue) -> Call:
    body: dict[str, JsonValue] = {"type": "person", "action": action, "identifiers": {**person.in_body}, **fields}
    return Call(operation=operation, body=body)
