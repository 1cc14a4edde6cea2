"""People as they were when the sandbox started."""

from dataclasses import dataclass
from typing import Any

from cio_mcp.sandbox.world.flows import HAS_DEVICE
from cio_mcp.sandbox.world.people import Person


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person as they were when the sandbox started; later changes do not rewrite the past."""

    person: Person
    id: str
    email: str
    phone: str
    created: int
    unsubscribed_at: int | None
    orders: int
    device: str
    plan: str

    def address(self, channel: str) -> str:
        """Where messages of a channel go; empty where there is no address."""
        addresses = {"email": self.email, "twilio": self.phone, "whatsapp": self.phone, "push": self.device}
        return addresses.get(channel, self.id)

    def value(self, attribute: str) -> Any:
        """An attribute that workflows branch by."""
        return {"plan": self.plan, HAS_DEVICE: self.device != ""}.get(attribute)


def recipient_of(person: Person) -> Recipient:
    """Take a snapshot of a person."""
    attributes = person.attributes
    unsubscribed_at = person.timestamps["unsubscribed"] if person.unsubscribed else None
    return Recipient(
        person,
        person.id or "",
        person.email or "",
        attributes.get("phone", ""),
        person.created,
        unsubscribed_at,
        attributes.get("orders", 0),
        person.devices[0]["id"] if person.devices else "",
        attributes.get("plan", ""),
    )
