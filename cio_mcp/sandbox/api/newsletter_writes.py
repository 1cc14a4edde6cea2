"""Writes of newsletters: created, scheduled, sent to their recipients, tested in groups, and deleted."""

from dataclasses import replace
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cio_mcp.sandbox.api.account import SENDERS
from cio_mcp.sandbox.api.customers import subscriptions_of
from cio_mcp.sandbox.api.newsletters import NEWSLETTER, NEWSLETTERS, newsletter_json
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.api.sources import sources_of
from cio_mcp.sandbox.http import ApiRequest, ApiResponse, app_error
from cio_mcp.sandbox.world.filters import check_filter, matches, segments_in
from cio_mcp.sandbox.world.fixtures import TOPICS
from cio_mcp.sandbox.world.lifecycle import create_delivery, deliver
from cio_mcp.sandbox.world.records import Record
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.templates import Channel, Template
from cio_mcp.sandbox.world.workspace import Workspace

# https://docs.customer.io/integrations/api/app/ (Newsletters)
MAX_NAME_CHARACTERS = 190
RATE_PERIODS = (60, 3600, 86_400)
CHANNELS = tuple(channel for channel in get_args(Channel) if channel != "whatsapp")
"""The published ones, except webhooks."""
DRAFTS = "/v1/newsletters"
"""The collection with the recipients, the schedule, and the test groups of newsletters created through the API."""


def _create(workspace: Workspace, request: ApiRequest) -> Any:
    fields, now = request.fields, workspace.now
    _check(fields)
    scheduled_at = fields.get("scheduled_at") or 0
    if scheduled_at:
        _check_schedule(fields, now)
    number, content = _next_ids(workspace)
    template = Template(content, fields["type"], fields["name"], str(fields.get("subject") or ""), fields["body"])
    source = Source(
        "newsletter", number, fields["name"], now, (template,), "draft",
        trigger_segments=segments_in(fields["recipients"]), subscription_topic=fields["subscription_topic_id"],
    )  # fmt: skip
    workspace.sources["newsletter", number] = source
    draft = {"id": number, "recipients": fields["recipients"], "scheduled_at": 0}
    workspace.records.put(DRAFTS, str(number), draft)
    if fields.get("send_now"):
        return _start(workspace, source)
    return _plan(workspace, source, scheduled_at) if scheduled_at else _shown(workspace, source)


def _check(fields: Record) -> None:
    name, recipients = fields.get("name"), fields.get("recipients")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= MAX_NAME_CHARACTERS:
        raise app_error(400, f"name must have 1 to {MAX_NAME_CHARACTERS} characters")
    if recipients is None:
        raise app_error(400, "recipients must be given")
    check_filter(recipients)
    if fields.get("type") not in CHANNELS:
        raise app_error(422, f"type must be one of {', '.join(CHANNELS)}")
    if fields.get("send_now") and fields.get("scheduled_at"):
        raise app_error(422, "only one of send_now and scheduled_at can be given")
    if fields.get("subscription_topic_id") not in [topic[0] for topic in TOPICS]:
        raise app_error(422, "subscription_topic_id must be a topic of the subscription center")
    needed = ("subject", "body") if fields["type"] == "email" else ("body",)
    if not all(isinstance(fields.get(part), str) and fields[part] for part in needed):
        raise app_error(422, f"{' and '.join(needed)} must be given")
    if fields["type"] == "email" and (fields.get("from_id") is None) == (fields.get("from") is None):
        raise app_error(422, "exactly one of from_id and from must be given")
    if fields.get("from_id") is not None and fields["from_id"] not in [sender[0] for sender in SENDERS]:
        raise app_error(422, "from_id is not a sender")
    _check_rate(fields)


def _check_rate(fields: Record) -> None:
    rate, period = fields.get("rate_limit_email_rate"), fields.get("rate_limit_time_period")
    if (rate is None) != (period is None) or period not in (None, *RATE_PERIODS):
        raise app_error(
            422, "a rate limit needs rate_limit_email_rate and a rate_limit_time_period of 60, 3600 or 86400"
        )


