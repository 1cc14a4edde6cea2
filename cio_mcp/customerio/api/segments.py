"""Segments: their names, sizes, members, and uses."""

from collections.abc import Collection
from typing import Annotated

from cio_mcp.customerio.api.base import LIST_SECONDS, Blank, Identifiers, Listed, Model, Moment
from cio_mcp.customerio.api.reads import NamedModel, Reads, find_by_name, suggestion
from cio_mcp.customerio.call import read
from cio_mcp.errors import NotFound
from cio_mcp.text.sanitize import quoted


class Segment(NamedModel):
    """A segment: `dynamic` ones follow their conditions, `manual` ones hold who was added."""

    description: Annotated[str | None, Blank] = None
    type: Annotated[str | None, Blank] = None
    state: Annotated[str | None, Blank] = None
    progress: int | None = None
    tags: Annotated[tuple[str, ...], Listed] = ()
    created_at: Moment = None
    updated_at: Moment = None

    @property
    def settled(self) -> bool:
        """Whether membership is complete; while Customer.io builds a segment it may be stale."""
        return self.state in {None, "finished"}


class Usage(Model):
    """What uses a segment, by id."""

    campaigns: Annotated[tuple[str, ...], Listed] = ()
    sent_newsletters: Annotated[tuple[str, ...], Listed] = ()
    draft_newsletters: Annotated[tuple[str, ...], Listed] = ()


class MemberPage(Model):
    """People in a segment; some have no `id`, so only the identifiers tell them all."""

    identifiers: Annotated[tuple[Identifiers, ...], Listed] = ()
    next: Annotated[str | None, Blank] = None


class _Count(Model):
    count: int


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


def _no_segment(id_or_name: str, known: Collection[Segment], field: str) -> NotFound:
    hint = suggestion(id_or_name, known) or "list_segments lists all."
    return NotFound(f"{field}: no segment has the ID or name {quoted(id_or_name)}; {hint}")
