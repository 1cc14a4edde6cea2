"""The channels of a transactional message: which one a message has, and where it reaches a customer."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.sends import Channel
from cio_mcp.customerio.attribute_checks import one_address
from cio_mcp.customerio.references import is_phone
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.recipients import Recipient

CHANNEL_OF_TYPE: dict[str, Channel] = {
    "email": "email", "push": "push", "twilio": "sms", "sms": "sms", "whatsapp": "whatsapp", "in_app": "in_app",
    "inbox": "inbox_message", "inbox_message": "inbox_message",
}  # fmt: skip
"""The channel that each type of content goes by."""
NOUNS: dict[Channel, str] = {
    "email": "an email",
    "push": "a push notification",
    "sms": "an SMS",
    "whatsapp": "a WhatsApp message",
    "in_app": "an in-app message",
    "inbox_message": "an inbox message",
}
"""What a message of the channel is."""
TRACKED: tuple[Channel, ...] = ("email", "whatsapp")
"""Channels whose sends can turn tracking on and off."""
ALL_DEVICES, LAST_DEVICE = "all", "last_used"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a message goes: `to` as the request names it, and `people` as a policy and an approval name them.

    `own` is what the customer's profile has for the channel; the plan rests on it.
    """

    to: str | None
    people: tuple[str, ...]
    own: JsonValue
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    evidence: str | None = None


def channel_of(message: str, contents: Sequence[Content], channel: Channel | None) -> Channel:
    """The channel of a message: the one its contents have, which an argument may only confirm.

    Raises:
        InvalidArgument: it has another channel, one that cannot be sent, or none that the API returns.
    """
    types = {content.type for content in contents if content.type}
    known = {CHANNEL_OF_TYPE[type_] for type_ in types if type_ in CHANNEL_OF_TYPE}
    name = quoted(message)
    if types and not known:
        raise InvalidArgument("message", f"{name} is of type {quoted(min(types))}, which the API can't send")
    if not known and channel is None:
        raise InvalidArgument("channel", f"is required: the API does not return the channel of {name}")
    if channel is not None and known and channel not in known:
        own = min(known)
        raise InvalidArgument("channel", f"{name} is {NOUNS[own]}, not {NOUNS[channel]}. Omit channel, or pass {own}")
    return channel or min(known)


def destination(channel: Channel, recipient: Recipient, to: str | None) -> Destination:
    """Where a message reaches a customer.

    Raises:
        InvalidArgument: there is no address on this channel, or `to` is not one.
    """
    match channel:
        case "email":
            return _email(recipient, to)
        case "sms" | "whatsapp":
            return _phone(channel, recipient, to)
        case "push":
            return _push(recipient, to)
        case _:
            if to is not None:
                raise InvalidArgument("to", f"must be omitted: {NOUNS[channel]} goes to the customer in your app")
            return Destination(None, recipient.recipients, None)


def _email(recipient: Recipient, to: str | None) -> Destination:
    own = recipient.person.email if recipient.person else None
    address = (to or own or "").strip()
    if not address:
        raise InvalidArgument("to", "is required: the customer's profile has no email address")
    one_address("to", address)
    if own and own.casefold() == address.casefold():
        address = own
    other = () if address == own else (f"{quoted(address)} is not the address in the customer's profile.",)
    return Destination(address, (address,), own, warnings=other, evidence=address)


def _phone(channel: Channel, recipient: Recipient, to: str | None) -> Destination:
    own = recipient.person.phone if recipient.person else None
    number = (to or own or "").strip()
    if not number:
        raise InvalidArgument("to", "is required: the customer's profile has no phone number")
    if not is_phone(number):
        whose = "" if to else "is required: the phone number in the customer's profile is not in this format. "
        raise InvalidArgument("to", f"{whose}Expected a phone number as +14155552671 (E.164)")
    other = () if number == own else (f"{quoted(number)} is not the phone number in the customer's profile.",)
    notes = (f"Opt-outs from {'WhatsApp' if channel == 'whatsapp' else 'SMS'} are not checked here.",)
    return Destination(number, (number,), own, notes, other, evidence=number)


def _push(recipient: Recipient, to: str | None) -> Destination:
    devices = _devices(recipient.person)
    if devices == []:
        raise InvalidArgument("customer", "has no device in Customer.io, so that no push notification can arrive")
    target = (to or ALL_DEVICES).strip()
    if target not in {ALL_DEVICES, LAST_DEVICE, *(devices or ())}:
        expected = f"{ALL_DEVICES}, {LAST_DEVICE}, or the token of a device that get_customer lists"
        raise InvalidArgument("to", f"expected {expected}")
    count = len(devices or ())
    of_all = f"{count} device{'' if count == 1 else 's'}"
    where = {ALL_DEVICES: of_all, LAST_DEVICE: f"the last used of {of_all}"}.get(target, "one device")
    return Destination(target, recipient.recipients, list(devices or ()), (f"It goes to {where} of the customer.",))


def _devices(person: Person | None) -> list[str] | None:
    """The tokens of a customer's devices, sorted; None where the profile is unknown."""
    return None if person is None else sorted(device.id for device in person.devices)
