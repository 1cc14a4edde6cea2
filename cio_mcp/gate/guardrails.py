"""Rules on calls: what is refused whichever tool planned it."""

from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from cio_mcp.customerio.api.tracking import operations
from cio_mcp.customerio.call import Call
from cio_mcp.errors import Refused
from cio_mcp.gate.plan import Plan, parse_plan
from cio_mcp.text.names import hidden_characters, meanings, names_in
from cio_mcp.text.sanitize import quoted

MAIL_REDIRECTS = frozenset({"recipient", "from_address", "reply_to"})
"""Event data keys with which Customer.io lets an event override a campaign's settings (Track API, track events)."""

SENDER_OVERRIDES = frozenset({"bcc", "fake_bcc", "from", "from_id", "reply_to", "cc", "headers"})
"""Fields of a transactional send that would send it as somebody else, or also to somebody else."""


def check(calls: Iterable[Call]) -> None:
    """Refuse what nobody may approve.

    Raises:
        Refused: a call redirects mail, overrides its sender, leaves it open whether unsubscribed people are reached, or
            names an attribute or a part of event data by what cannot be seen.
    """
    for call in calls:
        for operation in operations(call):
            _refuse_hidden(operation.values)
            if operation.is_event:
                _refuse(operation.values, MAIL_REDIRECTS, "would redirect a campaign's mail")
        body = call.body if isinstance(call.body, dict) else {}
        if call.route.startswith("/v1/send/"):
            _refuse(body, SENDER_OVERRIDES, "would override the message's sender or its other recipients")
            if "send_to_unsubscribed" not in body:
                raise Refused("A send must say whether it reaches unsubscribed people; nothing was sent.")


def check_roundtrip(plan: Plan) -> None:
    """Refuse a plan that would not come out of the journal as it went in, for then others than its calls would be made.

    Raises:
        Refused: it holds a number that JSON has no word for, half a character, or is nested too deeply.
    """
    try:
        if parse_plan(plan.model_dump_json()).digest == plan.digest:
            return
    except (ValueError, RecursionError):
        pass
    raise Refused(
        "What was given cannot be kept exactly (NaN, Infinity, half a character, a number too long, or nested "
        "too deeply); nothing was sent."
    )


def _refuse(values: Mapping[str, JsonValue], refused: frozenset[str], reason: str) -> None:
    meant = frozenset[str]().union(*(meanings(name, value) for name, value in values.items()))
    if named := ", ".join(sorted(meant & refused)):
        raise Refused(f"{named}: this server does not send it, because it {reason}. Leave it out; nothing was sent.")


def _refuse_hidden(values: Mapping[str, JsonValue]) -> None:
    for name in names_in(dict(values)):
        if hidden := hidden_characters(name):
            raise Refused(
                f"The name {quoted(name, 40)} holds characters that cannot be seen ({', '.join(hidden[:5])}). "
                "Leave them out; nothing was sent."
            )
