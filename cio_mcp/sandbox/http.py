"""Requests, responses, errors and routing as plain data: what every handler of the sandbox takes and returns."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import unquote

T = TypeVar("T")
HandlerT = TypeVar("HandlerT")
MAX_INTEGER = 2**53
MAX_DIGITS = 16


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A parsed request; `size` is the length of its body in bytes, `origin` the address that it was sent to."""

    path: dict[str, str]
    query: dict[str, str]
    body: Any = None
    size: int = 0
    origin: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """The body as a JSON object; without a body, there are none.

        Raises:
            ApiError: 400 when it is anything else.
        """
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise app_error(400, "the body must be a JSON object")
        return self.body

    def integer(self, name: str, default: int, *, least: int = 0, most: int = MAX_INTEGER) -> int:
        """Read an integer from the query.

        Raises:
            ApiError: 400 when it is not an integer, or out of range.
        """
        text = self.query.get(name, "")
        if not text:
            return default
        digits = text.removeprefix("-")
        is_integer = digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS
        if not is_integer or not least <= int(text) <= most:
            raise app_error(400, f"{name} must be an integer from {least} to {most}")
        return int(text)

    def flag(self, name: str) -> bool:
        """Whether a query parameter is true."""
        return self.query.get(name, "").lower() in {"true", "1"}

    def choice(self, name: str, allowed: Iterable[str]) -> str | None:
        """Read an enumerated value from the query, None where absent.

        Raises:
            ApiError: 400 for any value that is not allowed.
        """
        value = self.query.get(name) or None
        if value is not None and value not in allowed:
            raise app_error(400, f"{name} is not valid: must be one of {', '.join(sorted(allowed))}")
        return value

    def path_id(self, name: str) -> int:
        """Read a numeric ID from the path.

        Raises:
            ApiError: 404 when it is not a number, since no resource can have it.
        """
        text = self.path[name]
        if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:
            raise not_found()
        return int(text)


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response; a body of None means an empty body, and bytes are a file."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """Ends a handler with an error response."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.response = ApiResponse(status, body, headers or {})


def app_error(status: int, detail: str) -> ApiError:
    """The App API's error shape."""
    return ApiError(status, {"errors": [{"detail": detail, "status": str(status)}]})


def meta_error(status: int, detail: str) -> ApiError:
    """The error shape of transactional sends, merges and authentication failures."""
    return ApiError(status, {"meta": {"error": detail}})


def track_error(detail: str, status: int = 400) -> ApiError:
    """Track v1's error shape."""
    return ApiError(status, {"meta": {"errors": [detail]}})


def invalid(field: str, message: str, reason: str = "invalid") -> ApiError:
    """Track v2's error shape."""
    return ApiError(400, {"errors": [{"reason": reason, "field": field, "message": message}]})


def not_found() -> ApiError:
    """The App API's 404."""
    return app_error(404, "not found")


def require(item: T | None) -> T:
    """The item that a path names.

    Raises:
        ApiError: there is none (404).
    """
    if item is None:
        raise not_found()
    return item


class Match(NamedTuple, Generic[HandlerT]):
    """The route of a request: its template, its handler (None when unknown), and the decoded path values."""

    template: str
    handler: HandlerT | None
    values: dict[str, str]


class Router(Generic[HandlerT]):
    """Finds the handler for a method and an undecoded path; `%2F` inside an identifier stays part of it."""

    def __init__(self, routes: Sequence[tuple[str, str, HandlerT]]) -> None:
        self._routes: dict[tuple[str, int], list[tuple[str, list[str], HandlerT]]] = {}
        for method, template, handler in routes:
            pattern = template.split("/")
            self._routes.setdefault((method, len(pattern)), []).append((template, pattern, handler))

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Method and path template of each route."""
        return [(method, template) for (method, _), routes in self._routes.items() for template, _, _ in routes]

    def find(self, method: str, raw_path: str) -> Match[HandlerT]:
        """Look up a request, the first route that fits; an unknown path is its own template."""
        parts = raw_path.split("/")
        for template, pattern, handler in self._routes.get((method, len(parts)), ()):
            values = _match(pattern, parts)
            if values is not None:
                return Match(template, handler, values)
        return Match(raw_path, None, {})


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for expected, part in zip(pattern, parts, strict=True):
        if expected.startswith("{"):
            if not part:
                return None
            values[expected[1:-1]] = unquote(part)
        elif expected != part:
            return None
    return values


def page(items: Iterable[T], request: ApiRequest, default: int, most: int) -> tuple[list[T], str]:
    """Cut one page by `start` and `limit`; the token of the next page is empty at the end."""
    limit = request.integer("limit", default, least=1, most=most)
    start = _offset(request.query.get("start", ""))
    end = start + limit
    rows = list(islice(items, start, end + 1))
    return rows[:limit], _token(end) if len(rows) > limit else ""


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"from:{offset}".encode()).decode()


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(token).decode().partition(":")
        if word == "from" and number.isdecimal() and int(number) <= MAX_INTEGER:
            return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    raise app_error(400, "start is not a valid page token")
