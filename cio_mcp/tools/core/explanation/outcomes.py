"""What came of a message that was created, and why, without any I/O."""

from collections.abc import Iterator
from datetime import datetime

from cio_mcp.customerio.api.base import Message
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.common.message_preview import listed_names, missing_attributes, missing_data, required_by
from cio_mcp.tools.core.deliveries import channel_of, timeline
from cio_mcp.tools.core.explanation.conditions import Cause, opted_out, suppressed, topic_off, unsubscribed
from cio_mcp.tools.core.explanation.facts import Facts
from cio_mcp.tools.core.explanation.verdicts import MEANINGS, PRECEDENCE, Verdict

STATES: dict[Verdict, tuple[str, ...]] = {
    "delivered": (
        "delivered", "opened", "human_opened", "prefetch_opened", "machine_opened", "clicked", "human_clicked",
        "prefetch_clicked", "machine_clicked", "converted", "replied", "unsubscribed", "topic_unsubscribed", "spammed",
    ),
    "bounced": ("bounced",),
    "suppressed": ("dropped", "suppressed"),
    "undeliverable": ("undeliverable",),
    "failed": ("failed",),
    "sent_not_confirmed": ("sent",),
    "drafted": ("drafted",),
    "scheduled_or_waiting": ("deferred", "attempted", "created"),
}  # fmt: skip
"""Which state each metric of a message means, the strongest first; the latest decides, then the strongest."""

REASONS: tuple[tuple[Verdict, tuple[str, ...]], ...] = (
    ("topic_off", ("topic", "subscription preference")),
    ("unsubscribed", ("unsubscribed",)),
    ("suppressed", ("suppress",)),
    ("no_address", ("no address", "no email", "no phone", "no device", "missing recipient", "empty recipient")),
)
"""What Customer.io's reason for not sending a message means, by words in it. Chosen: the texts are not published."""
DONE: dict[Verdict, str] = {
    "sent_not_confirmed": "was sent{when}; no delivery is reported",
    "bounced": "bounced{when}",
    "suppressed": "was dropped{when}, because its address is suppressed",
    "undeliverable": "was not sent; Customer.io gave up{when}",
    "failed": "failed{when}",
    "drafted": "was created as a draft{when}, and is held",
    "scheduled_or_waiting": "was created or last tried{when}, and has not been sent yet",
}
"""What came of a message, in words."""
WITHOUT_REPORTS = frozenset({"in_app", "slack", "webhook"})
"""Channels of which Customer.io reports no deliveries: https://docs.customer.io/integrations/api/webhooks/"""


def state_of(message: Message) -> tuple[Verdict, datetime | None]:
    """What came of a message, and when: the latest of its metrics decides; one without a time is the latest.

    A message arrived when its delivery was reported, else with the first sign of it.
    """
    happened = timeline(message)
    latest: tuple[bool, float, int] = (False, 0.0, 0)
    state: Verdict = "scheduled_or_waiting"
    for strength, (verdict, metrics) in enumerate(reversed(STATES.items())):
        for at in (happened[metric] for metric in metrics if metric in happened):
            rank = (at is None, at.timestamp() if at else 0.0, strength)
            if rank >= latest:
                latest, state = rank, verdict
    signs = [at for metric in STATES[state] if (at := happened.get(metric))]
    reported = happened.get("delivered") if state == "delivered" else max(signs, default=None)
    return state, reported or min(signs, default=None)


def outcome_of(facts: Facts, message: Message) -> list[Cause]:
    """What came of a message, and the causes that held when it was created; the main one first."""
    verdict, at = state_of(message)
    main = Cause(verdict, f"The {channel_of(message)} message {_done(message, verdict, at)}.")
    if verdict == "undeliverable":
        return _reasons(facts, message) or [main]
    return [main, *(_missing_data(facts) if verdict == "failed" else ())]


def _done(message: Message, verdict: Verdict, at: datetime | None) -> str:
    when = f" on {moment(at)}" if at else ""
    if verdict == "delivered":
        spam = ", and the recipient marked it as spam" if "spammed" in message.metrics else ""
        arrived = "was delivered" if "delivered" in message.metrics else "arrived, as an open or click shows,"
        return f"{arrived}{when}{spam}"
    if verdict == "sent_not_confirmed" and channel_of(message) in WITHOUT_REPORTS:
        return f"was sent{when}; this channel reports no deliveries"
    return DONE[verdict].format(when=when)


def _reasons(facts: Facts, message: Message) -> list[Cause]:
    """Why Customer.io did not send a message: what it states first, then all else that held when it was created."""
    stated = (message.failure_message or "").casefold()
    meant = next((verdict for verdict, words in REASONS if any(word in stated for word in words)), None)
    no_address = [] if message.recipient else [Cause("no_address", "The message has no recipient address.")]
    held = [*unsubscribed(facts), *opted_out(facts), *topic_off(facts), *no_address, *suppressed(facts)]
    causes = {cause.verdict: cause for cause in reversed(held)}
    if meant and meant not in causes:
        causes[meant] = Cause(meant, f"Customer.io states it as the reason. {MEANINGS[meant].means}")
    return sorted(causes.values(), key=lambda cause: (cause.verdict != meant, PRECEDENCE[cause.verdict]))


def _missing_data(facts: Facts) -> Iterator[Cause]:
    """What the template of the message requires, and the event or the profile lacks."""
    message = facts.answered
    own = [each for each in facts.contents or () if message and each.id in {message.action_id, message.content_id}]
    required = required_by(own) or frozenset()
    missing = [] if facts.data is None else missing_data(required, facts.data)
    if missing:
        yield Cause("missing_data", f"The template requires event data that is missing: {listed_names(missing)}.")
    if lacking := missing_attributes(required, facts.person):
        yield Cause(
            "missing_data",
            f"The template requires attributes that the profile lacks now: {listed_names(lacking)}.",
            certain=False,
        )
