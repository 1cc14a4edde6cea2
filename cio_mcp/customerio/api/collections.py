"""Collections: tables of data that messages read, and the calls that create, replace, rename, and delete them."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, JsonValue

from cio_mcp.customerio.api.base import Count, Listed, Moment
from cio_mcp.customerio.api.reads import NamedModel, Reads, by_id_or_name
from cio_mcp.customerio.call import Call, read
from cio_mcp.errors import BadAnswer

MAX_BYTES = 10_000_000
"""Of a collection, by the API reference (10 MB)."""
MAX_ROW_BYTES = 10_000
"""Of a row, by the API reference (10 KB)."""

Row = dict[str, JsonValue]
_WRAPPERS = ("data", "content", "contents", "rows")
"""Keys under which the rows may stand; only the shape of one row is published."""


class Collection(NamedModel):
    """A collection's name and size; `columns` are the names in its rows."""

    bytes: Count | None = None
    rows: Count | None = None
    created_at: Moment = None
    updated_at: Moment = None
    columns: Annotated[tuple[str, ...], Listed] = Field(default=(), alias="schema")


class Collections(Reads):
    """Reads of `/v1/collections`."""

    async def all(self) -> list[Collection]:
        """Every collection of the workspace, without its rows."""
        return await self._list(Collection, "collections", read("list_collections"))

    async def get(self, id_: str) -> Collection:
        """Read one by its ID.

        Raises:
            NotFound: there is none.
        """
        return await self._item(Collection, "collection", read("get_collection", collection_id=id_))

    async def find(self, id_or_name: str, *, field: str) -> Collection:
        """Find one by its ID (digits) or exact name; `field` is the argument that an error names.

        Raises:
            NotFound: there is none.
            Ambiguous: several have the name.
        """
        return await by_id_or_name(id_or_name, self.get, self.all, field=field, kind="collection")

    async def returned_rows(self, collection: Collection) -> list[Row]:
        """Read the rows of a collection, of which there may be more or fewer than Customer.io counts.

        Raises:
            BadAnswer: they cannot be read.
        """
        return rows_of(await self._reader.read(read("get_collection_content", collection_id=collection.id)))

    async def rows(self, collection: Collection) -> list[Row]:
        """Read the rows of a collection, on which a write may rest.

        Raises:
            BadAnswer: they cannot be read, or are not as many as the collection has.
        """
        rows = await self.returned_rows(collection)
        if collection.rows is not None and len(rows) != collection.rows:
            raise BadAnswer(
                f"Customer.io returned {len(rows)} rows of the collection, which has {collection.rows}. Try again."
            )
        return rows


def rows_of(answer: dict[str, Any]) -> list[Row]:
    """The rows of an answer: a list under one of a few keys, else the answer itself as the only row.

    Raises:
        BadAnswer: a row is no object.
    """
    for key in _WRAPPERS:
        inner = answer.get(key)
        if len(answer) == 1 and isinstance(inner, list):
            if not all(isinstance(row, dict) for row in inner):
                raise BadAnswer("Customer.io's response is not as documented (rows).")
            return inner
    return [answer] if answer else []


def create(name: str, rows: Sequence[Row]) -> Call:
    """Create a collection with rows."""
    return Call(operation="create_collection", body={"name": name, "data": list(rows)})


def update(id_: str, *, name: str | None = None, rows: Sequence[Row] | None = None) -> Call:
    """Rename a collection, replace all of its rows, or both."""
    body: dict[str, JsonValue] = {}
    if name is not None:
        body["name"] = name
    if rows is not None:
        body["data"] = list(rows)
    return Call(operation="update_collection", path={"collection_id": id_}, body=body)


def delete(id_: str) -> Call:
    """Delete a collection and its rows."""
    return Call(operation="delete_collection", path={"collection_id": id_})
