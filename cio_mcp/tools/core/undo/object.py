"""The undo of a change of an object or a device, as far as there is one."""

from typing import Any

from cio_mcp.customerio.mentions import person_of
from cio_mcp.gate.plan import Plan
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.attribute_names import name_attributes
from cio_mcp.tools.common.recipients import recipient_of
from cio_mcp.tools.core.undo.values import PastChange, as_undo, equal, lost, refusal, restored_value
from cio_mcp.tools.objects.target import Target, find_target
from cio_mcp.tools.objects.update_object import find_customers_by, plan_attributes, plan_relation, plan_separation
from cio_mcp.tools.people.manage_device import plan_device, plan_removal
from cio_mcp.workspace import CallContext

EFFECTS_STAY = "What it triggered meanwhile can't be undone."
NO_ATTRIBUTES = "Attributes of the relationships don't come back."
NO_DEVICE_ATTRIBUTES = "Attributes of the device don't come back."


async def undo_object(ws: CallContext, past: PastChange) -> Plan:
    """Plan to restore the attributes of an object that a change set.

    Raises:
        Refused: it created the object, or an attribute changed since.
    """
    kept = _recorded(past, "object")
    if not kept["object"][2]:
        raise refusal(past.id, "it created the object, and an undo never deletes one")
    target = await _target(ws, past)
    now = target.record.attributes if target.record else {}
    left = [edit for edit in past.plan.edits if not equal(edit.name, now.get(edit.name), edit.before)]
    changed = [edit.name for edit in left if not equal(edit.name, now.get(edit.name), edit.after)]
    if changed:
        raise refusal(past.id, f"{name_attributes(changed)} changed since then; to set a new value, use update_object")
    planned = await plan_attributes(ws, target, {edit.name: restored_value(edit) for edit in left})
    restored = name_attributes(edit.name for edit in past.plan.edits)
    return as_undo(past, planned, *lost(left), summary=f"restore {restored} of the object {target.name}.")


async def undo_relationships(ws: CallContext, past: PastChange) -> Plan:
    """Plan to remove the relationships that a change added, or to add those that it removed."""
    kept = _recorded(past, "customers")
    target = await _target(ws, past)
    removed = past.plan.calls[0].operation == "object_delete_relationships"
    cio_ids: list[str] = kept["customers"] if removed else kept["new"]
    if not cio_ids:
        raise refusal(past.id, "it added no relationship, and the previous attributes of the relationships are unknown")
    people = await find_customers_by(ws, cio_ids)
    if removed:
        planned = await plan_relation(ws, target, people, {})
        return as_undo(past, planned, NO_ATTRIBUTES, EFFECTS_STAY, summary=f"relate the object {target.name} again.")
    planned = plan_separation(target, people)
    return as_undo(past, planned, EFFECTS_STAY, summary=f"remove the new relationships of the object {target.name}.")


async def undo_device(ws: CallContext, past: PastChange) -> Plan:
    """Plan to remove a device that a change added, or to add one that it removed or replaced."""
    kept = _recorded(past, "platform")
    call = past.plan.calls[0]
    person = person_of(call, call.effects[0])
    body: Any = call.body
    token = str(body["device"].get("id") or body["device"].get("token"))
    if person is None or not ws.settings.has_app:
        raise refusal(past.id, "without an App API key, the current devices can't be read")
    recipient = await recipient_of(ws, person.value, person.kind)
    devices = {each.id: each for each in recipient.person.devices} if recipient.person else None
    before = kept["platform"]
    if isinstance(before, str):
        planned = plan_device(recipient, devices, token, before, {})
        return as_undo(past, planned, NO_DEVICE_ATTRIBUTES, summary=f"restore the device {quoted(token, 60)}.")
    if past.plan.proof is None:
        raise refusal(past.id, "the devices were unknown when it was made")
    planned = plan_removal(recipient, devices, token)
    return as_undo(past, planned, summary=f"remove the device {quoted(token, 60)}.")


def _recorded(past: PastChange, name: str) -> dict[str, Any]:
    """What was recorded when a tool of ours planned the change.

    Raises:
        Refused: nothing was, as of a change that `write_api` made.
    """
    if name not in past.plan.rests_on or len(past.plan.calls) != 1:
        raise refusal(past.id, "the previous values were unknown when it was made")
    return past.plan.rests_on


async def _target(ws: CallContext, past: PastChange) -> Target:
    body: Any = past.plan.calls[0].body
    return await find_target(
        ws, str(body["identifiers"]["object_type_id"]), str(body["identifiers"]["object_id"]), create=False
    )
