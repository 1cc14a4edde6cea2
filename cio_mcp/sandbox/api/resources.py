"""Resources that are kept without being modelled: how they are identified, and how they look in answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID

from cio_mcp.sandbox.api.assets import asset_of
from cio_mcp.sandbox.http import ApiRequest, app_error, require
from cio_mcp.sandbox.world.records import Record
from cio_mcp.sandbox.world.workspace import Workspace

MAX_PAGE = 10_000
DEFAULT_PAGE = 1000
"""https://docs.customer.io/integrations/api/app/ (Assets, Design Studio)"""


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of resource.

    `collection` is the route that creates one, `listed_at` the route that lists them where that is another. `name` and
    `names` are their keys in answers. `key` is the body field that identifies one, for those without an ID of their
    own. `update_status` is 204 for an empty answer. A list has pages if `paged`, and shows `beside` other collections.
    """

    collection: str
    name: str
    names: str
    ids: Literal["number", "uuid"] = "number"
    key: str = "id"
    listed_at: str = ""
    required: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    update_status: int = 200
    paged: bool = False
    beside: Mapping[str, str] = field(default_factory=dict)
    fields_of: Callable[[dict[str, Any]], dict[str, Any]] = dict
    creates_on_update: bool = False

    def place(self, request: ApiRequest) -> str:
        """The collection of a request, with the values of its path."""
        return filled(self.collection, request.path)

    def key_of(self, request: ApiRequest, parameter: str) -> str:
        """The key in the path of a request.

        Raises:
            ApiError: 400 or 404 when no resource can have it.
        """
        if self.key != "id":
            return request.path[parameter]
        if self.ids == "number":
            return str(request.path_id(parameter))
        try:
            return str(UUID(request.path[parameter]))
        except ValueError:
            raise app_error(400, f"{parameter} must be a UUID") from None

    def create(self, workspace: Workspace, request: ApiRequest, place: str) -> Record:
        """Keep a new resource."""
        fields = self.fields_of(request.fields)
        check_required(fields, self.required)
        record: Record = {**self.defaults, **fields, "created": workspace.now, "updated": workspace.now}
        if self.key == "id":
            number, uuid = workspace.records.new_number, workspace.records.new_uuid
            record = {"id": number() if self.ids == "number" else uuid(), **record}
        return workspace.records.put(place, str(record[self.key]), record)

    def find(self, workspace: Workspace, request: ApiRequest, parameter: str = "id") -> Record:
        """The resource in the path, or 404."""
        return require(workspace.records.get(self.place(request), self.key_of(request, parameter)))


def filled(route: str, values: Mapping[str, str]) -> str:
    """A route with values for its parameters."""
    return route.format_map({name: quote(value, safe="") for name, value in values.items()})


def check_required(fields: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Check that fields are given.

    Raises:
        ApiError: 400 that names those that are not.
    """
    if missing := [name for name in names if fields.get(name) in (None, "")]:
        raise app_error(400, f"{', '.join(missing)} must be given")


def page_of(workspace: Workspace, request: ApiRequest, resource: Resource) -> dict[str, Any]:
    """One page of a list, as the Assets and Design Studio APIs number them."""
    page = request.integer("page", 1, least=1)
    limit = request.integer("limit", DEFAULT_PAGE, least=1, most=MAX_PAGE)
    parent = request.query.get("parent_folder_id") or None
    order = request.choice("sort_by", ("created", "updated", "name"))
    records = [one for one in workspace.records.of(resource.place(request)) if parent is None or _is_in(one, parent)]
    if order:
        records.sort(key=lambda one: one[order], reverse=request.choice("sort_order", ("asc", "desc")) == "desc")
    filters = {"parent_folder_id": parent, "direct_descendants_only": request.flag("direct_descendants_only")}
    return {
        resource.names: records[(page - 1) * limit : page * limit],
        **{name: workspace.records.of(collection) for name, collection in resource.beside.items()},
        "meta": {"pagination": {"limit": limit, "page": page, "total": len(records)}, "filters": filters},
    }


def _is_in(record: Record, parent: str) -> bool:
    folder = record.get("parent_folder_id")
    return folder is None if parent == "0" else str(folder) == parent


STUDIO = "/v1/design_studio"
ROOT: Mapping[str, Any] = {"parent_folder_id": None}
CONTENT: Mapping[str, Any] = {**ROOT, "is_template": False, "is_linked": False, "content": {}, "envelope": {}}
EMAILS = Resource(
    f"{STUDIO}/emails", "email", "emails", "uuid", required=("name",), defaults=CONTENT, update_status=204,
    paged=True, beside={"folders": f"{STUDIO}/folders"},
)  # fmt: skip
VERSIONS = Resource(f"{EMAILS.collection}/{{id}}/versions", "version", "versions", "uuid", required=("name",))
RESOURCES = (
    Resource(
        "/v1/assets/files", "asset", "assets", listed_at="/v1/assets", required=("name",), defaults=ROOT,
        update_status=204, paged=True, fields_of=asset_of,
    ),
    Resource(
        "/v1/assets/folders", "folder", "folders", required=("name",), defaults=ROOT, update_status=204, paged=True
    ),
    Resource(
        f"{STUDIO}/components", "component", "components", "uuid", required=("name", "tag"), defaults=ROOT,
        update_status=204, paged=True, beside={"folders": f"{STUDIO}/folders"},
    ),
    Resource(
        f"{STUDIO}/folders", "folder", "folders", "uuid", required=("name",), defaults=ROOT, update_status=204,
        paged=True,
    ),
    EMAILS,
    Resource(
        f"{EMAILS.collection}/{{id}}/languages", "email_translation", "email_translations", key="language",
        required=("language",), defaults=CONTENT, update_status=204,
    ),
    VERSIONS,
)  # fmt: skip
"""Envelopes and statuses are those that customerio-node documents."""
