"""The Pipelines API: each call is accepted, and does what the Track API's counterpart does.

A call without a `userId` belongs to an anonymous person, of which the sandbox keeps none.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from cio_mcp.sandbox.api.fields import is_identifier, is_optional_object, is_optional_text
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.api.track import check_attributes
from cio_mcp.sandbox.api.track_bodies import ACCEPTED, MAX_IDENTIFIER_BYTES, byte_length, json_object
from cio_mcp.sandbox.api.track_events import MAX_EVENT_DATA_BYTES, MAX_EVENT_NAME_BYTES, receive
from cio_mcp.sandbox.http import ApiError, ApiRequest, track_error
from cio_mcp.sandbox.world.profiles import identify
from cio_mcp.sandbox.world.workspace import Workspace

# https://docs.customer.io/integrations/api/cdp/ : a call over the limit is answered 200, and discarded.
MAX_CALL_BYTES = 32 * 1024
MAX_BATCH_BYTES = 500 * 1024
KEYS = ("userId", "anonymousId", "previousId", "messageId")

Call = Mapping[str, Any]


def _identify(workspace: Workspace, call: Call, user: str) -> None:
    traits = call.get("traits") or {}
    check_attributes(traits)
    workspace.apply_soon(lambda: identify(workspace, user, dict(traits)))


def _track(workspace: Workspace, call: Call, user: str) -> None:
    _event(workspace, call, user, "event", call.get("event"))


def _page(workspace: Workspace, call: Call, user: str) -> None:
    _event(workspace, call, user, str(call["type"]), call.get("name") or "")


def _event(workspace: Workspace, call: Call, user: str, kind: str, name: Any) -> None:
    properties = call.get("properties") or {}
    if not isinstance(name, str) or byte_length(properties) > MAX_EVENT_DATA_BYTES:
        raise track_error(f"an event needs a name, and properties of at most {MAX_EVENT_DATA_BYTES} bytes")
    if kind == "event" and (not name.strip() or byte_length(name) > MAX_EVENT_NAME_BYTES):
        raise track_error(f"event must have 1 to {MAX_EVENT_NAME_BYTES} bytes")
    event = {"name": name.strip(), "data": properties, "timestamp": None, "id": str(call.get("messageId") or "")}
    workspace.apply_soon(lambda: receive(workspace, user, event))


def _group(workspace: Workspace, call: Call, user: str) -> None:
    group, object_type, traits = call.get("groupId"), call.get("objectTypeId") or "1", call.get("traits") or {}
    if not is_identifier(group) or not is_identifier(object_type):
        raise track_error("groupId is required")
    relationship = {"identifiers": {"object_type_id": str(object_type), "object_id": str(group)}}

    def apply() -> None:
        workspace.objects.setdefault((str(object_type), str(group)), {}).update(traits)
        change = {"action": "add_relationships", "relationships": [relationship]}
        identify(workspace, user, {"cio_relationships": change})

    workspace.apply_soon(apply)


def _alias(_: Workspace, __: Call, ___: str) -> None:
    """Accepted without effect: an alias joins anonymous people, of which there are none."""


CALLS: dict[str, Callable[[Workspace, Call, str], None]] = {
    "identify": _identify, "track": _track, "page": _page, "screen": _page, "group": _group, "alias": _alias,
}  # fmt: skip


def _accept(workspace: Workspace, kind: str, call: Call) -> None:
    """Apply one call.

    Raises:
        ApiError: 400 when a field is not valid.
    """
    if not all(call.get(name) is None or is_identifier(call[name]) for name in KEYS):
        raise track_error(f"{', '.join(KEYS)} must be text")
    if not all(is_optional_object(call.get(name)) for name in ("traits", "properties", "context")):
        raise track_error("traits, properties and context must be objects")
    if not is_optional_text(call.get("timestamp")):
        raise track_error("timestamp must be an ISO 8601 time")
    if call.get("userId") is None and call.get("anonymousId") is None:
        raise track_error("userId or anonymousId is required")
    user = str(call.get("userId") or "")
    if byte_length(user) > MAX_IDENTIFIER_BYTES:
        raise track_error(f"userId must have at most {MAX_IDENTIFIER_BYTES} bytes")
    if user:
        CALLS[kind](workspace, {**call, "type": kind}, user)


def _one(kind: str) -> Callable[[Workspace, ApiRequest], Any]:
    def handle(workspace: Workspace, request: ApiRequest) -> Any:
        call = json_object(request)
        if request.size <= MAX_CALL_BYTES:
            _accept(workspace, kind, call)
        return ACCEPTED

    return handle


def _batch(workspace: Workspace, request: ApiRequest) -> Any:
    """Apply each valid call; the others are discarded."""
    calls = json_object(request).get("batch")
    if not isinstance(calls, list):
        raise track_error("batch must be a list")
    if request.size > MAX_BATCH_BYTES:
        return ACCEPTED
    for call in calls:
        if isinstance(call, dict) and len(json.dumps(call, ensure_ascii=False).encode()) <= MAX_CALL_BYTES:
            kind = call.get("type")
            if isinstance(kind, str) and kind in CALLS:
                with suppress(ApiError):
                    _accept(workspace, kind, call)
    return ACCEPTED


ROUTES: tuple[Route, ...] = (
    *(("POST", f"/v1/{kind}", _one(kind)) for kind in CALLS),
    ("POST", "/v1/batch", _batch),
)
