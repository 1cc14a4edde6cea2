"""The control API under `/_sandbox/`: inspect the sandbox, inject faults, advance the clock, reset."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from cio_mcp.sandbox.faults import parse_fault
from cio_mcp.sandbox.http import ApiError, app_error, not_found
from cio_mcp.sandbox.json_body import parse
from cio_mcp.sandbox.state import State
from cio_mcp.sandbox.webhooks.emit import emit

PREFIX = "/_sandbox/"
FILES = "files/"
MAX_FILE_CHARACTERS = 1_000_000
"""Chosen: a real data file may have 10 GB."""
MAX_ADVANCE_SECONDS = 10 * 365 * 86_400.0
"""Chosen: enough for any journey, and far from times that a calendar cannot express."""


async def handle(state: State, request: Request) -> Response:
    """Answer a control request. It needs no key and is not counted."""
    name = request.url.path.removeprefix(PREFIX)
    try:
        state.workspace.settle()
        if request.method == "GET" and name.removeprefix(FILES) in state.workspace.files:
            return PlainTextResponse(state.workspace.files[name.removeprefix(FILES)])
        if request.method == "GET" and name in VIEWS:
            return JSONResponse(VIEWS[name](state))
        if (request.method, name) in COMMANDS:
            return JSONResponse(COMMANDS[request.method, name](state, await _json_body(request)))
        raise not_found()
    except ApiError as error:
        return JSONResponse(error.response.body, error.response.status)


async def _json_body(request: Request) -> Any:
    try:
        value = parse(await request.body())
    except ValueError:
        raise app_error(400, "malformed JSON") from None
    return {} if value is None else value


def summary(state: State) -> dict[str, Any]:
    """Counters since the start or the last reset."""
    workspace = state.workspace
    return {
        "now": state.clock.now(),
        "people": len(workspace.people),
        "pending": len(workspace.schedule) - workspace.journeys.going_on,
        "total": sum(state.routes.values()),
        "requests": dict(state.routes),
        "statuses": dict(state.statuses),
        "429s": state.statuses["429"],
        "sends": workspace.counts["sends"],
        "events": workspace.counts["events"],
        "duplicate_events": workspace.counts["duplicate_events"],
        "triggers": workspace.counts["triggers"],
        "max_concurrency": state.max_concurrency,
        "peaks": dict(state.windows.peak),
    }


def _requests(state: State) -> Any:
    return list(state.requests)


def _sends(state: State) -> Any:
    return state.workspace.sends


def _events(state: State) -> Any:
    return state.workspace.events


def _faults(state: State) -> Any:
    return [fault.as_json for fault in state.faults]


def _webhooks(state: State) -> Any:
    return [webhook.status for webhook in state.workspace.webhooks.values()]


def _emit(state: State, body: Any) -> Any:
    return {"emitted": emit(state.workspace, body)}


def _add_fault(state: State, body: Any) -> Any:
    state.faults.append(parse_fault(body))
    return _faults(state)


def _clear_faults(state: State, _: Any) -> Any:
    state.faults.clear()
    return []


def _reset(state: State, _: Any) -> Any:
    state.reset()
    return summary(state)


def _advance(state: State, body: Any) -> Any:
    seconds = body.get("seconds") if isinstance(body, dict) else None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= MAX_ADVANCE_SECONDS:
        raise app_error(400, f"seconds must be a number from 0 to {MAX_ADVANCE_SECONDS:.0f}")
    state.clock.advance(seconds)
    state.workspace.settle()
    return {"now": state.clock.now()}


def _add_file(state: State, body: Any) -> Any:
    """Keep a data file, which a broadcast's trigger can name by its URL."""
    name, text = (body.get("name"), body.get("text")) if isinstance(body, dict) else (None, None)
    if not isinstance(name, str) or not name.isidentifier() or not isinstance(text, str):
        raise app_error(400, "name must be a plain word, and text the file's text")
    if len(text) > MAX_FILE_CHARACTERS:
        raise app_error(400, f"text must have at most {MAX_FILE_CHARACTERS} characters")
    state.workspace.files[name] = text
    return {"path": f"{PREFIX}{FILES}{name}"}


VIEWS = {
    "state": summary, "requests": _requests, "sends": _sends, "events": _events, "faults": _faults,
    "webhooks": _webhooks,
}  # fmt: skip
COMMANDS = {
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "reset"): _reset,
    ("POST", "advance"): _advance,
    ("POST", "emit"): _emit,
    ("POST", "files"): _add_file,
}
