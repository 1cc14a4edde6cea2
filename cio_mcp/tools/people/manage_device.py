"""The write tool for the devices that receive push messages."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from cio_mcp.customerio.api import profiles
from cio_mcp.customerio.api.people import Device
from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.proof import DeviceState
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.text.spelling import closest_names
from cio_mcp.tools.common.arguments import Customer, CustomerIdType, max_bytes
from cio_mcp.tools.common.recipients import UNKNOWN_CUSTOMER, UNREAD, Recipient, recipient_of
from cio_mcp.tools.people.inventory import confirmation_for
from cio_mcp.workspace import CallContext

MAX_TOKEN_BYTES = 1_000
"""Chosen: several times the longest token of Apple and Google."""
MAX_LISTED = 10
"""Devices that an error lists. Chosen."""
TO_DEVICE = "Push messages to this customer will also go to this device."


async def manage_device(
    ws: CallContext,
    customer: Customer,
    action: Literal["add", "remove"],
    device: Annotated[str, Field(description="Device token", min_length=1), max_bytes(MAX_TOKEN_BYTES)],
    platform: Annotated[Literal["ios", "android"] | None, Field(description="Required to add")] = None,
    attributes: Annotated[dict[str, JsonValue] | None, Field(description="Of the device")] = None,
    id_type: CustomerIdType = None,
) -> Plan:
    """Add, replace, or remove a customer's device for push messages. Requires approval."""
    device = device.strip()
    _check(action, device, platform, attributes)
    recipient = await recipient_of(ws, customer, id_type)
    devices = {each.id: each for each in recipient.person.devices} if recipient.person else None
    if platform is not None:
        return plan_device(recipient, devices, device, platform, attributes or {})
    return plan_removal(recipient, devices, device)


def _check(action: str, device: str, platform: str | None, attributes: dict[str, JsonValue] | None) -> None:
    if not device:
        raise InvalidArgument("device", "must not be empty")
    if action == "add" and platform is None:
        raise InvalidArgument("platform", "expected ios or android, to add a device")
    for name, value in {"platform": platform, "attributes": attributes}.items():
        if action == "remove" and value is not None:
            raise InvalidArgument(name, "omit it to remove a device")


def plan_device(
    recipient: Recipient,
    devices: dict[str, Device] | None,
    token: str,
    platform: str,
    attributes: dict[str, JsonValue],
) -> Plan:
    """Plan to add a device, or to replace it; `devices` None means that they are not known."""
    before = devices.get(token) if devices is not None else None
    there = before is not None and before.platform == platform and not attributes
    blind = (f"{UNKNOWN_CUSTOMER} If not, this creates the customer.", UNREAD) if devices is None else ()
    change = "Replace" if before else "Add"
    return Plan(
        risk="send",
        summary=f"{change} the {platform} device {quoted(token, 60)} of {recipient.name}.",
        notes=(_held(devices),) if devices is not None else (),
        why=TO_DEVICE,
        examples=(recipient.example,),
        warnings=blind,
        calls=() if there else (profiles.add_device(recipient.reference, token, platform, attributes),),
        rests_on={**recipient.rests_on, "platform": before.platform if before else None},
        effect_title=f"{change.lower()} 1 device",
        proof=DeviceState(person=recipient.cio_id, device=token, platform=platform) if recipient.cio_id else None,
        next_step="To verify, call get_customer.",
    )


def plan_removal(recipient: Recipient, devices: dict[str, Device] | None, token: str) -> Plan:
    """Plan to remove a device; `devices` None means that they are not known.

    Raises:
        NotFound: the customer does not have it.
    """
    if devices is not None and token not in devices:
        raise NotFound(_no_device(devices, token))
    before = devices.get(token) if devices is not None else None
    confirmation, exact_case = confirmation_for(recipient)
    return Plan(
        risk="destroy",
        summary=f"Remove the device {quoted(token, 60)} of {recipient.name}.",
        notes=(_held(devices), "The customer's app may add it again when it is opened.") if devices else (),
        examples=(recipient.example,),
        recipients=recipient.recipients,
        warnings=(UNREAD,) if devices is None else (),
        calls=(profiles.remove_device(recipient.reference, token),),
        rests_on={**recipient.rests_on, "platform": before.platform if before else None},
        confirmation=confirmation,
        exact_case=exact_case,
        effect_title="remove 1 device",
        proof=DeviceState(person=recipient.cio_id, device=token, platform=None) if recipient.cio_id else None,
        next_step="To verify, call get_customer.",
    )


def _held(devices: dict[str, Device] | None) -> str:
    if not devices:
        return "The customer has no device now."
    listed = [f"{word(each.platform or 'device')} {quoted(each.id, 60)}" for each in devices.values()]
    return f"The customer's devices now: {join_first(listed, MAX_LISTED)}."


def _no_device(devices: dict[str, Device], token: str) -> str:
    if not devices:
        return "device: the customer has no device."
    near = closest_names(token, devices)
    hint = f"did you mean {' or '.join(quoted(name, 60) for name in near)}?" if near else _held(devices)
    return f"device: the customer has no device {quoted(token, 60)}; {hint}"
