"""Injected faults: what goes wrong, on which route, and how many times."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.lowlevel
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from cio_mcp.sandbox.http import app_error
from cio_mcp.sandbox.limits import APP, rate_limited

HUGE_BYTES = 50 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
REQUEST_KINDS = {"429", "429_bare", "accept_then_503", "accept_then_drop", "drop", "html", "empty", "huge"}
WEBHOOK_KINDS = {"webhook_twice", "webhook_reorder", "webhook_lost"}


class Dropped(Exception):
    """The connection is cut without another byte: the server closes the socket, an in-process client maps it."""


@dataclass(slots=True)
class Fault:
    """One fault; `path` is a route template, an exact path or a prefix, and a negative `times` means always.

    For faults of posted webhooks, `path` is a prefix of the endpoint.
    """

    method: str
    path: str
    kind: str
    times: int = 1

    def matches(self, method: str, template: str, raw_path: str) -> bool:
        """Whether it applies to a request."""
        is_on_path = self.path == template or raw_path.startswith(self.path)
        return self.times != 0 and is_on_path and self.method in {"*", method}

    @property
    def as_json(self) -> dict[str, Any]:
        """As the control API lists it."""
        return {"method": self.method, "path": self.path, "kind": self.kind, "times": self.times}


def parse_fault(body: Any) -> Fault:
    """Read a fault from the body of a control request.

    Raises:
        ApiError: 400 when a part is missing or unknown.
    """
    if not isinstance(body, dict) or not _is_kind(body.get("kind")):
        kinds = "status:<code>, hang:<seconds>, refuse:<indexes>, or a known word"
        raise app_error(400, f"expected method, path, kind ({kinds}) and times")
    if not isinstance(body.get("path", "" if body["kind"].startswith("webhook_") else None), str):
        raise app_error(400, "path must be a string")
    times = body.get("times", 1)
    if not isinstance(times, int):
        raise app_error(400, "times must be an integer; a negative one means always")
    return Fault(str(body.get("method", "*")).upper(), body.get("path", ""), body["kind"], times)


def _is_kind(kind: Any) -> bool:
    if not isinstance(kind, str):
        return False
    word, _, value = kind.partition(":")
    if word == "status":
        return value.isdecimal() and 200 <= int(value) <= 599  # noqa: PLR2004 - HTTP statuses
    if word in {"hang", "webhook_slow"}:
        return value.replace(".", "", 1).isdecimal()
    if word == "refuse":
        return all(index.isdecimal() for index in value.split(","))
    return kind in REQUEST_KINDS | WEBHOOK_KINDS


def take_for_request(faults: list[Fault], method: str, template: str, raw_path: str) -> str | None:
    """Use up one turn of the first fault that applies to a request, and return its kind."""
    return _take(
        faults, lambda fault: not fault.kind.startswith("webhook_") and fault.matches(method, template, raw_path)
    )


def take_for_webhook(faults: list[Fault], endpoint: str, word: str) -> str | None:
    """Use up one turn of the first fault of a kind that applies to an endpoint, and return its kind."""
    return _take(
        faults, lambda fault: fault.kind.partition(":")[0] == word and fault.matches(fault.method, endpoint, endpoint)
    )


def _take(faults: list[Fault], applies: Callable[[Fault], bool]) -> str | None:
    for fault in faults:
        if applies(fault):
            if fault.times > 0:
                fault.times -= 1
            return fault.kind
    return None


def replacement_response(kind: str, reference: str) -> Response:
    """The response in place of the handler's work.

    Raises:
        ApiError: the response is an ordinary error.
        Dropped: the connection must be cut.
    """
    if kind == "drop":
        raise Dropped
    if kind == "429":
        raise rate_limited(APP, 1, reference)
    if kind == "429_bare":
        return Response(status_code=429)
    if kind == "html":
        return HTMLResponse("<!DOCTYPE html><html><body><h1>Just a moment</h1></body></html>")
    if kind == "huge":
        return StreamingResponse(_huge(), media_type="application/json")
    if kind.startswith("status:"):
        raise app_error(int(kind.partition(":")[2]), "an injected fault")
    return Response(status_code=200)


def response_after_work(kind: str) -> Response | None:
    """The response after the handler's work; None keeps the handler's own.

    Raises:
        Dropped: the connection must be cut.
    """
    if kind == "accept_then_drop":
        raise Dropped
    if kind == "accept_then_503":
        return JSONResponse({"errors": [{"detail": "an injected fault", "status": "503"}]}, 503)
    return None


def replaces_work(kind: str) -> bool:
    """Whether a fault takes the place of the handler's work."""
    return not kind.startswith(("accept_then_", "hang:", "refuse:"))


def spoiled(kind: str | None, body: Any) -> Any:
    """The body of a batch in which the elements that a `refuse` fault names are invalid; any other as it is."""
    word, _, value = (kind or "").partition(":")
    batch = body.get("batch") if isinstance(body, dict) else None
    if word != "refuse" or not isinstance(batch, list):
        return body
    indexes = {int(index) for index in value.split(",")}
    return {
        **body,
        "batch": [
            {**element, "attributes": "(refused)"} if index in indexes and isinstance(element, dict) else element
            for index, element in enumerate(batch)
        ],
    }


async def hang(kind: str) -> None:
    """Delay the response by the seconds of a `hang` fault; the work is done by then."""
    if kind.startswith("hang:"):
        await anyio.sleep(float(kind.partition(":")[2]))


async def _huge() -> AsyncIterator[bytes]:
    yield b'{"results": ["'
    for _ in range(HUGE_BYTES // CHUNK_BYTES):
        yield b"x" * CHUNK_BYTES
        await anyio.lowlevel.checkpoint()
    yield b'"]}'
