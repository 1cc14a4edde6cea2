"""Routes for all published operations that are not modelled: what was written is what is read.

A body is checked as far as its fields are published. An operation without a resource of its own gets one from its
route, so that an operation that is added to the table has a route at once.
"""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from cio_mcp.customerio.operations import OPERATIONS, Field, Operation
from cio_mcp.sandbox.api.resources import RESOURCES, Resource, filled, page_of
from cio_mcp.sandbox.api.routes import Handler, Route
from cio_mcp.sandbox.http import ApiRequest, ApiResponse, app_error, require
from cio_mcp.sandbox.world.workspace import Workspace

TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list,
}  # fmt: skip
BY_COLLECTION = {resource.collection: resource for resource in RESOURCES}
BY_LIST = {resource.listed_at or resource.collection: resource for resource in RESOURCES}


def generic_routes(modelled: Collection[tuple[str, str]]) -> list[Route]:
    """The routes of all operations that `modelled`, methods and routes, does not have."""
    covered = {(method, shape(route)) for method, route in modelled}
    return [
        (row.method, row.route, handler_of(row))
        for row in OPERATIONS.values()
        if not row.when and (row.method, shape(row.route)) not in covered
    ]


def shape(route: str) -> str:
    """A route without the names of its parameters."""
    return "/".join("{}" if part.startswith("{") else part for part in route.split("/"))


def handler_of(row: Operation) -> Handler:
    """What answers an operation, by its method and by whether its route ends with the key of one resource."""
    parent, _, last = row.route.rpartition("/")
    if not last.startswith("{"):
        resource = (BY_LIST if row.method == "GET" else BY_COLLECTION).get(row.route) or _derived(row, row.route)
        return partial({"GET": _list, "POST": _create, "PUT": _replace}[row.method], row, resource)
    resource = BY_COLLECTION.get(parent) or _derived(row, parent)
    return partial({"GET": _get, "POST": _update, "PUT": _update, "DELETE": _delete}[row.method], row, resource)


def _derived(row: Operation, collection: str) -> Resource:
    name = next(part for part in reversed(collection.split("/")) if not part.startswith("{"))
    key = row.target if row.target in {field.name for field in row.body_fields} else "id"
    return Resource(collection, name.removesuffix("s"), name, key=key, creates_on_update=True)


def _list(_: Operation, resource: Resource, workspace: Workspace, request: ApiRequest) -> Any:
    _check_parent(workspace, request, resource)
    if resource.paged:
        return page_of(workspace, request, resource)
    return {resource.names: workspace.records.of(resource.place(request))}


def _create(row: Operation, resource: Resource, workspace: Workspace, request: ApiRequest) -> Any:
    _check_parent(workspace, request, resource)
    _check_fields(row, request)
    if resource.creates_on_update:
        number = workspace.records.new_number()
        record = {"id": number, **request.fields}
        return {resource.name: workspace.records.put(resource.place(request), str(number), record)}
    return {resource.name: resource.create(workspace, request, resource.place(request))}


def _replace(row: Operation, resource: Resource, workspace: Workspace, request: ApiRequest) -> Any:
    _check_fields(row, request)
    key = str(request.fields.get(resource.key, ""))
    return {resource.name: workspace.records.put(resource.place(request), key, dict(request.fields))}


def _get(_: Operation, resource: Resource, workspace: Workspace, request: ApiRequest) -> Any:
    return {resource.name: require(workspace.records.get(resource.place(request), _key(resource, request)))}


def _update(row: Operation, resource: Resource, workspace: Workspace, request: ApiRequest) -> Any:
    _check_fields(row, request)
    place, key = resource.place(request), _key(resource, request)
    current = workspace.records.get(place, key)
    if current is None and not resource.creates_on_update:
        current = require(current)
    if not resource.creates_on_update and not request.fields:
        raise app_error(400, "at least one field must be given")
    kept = {name: value for name, value in request.fields.items() if name not in ("id", resource.key)}
    record = {**(current or {resource.key: request.path[row.path_parameters[-1]]}), **kept, "updated": workspace.now}
    workspace.records.put(place, key, record)
    return {resource.name: record} if resource.update_status == 200 else ApiResponse(resource.update_status)  # noqa: PLR2004 - HTTP


def _delete(row: Operation, resource: Resource, workspace: Workspace, request: ApiRequest) -> Any:
    place, key = resource.place(request), _key(resource, request)
    require(workspace.records.get(place, key))
    workspace.records.remove(place, key)
    return ApiResponse(204) if row.api == "app" else {}


def _key(resource: Resource, request: ApiRequest) -> str:
    parameter = list(request.path)[-1]
    return request.path[parameter] if resource.creates_on_update else resource.key_of(request, parameter)


def _check_parent(workspace: Workspace, request: ApiRequest, resource: Resource) -> None:
    """404 where a resource belongs to another one that does not exist."""
    route, _, _ = resource.collection.rpartition("/")
    collection, _, parameter = route.rpartition("/")
    parent = BY_COLLECTION.get(collection)
    if parent is not None and parameter.startswith("{"):
        key = parent.key_of(request, parameter[1:-1])
        require(workspace.records.get(filled(collection, request.path), key))


def _check_fields(row: Operation, request: ApiRequest) -> None:
    """400 where a published field is missing, or has another type."""
    fields = request.fields
    problems = [problem for field in row.body_fields if (problem := _problem(field, fields.get(field.name)))]
    if problems:
        raise app_error(400, "; ".join(problems))


def _problem(field: Field, value: Any) -> str:
    if value is None:
        return f"{field.name} must be given" if field.required else ""
    is_valid = any(_is(value, kind) for kind in field.types)
    return "" if is_valid else f"{field.name} must be of type {' or '.join(field.types)}"


def _is(value: Any, kind: str) -> bool:
    expected = TYPES.get(kind, object)
    return isinstance(value, expected) and (kind in {"boolean", "any"} or not isinstance(value, bool))
