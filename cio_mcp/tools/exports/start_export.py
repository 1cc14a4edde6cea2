"""The tool that starts an export of customers or deliveries."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from cio_mcp.customerio.api import exports
from cio_mcp.customerio.api.exports import DEFAULT_MONTHS, MAX_MONTHS, ExportKind
from cio_mcp.customerio.call import Call
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.evidence import Evidence
from cio_mcp.gate.plan import Plan
from cio_mcp.settings import Settings
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.common.arguments import READ_AS, Id, Metric, SegmentRef, Time, span
from cio_mcp.tools.common.lookup import KIND_NAMES, find
from cio_mcp.tools.common.name_checks import check_visible
from cio_mcp.tools.common.people_filter import audience, segments_of
from cio_mcp.tools.core.messages import CLOCK_LEEWAY, months_before
from cio_mcp.tools.exports.counts import Count, count_customers, count_deliveries
from cio_mcp.workspace import CallContext

MAX_ATTRIBUTES = 100
"""Columns that can be added. Chosen."""
MAX_ATTRIBUTE_BYTES = 150
"""Of an attribute's name: https://docs.customer.io/integrations/api/track/"""
EVERYONE = "{attribute: {field: cio_id, operator: exists}}"
OF_CUSTOMERS, OF_DELIVERIES = ("segment", "filter"), ("kind", "id", "metric", "since", "until")
"""The arguments that only one type of export takes."""
NEXT = "get_export downloads the file by the ID of the export; without one, it lists exports."
NO_ATTRIBUTES = "No attributes are requested, so Customer.io decides the columns."
KEPT = "The file holds personal data. Customer.io keeps it for everyone with access to its account."


async def start_export(
    ws: CallContext,
    type: Literal["customers", "deliveries"],  # noqa: A002 - Customer.io's own word
    segment: SegmentRef | None = None,
    filter: Annotated[  # noqa: A002 - Customer.io's own word
        dict[str, Any] | None, Field(description="As in find_customers", json_schema_extra={READ_AS: "filter"})
    ] = None,
    attributes: Annotated[tuple[str, ...], Field(description="To add as columns", max_length=MAX_ATTRIBUTES)] = (),
    kind: Annotated[ExportKind | None, Field(description="What sent them")] = None,
    id: Annotated[Id | None, Field(description="Of it; ID or exact name")] = None,  # noqa: A002 - the tools' word
    metric: Metric | None = None,
    since: Annotated[Time | None, Field(description="By creation. Default: 6 months ago")] = None,
    until: Time | None = None,
    repeat: Annotated[bool, Field(description="Export even if it is a duplicate")] = False,
) -> Plan:
    """Export customers (people) of a segment or filter, or deliveries, to a CSV file. Requires approval.

    Then call get_export. For more rows than an answer holds.
    """
    given = {
        "segment": segment, "filter": filter, "kind": kind, "id": id, "metric": metric, "since": since, "until": until
    }  # fmt: skip
    _check_type(type, [name for name, value in given.items() if value is not None])
    columns = _columns(attributes)
    if type == "customers":
        return await _customers(ws, segment, filter, columns, repeat=repeat)
    if kind is None or id is None:
        raise InvalidArgument("kind, id", "are required to export deliveries: what sent them")
    return await _deliveries(ws, kind, id, columns, metric=metric, since=since, until=until, repeat=repeat)


async def _customers(
    ws: CallContext, segment: str | None, filter_: dict[str, Any] | None, columns: list[str], *, repeat: bool
) -> Plan:
    if (segment is None) == (filter_ is None):
        raise InvalidArgument("segment, filter", f"pass exactly one of them. For everyone: filter={EVERYONE}")
    if segment is not None:
        found = await ws.segments.find(segment)
        condition: dict[str, Any] = {"segment": {"id": int(found.id)}}
        subject, names = f"customers in segment {found.id} {quoted(found.name)}", {found.id: found.name}
    else:
        condition = await audience(ws, filter_)
        subject, names = "customers that match a filter", await _names(ws, segments_of(condition))
    notes = [f"Segment {id_} is {quoted(name)}." for id_, name in names.items()] if segment is None else []
    return _plan(
        ws.settings,
        subject=subject,
        count=await count_customers(ws, condition, columns),
        call=exports.of_customers(condition, columns),
        notes=(*notes, *(() if columns else (NO_ATTRIBUTES,))),
        rests_on={"segments": {**names}},
        repeat=repeat,
    )


