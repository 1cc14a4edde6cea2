"""The origin of a request: a program on this machine, or possibly anywhere else."""

import re

from starlette.requests import Request

LOOPBACK_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]*)?", re.IGNORECASE)
PROGRAM_HEADER = re.compile(
    r"host|user-agent|connection|keep-alive|expect|date|te|transfer-encoding|authorization"
    r"|accept(-.+)?|content-.+|cache-control|pragma|priority|sec-fetch-mode"
    r"|traceparent|tracestate|baggage|x-cio-.+"
)
"""Headers that a program sends of its own accord: those of HTTP clients (Node.js sends `Sec-Fetch-Mode`), those of
tracing, and Customer.io's. A proxy or tunnel adds others (`Via`, `Forwarded`, `X-…`, and one of its vendor's), and so
does a page in a browser (`Origin`, `Referer`, `Sec-Fetch-Site`)."""


def is_from_this_machine(request: Request) -> bool:
    """Whether a request comes from a program on this machine, as far as its headers show.

    nginx uses HTTP/1.0 for its upstream servers by default, and nothing else reveals it.
    """
    headers = request.headers
    return (
        request.scope["http_version"] != "1.0"
        and LOOPBACK_HOST.fullmatch(headers.get("host", "")) is not None
        and all(PROGRAM_HEADER.fullmatch(name) for name in headers)
    )
