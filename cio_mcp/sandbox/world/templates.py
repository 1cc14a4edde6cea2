"""Content: campaigns, the broadcast, newsletters and transactional messages, with their templates."""

import re
from calendar import month_name
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from cio_mcp.sandbox.world.clock import DAY_SECONDS

Kind = Literal["campaign", "broadcast", "newsletter", "transactional"]
Channel = Literal["email", "push", "twilio"]
SENDER = "Acme <hello@acme.example>"
TEMPLATE_ID_OFFSET = 5000
"""Added to the ID of an action or content to get the ID of its message template."""
SITE = "https://acme.example"
VARIABLE = re.compile(r"{{\s*(customer|event|data)\.([\w.]+)\s*}}")


@dataclass(frozen=True, slots=True)
class Template:
    """One message: an action of a campaign or broadcast, or a content of another source. `wait` is in seconds."""

    id: int
    channel: Channel
    name: str
    subject: str
    body: str
    links: tuple[str, ...] = ()
    wait: int = 0
    language: str = ""

    @property
    def data_variables(self) -> set[str]:
        """Names of the `{{data.…}}` variables in the message."""
        return {name for scope, name in VARIABLE.findall(self.subject + self.body) if scope == "data"}


@dataclass(frozen=True, slots=True)
class Source:
    """A source of deliveries: a campaign, broadcast, newsletter or transactional message."""

    kind: Kind
    id: int
    name: str
    created: int
    templates: tuple[Template, ...]
    state: str = "running"
    event_name: str = ""
    tags: tuple[str, ...] = ()
    trigger_segments: tuple[int, ...] = ()
    description: str = ""
    sent_at: int = 0
    stopped_at: int = 0

    @property
    def deduplicate_id(self) -> str:
        """The ID with the time of the last change."""
        return f"{self.id}:{self.created}"


def render(text: str, values: dict[str, dict[str, Any]]) -> str:
    """Fill in `{{customer.…}}`, `{{event.…}}` and `{{data.…}}`; a missing variable stays blank."""
    return VARIABLE.sub(lambda match: str(_look_up(values.get(match[1], {}), match[2])), text)


def missing_variables(template: Template, data: dict[str, Any]) -> list[str]:
    """The `{{data.…}}` variables that `data` lacks, sorted."""
    return sorted(name for name in template.data_variables if _look_up(data, name) == "")


