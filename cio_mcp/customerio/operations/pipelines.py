"""The Pipelines API: data from sources, which Customer.io also forwards to the workspace's other destinations."""

from typing import Unpack

from cio_mcp.customerio.operations.row import EVERYTHING, NO_COLUMNS, Columns, Group, Operation

_P = Group("pipelines", "pipelines", family="customers", families=(EVERYTHING,), people=("userId", "anonymousId"))
_TIMES = "originalTimestamp receivedAt sentAt timestamp"
_COMMON = f"context:object integrations:object messageId {_TIMES} type version:number"
_WHO = "userId? anonymousId?"
_EVENT: Columns = {
    "event_data": "properties",
    "guardrails": ("creation", "reserved_event_keys"),
    "evidence": "activity",
    "verify": "list_customer_activities",
    "permanent": "event",
    "content": ("properties", "context"),
    "target": "userId",
}
_UNKNOWN: Columns = {"risk": "destroy"}
"""What is assumed of a request on a shared route until its action is known: the worst."""

PUBLISHED = (
    _P.post(
        "pipelines_identify", "/v1/identify", "Set attributes of a person, who is created if new",
        retry="repeatable", fields=f"{_WHO} {_COMMON} traits:object", generated=("timestamp",),
        guardrails=("creation",), evidence="attributes", verify="get_customer_attributes",
        content=("traits", "context"), target="userId",
    ),
    _P.post(
        "pipelines_track", "/v1/track", "Record an event, or apply the action that the event name stands for",
        _EVENT | _UNKNOWN,
        fields="event! userId? anonymousId? groupId? context?:object integrations:object messageId "
        f"properties?:object {_TIMES} type? version:number",
    ),
    _P.post(
        "pipelines_page", "/v1/page", "Record a page view", _EVENT, fields=f"{_WHO} {_COMMON} name properties:object"
    ),
    _P.post(
        "pipelines_screen", "/v1/screen", "Record a screen view", _EVENT,
        fields=f"{_WHO} {_COMMON} name properties:object",
    ),
    _P.post(
        "pipelines_group", "/v1/group", "Set attributes of an object and relate a person to it",
        retry="repeatable", fields=f"userId anonymousId groupId {_COMMON} traits:object", generated=("timestamp",),
        guardrails=("creation",), content=("traits", "context"), target="groupId",
    ),
    _P.post(
        "pipelines_alias", "/v1/alias", "Merge one person into another and delete it",
        risk="destroy", fields="previousId! type userId!", people=("previousId", "userId"), permanent="merge",
        target="previousId",
    ),
    _P.post(
        "pipelines_batch", "/v1/batch", "Make many requests to the Pipelines API", _UNKNOWN,
        guardrails=("creation", "reserved_event_keys"), fields="batch:array context:object integrations:object",
        people=(EVERYTHING,), content=("batch", "context"), elements="batch",
    ),
)  # fmt: skip


def _action(id_: str, event: str, summary: str, preset: Columns = NO_COLUMNS, **columns: Unpack[Columns]) -> Operation:
    common: Columns = {
        "fields": "event! userId! properties:object timestamp type",
        "content": ("properties", "context"),
        "target": "userId",
        "retry": "repeatable",
        "when": (("event", event),),
    }
    return _P.post(id_, "/v1/track", summary, common | preset | columns)


_REMOVAL: Columns = {"risk": "destroy", "permanent": "removal"}

ACTIONS = (
    _action(
        "pipelines_event", EVERYTHING, "Record an event of a person", _EVENT, retry="once",
        fields=f"event! {_WHO} groupId? {_COMMON} properties:object",
    ),
    _action(
        "pipelines_add_device", "Device Created or Updated", "Add or update a person's device",
        guardrails=("creation",), fields="event! userId! context!:object timestamp type",
    ),
    _action(
        "pipelines_delete_device", "Device Deleted", "Remove a person's device", _REMOVAL,
        fields="event! userId! context!:object timestamp type",
    ),
    _action("pipelines_delete_person", "User Deleted", "Delete a person", _REMOVAL),
    _action("pipelines_suppress_person", "User Suppressed", "Delete a person and block the identifiers", _REMOVAL),
    _action("pipelines_unsuppress_person", "User Unsuppressed", "Allow the identifiers of a suppressed person again"),
    _action(
        "pipelines_delete_relationship", "Relationship Deleted", "Remove a person's relation to an object", _REMOVAL,
        fields="event! userId! properties!:object timestamp type",
    ),
    _action(
        "pipelines_delete_object", "Object Deleted", "Delete an object", _REMOVAL,
        fields="event! anonymousId! properties!:object timestamp type", target="properties",
    ),
    _action(
        "pipelines_report_delivery", "Report Delivery Event", "Report a delivery event", retry="once",
        fields="event! properties!:object timestamp type", permanent="event", target="properties",
    ),
    _action(
        "pipelines_report_content", "Report Content Event", "Report an event of in-app content", retry="once",
        fields="event! properties!:object timestamp type", permanent="event", target="properties",
    ),
)  # fmt: skip
"""A row for each event name that the Pipelines API takes as an action, and one for events of any other name."""

ROWS = (*PUBLISHED, *ACTIONS)
