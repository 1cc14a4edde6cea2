"""What a profile needs for a message of a channel to reach the person."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from cio_mcp.customerio.api.people import Person


class Need(NamedTuple):
    """The noun of what a channel needs, and the function that looks for it in a profile."""

    noun: str
    find: Callable[[Person], object]


_PHONE = Need("phone number", lambda person: person.phone)
NEEDS: Mapping[str, Need] = {
    "email": Need("email address", lambda person: person.email),
    "sms": _PHONE,
    "twilio": _PHONE,
    "whatsapp": _PHONE,
    "push": Need("device", lambda person: person.devices),
}
"""By the type of a message, of which `twilio` is Customer.io's other word for `sms`.

Messages of other types need nothing that a profile shows.
"""


def has_no_address(person: Person, types: Collection[str]) -> bool:
    """Whether a person can't be reached by a message of any of some types; False without types."""
    needs = [NEEDS.get(type_) for type_ in types]
    return bool(needs) and all(need is not None and not need.find(person) for need in needs)
