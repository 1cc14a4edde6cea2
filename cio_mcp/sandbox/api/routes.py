"""What a route is: a method, a path template and a handler over the workspace."""

from collections.abc import Callable
from typing import Any

from cio_mcp.sandbox.http import ApiRequest
from cio_mcp.sandbox.world.workspace import Workspace

Handler = Callable[[Workspace, ApiRequest], Any]
"""Returns the JSON body of a 200, or an `ApiResponse`; raises `ApiError` for anything else."""
Route = tuple[str, str, Handler]