async def _names(ws: CallContext, ids: Collection[str]) -> dict[str, str]:
    return {each.id: each.name for each in await ws.segments.all() if each.id in ids} if ids else {}


async def _deliveries(
    ws: CallContext,
    kind: ExportKind,
    id_or_name: str,
    columns: list[str],
    *,
    metric: Metric | None,
    since: str | None,
    until: str | None,
    repeat: bool,
) -> Plan:
    start, end = span(since, until)
    last = min(end, ws.now) if end else ws.now
    if start and start < (earliest := months_before(last, MAX_MONTHS)) - CLOCK_LEEWAY:
        limit = f"Customer.io exports at most {MAX_MONTHS} months; with this until (default: now)"
        raise InvalidArgument("since", f"{limit} it can be {moment(earliest)} at the earliest")
    source = await find(ws, kind, id_or_name)
    first = start or months_before(last, DEFAULT_MONTHS)
    having = f" with the metric {metric}" if metric else ""
    return _plan(
        ws.settings,
        subject=f"deliveries of {KIND_NAMES[kind]} {source.id} {quoted(source.name)}{having}",
        count=await count_deliveries(ws, kind, source.id, metric, first, last),
        call=exports.of_deliveries(kind, source.id, metric=metric, since=start, until=end, attributes=columns),
        notes=(f"Created from {moment(first)} until {moment(end) if end else 'now'}.",),
        rests_on={},
        repeat=repeat,
    )


def _plan(
    settings: Settings,
    *,
    subject: str,
    count: Count,
    call: Call,
    notes: tuple[str, ...],
    rests_on: dict[str, JsonValue],
    repeat: bool,
) -> Plan:
    return Plan(
        risk="send",
        summary=f"Export {subject} to a CSV file: {count} now.",
        notes=notes,
        affected=0,
        warnings=count.warnings,
        why=f"{KEPT} {_destination(settings)}",
        effect_title=f"export personal data of {count}",
        calls=(call,),
        rests_on=rests_on,
        once=True,
        repeat=repeat,
        trace=Evidence(export="customers" if call.operation == "export_customers" else "deliveries"),
        next_step=NEXT,
    )


def _destination(settings: Settings) -> str:
    """Where the file goes next, and who can read it there."""
    if settings.files_dirs:
        return (
            "The assistant can save it in a directory of this computer (CIO_FILES_DIRS), where only this user can read "
            "it, and is shown its first rows."
        )
    if settings.mask_pii:
        return "The assistant is shown its first rows, masked, and gets no link to it."
    return (
        "The assistant is shown its first rows, and gets a link with which anyone can download it for 15 minutes, "
        "without a key."
    )


def _check_type(type_: str, given: list[str]) -> None:
    wrong = [name for name in given if name in (OF_DELIVERIES if type_ == "customers" else OF_CUSTOMERS)]
    if wrong:
        other = "deliveries" if type_ == "customers" else "customers"
        raise InvalidArgument(", ".join(wrong), f"must be omitted to export {type_}; it belongs to {other}")


def _columns(attributes: tuple[str, ...]) -> list[str]:
    columns = [*dict.fromkeys(name.strip() for name in attributes)]
    for name in columns:
        if not 0 < len(name.encode(errors="surrogatepass")) <= MAX_ATTRIBUTE_BYTES:
            raise InvalidArgument("attributes", f"expected names of 1 to {MAX_ATTRIBUTE_BYTES} bytes")
        check_visible("attributes", name)
    return columns
