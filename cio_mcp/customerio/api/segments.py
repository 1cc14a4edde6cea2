"""Segments: their names, sizes, members, and uses; and the calls that change manual ones."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Annotated, Literal

import anyio.to_thread
from pydantic import AfterValidator, JsonValue

from cio_mcp.customerio.api.base import (
    LIST_SECONDS,
    Blank,
    Complete,
    Count,
    Enumerated,
    Id,
    Identifiers,
    Listed,
    Model,
    Moment,
    NextToken,
    Subject,
    is_number,
)
from cio_mcp.customerio.api.reads import NamedModel, Reads, find_by_name, suggestion
from cio_mcp.customerio.call import Call, read
from cio_mcp.errors import NotFound
from cio_mcp.text.sanitize import quoted

MAX_IDS = 1_000
"""People in one request at most: https://docs.customer.io/integrations/api/track/ (add people to a manual segment)."""

MAX_READ_PAGE = 30_000
"""Members of one page at most: https://docs.customer.io/integrations/api/app/ (list customers in a segment)."""
MAX_PAGE = 1_000
"""Members that are read at once to see who is in. Chosen."""
SEARCH_SIZE = 100
"""People of one search. Chosen: as many conditions as a filter may list."""


def _number(value: str) -> str:
    if not is_number(value):
        raise ValueError("expected a number")
    return value


class Segment(NamedModel):
    """A segment: `dynamic` ones follow their conditions, `manual` ones hold who was added."""

    id: Annotated[str, AfterValidator(_number)]
    description: Annotated[str | None, Blank] = None
    type: Annotated[Enumerated | None, Blank] = None
    state: Annotated[Enumerated | None, Blank] = None
    progress: Count | None = None
    tags: Annotated[tuple[str, ...], Listed] = ()
    created_at: Moment = None
    updated_at: Moment = None

    @property
    def settled(self) -> bool:
        """Whether membership is complete; while Customer.io builds a segment it may be stale."""
        return self.state in {None, "finished"}


class Usage(Model):
    """What uses a segment, by id."""

    campaigns: Annotated[tuple[Id, ...], Listed] = ()
    sent_newsletters: Annotated[tuple[Id, ...], Listed] = ()
    draft_newsletters: Annotated[tuple[Id, ...], Listed] = ()


class MemberPage(Model):
    """People in a segment; some have no `id`, so only the identifiers tell them all."""

    identifiers: Annotated[tuple[Identifiers, ...], Subject]
    next: NextToken = None


class WholePage(Model):
    """A page of a list that a write rests on: a member who can't be read is an error."""

    identifiers: Annotated[tuple[Identifiers, ...], Complete]
    next: NextToken = None


class _Count(Model):
    count: Count


