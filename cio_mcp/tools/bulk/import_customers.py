"""The write tool that imports attributes of many customers."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated

from pydantic import Field

from cio_mcp.errors import InvalidArgument, TimeError
from cio_mcp.gate.job_spec import JobSpec
from cio_mcp.gate.plan import Plan, Starts
from cio_mcp.jobs.columns import Columns
from cio_mcp.jobs.import_rows import CustomerRows
from cio_mcp.storage.jobs import JobRow
from cio_mcp.text.counts import count_of
from cio_mcp.tools.bulk.known_people import Known, known_people
from cio_mcp.tools.bulk.report import Report, lines_of
from cio_mcp.tools.bulk.rows import ColumnMap, File, Rows, name_of, stage
from cio_mcp.tools.bulk.samples import customer_samples
from cio_mcp.tools.bulk.similar_names import similar_names
from cio_mcp.tools.common.attribute_names import MAX_NAMED, name_attribute, name_attributes
from cio_mcp.tools.common.recipients import may_start, starts_as_json
from cio_mcp.workspace import CallContext

NO_UNDO = "An import can't be undone."
EMPTY = "Empty cells and null change nothing."
UPDATES_ONLY = "Customers who don't exist are not created. Customer.io skips their rows without an answer."
UNKNOWN_COUNT = "How many of them don't exist is not known."
UNKNOWN_SKIPS = "Customer.io accepts rows of customers who don't exist, but skips them. How many exist is not known."
NOBODY = (
    "no customer in the rows exists, so nothing would change. Check which column names the customers. To create "
    "them, pass create=true"
)
MAY_DROP = "Customer.io may drop the row without an answer: it depends on a setting of the workspace."
UNREAD = "Current values are unknown."
NEW = "A new customer may enter any segment and any campaign that starts from one."


async def import_customers(
    ws: CallContext,
    rows: Rows = None,
    file: File = None,
    columns: ColumnMap = None,
    create: Annotated[bool, Field(description="Create missing customers")] = False,
) -> Plan:
    """Import attributes of many customers from rows or a file, one customer per row. Requires approval."""
    target = Columns("customers", columns or {})
    make = partial(CustomerRows, create=create)
    job, report = await stage(ws, "import_customers", rows, file, target, make, {"create": create})
    plan = await plan_import(ws, job, report, create=create, where=name_of(file))
    if plan.reached == 0:
        raise InvalidArgument("create", NOBODY)
    return plan


async def plan_import(ws: CallContext, job: JobRow, report: Report, *, create: bool, where: str) -> Plan:
    """Plan the import of rows that are staged; `where` ends the summary, such as ` from “plans.csv”`."""
    known, is_complete = await _known(ws, report)
    missing = [line for line, one in report.customers if is_complete and known.get(one, ...) is None]
    starts = await _starts(ws, report, create=create)
    similar = await similar_names(ws, report.names, known)
    creates = create and (not is_complete or bool(missing))
    is_blind = not ws.settings.has_app
    return Plan(
        risk="send" if report.reaching or starts or create or is_blind else "data",
        summary=f"Import {_attributes(report.names)} of {count_of(report.people, 'customer')}{where}"
        f"{', who are created if they are new' if create else ''}.",
        notes=(
            *report.notes,
            EMPTY,
            _existence(report.people, missing, create=create, is_complete=is_complete),
            NO_UNDO,
        ),
        why=" ".join(_reasons(report, creates=creates)),
        effect_title=_effect(report, starts, create=create, is_blind=is_blind),
        affected=report.people,
        reached=report.people - len(missing) if is_complete and not create else None,
        starts=starts,
        warnings=(
            *report.all_warnings,
            *(() if create else _skips(report, missing, is_complete=is_complete)),
            *similar,
            *_same_customer(report, known),
            *_other_emails(report, known, is_complete=is_complete),
            *((UNREAD,) if is_blind else ()),
        ),
        sample=customer_samples(report.sample, known, create=create),
        rejected_rows=report.rejected_rows,
        job=JobSpec.of(job, "person_identify"),
        rests_on={"starts": starts_as_json(starts), "missing": [*missing]},
        once=create,
    )


async def _known(ws: CallContext, report: Report) -> tuple[Known, bool]:
    """The profiles of all customers, where they are few, else of those in the sample; and whether it is all of them."""
    sampled = [each.customer for each in report.sample]
    everyone = [one for _, one in report.customers]
    try:
        known = await known_people(ws, everyone or sampled)
    except TimeError:  # a courtesy, without which the plan says that it is not known
        return {}, False
    return known, bool(everyone) and all(one in known for one in everyone)


async def _starts(ws: CallContext, report: Report, *, create: bool) -> Starts:
    if not ws.settings.has_app:
        return "unknown"
    if create:
        return may_start(await ws.campaigns.started_by_creation(report.names))
    return may_start(await ws.campaigns.started_by_attributes(report.names))


def _existence(people: int, missing: list[int], *, create: bool, is_complete: bool) -> str:
    if not create:
        return UPDATES_ONLY
    if not is_complete:
        return f"Customers who don't exist are created. {UNKNOWN_COUNT}"
    are = "is" if len(missing) == 1 else "are"
    return f"{len(missing):,} of {count_of(people, 'customer')} {are} new and will be created."


def _skips(report: Report, missing: list[int], *, is_complete: bool) -> Iterator[str]:
    """A warning, since a receipt of accepted rows would otherwise promise too much."""
    if not is_complete:
        yield UNKNOWN_SKIPS
    elif missing:
        is_one = len(missing) == 1
        yield (
            f"{len(missing):,} of {count_of(report.people, 'customer')} {'doesn' if is_one else 'don'}'t exist: "
            f"{lines_of(missing)}. "
            f"Customer.io accepts {'its row, but skips it' if is_one else 'their rows, but skips them'}."
        )


def _reasons(report: Report, *, creates: bool) -> Iterator[str]:
    if report.reaching:
        yield f"This affects who receives messages: {', '.join(map(name_attribute, report.reaching))}."
    if creates:
        yield NEW


def _same_customer(report: Report, known: Known) -> Iterator[str]:
    """A warning where two rows name one customer in different ways, by ID and by address."""
    lines: dict[str, int] = {}
    pairs: list[str] = []
    for line, reference in report.customers:
        person = known.get(reference)
        if person is None or person.cio_id is None:
            continue
        if (first := lines.setdefault(person.cio_id, line)) != line:
            pairs.append(f"{first:,} and {line:,}")
    if pairs:
        more = f"; and {len(pairs) - 1:,} more pairs" if len(pairs) > 1 else ""
        yield f"Two rows name one customer in different ways (lines {pairs[0]}{more}). Which values stay is not known."


def _other_emails(report: Report, known: Known, *, is_complete: bool) -> Iterator[str]:
    """A warning where a row that names its customer by ID has another address than the customer."""
    if not is_complete:
        if "id" in report.kinds and "email" in report.names:
            yield f"Rows with an ID also set the email address. Where the customer has another one, {MAY_DROP}"
        return
    lines = []
    for line, reference, email in report.new_emails:
        person = known[reference]
        if person is not None and person.email and person.email.casefold() != email.casefold():
            lines.append(line)
    if lines:
        yield f"{lines_of(lines).capitalize()}: the customer has another email address. Here {MAY_DROP}"


def _effect(report: Report, starts: Starts, *, create: bool, is_blind: bool) -> str:
    verb = "create or update" if create else "update"
    reaches = bool(report.reaching or starts or is_blind)
    return f"{verb} {count_of(report.people, 'customer')}{'; this may send messages' if reaches or create else ''}"


def _attributes(names: list[str]) -> str:
    named = name_attributes(names)
    return named if len(names) <= MAX_NAMED else f"{len(names):,} attributes ({named})"
