"""Broadcasts: lists, metrics, deliveries, and triggers."""

from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.api.campaigns import action, deliveries_of, parent_of, summary, template_of, templates_listed
from cio_mcp.sandbox.api.customers import matches, valid_filter
from cio_mcp.sandbox.api.messages import listed
from cio_mcp.sandbox.api.metrics import links, metrics
from cio_mcp.sandbox.http import Asked, Route, app_error, not_found, page
from cio_mcp.sandbox.world.people import Person, as_string
from cio_mcp.sandbox.world.templates import Parent

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

# https://docs.customer.io/integrations/api/app/ (Send Messages)
DATA_BYTES = 50_000
RECIPIENTS = 10_000
AUDIENCES = ("recipients", "emails", "ids", "per_user_data", "data_file_url")
PROCESSING = 3.0
"""Seconds until a trigger is processed; chosen."""


def _broadcast(parent: Parent) -> dict[str, Any]:
    return {**summary(parent), "type": "triggered_broadcast", "msg_template_ids": templates_listed(parent)}


def _list(workspace: "Workspace", _: Asked) -> Any:
    return {"broadcasts": [_broadcast(parent) for parent in workspace.parents.values() if parent.kind == "broadcast"]}


def _get(workspace: "Workspace", asked: Asked) -> Any:
    return {"broadcast": _broadcast(parent_of(workspace, asked, "broadcast"))}


def _actions(workspace: "Workspace", asked: Asked) -> Any:
    parent = parent_of(workspace, asked, "broadcast")
    return {"actions": [action(parent, template) for template in parent.templates]}


def _action(workspace: "Workspace", asked: Asked) -> Any:
    parent = parent_of(workspace, asked, "broadcast")
    return {"action": action(parent, template_of(parent, asked, "action_id"))}


def _metrics(workspace: "Workspace", asked: Asked) -> Any:
    return metrics(workspace, asked, deliveries_of(workspace, asked, "broadcast"))


def _links(workspace: "Workspace", asked: Asked) -> Any:
    return links(workspace, asked, deliveries_of(workspace, asked, "broadcast"))


def _messages(workspace: "Workspace", asked: Asked) -> Any:
    return listed(workspace, asked, deliveries_of(workspace, asked, "broadcast"))


def _shown(workspace: "Workspace", trigger: dict[str, Any]) -> dict[str, Any]:
    processed = trigger["processed_at"] if trigger["processed_at"] <= workspace.now else None
    return {**{name: trigger[name] for name in ("id", "broadcast_id", "created_at")}, "processed_at": processed}


def _triggers(workspace: "Workspace", asked: Asked) -> Any:
    parent = parent_of(workspace, asked, "broadcast")
    found = [one for one in workspace.triggers.values() if one["broadcast_id"] == parent.id]
    return {"triggers": [_shown(workspace, trigger) for trigger in found]}


def _one_trigger(workspace: "Workspace", asked: Asked) -> dict[str, Any]:
    parent = parent_of(workspace, asked, "broadcast")
    trigger = workspace.triggers.get(asked.whole("trigger_id"))
    if trigger is None or trigger["broadcast_id"] != parent.id:
        raise not_found()
    return trigger


def _status(workspace: "Workspace", asked: Asked) -> Any:
    return _shown(workspace, _one_trigger(workspace, asked))


def _errors(workspace: "Workspace", asked: Asked) -> Any:
    some, following = page(_one_trigger(workspace, asked)["errors"], asked, 50, 1000)
    return {"errors": some, "next": following}


def _trigger(workspace: "Workspace", asked: Asked) -> Any:
    parent, body = parent_of(workspace, asked, "broadcast"), asked.body if asked.body is not None else {}
    _check(body)
    number = max(workspace.triggers, default=0) + 1
    now = workspace.now
    made: dict[str, Any] = {
        "id": number, "broadcast_id": parent.id, "created_at": now, "processed_at": now + int(PROCESSING), "errors": [],
    }  # fmt: skip
    workspace.triggers[number] = made
    workspace.counts["triggers"] += 1
    workspace.later(PROCESSING, lambda later: _process(later, parent, body, made))
    return {"id": number}


