"""What the API does not show about a verdict of `explain_delivery`, and what could not be read."""

from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.transactional import TransactionalMessage
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.core.explanation.causes import segment_roles
from cio_mcp.tools.core.explanation.evidence import uncreated
from cio_mcp.tools.core.explanation.facts import Facts
from cio_mcp.tools.core.explanation.verdicts import Verdict

POSITION = "the position of the customer in delays and branches"
JOURNEY = (
    "message limits and quiet hours",
    "whether customers may enter the campaign again",
    "conversion goals and exit criteria",
    "the subscription topic of the campaign",
    POSITION,
)
NOT_SHOWN: dict[type, tuple[str, ...]] = {
    Campaign: JOURNEY,
    Broadcast: ("message limits", "the audience of the broadcast", "its subscription topic", "the data of the trigger"),
    Newsletter: ("message limits and sending rates", "conditions of the recipient filter other than segments"),
    TransactionalMessage: ("the data of the request", "requests that Customer.io rejected"),
    type(None): ("message limits and quiet hours", "the position of the customer in campaigns"),
}
"""What the App API does not return, by kind: https://docs.customer.io/integrations/api/app/"""
MEMBERSHIP = "when the customer joined or left a segment, and whether the audience includes or excludes it"
ARRIVED = ("whether the message is in the inbox or the spam folder",)
STOPPED = "since when it is not running"
OLDER_EVENTS = "events older than 30 days"
RECEIPT = "when an event was received, unless its ID holds the time"


def not_visible(facts: Facts, verdict: Verdict) -> list[str]:
    """What the API does not show about this verdict, and what could not be read."""
    unread = [f"{name} (could not be read)" for name in facts.unread]
    if facts.back_to:
        unread.append(f"messages created before {moment(facts.back_to)} (too many to search)")
    if facts.activities_cut and not facts.answered:
        unread.append(f"drafts and other activities before the latest {len(facts.activities or ())} (not read)")
    place = [POSITION] if uncreated(facts) else []
    if verdict == "delivered":
        return [*(ARRIVED if facts.answered and facts.answered.type == "email" else ()), *place, *unread]
    if facts.answered is not None:
        hidden = ("the data of the request",) if facts.data is None and verdict == "failed" else ()
        limits = ("message limits",) if verdict == "undeliverable" else ()
        return [*hidden, *limits, *place, *unread]
    if verdict == "not_running":
        return [STOPPED, *unread]
    receipt = [RECEIPT] if isinstance(facts.source, Campaign) and facts.source.event_name else []
    if verdict == "never_triggered" and isinstance(facts.source, Campaign):
        return [*([OLDER_EVENTS] if facts.event is None else []), *receipt, *unread]
    membership = [MEMBERSHIP] if any(ids for _, ids in segment_roles(facts)) else []
    return [*NOT_SHOWN[type(facts.source)], *membership, *receipt, *unread]
