"""The tool that lists reporting webhooks: where Customer.io posts what happens to messages and people."""

from collections.abc import Iterable

from cio_mcp.customerio.api.webhooks import Webhook, Webhooks
from cio_mcp.text.sanitize import quoted_name, word
from cio_mcp.text.urls import without_credentials
from cio_mcp.tools.admin.webhooks import event_kinds
from cio_mcp.tools.common.arguments import Cursor, Limit
from cio_mcp.tools.common.pages import PageAnswer, cut
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.workspace import CallContext

MAX_EVENTS = 100
"""Events of one webhook in a list. Chosen: more than Customer.io has."""


class WebhookLine(AnswerPart):
    """A reporting webhook; of its endpoint no user name, password, or query is shown."""

    id: str
    name: str
    endpoint: str
    enabled: bool
    events: list[str]
    events_omitted: int | None = None
    full_resolution: bool
    with_content: bool

    def __str__(self) -> str:
        options = [
            "enabled" if self.enabled else "disabled",
            "every open and click" if self.full_resolution else "first opens and clicks",
            "with content" if self.with_content else "without content",
        ]
        where = f"{word(self.id)} {quoted_name(self.name)} to {quoted_name(self.endpoint)}"
        more = f" and {self.events_omitted:,} more" if self.events_omitted else ""
        return f"{where}, {', '.join(options)}; {', '.join(self.events) or 'no events'}{more}"


class WebhooksAnswer(PageAnswer):
    """The reporting webhooks of the workspace."""

    webhooks: list[WebhookLine]
    total: int

    def lines(self) -> Iterable[str]:
        """A webhook on each line."""
        yield "1 reporting webhook" if self.total == 1 else f"{self.total} reporting webhooks"
        yield from (f"- {webhook}" for webhook in self.webhooks)
        yield from self.more(self.total)


async def list_webhooks(ws: CallContext, limit: Limit = 20, cursor: Cursor = None) -> WebhooksAnswer:
    """List reporting webhooks: where each posts, its events, and whether it is enabled. Credentials are hidden."""
    every = await Webhooks(ws.reader).all()
    listed, page = cut(every, limit, cursor)
    return WebhooksAnswer(webhooks=[_line(webhook) for webhook in listed], total=len(every), **page)


def _line(webhook: Webhook) -> WebhookLine:
    kinds = event_kinds(webhook.events)
    return WebhookLine(
        id=webhook.id,
        name=webhook.name,
        endpoint=without_credentials(webhook.endpoint),
        enabled=not webhook.disabled,
        events=kinds[:MAX_EVENTS],
        events_omitted=len(kinds[MAX_EVENTS:]) or None,
        full_resolution=webhook.full_resolution,
        with_content=webhook.with_content,
    )
