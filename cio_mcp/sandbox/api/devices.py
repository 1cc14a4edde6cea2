"""Devices of people: only the documented keys are kept."""

from typing import Any

from cio_mcp.sandbox.api.fields import is_optional_object, is_timestamp
from cio_mcp.sandbox.world.people import Person

PLATFORMS = ("ios", "android")


def device_of(fields: Any) -> dict[str, Any] | None:
    """A device from the fields of a request, None when they are not valid."""
    if not isinstance(fields, dict):
        return None
    token, last_used = fields.get("id"), fields.get("last_used")
    is_valid = (
        isinstance(token, str)
        and bool(token.strip())
        and fields.get("platform") in PLATFORMS
        and (last_used is None or is_timestamp(last_used))
        and is_optional_object(fields.get("attributes"))
    )
    if not is_valid:
        return None
    attributes = fields.get("attributes") or {}
    return {"id": token, "platform": fields["platform"], "last_used": last_used, "attributes": attributes}


def set_device(person: Person, device: dict[str, Any], now: int) -> None:
    """Add or replace a device, which becomes the last used one."""
    others = [other for other in person.devices if other["id"] != device["id"]]
    person.devices = [*others, {**device, "last_used": device["last_used"] or now}]
