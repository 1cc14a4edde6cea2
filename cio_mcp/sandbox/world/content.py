"""Content: campaigns, the broadcast, newsletters and transactional messages of a new workspace."""

from calendar import month_name
from dataclasses import replace
from datetime import UTC, datetime

from cio_mcp.sandbox.world.clock import DAY_SECONDS
from cio_mcp.sandbox.world.flows import HAS_DEVICE, Condition, Delay, Flow, Message, Split, TimeWindow
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.templates import Template

SITE = "https://acme.example"
TRIAL_SPLIT = 510
"""ID of the random split in the campaign Trial."""
LIQUID_ERROR = "Liquid error: unknown tag 'endfi' (line 1)"
"""Why no delivery of the message Invoice can be sent."""


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
    order: Flow = (
        Delay(thanks.wait), Message(thanks), Delay(review.wait - thanks.wait),
        Condition(HAS_DEVICE, True, (Message(review),)),
    )  # fmt: skip
    vip = _email(
        401, "VIP welcome", "Welcome to the club, {{customer.first_name}}", "<p>Your perks start today.</p>",
        f"{SITE}/vip", wait=5,
    )  # fmt: skip
    back = _email(301, "We miss you", "We miss you", "<p>A lot is new.</p>", f"{SITE}/news", f"{SITE}/offer")
    return [
        Source("campaign", 1, "Onboarding", now - 600 * DAY_SECONDS, (welcome, second), event_name="signed_up"),
        Source(
            "campaign", 2, "Order follow-up", now - 560 * DAY_SECONDS, (thanks, review), event_name="order_placed",
            flow=order,
        ),
        Source(
            "campaign", 3, "Winback", now - 420 * DAY_SECONDS, (back,), "stopped", tags=("winback",),
            trigger_segments=(4,), stopped_at=now - 120 * DAY_SECONDS,
        ),
        Source("campaign", 4, "VIP welcome", now - 200 * DAY_SECONDS, (vip,), trigger_segments=(2,)),
        _trial(now - 150 * DAY_SECONDS),
    ]  # fmt: skip


def _trial(created: int) -> Source:
    """A campaign with a condition, a random split, delays and a time window."""
    start = _email(
        501, "Trial started", "Your trial has started", "<p>Hi {{customer.first_name}}, you have 14 days.</p>",
        f"{SITE}/trial", wait=5,
    )  # fmt: skip
    tips = Template(502, "push", "Tips for pros", "Do more with Acme", "Open the app to see how.", (f"{SITE}/tips",))
    reminder = Template(
        503, "in_app", "Reminder in the app", "", "<p>Will you stay, {{customer.first_name}}?</p>", parent=TRIAL_SPLIT
    )
    offer = _email(504, "Offer by email", "A discount for you", "<p>20 % off for one year.</p>", f"{SITE}/offer")
    offer = replace(offer, parent=TRIAL_SPLIT)
    end = _email(505, "Trial ends", "Your trial ends in two days", "<p>Choose a plan.</p>", f"{SITE}/plans")
    others: Flow = (Split(TRIAL_SPLIT, 0.5, (Message(reminder),), (Message(offer),)),)
    pro_tips: Flow = (Condition(HAS_DEVICE, True, (Message(tips),)),)
    flow: Flow = (
        Delay(start.wait), Message(start), Delay(2 * DAY_SECONDS), TimeWindow(9, 17),
        Condition("plan", "pro", pro_tips, others), Delay(10 * DAY_SECONDS), Message(end),
    )  # fmt: skip
    return Source(
        "campaign", 5, "Trial", created, (start, tips, reminder, offer, end), event_name="trial_started",
        tags=("trial",), flow=flow, ends_on_conversion=True,
    )  # fmt: skip


def _broadcast(now: int) -> Source:
    news = _email(
        1001, "Product news", "{{data.headline}}",
        "<p>{{data.headline}}</p><p>{{data.text}}</p><p>{{journey.offers.first.title}}</p><p>{{snippets.footer}}</p>",
        f"{SITE}/changelog",
    )  # fmt: skip
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
    pickup = Template(51, "whatsapp", "Pickup ready", "", "Order {{data.order_id}} is ready at {{data.store}}.")
    notice = Template(61, "in_app", "New sign-in", "", "<p>New sign-in from {{data.city}}. Was it you?</p>", (SITE,))
    receipt = Template(71, "inbox", "Refund receipt", "", '{"title": "Refund of {{data.amount}}"}')
    invoice = replace(
        _email(
            81, "Invoice", "Invoice {{data.number}}",
            "<p>{% if data.paid %}Paid{% endfi %} Invoice {{data.number}} over {{data.total}}</p>", f"{SITE}/invoices",
        ),
        failure=LIQUID_ERROR,
    )  # fmt: skip
    messages = (
        (1, "Password reset", 590, reset, "A link to set a new password."),
        (2, "Order shipped", 555, shipped, "When a parcel leaves."),
        (3, "Login code", 300, code, "A code by text message."),
        (4, "Delivery update", 200, update, "On delivery day."),
        (5, "Pickup ready", 180, pickup, "When an order can be picked up."),
        (6, "New sign-in", 170, notice, "A notice in the app after a sign-in."),
        (7, "Refund receipt", 160, receipt, "A message in the inbox."),
        (8, "Invoice", 60, invoice, "An invoice whose template is broken."),
    )
    return [
        Source("transactional", number, name, now - days * DAY_SECONDS, (template,), description=description)
        for number, name, days, template, description in messages
    ]