def _look_up(values: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return "" if values is None else values


def _email(number: int, name: str, subject: str, text: str, *links: str, wait: int = 0) -> Template:
    anchors = "".join(f'<p><a href="{link}">{link}</a></p>' for link in links)
    return Template(number, "email", name, subject, f"<html><body>{text}{anchors}</body></html>", links, wait)


def initial_sources(now: int) -> list[Source]:
    """The sources of a new workspace, their dates relative to `now` (Unix seconds)."""
    return [*_campaigns(now), _broadcast(now), *_newsletters(now), *_transactional(now)]


def _campaigns(now: int) -> list[Source]:
    welcome = _email(
        101, "Welcome", "Welcome, {{customer.first_name}}!",
        "<p>Good to have you, {{customer.first_name}}. You are on the {{customer.plan}} plan.</p>",
        f"{SITE}/start", f"{SITE}/docs", wait=5,
    )  # fmt: skip
    second = _email(
        102, "First steps", "Three things to try first", "<p>Three things people try first.</p>",
        f"{SITE}/tour", wait=3 * DAY_SECONDS,
    )  # fmt: skip
    thanks = _email(
        201, "Thank you", "Thank you for order {{event.order_id}}",
        "<p>We are packing order {{event.order_id}} ({{event.total}}).</p>", f"{SITE}/orders", wait=5,
    )  # fmt: skip
    review = Template(
        202, "push", "How was it?", "How was it?", "Tell us about order {{event.order_id}}.",
        (f"{SITE}/review",), 2 * DAY_SECONDS,
    )  # fmt: skip
    vip = _email(
        401, "VIP welcome", "Welcome to the club, {{customer.first_name}}", "<p>Your perks start today.</p>",
        f"{SITE}/vip", wait=5,
    )  # fmt: skip
    back = _email(301, "We miss you", "We miss you", "<p>A lot is new.</p>", f"{SITE}/news", f"{SITE}/offer")
    return [
        Source("campaign", 1, "Onboarding", now - 600 * DAY_SECONDS, (welcome, second), event_name="signed_up"),
        Source("campaign", 2, "Order follow-up", now - 560 * DAY_SECONDS, (thanks, review), event_name="order_placed"),
        Source(
            "campaign", 3, "Winback", now - 420 * DAY_SECONDS, (back,), "stopped", tags=("winback",),
            trigger_segments=(4,), stopped_at=now - 120 * DAY_SECONDS,
        ),
        Source("campaign", 4, "VIP welcome", now - 200 * DAY_SECONDS, (vip,), trigger_segments=(2,)),
    ]  # fmt: skip


def _broadcast(now: int) -> Source:
    news = _email(
        1001, "Product news", "{{data.headline}}", "<p>{{data.headline}}</p><p>{{data.text}}</p>", f"{SITE}/changelog"
    )
    return Source(
        "broadcast", 10, "Product news", now - 500 * DAY_SECONDS, (news,), tags=("product",), trigger_segments=(4,)
    )


def _newsletters(now: int) -> list[Source]:
    """Twelve monthly newsletters, 20 to 31, each sent on the 5th at 15:00 UTC; the newest was sent before `now`."""
    today = datetime.fromtimestamp(now, UTC)
    newest = today.year * 12 + today.month - 1
    if datetime(today.year, today.month, 5, 15, tzinfo=UTC) > today:
        newest -= 1
    newsletters = []
    for number in range(20, 32):
        month = newest - (31 - number)
        sent = int(datetime(month // 12, month % 12 + 1, 5, 15, tzinfo=UTC).timestamp())
        title = f"{month_name[month % 12 + 1]} {month // 12}"
        content = _email(
            number * 10 + 1, f"{title} issue", f"Acme monthly: {title}",
            "<p>Hi {{customer.first_name}}, this month.</p>",
            f"{SITE}/blog/{month // 12}-{month % 12 + 1:02d}", f"{SITE}/pricing",
        )  # fmt: skip
        newsletters.append(
            Source(
                "newsletter", number, f"Monthly newsletter, {title}", sent - 3 * DAY_SECONDS, (content,), "sent",
                tags=("monthly",), trigger_segments=(4,), sent_at=sent,
            )
        )  # fmt: skip
    return newsletters


def _transactional(now: int) -> list[Source]:
    reset = _email(
        11, "Password reset", "Reset your password",
        "<p>Hi {{customer.first_name}}, set a new password: {{data.reset_url}} (valid {{data.minutes}} minutes)</p>",
        f"{SITE}/reset",
    )  # fmt: skip
    shipped = _email(
        21, "Order shipped", "Order {{data.order_id}} is on its way",
        "<p>Follow order {{data.order_id}}: {{data.tracking_url}}</p>", f"{SITE}/track",
    )  # fmt: skip
    code = Template(31, "twilio", "Login code", "", "Your Acme code is {{data.code}}")
    update = Template(
        41, "push", "Delivery update", "Order {{data.order_id}} arrives today", "Tap to follow your parcel.",
        (f"{SITE}/track",),
    )  # fmt: skip
    return [
        Source(
            "transactional",
            1,
            "Password reset",
            now - 590 * DAY_SECONDS,
            (reset,),
            description="A link to set a new password.",
        ),
        Source(
            "transactional",
            2,
            "Order shipped",
            now - 555 * DAY_SECONDS,
            (shipped,),
            description="When a parcel leaves.",
        ),
        Source(
            "transactional", 3, "Login code", now - 300 * DAY_SECONDS, (code,), description="A code by text message."
        ),
        Source(
            "transactional",
            4,
            "Delivery update",
            now - 200 * DAY_SECONDS,
            (update,),
            description="On delivery day.",
        ),
    ]
