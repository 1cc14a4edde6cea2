"""Requests, answers, refusals and routes as plain data: what every handler of the sandbox takes and gives."""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import unquote

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

T = TypeVar("T")
MAX_INTEGER = 2**53


@dataclass(frozen=True, slots=True)
class Asked:
    """A parsed request; `size` is the length of its body in bytes."""

    path: dict[str, str]
    query: dict[str, str]
    body: Any = None
    size: int = 0

    def integer(self, name: str, default: int, *, least: int = 0, most: int = MAX_INTEGER) -> int:
        """Read a whole number from the query.

        Raises:
            Refused: 400 when it is none, or out of range.
        """
        said = self.query.get(name, "")
        if not said:
            return default
        if not said.isascii() or not said.lstrip("-").isdigit() or not least <= int(said) <= most:
            raise app_error(400, f"{name} must be an integer from {least} to {most}")
        return int(said)

    def flag(self, name: str) -> bool:
        """Whether a query parameter says true."""
        return self.query.get(name, "").lower() in {"true", "1"}

    def choice(self, name: str, allowed: Iterable[str]) -> str | None:
        """Read one of several words from the query, None where absent; 400 for any other word."""
        said = self.query.get(name) or None
        if said is not None and said not in allowed:
            raise app_error(400, f"{name} is not valid: must be one of {', '.join(sorted(allowed))}")
        return said

    def whole(self, name: str) -> int:
        """Read the number of a thing from the path; 404 when it is no number, as nothing can have it."""
        said = self.path[name]
        if not said.isascii() or not said.isdigit():
            raise not_found()
        return int(said)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; a body of None means no body at all."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """Ends a handler with an answer other than success."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.answer = Answer(status, body, headers or {})


def app_error(status: int, detail: str) -> Refused:
    """The App API's error shape."""
    return Refused(status, {"errors": [{"detail": detail, "status": str(status)}]})


def meta_error(status: int, detail: str) -> Refused:
    """The error shape of transactional sends, merges and refused keys."""
    return Refused(status, {"meta": {"error": detail}})


def track_error(detail: str) -> Refused:
    """Track v1's error shape."""
    return Refused(400, {"meta": {"errors": [detail]}})


def invalid(field: str, message: str, reason: str = "invalid") -> Refused:
    """Track v2's error shape."""
    return Refused(400, {"errors": [{"reason": reason, "field": field, "message": message}]})


def not_found() -> Refused:
    """The App API's 404."""
    return app_error(404, "not found")


Handler = Callable[["Workspace", Asked], Any]
Route = tuple[str, str, Handler]


class Found(NamedTuple):
    """What a request is for: the route template, its handler (None when unknown), and the decoded path values."""

    template: str
    handler: Handler | None
    values: dict[str, str]


class Router:
    """Finds the handler of a method and an undecoded path; `%2F` inside an identifier stays part of it."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = [(method, template, template.split("/"), handler) for method, template, handler in routes]

    def find(self, method: str, raw_path: str) -> Found:
        """Look up a request; an unknown path stands for its own template."""
        parts = raw_path.split("/")
        for routed, template, pattern, handler in self._routes:
            if routed == method and len(pattern) == len(parts):
                values = _matched(pattern, parts)
                if values is not None:
                    return Found(template, handler, values)
        return Found(raw_path, None, {})


def _matched(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for expected, part in zip(pattern, parts, strict=True):
        if expected.startswith("{"):
            if not part:
                return None
            values[expected[1:-1]] = unquote(part)
        elif expected != part:
            return None
    return values


def page(items: Iterable[T], asked: Asked, default: int, most: int) -> tuple[list[T], str]:
    """Cut one page by `start` and `limit`; the token of the next page is empty at the end."""
    limit = asked.integer("limit", default, least=1, most=most)
    start = _offset(asked.query.get("start", ""))
    end = start + limit
    found = list(islice(items, start, end + 1))
    return found[:limit], _token(end) if len(found) > limit else ""


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"from:{offset}".encode()).decode()


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(token).decode().partition(":")
        if word == "from":
            return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    raise app_error(400, "start is not a valid page token")
