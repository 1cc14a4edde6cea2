"""Snippets and collections: lists, and changes of them."""

from typing import Any

from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiError, ApiRequest, ApiResponse, app_error, require
from cio_mcp.sandbox.world.library import Collection, Snippet
from cio_mcp.sandbox.world.people import as_string
from cio_mcp.sandbox.world.workspace import Workspace

# https://docs.customer.io/integrations/api/app/ (Collections)
MAX_COLLECTION_BYTES = 10_000_000
MAX_ROW_BYTES = 10_000


def _snippets(workspace: Workspace, _: ApiRequest) -> Any:
    return {"snippets": [_snippet_json(one) for one in workspace.library.snippets.values()]}


def _snippet_json(snippet: Snippet) -> dict[str, Any]:
    return {"name": snippet.name, "value": snippet.value, "updated_at": snippet.updated}


def _put_snippet(workspace: Workspace, request: ApiRequest) -> Any:
    body = request.body if isinstance(request.body, dict) else {}
    name, value = body.get("name"), body.get("value")
    if not isinstance(name, str) or not name.strip() or not isinstance(value, str):
        raise app_error(400, "name and value must be text")
    snippet = Snippet(name, value, workspace.now)
    workspace.library.snippets[name] = snippet
    return {"snippet": _snippet_json(snippet)}


def _delete_snippet(workspace: Workspace, request: ApiRequest) -> Any:
    snippet = require(workspace.library.snippets.get(request.path["snippet_name"]))
    if _is_used(workspace, snippet.name):
        raise app_error(400, "unable to delete snippet in use")
    del workspace.library.snippets[snippet.name]
    return ApiResponse(204)


def _is_used(workspace: Workspace, name: str) -> bool:
    """Whether a message or another snippet contains a snippet."""
    texts = [one.value for one in workspace.library.snippets.values() if one.name != name]
    for source in workspace.sources.values():
        for template in source.templates:
            edited = workspace.texts.edited((source.kind, source.id, template.id))
            texts += [str(edited.get("subject", template.subject)), str(edited.get("body", template.body))]
    return any(f"snippets.{name}" in text or f'snippets["{name}"]' in text for text in texts)


def _collections(workspace: Workspace, _: ApiRequest) -> Any:
    return {"collections": [collection_json(one) for one in workspace.library.collections.values()]}


def collection_json(collection: Collection) -> dict[str, Any]:
    """A collection, without its rows."""
    return {
        "bytes": len(as_string(collection.rows).encode()),
        "created_at": collection.created,
        "updated_at": collection.updated,
        "id": collection.id,
        "name": collection.name,
        "rows": len(collection.rows),
        "schema": sorted({name for row in collection.rows for name in row}),
    }


def _find(workspace: Workspace, request: ApiRequest) -> Collection:
    return require(workspace.library.collections.get(request.path_id("collection_id")))


def _create(workspace: Workspace, request: ApiRequest) -> Any:
    body = _body(request)
    if body.get("name") is None:
        raise app_error(400, "name must be given")
    if (body.get("data") is None) == (body.get("url") is None):
        raise app_error(400, "either data or url must be given")
    number = max(workspace.library.collections, default=0) + 1
    collection = Collection(number, "", [], workspace.now, workspace.now)
    _set(workspace, collection, body)
    workspace.library.collections[number] = collection
    return {"collection": collection_json(collection)}


def _update(workspace: Workspace, request: ApiRequest) -> Any:
    collection = _find(workspace, request)
    _set(workspace, collection, _body(request))
    return {"collection": collection_json(collection)}


def _set(workspace: Workspace, collection: Collection, body: dict[str, Any]) -> None:
    name, rows, url = body.get("name"), body.get("data"), body.get("url")
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise app_error(400, "name must be text")
    if rows is not None and not _are_rows(rows):
        raise app_error(400, "data must be a list of objects")
    if url is not None and not (isinstance(url, str) and url.startswith(("http://", "https://"))):
        raise app_error(400, "url must be an http or https URL")
    _check_sizes(rows or [])
    collection.name = name or collection.name
    if rows is not None:
        collection.rows, collection.url = rows, ""
    elif url is not None:
        collection.rows, collection.url = [], url  # nothing is downloaded
    collection.updated = workspace.now


def _content(workspace: Workspace, request: ApiRequest) -> Any:
    return {"data": _find(workspace, request).rows}


def _update_content(workspace: Workspace, request: ApiRequest) -> Any:
    """Replace the rows; an object is the only one."""
    collection = _find(workspace, request)
    rows = request.body if _are_rows(request.body) else [_body(request)]
    _set(workspace, collection, {"data": rows})
    return {"collection": collection_json(collection)}


def _delete(workspace: Workspace, request: ApiRequest) -> Any:
    del workspace.library.collections[_find(workspace, request).id]
    return ApiResponse(204)


def _body(request: ApiRequest) -> dict[str, Any]:
    if not isinstance(request.body, dict):
        raise app_error(400, "the body must be a JSON object")
    return request.body


def _are_rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def _check_sizes(rows: list[dict[str, Any]]) -> None:
    sizes = [len(as_string(row).encode()) for row in rows]
    if sum(sizes) > MAX_COLLECTION_BYTES or any(size > MAX_ROW_BYTES for size in sizes):
        raise _too_large()


def _too_large() -> ApiError:
    return app_error(400, f"a row can have at most {MAX_ROW_BYTES} bytes, and a collection {MAX_COLLECTION_BYTES}")


COLLECTION = "/v1/collections/{collection_id}"
ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/snippets", _snippets),
    ("POST", "/v1/snippets", _put_snippet),
    ("PUT", "/v1/snippets", _put_snippet),
    ("DELETE", "/v1/snippets/{snippet_name}", _delete_snippet),
    ("GET", "/v1/collections", _collections),
    ("POST", "/v1/collections", _create),
    ("GET", COLLECTION, lambda workspace, request: {"collection": collection_json(_find(workspace, request))}),
    ("PUT", COLLECTION, _update),
    ("DELETE", COLLECTION, _delete),
    ("GET", f"{COLLECTION}/content", _content),
    ("PUT", f"{COLLECTION}/content", _update_content),
)
