"""Edits of a profile that can be read: the changes, their recipients, and what they may trigger."""

from pydantic import JsonValue

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.attribute_checks import REACHING_ATTRIBUTES
from cio_mcp.gate.plan import Plan, ReadBack, ValueEdit
from cio_mcp.gate.risk import Risk
from cio_mcp.gate.values import same
from cio_mcp.text.names import meanings, normalized_name
from cio_mcp.tools.common.attribute_names import name_attribute, name_attributes
from cio_mcp.tools.common.recipients import Recipient, may_start, test_profiles
from cio_mcp.tools.common.subscription_words import begin_small, describe_subscription
from cio_mcp.workspace import CallContext

BEYOND_ADDRESS = frozenset({"id", "phone", "cio_relationships"})
"""Those whose effect goes beyond the email address: another identity, another channel, or other people."""


async def edit(ws: CallContext, recipient: Recipient, attributes: dict[str, JsonValue]) -> Plan:
    """Plan to set attributes of a person whose profile was read, omitting values that are already set."""
    before = recipient.person.attributes if recipient.person else {}
    edits = tuple(
        ValueEdit(name=name, before=before.get(name), after=value)
        for name, value in attributes.items()
        if not same(before.get(name), value)
    )
    changed = {edit.name: edit.after for edit in edits}
    reaching = [name_attribute(name) for name in sorted(changed) if REACHING_ATTRIBUTES & meanings(name, changed[name])]
    starts = may_start(await ws.campaigns.started_by_attributes(changed)) if changed else ()
    at = int(ws.clock.now())
    subscription = await describe_subscription(ws, attributes, recipient.name)
    risk: Risk = "send" if reaching or starts else "data"
    return Plan(
        risk=risk,
        summary=f"{subscription or f'Set {name_attributes(sorted(attributes))} of {recipient.name}'}.",
        effect_title=begin_small(subscription or ""),
        why=f"This affects who receives messages: {', '.join(reaching)}." if reaching else "",
        examples=(recipient.example,),
        edits=edits,
        recipients=recipients_after(recipient.recipients, changed),
        # A segment allows recipients of messages, not changes of their address or subscription.
        test_profiles=() if reaching else await test_profiles(ws, recipient),
        starts=starts,
        calls=(tracking.identify(recipient.reference, changed, at=at, create=False),) if changed else (),
        rests_on=recipient.rests_on | {"before": {edit.name: edit.before for edit in edits}, "starts": list(starts)},
        reads_back=ReadBack(person=recipient.cio_id, attributes=changed)
        if recipient.cio_id and "cio_relationships" not in map(normalized_name, changed)
        else None,
        next_step="To verify, call get_customer.",
    )


def recipients_after(now: tuple[str, ...], changed: dict[str, JsonValue]) -> tuple[str, ...]:
    """The recipients of messages once a profile has these values; none where an address doesn't decide them."""
    meant = {name: meanings(name, value) for name, value in changed.items()}
    if any(BEYOND_ADDRESS & each or ("email" in each and name != "email") for name, each in meant.items()):
        return ()
    email = changed.get("email")
    if email in (None, "", *now):
        return now
    return (*now, email) if isinstance(email, str) else ()
