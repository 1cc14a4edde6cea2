"""The plan of a job that adds people to a manual segment and removes others, both from one approval."""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import anyio.to_thread
from pydantic import JsonValue

from cio_mcp.customerio.api.base import Identifiers
from cio_mcp.customerio.api.segments import Segment
from cio_mcp.errors import Refused
from cio_mcp.gate.job_spec import JobSpec
from cio_mcp.gate.plan import Plan
from cio_mcp.jobs import membership
from cio_mcp.jobs.segment_list import Members, PersonKey
from cio_mcp.jobs.staging import ListedRows
from cio_mcp.storage.job_rows import StagedRow
from cio_mcp.text.counts import count_of
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.segment_members import APPLIED_SOON, NO_ID, campaigns_started, why_send
from cio_mcp.workspace import CallContext

MAX_MEMBERS = 300_000
"""Members of a segment that are compared. Chosen: ten requests."""
MAX_RECORDED = 10_000
"""People whom a plan keeps by `cio_id`, so that an undo can put them back. Chosen: some 120 KB."""
FIRST, AT_RANDOM = 5, 5
"""People whom a question names of a long list: from its start, and from the rest."""


@dataclass(frozen=True, slots=True)
class MemberEdits:
    """Who joins a segment and who leaves it; `lines` are those of a list, by the key of who joins."""

    segment: Segment
    members: Members
    added: Sequence[PersonKey]
    removed: Sequence[PersonKey]
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def changes(self) -> str:
        """What happens, in a few words; empty if nothing does."""
        removal = [f"remove {count_of(len(self.removed), 'customer')}"] if self.removed else []
        addition = [f"add {count_of(len(self.added), 'customer')}"] if self.added else []
        return " and ".join([*removal, *addition])

    @property
    def after(self) -> int:
        """How many members the segment has afterwards."""
        return len(self.members) + len(self.added) - len(self.removed)

    @property
    def removes_many(self) -> bool:
        """Whether more than a fifth of the members are removed."""
        return 5 * len(self.removed) > len(self.members)


async def members_of(ws: CallContext, segment: Segment) -> Members:
    """Read the members of a segment.

    Raises:
        Refused: there are more than `MAX_MEMBERS`.
    """
    people: list[PersonKey] = []
    async for page in ws.segments.pages(segment.id):
        people += await anyio.to_thread.run_sync(_keys, page)
        if len(people) > MAX_MEMBERS:
            raise Refused(
                f"The segment has more than {MAX_MEMBERS:,} members; that many can't be compared with a list."
            )
    return await anyio.to_thread.run_sync(Members, people)


def _keys(people: Sequence[Identifiers]) -> list[PersonKey]:
    return [*map(PersonKey.of, people)]


async def plan_job(
    ws: CallContext, edits: MemberEdits, summary: str, *, rejected: Sequence[StagedRow] = (), settled: str = ""
) -> Plan:
    """Plan the job, or none if nothing changes; `rejected` are rows of a list that are kept, and not sent."""
    segment = edits.segment
    if not edits.changes:
        return Plan(risk="send", summary=f"{summary}.", settled=settled, affected=0)
    starts = await campaigns_started(ws, segment, add=bool(edits.added))
    rows, key, members = await anyio.to_thread.run_sync(_staged, edits, rejected)
    options: dict[str, JsonValue] = {"segment": segment.id}
    job = await ws.stage(membership.KIND, key, options, ListedRows(rows, _report(edits, rejected)))
    removed = [f"Removed: {'; '.join(_sample(edits.removed))}."] if edits.removed else []
    return Plan(
        risk="send",
        summary=f"{summary}: {edits.changes}.",
        notes=tuple(removed),
        affected=len(edits.added),
        examples=tuple(_sample(edits.added)),
        starts=starts,
        why=why_send(ws, segment),
        warnings=tuple(_without_id(edits.removed)),
        effect_title=f"{edits.changes}; this may send messages",
        job=JobSpec.of(job, *membership.OPERATIONS),
        confirmation=_confirmation(ws, edits),
        rests_on={
            "segment": [segment.id, segment.name, segment.type],
            "members": [len(edits.members), members],
            "edits": _recorded(edits),
            "starts": list(starts),
        },
        next_step=APPLIED_SOON,
    )


def _staged(edits: MemberEdits, rejected: Sequence[StagedRow]) -> tuple[list[StagedRow], str, str]:
    """The rows of the job, a digest of them and the segment, and one of the members."""
    rows = [*rejected]
    rows += [StagedRow(None, edit.row) for _, edit in membership.edits("remove", edits.removed)]
    rows += [StagedRow(edits.lines.get(person.key), edit.row) for person, edit in membership.edits("add", edits.added)]
    digest = hashlib.sha256(edits.segment.id.encode())
    for row in rows:
        digest.update(repr(row).encode(errors="surrogatepass"))
    return rows, digest.hexdigest(), edits.members.digest


def _report(edits: MemberEdits, rejected: Sequence[StagedRow]) -> dict[str, JsonValue]:
    counts = {"added": len(edits.added), "removed": len(edits.removed), "not_used": len(rejected)}
    return {"segment": edits.segment.id, "members": len(edits.members), **counts}


def _recorded(edits: MemberEdits) -> JsonValue:
    """Who joins and who leaves, by `cio_id`, for an undo; nobody if there are too many."""
    if len(edits.added) + len(edits.removed) > MAX_RECORDED:
        return None
    added, removed = ([each.cio_id for each in people if each.cio_id] for people in (edits.added, edits.removed))
    return {"add": [*added], "remove": [*removed]}


def _confirmation(ws: CallContext, edits: MemberEdits) -> str | None:
    """The number of people who are removed, where it must be typed."""
    many = edits.removes_many or len(edits.removed) > ws.gate.policy.large_audience
    return str(len(edits.removed)) if many else None


def _without_id(removed: Sequence[PersonKey]) -> Iterator[str]:
    if others := [person for person in removed if not person.id]:
        yield f"{NO_ID}{join_first(others, FIRST, named)}."


def _sample(people: Sequence[PersonKey]) -> Iterator[str]:
    """The first people, some of the others at random, and how many more there are."""
    yield from map(named, people[:FIRST])
    others = people[FIRST:]
    yield from map(named, random.SystemRandom().sample(others, min(AT_RANDOM, len(others))))
    if (left := len(others) - AT_RANDOM) > 0:
        yield f"and {left:,} more"


def named(person: PersonKey) -> str:
    """A customer by what people know, then by what else identifies them."""
    first, *others = filter(None, (person.id, person.email, person.cio_id and f"cio_{person.cio_id}"))
    return f"{quoted(first)}{f' ({quoted(others[0])})' if others else ''}"
