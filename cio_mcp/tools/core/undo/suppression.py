"""The undo of a change of the email provider's suppressions."""

from cio_mcp.customerio.api.suppressions import CATEGORIES
from cio_mcp.gate.plan import Plan
from cio_mcp.tools.admin.suppressions import Action, plan_suppression
from cio_mcp.tools.core.undo.values import PastChange, as_undo, refusal
from cio_mcp.workspace import CallContext

BACK: dict[str, Action] = {"suppress_email": "remove", "unsuppress_email": "add"}
NOT_RESTORED = "The time and the reason that the email provider had recorded are not restored."
NOT_CALLED_BACK = "Emails that were dropped meanwhile are not sent later."


async def undo_suppression(ws: CallContext, past: PastChange) -> Plan:
    """Plan to remove an address that a change added, or to add one that it removed.

    Raises:
        Refused: it was so before, or is no longer as the change left it.
    """
    if not ws.settings.has_app:
        raise refusal(past.id, "without an App API key, the current suppressions can't be read")
    if len(past.plan.calls) != 1:
        raise refusal(past.id, "it changed more than one address")
    call = past.plan.calls[0]
    type_ = CATEGORIES.get(call.path["suppression_type"])
    if type_ is None:
        raise refusal(past.id, "its list is none that this server knows")
    action = BACK[call.operation]
    planned = await plan_suppression(ws, call.path["email_address"], action, type_)
    lost = NOT_RESTORED if action == "add" else NOT_CALLED_BACK
    return as_undo(past, planned, lost, summary=f"{planned.summary[0].lower()}{planned.summary[1:]}")
