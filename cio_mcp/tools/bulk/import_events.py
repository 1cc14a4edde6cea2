"""The write tool that imports events of many customers."""

from functools import partial
from typing import Annotated

from pydantic import Field, JsonValue

from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.job_spec import JobSpec
from cio_mcp.gate.plan import Plan, Starts
from cio_mcp.jobs.columns import Columns
from cio_mcp.jobs.files import ARGUMENT
from cio_mcp.jobs.import_report import MAX_EVENT_NAMES, MAX_PEOPLE
from cio_mcp.jobs.import_rows import EventRows, check_event_name
from cio_mcp.text.counts import count_of
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.bulk.known_people import known_people
from cio_mcp.tools.bulk.report import Report, lines_of
from cio_mcp.tools.bulk.rows import ColumnMap, File, Rows, name_of, stage
from cio_mcp.tools.bulk.samples import event_samples
from cio_mcp.tools.common.arguments import Name
from cio_mcp.tools.common.event_messages import EventMessages, event_messages
from cio_mcp.tools.common.recipients import may_start, starts_as_json
from cio_mcp.workspace import CallContext

MAX_NAMES = 5
"""Names of events that a summary has."""
CREATES = "An event for a customer who doesn't exist creates that customer."
ACCEPT = "To accept that, pass create=true"


async def import_events(
    ws: CallContext,
    rows: Rows = None,
    file: File = None,
    name: Annotated[Name | None, Field(description="Event name, unless a column has it")] = None,
    columns: ColumnMap = None,
    create: Annotated[bool, Field(description="Create missing customers")] = False,
    repeat: Annotated[bool, Field(description="Allow a duplicate")] = False,
) -> Plan:
    """Import events of many customers from rows or a file, one event per row. Requires approval.

    A column named timestamp sets the time; other columns become event data.
    """
    if name is not None:
        name = name.strip()
        check_event_name("name", name)
    target = Columns("events", columns or {}, named=name is not None)
    options: dict[str, JsonValue] = {"name": name}
    job, report = await stage(ws, "import_events", rows, file, target, partial(EventRows, name=name), options)
    if not create:
        await _check_existence(ws, report, "rows" if file is None else ARGUMENT)
    campaigns = await _started(ws, report)
    messages = await _messages(ws, report, campaigns)
    starts = await _starts(ws, report, campaigns)
    return Plan(
        risk="send",
        summary=f"Import {count_of(report.accepted, 'event')} ({join_first([*report.events], MAX_NAMES, quoted)}) of "
        f"{count_of(report.people, 'customer')}{name_of(file)}.",
        notes=(*report.notes, *_ages(report)),
        why=CREATES if create else "",
        missing_data=messages.missing_data,
        effect_title=f"send {count_of(report.accepted, 'event')} for {count_of(report.people, 'customer')}"
        f"{'; this may send messages' if starts else '; no running campaign uses them'}",
        affected=report.people,
        starts=starts,
        warnings=(*report.all_warnings, *messages.warnings),
        sample=event_samples(report.sample),
        rejected_rows=report.rejected_rows,
        job=JobSpec.of(job, "person_event"),
        rests_on={"starts": starts_as_json(starts), "messages": messages.digest},
        once=True,
        repeat=repeat,
    )


async def _check_existence(ws: CallContext, report: Report, field: str) -> None:
    """Make sure that no event creates a customer.

    Raises:
        InvalidArgument: it would, or this can't be known.
    """
    if report.kinds == ["cio_id"]:
        return
    if not ws.settings.has_app:
        raise InvalidArgument("create", f"{CREATES} Without an App API key that can't be checked. {ACCEPT}")
    if report.references is None:
        raise InvalidArgument(
            "create", f"{CREATES} Only {MAX_PEOPLE:,} customers can be checked for that. {ACCEPT}, or split the file"
        )
    known = await known_people(ws, [one for _, one in report.customers])
    if any(one not in known for _, one in report.customers):
        raise InvalidArgument("create", f"{CREATES} This workspace doesn't look customers up by address. {ACCEPT}")
    if missing := [line for line, one in report.customers if known[one] is None and one.kind != "cio_id"]:
        raise InvalidArgument(
            field, f"{lines_of(missing)}: no customer has this identifier. {CREATES} Omit these rows. {ACCEPT}"
        )


async def _started(ws: CallContext, report: Report) -> list[Campaign]:
    """The running campaigns that start on the events; none on events that are all too old."""
    if not ws.settings.has_app or report.old == report.accepted:
        return []
    by_event = [each for name in report.events for each in await ws.campaigns.started_by_event(name)]
    return [*{campaign.id: campaign for campaign in by_event}.values()]


async def _starts(ws: CallContext, report: Report, by_event: list[Campaign]) -> Starts:
    """The campaigns that may start; one that starts from a segment may depend on any event, at any age."""
    if not ws.settings.has_app or len(report.events) >= MAX_EVENT_NAMES:
        return "unknown"
    others = [each for each in await ws.campaigns.by_segment() if each not in by_event]
    by_segment = [f"{line}, if its segment depends on the events" for line in may_start(others)]
    return (*may_start(by_event), *by_segment)


async def _messages(ws: CallContext, report: Report, campaigns: list[Campaign]) -> EventMessages:
    """What the messages of some campaigns need, compared with the data that all rows have."""
    first = report.sample[0].values
    return await event_messages(ws, campaigns, None, {name: first[name] for name in report.in_all if name in first})


def _ages(report: Report) -> tuple[str, ...]:
    if not report.old:
        return ()
    which = "All" if report.old == report.accepted else f"{report.old:,}"
    return (f"Events older than 72 hours, which trigger no event-triggered campaign: {which.lower()}.",)
