"""The data index: descriptions of attributes and events, which no route reads."""

from collections.abc import Callable
from typing import Any

from cio_mcp.sandbox.api.fields import is_optional_text
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiError, ApiRequest, ApiResponse, app_error
from cio_mcp.sandbox.world.workspace import Workspace

# https://docs.customer.io/integrations/api/app/ (Data Index)
MAX_ITEMS = 100
MAX_DESCRIPTION_CHARACTERS = 255


def _describe(names: str) -> Callable[[Workspace, ApiRequest], Any]:
    path = f"/v1/data_index/{names}"

    def handle(workspace: Workspace, request: ApiRequest) -> Any:
        items = request.fields.get(names)
        if not isinstance(items, list) or not all(map(_is_item, items)):
            raise app_error(400, "Invalid request format")
        if not items:
            raise _refused(names, f"At least one {names.removesuffix('s')} is required")
        if len(items) > MAX_ITEMS:
            raise _refused(names, f"Can not update more than {MAX_ITEMS} {names} at once")
        for item in items:
            workspace.records.put(path, item["name"], item)
        return ApiResponse(204)

    return handle


def _is_item(item: Any) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str) or not item["name"].strip():
        return False
    description = item.get("description")
    return is_optional_text(description) and len(description or "") <= MAX_DESCRIPTION_CHARACTERS


def _refused(names: str, detail: str) -> ApiError:
    source = {"pointer": f"/data/attributes/{names}"}
    return ApiError(422, {"errors": [{"detail": detail, "status": "422", "source": source}]})


ROUTES: tuple[Route, ...] = tuple(
    ("POST", f"/v1/data_index/{names}", _describe(names)) for names in ("attributes", "events")
)
