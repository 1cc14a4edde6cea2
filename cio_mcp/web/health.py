"""The health check: whether the process runs."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response


async def healthz(_request: Request) -> Response:
    """A bare status, for process supervisors."""
    return PlainTextResponse("ok")
