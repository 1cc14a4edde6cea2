"""Subscribing and unsubscribing in words, for the summary of an edit and the choice to approve it."""

from collections.abc import Iterator, Mapping
from functools import partial

from pydantic import JsonValue

from cio_mcp.customerio.api.account import Topic
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.attribute_names import name_attributes
from cio_mcp.tools.common.gather import or_none
from cio_mcp.workspace import CallContext

UNSUBSCRIBED = "unsubscribed"
PREFERENCES = "cio_subscription_preferences"
ONE_TOPIC = f"{PREFERENCES}.topics."
"""How the name of an attribute begins that sets a single topic."""
MAX_TOPICS = 5
"""Topics that a summary names. Chosen."""

Topics = Mapping[str, bool]


async def describe_subscription(ws: CallContext, attributes: Mapping[str, JsonValue], who: str) -> str | None:
    """What an edit does to subscriptions, and which other attributes it sets; None where that is not all clear.

    `Unsubscribe “ada” from “Offers”, and set “plan”.`
    """
    topics = _topics(attributes)
    if topics is None:
        return None
    known = (await or_none(ws.account.topics) if topics else None) or []
    parts = [*_whole(attributes, who), *_by_topic(topics, known, who)]
    if not parts:
        return None
    others = [name for name in attributes if name not in {UNSUBSCRIBED, PREFERENCES} and not name.startswith(ONE_TOPIC)]
    parts += [f"set {name_attributes(sorted(others))}"] if others else []
    sentence = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, and {parts[-1]}"
    return f"{sentence[0].upper()}{sentence[1:]}"


def begin_small(sentence: str) -> str:
    """The sentence as it continues another one."""
    return f"{sentence[:1].lower()}{sentence[1:]}"


def _topics(attributes: Mapping[str, JsonValue]) -> Topics | None:
    """The topics that attributes set, by identifier; None where they set anything else of this kind."""
    preferences = attributes.get(PREFERENCES)
    topics: dict[str, JsonValue] = {}
    match preferences:
        case {"topics": dict() as given, **rest} if not rest:
            topics |= given
        case None if PREFERENCES not in attributes:
            pass
        case _:
            return None
    topics |= {name.removeprefix(ONE_TOPIC): value for name, value in attributes.items() if name.startswith(ONE_TOPIC)}
    known = {name: value for name, value in topics.items() if isinstance(value, bool)}
    return known if len(known) == len(topics) else None


def _whole(attributes: Mapping[str, JsonValue], who: str) -> Iterator[str]:
    if UNSUBSCRIBED not in attributes:
        return
    match attributes[UNSUBSCRIBED]:
        case True | "true":
            yield f"unsubscribe {who}"
        case False | "false":
            yield f"end the unsubscription of {who}"
        case _:
            yield f"set {quoted(UNSUBSCRIBED)} of {who}"


def _by_topic(topics: Topics, known: list[Topic], who: str) -> Iterator[str]:
    names = {each.identifier or f"topic_{each.id}": each.name for each in known}
    show = partial(_named, names)
    if left := [name for name, subscribed in topics.items() if not subscribed]:
        yield f"unsubscribe {who} from {join_first(left, MAX_TOPICS, show)}"
    if joined := [name for name, subscribed in topics.items() if subscribed]:
        yield f"subscribe {who} to {join_first(joined, MAX_TOPICS, show)}"


def _named(names: Mapping[str, str], topic: str) -> str:
    return quoted(names.get(topic) or topic, 40)
