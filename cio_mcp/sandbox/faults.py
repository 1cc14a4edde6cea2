"""Faults on order: what goes wrong, on which route, how many times."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.lowlevel
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from cio_mcp.sandbox.http import app_error
from cio_mcp.sandbox.limits import APP, too_many

HUGE = 50 * 1024 * 1024
CHUNK = 64 * 1024
PLAIN = {"429", "429_bare", "accept_then_503", "accept_then_drop", "drop", "html", "empty", "huge"}
OF_WEBHOOKS = {"webhook_twice", "webhook_reorder", "webhook_lost"}


class Dropped(Exception):
    """The connection is cut without another byte: the server closes the socket, an in-process client maps it."""


@dataclass(slots=True)
class Fault:
    """One order; `path` is a route template, an exact path or a prefix, `times` below zero means always.

    For what befalls posted webhooks, `path` is how the endpoint begins.
    """

    method: str
    path: str
    kind: str
    times: int = 1

    def meets(self, method: str, template: str, raw_path: str) -> bool:
        """Whether a request falls under it."""
        aimed = self.path == template or raw_path.startswith(self.path)
        return self.times != 0 and aimed and self.method in {"*", method}

    @property
    def shown(self) -> dict[str, Any]:
        """As the control endpoint lists it."""
        return {"method": self.method, "path": self.path, "kind": self.kind, "times": self.times}


def ordered(told: Any) -> Fault:
    """Read an order.

    Raises:
        Refused: 400 when a part is missing or unknown.
    """
    if not isinstance(told, dict) or not _known(told.get("kind")):
        raise app_error(400, "expected method, path, kind (status:<code>, hang:<seconds>, or a known word) and times")
    if not isinstance(told.get("path", "" if told["kind"].startswith("webhook_") else None), str):
        raise app_error(400, "path must be a string")
    times = told.get("times", 1)
    if not isinstance(times, int):
        raise app_error(400, "times must be an integer; below zero means always")
    return Fault(str(told.get("method", "*")).upper(), told.get("path", ""), told["kind"], times)


def _known(kind: Any) -> bool:
    if not isinstance(kind, str):
        return False
    word, _, value = kind.partition(":")
    if word == "status":
        return value.isdecimal() and 200 <= int(value) <= 599  # noqa: PLR2004 - HTTP statuses
    if word in {"hang", "webhook_slow"}:
        return value.replace(".", "", 1).isdecimal()
    return kind in PLAIN | OF_WEBHOOKS


def take(faults: list[Fault], method: str, template: str, raw_path: str) -> str | None:
    """Use up one turn of the first fault that a request falls under."""
    return _first(
        faults, lambda fault: not fault.kind.startswith("webhook_") and fault.meets(method, template, raw_path)
    )


def take_for_webhook(faults: list[Fault], endpoint: str, word: str) -> str | None:
    """Use up one turn of the first fault of a kind that posting to an endpoint falls under."""
    return _first(
        faults, lambda fault: fault.kind.partition(":")[0] == word and fault.meets(fault.method, endpoint, endpoint)
    )


def _first(faults: list[Fault], falls_under: Callable[[Fault], bool]) -> str | None:
    for fault in faults:
        if falls_under(fault):
            if fault.times > 0:
                fault.times -= 1
            return fault.kind
    return None


def instead(kind: str, reference: str) -> Response:
    """What is answered in place of the handler's work.

    Raises:
        Refused: the answer is an ordinary refusal.
        Dropped: the line is to be cut.
    """
    if kind == "drop":
        raise Dropped
    if kind == "429":
        raise too_many(APP, 1, reference)
    if kind == "429_bare":
        return Response(status_code=429)
    if kind == "html":
        return HTMLResponse("<!DOCTYPE html><html><body><h1>Just a moment</h1></body></html>")
    if kind == "huge":
        return StreamingResponse(_huge(), media_type="application/json")
    if kind.startswith("status:"):
        raise app_error(int(kind.partition(":")[2]), "a fault that was ordered")
    return Response(status_code=200)


def afterwards(kind: str) -> Response | None:
    """What is answered after the handler's work; None leaves its answer.

    Raises:
        Dropped: the line is to be cut.
    """
    if kind == "accept_then_drop":
        raise Dropped
    if kind == "accept_then_503":
        return JSONResponse({"errors": [{"detail": "a fault that was ordered", "status": "503"}]}, 503)
    return None


def comes_first(kind: str | None) -> bool:
    """Whether the fault stands in place of the work."""
    return kind is not None and not kind.startswith(("accept_then_", "hang:"))


async def hang(kind: str | None) -> None:
    """Hold the answer back, if that was ordered; the work is done by then."""
    if kind and kind.startswith("hang:"):
        await anyio.sleep(float(kind.partition(":")[2]))


async def _huge() -> AsyncIterator[bytes]:
    yield b'{"results": ["'
    for _ in range(HUGE // CHUNK):
        yield b"x" * CHUNK
        await anyio.lowlevel.checkpoint()
    yield b'"]}'
