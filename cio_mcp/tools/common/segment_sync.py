"""The plan that makes a manual segment equal to a list of people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import anyio.to_thread

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.segments import Segment
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import Plan
from cio_mcp.jobs.segment_list import Comparison, Lookup, Members, compare, digest_of, to_look_up
from cio_mcp.storage.job_rows import StagedRow
from cio_mcp.text.counts import count_of
from cio_mcp.text.lists import join_first, list_first
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.list_lookup import look_up
from cio_mcp.tools.common.people_list import PeopleList
from cio_mcp.tools.common.segment_job import MemberEdits, members_of, plan_job
from cio_mcp.workspace import CallContext

MAX_REJECTED = 10
"""Rows that name nobody and that a question lists. Chosen."""
NOT_EMPTIED = "A segment isn't emptied this way: remove its members or delete it with update_segment"


@dataclass(frozen=True, slots=True)
class Difference:
    """How a segment differs from a list; `rejected` are the rows that name nobody who can be added."""

    people: PeopleList
    comparison: Comparison
    edits: MemberEdits
    rejected: list[StagedRow]


async def difference(ws: CallContext, segment: Segment, people: PeopleList, *, field: str) -> Difference:
    """Read a segment, and compare it with a list; only people who are not in it yet are looked up.

    Raises:
        InvalidArgument: the list, which the argument `field` gave, names no customer.
        Refused: the segment is too large.
        Unavailable: the list is long; a later call finds the rest.
    """
    if not people.lines:
        raise InvalidArgument(field, f"names nobody{_reasons(people, None)}. {NOT_EMPTIED}")
    members = await members_of(ws, segment)
    found = await look_up(ws, await anyio.to_thread.run_sync(to_look_up, members, people.references))
    result = await anyio.to_thread.run_sync(_difference, segment, members, people, found)
    if not result.comparison.known:
        raise InvalidArgument(field, f"names no existing customer{_reasons(people, result.comparison)}. {NOT_EMPTIED}")
    return result


def _difference(
    segment: Segment, members: Members, people: PeopleList, found: Mapping[Reference, Lookup]
) -> Difference:
    this = compare(members, people.references, found)
    lines = {person.key: people.lines[reference] for reference, person in this.added.items()}
    edits = MemberEdits(segment, members, [*this.added.values()], this.removed, lines)
    return Difference(people, this, edits, _rejected(people, this))


async def plan_sync(ws: CallContext, found: Difference) -> Plan:
    """Plan the job that makes a segment equal to a list."""
    segment, people = found.edits.segment, found.people
    known = count_of(found.comparison.known, "customer")
    summary = f"Make segment {segment.id} {quoted(segment.name)} equal to a list of {known}"
    notes = tuple(_notes(found))
    planned = await plan_job(ws, found.edits, summary, rejected=found.rejected, settled=" ".join(notes))
    digest = await anyio.to_thread.run_sync(digest_of, people.lines)
    warnings = await anyio.to_thread.run_sync(lambda: [*_warnings(found)])
    return planned.model_copy(
        update={
            "notes": (*notes, *planned.notes),
            "warnings": (*warnings, *planned.warnings),
            "rejected_rows": tuple(list_first(found.rejected, MAX_REJECTED, lambda row: _line(people, row))),
            "rests_on": planned.rests_on | {"list": [people.rows, digest]},
        }
    )


def _notes(found: Difference) -> Iterator[str]:
    this, people = found.comparison, found.people
    stay = this.members - len(this.removed)
    yield (
        f"It has {this.members:,} members now, of whom {stay:,} {'stays' if stay == 1 else 'stay'}, and "
        f"{found.edits.after:,} afterwards."
    )
    if people.column is not None:
        yield f"The list is the column {quoted(people.column)} of the file, with {people.rows:,} rows."
    if repeated := people.repeated + this.repeated:
        yield f"{repeated:,} {_rows_name(repeated)} a customer who is in the list already."
    if unused := len(found.rejected):
        yield f"{unused:,} {_rows_name(unused)} nobody who can be added."


def _rows_name(count: int) -> str:
    return "row names" if count == 1 else "rows name"


def _warnings(found: Difference) -> Iterator[str]:
    removed = found.comparison.removed
    if removed and (unread := len(found.people.faults)):
        yield (
            "1 row can't be read. If it stands for a member, that member is removed."
            if unread == 1
            else f"{unread:,} rows can't be read. Members for whom one of them stands are removed."
        )
    by_case = {person.id.casefold(): person.id for person in removed if person.id}
    values = [one.value for one, _ in found.comparison.unknown if one.value.casefold() in by_case]
    if values:
        pairs = join_first(values, 3, lambda value: f"{quoted(value)} (member: {quoted(by_case[value.casefold()])})")
        ids = "1 ID differs" if len(values) == 1 else f"{len(values):,} IDs differ"
        yield f"{ids} only in case from a member who is removed: {pairs}."


def _rejected(people: PeopleList, this: Comparison | None) -> list[StagedRow]:
    """The rows that name nobody, or more than one customer, in their order and by their column."""
    unread = ((line, text, reason) for line, (text, reason) in people.faults.items())
    unknown = ((people.lines[one], one.value, reason) for one, reason in (this.unknown if this else ()))
    column = people.column or "customer"
    return [StagedRow(line, {column: text}, reason) for line, text, reason in sorted([*unread, *unknown])]


def _line(people: PeopleList, row: StagedRow) -> str:
    place = "no." if people.column is None else "line"
    values = row.data.values() if isinstance(row.data, dict) else ()
    texts = [quoted(value) for value in values if isinstance(value, str) and value]
    return f"{' '.join([place, f'{row.line:,}', *texts])}: {row.problem}"


def _reasons(people: PeopleList, this: Comparison | None) -> str:
    return join_first(_rejected(people, this), 3, lambda row: f"; {_line(people, row)}", separator="")