def _check(body: Any) -> None:
    if not isinstance(body, dict):
        raise app_error(400, "the body must be a JSON object")
    told = [name for name in AUDIENCES if name in body]
    if len(told) > 1:
        raise app_error(422, f"only one of {', '.join(AUDIENCES)} can be given")
    data = {} if body.get("data") is None else body["data"]
    if not isinstance(data, dict) or len(as_string(data).encode()) > DATA_BYTES:
        raise app_error(422, f"data must be an object of at most {DATA_BYTES} bytes")
    for name in told:
        if name == "recipients":
            valid_filter(body[name])
        elif name == "data_file_url":
            raise app_error(422, "the sandbox does not fetch data_file_url")
        elif not isinstance(body[name], list) or not 1 <= len(body[name]) <= RECIPIENTS:
            raise app_error(422, f"{name} must be a list of 1 to {RECIPIENTS}")
    if not all(isinstance(one, dict) and {"id", "email"} & one.keys() for one in body.get("per_user_data", ())):
        raise app_error(422, "per_user_data must hold objects with an id or email")


def _process(workspace: "Workspace", parent: Parent, body: dict[str, Any], made: dict[str, Any]) -> None:
    """Deliver to everybody meant; a missing person fails the whole broadcast unless they may be missing."""
    audience, missing = _audience(workspace, parent, body)
    made["errors"] = missing
    if missing:
        return
    template = parent.templates[0]
    for person, own in audience:
        data = {**(body.get("data") or {}), **own}
        workspace.deliver(person, parent, template, person.email or "", data=data).trigger_id = made["id"]


def _audience(
    workspace: "Workspace", parent: Parent, body: dict[str, Any]
) -> tuple[list[tuple[Person, dict[str, Any]]], list[str]]:
    told = body.get("recipients")
    wanted: list[tuple[str, Any, dict[str, Any]]] = [("id", value, {}) for value in body.get("ids", ())]
    wanted += [("email", value, {}) for value in body.get("emails", ())]
    for one in body.get("per_user_data", ()):
        id_type = "id" if "id" in one else "email"
        wanted.append((id_type, one.get(id_type), one.get("data") or {}))
    if not wanted:
        chosen = told or {"or": [{"segment": {"id": number}} for number in parent.trigger_segments]}
        return [(person, {}) for person in workspace.people if matches(workspace, chosen, person)], []
    found: list[tuple[Person, dict[str, Any]]] = []
    missing: list[str] = []
    for line, (id_type, value, own) in enumerate(wanted, 1):
        people = workspace.people.with_email(str(value)) if id_type == "email" else _by_id(workspace, str(value))
        if not people and not body.get(f"{id_type}_ignore_missing"):
            missing.append(f"line {line}: no person with this {id_type}")
        meant = people if body.get("email_add_duplicates") else people[:1]
        found.extend((person, own) for person in meant)
    return found, missing


def _by_id(workspace: "Workspace", value: str) -> list[Person]:
    person = workspace.people.get("id", value)
    return [person] if person else []


BROADCAST = "/v1/broadcasts/{broadcast_id}"
TRIGGERS = "/v1/campaigns/{broadcast_id}/triggers"
ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/broadcasts", _list),
    ("GET", BROADCAST, _get),
    ("GET", f"{BROADCAST}/metrics", _metrics),
    ("GET", f"{BROADCAST}/metrics/links", _links),
    ("GET", f"{BROADCAST}/messages", _messages),
    ("GET", f"{BROADCAST}/triggers", _triggers),
    ("GET", f"{BROADCAST}/actions", _actions),
    ("GET", f"{BROADCAST}/actions/{{action_id}}", _action),
    ("GET", f"{BROADCAST}/actions/{{action_id}}/metrics", _metrics),
    ("GET", f"{BROADCAST}/actions/{{action_id}}/metrics/links", _links),
    ("POST", TRIGGERS, _trigger),
    ("GET", f"{TRIGGERS}/{{trigger_id}}", _status),
    ("GET", f"{TRIGGERS}/{{trigger_id}}/errors", _errors),
)
