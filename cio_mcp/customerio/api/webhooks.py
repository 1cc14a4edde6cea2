"""Reporting webhooks: where Customer.io posts events of messages and people."""

from typing import Annotated

from pydantic import JsonValue

from cio_mcp.customerio.api.base import Enumerated, Listed
from cio_mcp.customerio.api.reads import NamedModel, Reads, find_by_name
from cio_mcp.customerio.call import Call, read

EVENTS: dict[str, tuple[str, ...]] = {
    "customer": ("subscribed", "unsubscribed", "subscription_preferences_changed"),
    "email": (
        "drafted", "attempted", "sent", "delivered", "opened", "clicked", "converted", "deferred",
        "unsubscribed", "bounced", "dropped", "spammed", "failed", "undeliverable",
    ),
    "sms": (
        "drafted", "attempted", "sent", "delivered", "clicked", "converted",
        "bounced", "dropped", "failed", "undeliverable", "replied",
    ),
    "whatsapp": (
        "drafted", "attempted", "sent", "delivered", "opened", "clicked", "converted",
        "bounced", "dropped", "failed", "undeliverable", "replied",
    ),
    "push": (
        "drafted", "attempted", "sent", "delivered", "opened", "clicked", "converted",
        "bounced", "dropped", "failed", "undeliverable",
    ),
    "in_app": ("drafted", "attempted", "sent", "opened", "clicked", "converted", "failed", "undeliverable"),
    "slack": ("drafted", "attempted", "sent", "clicked", "converted", "failed"),
    "webhook": ("drafted", "attempted", "sent", "clicked", "converted", "failed", "undeliverable"),
}  # fmt: skip
"""What a webhook can report, by object type: https://docs.customer.io/integrations/api/app/ (createWebhook)."""

NAMES: tuple[str, ...] = tuple(f"{object_type}_{metric}" for object_type in EVENTS for metric in EVENTS[object_type])
"""The same as the API names them."""


class Webhook(NamedModel):
    """A reporting webhook; `endpoint` may hold a user name and password, so it is never shown as it is."""

    endpoint: str = ""
    disabled: bool = False
    full_resolution: bool = False
    with_content: bool = False
    events: Annotated[tuple[Enumerated, ...], Listed] = ()


class Webhooks(Reads):
    """Reads of reporting webhooks."""

    async def all(self) -> list[Webhook]:
        """Every reporting webhook of the workspace, never from a cache."""
        return await self._list(Webhook, "reporting_webhooks", read("list_reporting_webhooks"))

    async def find(self, id_or_name: str, *, field: str) -> Webhook:
        """Find one by its id (digits) or exact name; `field` is the argument that an error names.

        Raises:
            NotFound: there is none.
            Ambiguous: several have the name.
        """
        every = await self.all()
        by_id = [one for one in every if one.id == id_or_name.strip()]
        return by_id[0] if by_id else find_by_name(every, id_or_name, field=field, kind="reporting webhook")


def create(name: str, endpoint: str, events: tuple[str, ...]) -> Call:
    """Make a reporting webhook that reports first opens and clicks only, without the content of messages."""
    return create_as(Webhook.of({"id": "", "name": name, "endpoint": endpoint, "events": list(events)}))


def create_as(webhook: Webhook) -> Call:
    """Make a reporting webhook that is as `webhook` says, whatever its id."""
    return Call(operation="create_reporting_webhook", body=_body(webhook))


def delete(webhook: Webhook) -> Call:
    """Delete a reporting webhook."""
    return Call(operation="delete_reporting_webhook", path={"webhook_id": webhook.id})


def update(webhook: Webhook) -> Call:
    """Make a reporting webhook what `webhook` says; Customer.io wants all of it each time."""
    return Call(
        operation="update_reporting_webhook",
        path={"webhook_id": webhook.id},
        body=_body(webhook),
    )


def _body(webhook: Webhook) -> dict[str, JsonValue]:
    return {
        "name": webhook.name,
        "endpoint": webhook.endpoint,
        "events": list(webhook.events),
        "disabled": webhook.disabled,
        "full_resolution": webhook.full_resolution,
        "with_content": webhook.with_content,
    }