def _check_schedule(fields: Record, now: int) -> None:
    at, zone = fields.get("scheduled_at"), fields.get("timezone")
    if not isinstance(at, int) or isinstance(at, bool) or at < 0:
        raise app_error(422, "scheduled_at is required, and must be a unix timestamp")
    if at and at <= now:
        raise app_error(422, "scheduled_at must be in the future")
    if at and (not isinstance(zone, str) or not _is_zone(zone)):
        raise app_error(422, "timezone is required, and must be a known time zone")
    _check_rate(fields)


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _unsent(workspace: Workspace, request: ApiRequest) -> Source:
    source = NEWSLETTERS.find(workspace, request)
    if source.state == "sent":
        raise app_error(400, "the newsletter has already been sent")
    return source


def _send(workspace: Workspace, request: ApiRequest) -> Any:
    source = _unsent(workspace, request)
    _check_rate(request.fields)
    return _start(workspace, source)


def _schedule(workspace: Workspace, request: ApiRequest) -> Any:
    source = _unsent(workspace, request)
    _check_schedule(request.fields, workspace.now)
    if not request.fields["scheduled_at"] and source.state != "scheduled":
        raise app_error(400, "the newsletter is not scheduled")
    return _plan(workspace, source, request.fields["scheduled_at"])


def _plan(workspace: Workspace, source: Source, at: int) -> Any:
    """Schedule a newsletter; a later schedule, or none, replaces it."""
    draft = _draft(workspace, source)
    draft["scheduled_at"] = at
    source = workspace.sources["newsletter", source.id] = replace(source, state="scheduled" if at else "draft")

    def send() -> None:
        current = workspace.sources.get(("newsletter", source.id))
        if current is not None and current.state == "scheduled" and draft["scheduled_at"] == at:
            _start(workspace, current)

    if at:
        workspace.apply_at(at, send)
    return _shown(workspace, source)


def _start(workspace: Workspace, source: Source) -> Any:
    """Send to everybody who matches the recipients and is subscribed to the topic; test groups share them."""
    source = workspace.sources["newsletter", source.id] = replace(source, state="sent", sent_at=workspace.now)
    recipients = _draft(workspace, source)["recipients"]
    reached = (
        person
        for person in list(workspace.people)
        if matches(workspace, recipients, person) and subscriptions_of(person)[source.subscription_topic]
    )
    for place, person in enumerate(reached):
        template = source.templates[place % len(source.templates)]
        address = person.address(template.channel)
        deliver(workspace, create_delivery(workspace, person, source, template, address, data={}))
    return _shown(workspace, source)


def _delete(workspace: Workspace, request: ApiRequest) -> Any:
    source = NEWSLETTERS.find(workspace, request)
    del workspace.sources["newsletter", source.id]
    return ApiResponse(204)


def _draft(workspace: Workspace, source: Source) -> Record:
    """What is kept of a newsletter that is not sent yet: all of them were created through the API."""
    return workspace.records.get(DRAFTS, str(source.id)) or {"recipients": {"or": []}}


def _shown(workspace: Workspace, source: Source) -> Any:
    return {"newsletter": newsletter_json(workspace, source)}


def _next_ids(workspace: Workspace) -> tuple[int, int]:
    """The IDs of a new newsletter and of its content; those of deleted ones are not used again."""
    number = max((source.id for source in sources_of(workspace, "newsletter")), default=0)
    number = max([number, *(draft["id"] for draft in workspace.records.of(DRAFTS))]) + 1
    return number, number * 10 + 1


ROUTES: tuple[Route, ...] = (
    ("POST", "/v1/newsletters", _create),
    ("DELETE", NEWSLETTER, _delete),
    ("POST", f"{NEWSLETTER}/send", _send),
    ("POST", f"{NEWSLETTER}/schedule", _schedule),
)
