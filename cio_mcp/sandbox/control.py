"""The sandbox's own endpoints under `/_sandbox/`: look inside, order faults, move the clock, start again."""

import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cio_mcp.sandbox.faults import ordered
from cio_mcp.sandbox.http import Refused, app_error, not_found
from cio_mcp.sandbox.webhooks.emit import emit

if TYPE_CHECKING:
    from cio_mcp.sandbox.app import Sandbox


async def answer(sandbox: "Sandbox", request: Request) -> Response:
    """Answer a control request; these need no key and count nowhere."""
    name = request.url.path.removeprefix("/_sandbox/")
    try:
        sandbox.workspace.settle()
        if request.method == "GET" and name in VIEWS:
            return JSONResponse(VIEWS[name](sandbox))
        if request.method in {"POST", "DELETE"} and (request.method, name) in ORDERS:
            return JSONResponse(ORDERS[request.method, name](sandbox, await _told(request)))
        raise not_found()
    except Refused as refused:
        return JSONResponse(refused.answer.body, refused.answer.status)


async def _told(request: Request) -> Any:
    body = await request.body()
    try:
        return json.loads(body) if body else {}
    except ValueError:
        raise app_error(400, "malformed JSON") from None


def state(sandbox: "Sandbox") -> dict[str, Any]:
    """Counters since the start or the last reset."""
    workspace = sandbox.workspace
    return {
        "now": sandbox.clock.now(),
        "people": len(workspace.people),
        "pending": len(workspace.agenda),
        "total": sum(sandbox.routes.values()),
        "requests": dict(sandbox.routes),
        "statuses": dict(sandbox.statuses),
        "429s": sandbox.statuses["429"],
        "sends": workspace.counts["sends"],
        "events": workspace.counts["events"],
        "duplicate_events": workspace.counts["duplicate_events"],
        "triggers": workspace.counts["triggers"],
        "max_concurrency": sandbox.max_concurrency,
        "peaks": dict(sandbox.windows.peak),
    }


def _requests(sandbox: "Sandbox") -> Any:
    return list(sandbox.requests)


def _sends(sandbox: "Sandbox") -> Any:
    return sandbox.workspace.sends


def _events(sandbox: "Sandbox") -> Any:
    return sandbox.workspace.events


def _faults(sandbox: "Sandbox") -> Any:
    return [fault.shown for fault in sandbox.faults]


def _webhooks(sandbox: "Sandbox") -> Any:
    return [webhook.state for webhook in sandbox.workspace.webhooks.values()]


def _emit(sandbox: "Sandbox", told: Any) -> Any:
    return {"emitted": emit(sandbox.workspace, told)}


def _order_fault(sandbox: "Sandbox", told: Any) -> Any:
    sandbox.faults.append(ordered(told))
    return _faults(sandbox)


def _clear_faults(sandbox: "Sandbox", _: Any) -> Any:
    sandbox.faults.clear()
    return []


def _reset(sandbox: "Sandbox", _: Any) -> Any:
    sandbox.reset()
    return state(sandbox)


def _advance(sandbox: "Sandbox", told: Any) -> Any:
    seconds = told.get("seconds") if isinstance(told, dict) else None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
        raise app_error(400, "seconds must be a number, zero or above")
    sandbox.clock.advance(seconds)
    sandbox.workspace.settle()
    return {"now": sandbox.clock.now()}


VIEWS = {
    "state": state, "requests": _requests, "sends": _sends, "events": _events, "faults": _faults, "webhooks": _webhooks,
}  # fmt: skip
ORDERS = {
    ("POST", "faults"): _order_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "reset"): _reset,
    ("POST", "advance"): _advance,
    ("POST", "emit"): _emit,
}