class Segments(Reads):
    """Reads of `/v1/segments`."""

    async def all(self) -> list[Segment]:
        """All segments of the workspace but archived ones."""
        return await self._list(Segment, "segments", read("list_segments"), cache=LIST_SECONDS)

    async def find(self, segment: str, *, field: str = "segment", is_name: bool = False) -> Segment:
        """Find a segment by its id or exact name; `field` is the argument that an error names.

        A number is an ID first, or, with `is_name`, a name.

        Raises:
            NotFound: there is none; the text lists close names.
            Ambiguous: several have the name.
        """
        id_or_name, known = segment.strip(), await self.all()
        by_id = next((item for item in known if item.id == id_or_name), None)
        if by_id and not is_name:
            return by_id
        try:
            return find_by_name(known, id_or_name, field=field, kind="segment")
        except NotFound:
            if by_id:
                return by_id
            raise _no_segment(id_or_name, known, field) from None

    async def check_id(self, id_: str, *, field: str) -> None:
        """Check that there is a segment with this ID: Customer.io finds nobody in one that does not exist.

        Raises:
            NotFound: there is none.
        """
        known = await self.all()
        if not any(each.id == id_ for each in known):
            raise _no_segment(id_, known, field)

    async def count(self, id_: str) -> int:
        """How many people are in a segment; Track's writes arrive there with a delay."""
        return _Count.of(await self._reader.read(read("count_segment_members", segment_id=id_))).count

    async def used_by(self, id_: str) -> Usage:
        """What uses a segment."""
        return await self._item(Usage, "used_by", read("get_segment_usage", segment_id=id_))

    async def members(self, id_: str, *, limit: int, start: str | None = None) -> MemberPage:
        """Read a page (at most 30,000) of the people in a segment."""
        call = read("list_segment_members", query={"start": start, "limit": limit}, segment_id=id_)
        return MemberPage.of(await self._reader.read(call))

    async def whole_page(self, id_: str, *, limit: int, start: str | None = None) -> WholePage:
        """Read a page of the people in a segment, all of them; it is parsed in a worker thread.

        Raises:
            BadAnswer: one of them can't be read.
        """
        call = read("list_segment_members", query={"start": start, "limit": limit}, segment_id=id_)
        return await anyio.to_thread.run_sync(WholePage.of, await self._reader.read(call))

    async def pages(self, id_: str) -> AsyncIterator[tuple[Identifiers, ...]]:
        """Read all the people in a segment, in pages of `MAX_READ_PAGE`, which are parsed in a worker thread.

        Raises:
            BadAnswer: one of them can't be read.
        """
        start: str | None = None
        while True:
            page = await self.whole_page(id_, limit=MAX_READ_PAGE, start=start)
            yield page.identifiers
            if page.next is None:
                return
            start = page.next

    async def members_among(self, id_: str, cio_ids: Sequence[str]) -> frozenset[str]:
        """Find which people, by `cio_id`, are in a segment; of a large segment only they are looked up."""
        page = await self.members(id_, limit=MAX_PAGE)
        if not page.next:
            return frozenset(person.cio_id for person in page.identifiers if person.cio_id).intersection(cio_ids)
        members: set[str] = set()
        for start in range(0, len(cio_ids), SEARCH_SIZE):
            members |= await self._search(id_, cio_ids[start : start + SEARCH_SIZE])
        # An attribute may have any value: only people whom the answer names by their own `cio_id` count.
        return frozenset(members.intersection(cio_ids))

    async def _search(self, id_: str, cio_ids: Sequence[str]) -> set[str]:
        either: list[JsonValue] = [
            {"attribute": {"field": "cio_id", "operator": "eq", "value": cio_id}} for cio_id in cio_ids
        ]
        filter_: JsonValue = {"and": [{"segment": {"id": int(id_)}}, {"or": either}]}
        call = read("search_customers", query={"limit": len(cio_ids)}, body={"filter": filter_})
        page = MemberPage.of(await self._reader.read(call))
        return {person.cio_id for person in page.identifiers if person.cio_id}


def create(name: str, description: str = "") -> Call:
    """Create an empty manual segment; two may have the same name, so it is made once or never."""
    about: dict[str, JsonValue] = {"description": description} if description else {}
    return Call(operation="create_segment", body={"segment": {"name": name, **about}})


def delete(segment_id: str) -> Call:
    """Delete a manual segment."""
    return Call(operation="delete_segment", path={"segment_id": segment_id})


def change_members(segment_id: str, ids: Sequence[str], id_type: Literal["id", "cio_id"], *, add: bool) -> Call:
    """Add up to `MAX_IDS` people to a manual segment, or remove them; those whom Customer.io doesn't know are ignored.

    `id_type` is the kind of every identifier.
    """
    return Call(
        operation="add_to_segment" if add else "remove_from_segment",
        path={"segment_id": segment_id},
        query={} if id_type == "id" else {"id_type": id_type},
        body={"ids": [*ids]},
    )


def _no_segment(id_or_name: str, known: Collection[Segment], field: str) -> NotFound:
    hint = suggestion(id_or_name, known) or "list_segments lists all."
    return NotFound(f"{field}: no segment has the ID or name {quoted(id_or_name)}; {hint}")
