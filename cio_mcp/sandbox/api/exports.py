"""Exports of customers and deliveries, as CSV files that can be downloaded for a while."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any

from cio_mcp.sandbox.api.messages import METRICS
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, ApiResponse, app_error, not_found, require
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.filters import check_filter, matches
from cio_mcp.sandbox.world.people import as_string
from cio_mcp.sandbox.world.records import Record
from cio_mcp.sandbox.world.sources import Kind
from cio_mcp.sandbox.world.workspace import Workspace

EXPORTS = "/v1/exports"
LINK_SECONDS = 15 * 60
"""https://docs.customer.io/integrations/api/app/ (Exports)"""
PROCESSING_SECONDS = 2.0
"""Until an export is done. Chosen."""
SOURCES: dict[str, Kind] = {
    "newsletter_id": "newsletter", "campaign_id": "campaign", "transactional_message_id": "transactional",
}  # fmt: skip
CUSTOMER_COLUMNS = ("id", "email", "cio_id")
DELIVERY_COLUMNS = ("delivery_id", "customer_id", "email", "recipient", "subject", "created", "sent", "delivered")

Rows = list[Sequence[Any]]


def _list(workspace: Workspace, _: ApiRequest) -> Any:
    return {"exports": [_shown(export) for export in workspace.records.of(EXPORTS)]}


def _get(workspace: Workspace, request: ApiRequest) -> Any:
    return {"export": _shown(_find(workspace, request))}


def _find(workspace: Workspace, request: ApiRequest) -> Record:
    return require(workspace.records.get(EXPORTS, str(request.path_id("export_id"))))


def _shown(export: Record) -> Record:
    return {name: value for name, value in export.items() if name != "file"}


def _customers(workspace: Workspace, request: ApiRequest) -> Any:
    condition, attributes = request.fields.get("filters"), _attributes(request)
    if condition is None:
        raise app_error(400, "filters is required")
    check_filter(condition)
    columns = [*dict.fromkeys((*CUSTOMER_COLUMNS, *attributes))]

    def rows() -> Rows:
        people = [person for person in workspace.people if matches(workspace, condition, person)]
        return [[person.value(name) for name in columns] for person in people]

    return _start(workspace, "customers", columns, rows)


def _deliveries(workspace: Workspace, request: ApiRequest) -> Any:
    fields, attributes = request.fields, _attributes(request)
    chosen = [name for name in (*SOURCES, "action_id") if fields.get(name) is not None]
    if len(chosen) != 1 or not isinstance(fields[chosen[0]], int):
        raise app_error(400, f"exactly one of {', '.join(SOURCES)} or action_id must be given, as an integer")
    metric, start, end = fields.get("metric"), fields.get("start") or 0, fields.get("end") or workspace.now
    if metric is not None and metric not in (*METRICS, "created"):
        raise app_error(400, "metric is not a known metric")
    if not isinstance(start, int) or not isinstance(end, int):
        raise app_error(400, "start and end must be unix timestamps")

    def rows() -> Rows:
        now = workspace.now
        return [
            [*_delivery(one, now), *(one.person.value(name) for name in attributes)]
            for one in _of(workspace, chosen[0], fields[chosen[0]])
            if start <= one.created <= min(end, now) and (metric is None or metric in one.metrics_at(now))
        ]

    return _start(workspace, "deliveries", (*DELIVERY_COLUMNS, *attributes), rows)


def _attributes(request: ApiRequest) -> list[str]:
    attributes = request.fields.get("attributes") or []
    if not isinstance(attributes, list) or not all(isinstance(name, str) for name in attributes):
        raise app_error(400, "attributes must be a list of names")
    return attributes


def _of(workspace: Workspace, name: str, number: int) -> Iterable[Delivery]:
    if name in SOURCES:
        return workspace.deliveries.of(SOURCES[name], number)
    return (one for one in workspace.deliveries if one.source.kind == "campaign" and one.template.id == number)


def _delivery(delivery: Delivery, now: int) -> list[Any]:
    times = delivery.metrics_at(now)
    steps = (times.get(name) for name in ("created", "sent", "delivered"))
    return [delivery.id, delivery.person.id, delivery.person.email, delivery.recipient, delivery.subject, *steps]


def _start(workspace: Workspace, kind: str, columns: Sequence[str], rows: Callable[[], Rows]) -> Any:
    number, now = workspace.records.new_number(), workspace.now
    export: Record = {
        "id": number, "deduplicate_id": f"{number}:{now}", "type": kind, "status": "pending", "failed": False,
        "description": f"All matching {kind}", "total": 0, "downloads": 0, "user_id": 1,
        "user_email": "owner@acme.example", "created_at": now, "updated_at": now,
    }  # fmt: skip
    workspace.records.put(EXPORTS, str(number), export)

    def finish() -> None:
        lines = rows()
        file = io.StringIO()
        csv.writer(file).writerows([columns, *([_cell(value) for value in line] for line in lines)])
        export.update(status="done", total=len(lines), updated_at=workspace.now, file=file.getvalue().encode())

    workspace.apply_after(PROCESSING_SECONDS, finish)
    return {"export": _shown(export)}


def _cell(value: Any) -> str:
    return "" if value is None else as_string(value)


def _download(workspace: Workspace, request: ApiRequest) -> Any:
    """A link to the file: it needs no key, since its name is the secret."""
    export = _find(workspace, request)
    if export["status"] != "done":
        raise not_found()
    export["downloads"] += 1
    name = _name(workspace, export, workspace.now + LINK_SECONDS)
    return {"url": f"{request.origin.rstrip('/')}/exports/{export['id']}/{name}"}


def _name(workspace: Workspace, export: Record, expires: int) -> str:
    signature = sha256(f"{workspace.seed}:{export['id']}:{expires}".encode()).hexdigest()[:32]
    return f"{expires}-{signature}.csv"


def _file(workspace: Workspace, request: ApiRequest) -> Any:
    export, name = _find(workspace, request), request.path["name"]
    expires = name.partition("-")[0]
    is_valid = expires.isdecimal() and len(expires) <= 12 and name == _name(workspace, export, int(expires))  # noqa: PLR2004
    if not is_valid or int(expires) < workspace.now or "file" not in export:
        raise not_found()
    return ApiResponse(200, export["file"], {"content-type": "text/csv; charset=utf-8"})


ROUTES: tuple[Route, ...] = (
    ("GET", EXPORTS, _list),
    ("POST", f"{EXPORTS}/customers", _customers),
    ("POST", f"{EXPORTS}/deliveries", _deliveries),
    ("GET", f"{EXPORTS}/{{export_id}}", _get),
    ("GET", f"{EXPORTS}/{{export_id}}/download", _download),
    ("GET", "/exports/{export_id}/{name}", _file),
)
