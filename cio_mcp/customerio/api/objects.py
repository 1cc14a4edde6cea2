"""Objects, such as companies or courses: their types, attributes, and the customers related to them."""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field, JsonValue

from cio_mcp.customerio.api.base import (
    LIST_SECONDS,
    Blank,
    Complete,
    Identifiers,
    Model,
    NextToken,
    ObjectIdentifiers,
    Subject,
)
from cio_mcp.customerio.api.reads import NamedModel, Reads, suggestion
from cio_mcp.customerio.call import Call, read
from cio_mcp.customerio.url_values import check_path_value
from cio_mcp.errors import NotFound
from cio_mcp.text.sanitize import quoted

MAX_LISTED_TYPES = 20
"""Object types that an error lists. Chosen."""
RELATED_PER_PAGE = 100
"""Customers in one request. Chosen, since no maximum is documented."""


class ObjectType(NamedModel):
    """A kind of object; `name` is its plural, such as Companies."""

    singular_name: Annotated[str | None, Blank] = None
    slug: Annotated[str | None, Blank] = None
    enabled: bool = True

    @property
    def names(self) -> frozenset[str]:
        """Every name by which people know it, in lower case."""
        known = (self.name, self.singular_name, self.slug)
        return frozenset(name.strip().casefold() for name in known if name)


class ObjectRecord(Model):
    """An object with its attributes."""

    identifiers: ObjectIdentifiers = ObjectIdentifiers()
    attributes: Annotated[dict[str, JsonValue], BeforeValidator(lambda value: value or {})] = Field(
        default_factory=dict
    )


class RelatedCustomer(Model):
    """A customer who is related to an object."""

    identifiers: Identifiers = Identifiers()


class RelatedPage(Model):
    """Customers who are related to an object; they may repeat across pages, and none may be left out."""

    cio_relationships: Annotated[tuple[RelatedCustomer, ...], Complete]
    next: NextToken = None


class ObjectPage(Model):
    """Objects found, by their identifiers."""

    identifiers: Annotated[tuple[ObjectIdentifiers, ...], Subject]
    next: NextToken = None


class _Object(Model):
    object: ObjectRecord


class Related(NamedTuple):
    """Customers related to an object, each once, and whether these are all."""

    people: tuple[Identifiers, ...]
    complete: bool


class Objects(Reads):
    """Reads of `/v1/objects` and `/v1/object_types`."""

    async def types(self) -> list[ObjectType]:
        """All object types of the workspace."""
        return await self._list(ObjectType, "types", read("list_object_types"), cache=LIST_SECONDS)

    async def find_type(self, type_: str) -> ObjectType:
        """Find an object type by its ID or name, singular or plural.

        Raises:
            NotFound: there is none, or several have the name; the text lists what there is.
        """
        types = await self.types()
        key = type_.strip()
        matches = [each for each in types if each.id == key] or [each for each in types if key.casefold() in each.names]
        if len(matches) == 1:
            return matches[0]
        problem = f"several object types are named {quoted(key)}" if matches else f"no object type is {quoted(key)}"
        listed = ", ".join(f"{quoted(each.name)} (id {each.id})" for each in (matches or types)[:MAX_LISTED_TYPES])
        hint = suggestion(key, types) if len(types) > MAX_LISTED_TYPES else None
        raise NotFound(f"type: {problem}; {hint or f'there are {listed}' if listed else 'the workspace has none'}.")

    async def search(self, type_id: str, filter_: JsonValue, *, limit: int, start: str | None = None) -> ObjectPage:
        """Find the objects of a type that match Customer.io's filter, a page at a time."""
        body: JsonValue = {"object_type_id": type_id, "filter": filter_}
        call = read("search_objects", query={"start": start, "limit": limit}, body=body)
        return ObjectPage.of(await self._reader.read(call))

    async def get(self, type_id: str, object_id: str) -> ObjectRecord:
        """Read an object by its `object_id`.

        Raises:
            NotFound: there is none.
        """
        check_path_value("id", object_id)
        call = read("get_object_attributes", object_type_id=type_id, object_id=object_id)
        try:
            record = _Object.of(await self._reader.read(call)).object
        except NotFound:
            raise NotFound(f"id: no object of type {type_id} has the ID {quoted(object_id)}.") from None
        if record.identifiers.object_id is None:
            known = ObjectIdentifiers(object_id=object_id, cio_object_id=record.identifiers.cio_object_id)
            return record.model_copy(update={"identifiers": known})
        return record

    async def related_page(self, type_id: str, object_id: str, *, limit: int, start: str | None = None) -> RelatedPage:
        """Read a page of the customers who are related to an object."""
        query = {"start": start, "limit": limit}
        call = read("list_object_relationships", query=query, object_type_id=type_id, object_id=object_id)
        return RelatedPage.of(await self._reader.read(call))

    async def related(self, type_id: str, object_id: str, *, pages: int) -> Related:
        """Read the customers who are related to an object, of at most so many pages."""
        people: dict[str, Identifiers] = {}
        start = None
        for _ in range(pages):
            page = await self.related_page(type_id, object_id, limit=RELATED_PER_PAGE, start=start)
            for each in page.cio_relationships:
                people.setdefault(each.identifiers.reference.value, each.identifiers)
            start = page.next
            if start is None or not page.cio_relationships:
                return Related((*people.values(),), complete=True)
        return Related((*people.values(),), complete=False)


def set_attributes(type_id: str, object_id: str, attributes: Mapping[str, JsonValue]) -> Call:
    """Set attributes of an object, which is created if there is none; null clears one."""
    return _entity(type_id, object_id, {"action": "identify", "attributes": {**attributes}})


def delete(type_id: str, object_id: str) -> Call:
    """Delete an object with its relationships."""
    return _entity(type_id, object_id, {"action": "delete"})


def relate(type_id: str, object_id: str, cio_ids: list[str], attributes: Mapping[str, JsonValue]) -> Call:
    """Relate an object to customers; `attributes` are those of each relationship."""
    values: dict[str, JsonValue] = {"relationship_attributes": {**attributes}} if attributes else {}
    people: list[JsonValue] = [{"identifiers": {"cio_id": bare(cio_id)}, **values} for cio_id in cio_ids]
    return _entity(type_id, object_id, {"action": "add_relationships", "cio_relationships": people})


def unrelate(type_id: str, object_id: str, cio_ids: list[str]) -> Call:
    """Remove the relationships of an object to customers."""
    people: list[JsonValue] = [{"identifiers": {"cio_id": bare(cio_id)}} for cio_id in cio_ids]
    return _entity(type_id, object_id, {"action": "delete_relationships", "cio_relationships": people})


def bare(cio_id: str) -> str:
    """A `cio_id` as bodies have it, without the `cio_` it takes in a path."""
    return cio_id.removeprefix("cio_")


def _entity(type_id: str, object_id: str, action: dict[str, JsonValue]) -> Call:
    identifiers: JsonValue = {"object_type_id": type_id, "object_id": object_id}
    operation = {
        "identify": "object_identify",
        "delete": "object_delete",
        "add_relationships": "object_add_relationships",
        "delete_relationships": "object_delete_relationships",
    }[str(action["action"])]
    return Call(operation=operation, body={"type": "object", "identifiers": identifiers, **action})
