"""Any answer of Customer.io as short pages of records: one line for each record, each value by its path.

Nothing is left out but nulls and credentials. What is too long for a page comes with its cursor.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cio_mcp.customerio.call import canonical
from cio_mcp.customerio.operations import Operation
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.mask import mask_text
from cio_mcp.text.sanitize import cut, harmless
from cio_mcp.text.untrusted import Excerpt
from cio_mcp.text.urls import HIDDEN, without_credentials

MAX_PAGE_CHARACTERS = 6_000
"""Characters of paths and values on a page, after which no further record begins. Chosen: some 2,000 tokens."""
MAX_VALUE_CHARACTERS = 500
"""Characters of a value, unless `fields` asks for it. As any free text has in structured content."""
MAX_PART_CHARACTERS = 4_000
"""Characters of a part of a value that `fields` asks for; its other parts follow by the cursor. Chosen."""
MAX_DEPTH = 40
"""Levels of an answer that are opened; what is deeper is shown as JSON. Chosen: no answer has ten."""

EMPTY = "none"
"""How an empty list or object is shown."""

Scalar = str | int | float | bool


class Leaf(NamedTuple):
    """One value of an answer: the number of its record from 0 (None: beside the records), its path, and the value."""

    record: int | None
    path: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class Body:
    """An answer, opened: its leaves in order, the list that its records are from, how many, and what is hidden."""

    leaves: Sequence[Leaf]
    listed: str | None
    count: int
    hidden: tuple[str, ...]


class Row(NamedTuple):
    """One record of a page, or the values beside the records."""

    record: int | None
    values: dict[str, Scalar]


class Page(NamedTuple):
    """Rows, and the offset of the next leaf where there are more."""

    rows: list[Row]
    next: int | None


def open_body(row: Operation, answer: dict[str, Any], fields: Sequence[str], *, mask: bool) -> Body:
    """Open an answer. With `fields` only these values are kept, whole; credentials are never shown.

    Raises:
        InvalidArgument: the answer has none of the fields; the text lists those that it has.
    """
    listed = _list_of(answer)
    records = answer[listed] if listed else []
    hidden: list[str] = []
    leaves = [
        *_leaves(row, None, {name: value for name, value in answer.items() if name != listed} or None, hidden),
        *(leaf for number, record in enumerate(records) for leaf in _leaves(row, number, record, hidden)),
    ]
    kept = _selected(leaves, fields, listed) if fields else leaves
    if fields and leaves and not kept:
        names = ", ".join(dict.fromkeys(_without_positions(leaf.path) for leaf in leaves))
        raise InvalidArgument("fields", f"no such field in the answer, which has {cut(names, 600)}")
    # Before anything is cut, so that no part ends in half an address.
    clean = [leaf._replace(value=_clean(leaf, mask=mask)) for leaf in kept]
    parts = [part for leaf in clean for part in _parts(leaf, whole=bool(fields))]
    return Body(parts, listed, len(records), tuple(dict.fromkeys(hidden)))


def page_of(body: Body, offset: int) -> Page:
    """The page that begins at a leaf; it ends between two records, unless one alone is too long for a page."""
    rows: list[Row] = []
    size, first = 0, offset
    for number, leaf in enumerate(body.leaves[offset:], start=offset):
        length = len(leaf.path) + len(str(leaf.value))
        begins = not rows or leaf.record != rows[-1].record
        if rows and size + length > MAX_PAGE_CHARACTERS:
            if begins or _is_alone(rows):
                return Page(rows, number)
            return Page([row for row in rows if row.record != leaf.record], first)
        first = number if begins else first
        if begins or leaf.path in rows[-1].values:
            rows.append(Row(leaf.record, {}))
        rows[-1].values[leaf.path] = leaf.value
        size += length
    return Page(rows, None)


def _is_alone(rows: list[Row]) -> bool:
    """Whether a page has one record so far, which may then be cut."""
    return len({row.record for row in rows}) == 1


def _list_of(answer: dict[str, Any]) -> str | None:
    """The one list of objects at the top, which the records are from."""
    lists = [name for name, value in answer.items() if isinstance(value, list) and any(map(_is_object, value))]
    return lists[0] if len(lists) == 1 else None


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _leaves(row: Operation, record: int | None, value: Any, hidden: list[str]) -> Iterator[Leaf]:
    pending: list[tuple[str, Any, int]] = [("", value, 0)]
    while pending:
        path, inner, depth = pending.pop()
        match inner:
            case None:
                pass
            case dict() if inner and depth < MAX_DEPTH:
                pending += reversed(
                    [(_join(path, key), _visible(row, key, part, hidden), depth + 1) for key, part in inner.items()]
                )
            case list() if any(isinstance(part, dict | list) for part in inner) and depth < MAX_DEPTH:
                pending += reversed([(_join(path, str(place)), part, depth + 1) for place, part in enumerate(inner)])
            case dict() | list():
                yield Leaf(record, path or "value", _flat(inner))
            case _:
                yield Leaf(record, path or "value", inner)


def _flat(value: dict[str, Any] | list[Any]) -> str:
    """A list of scalars as one text, or as JSON where that could be read otherwise."""
    if not value:
        return EMPTY
    texts = [str(item) for item in value] if isinstance(value, list) else []
    plain = texts and not any("," in text or not text.strip() for text in texts)
    return ", ".join(texts) if plain and all(isinstance(item, str | int) for item in value) else canonical(value)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _visible(row: Operation, key: str, value: Any, hidden: list[str]) -> Any:
    """A value as it may be shown: of a credential no more than where it leads."""
    if key.strip().casefold() not in {name.casefold() for name in row.answer_secrets} or value in (None, ""):
        return value
    hidden.append(key)
    return without_credentials(value) if isinstance(value, str) else HIDDEN


def _selected(leaves: Sequence[Leaf], fields: Sequence[str], listed: str | None) -> list[Leaf]:
    """The leaves that fields mean: by their whole path or its beginning, else by their last name."""
    paths = {leaf.path: _without_positions(leaf.path) for leaf in leaves}
    meant: set[str] = set()
    for field in fields:
        wanted = _without_positions(field.strip())
        wanted = wanted.removeprefix(f"{listed}.") if listed else wanted
        whole = {path for path, plain in paths.items() if plain == wanted or plain.startswith(f"{wanted}.")}
        meant |= whole or {path for path, plain in paths.items() if plain.endswith(f".{wanted}")}
    return [leaf for leaf in leaves if leaf.path in meant]


def _without_positions(path: str) -> str:
    return ".".join(part for part in path.split(".") if not part.isdecimal())


def _clean(leaf: Leaf, *, mask: bool) -> Scalar:
    if not isinstance(leaf.value, str):
        return leaf.value
    text = harmless(leaf.value, keep_lines=True).replace("\t", " ")
    return mask_text(text, leaf.path) if mask else text


def _parts(leaf: Leaf, *, whole: bool) -> Iterable[Leaf]:
    """A leaf as it is shown: a long text cut, or where the caller selected it, in parts."""
    text = leaf.value
    if not isinstance(text, str) or len(text) <= MAX_VALUE_CHARACTERS:
        return [leaf]
    if not whole:
        return [leaf._replace(value=Excerpt.of(text, MAX_VALUE_CHARACTERS))]
    starts = range(0, len(text), MAX_PART_CHARACTERS)
    return [leaf._replace(value=_part(text, start)) for start in starts]


def _part(text: str, start: int) -> str:
    part = Excerpt(text[start : start + MAX_PART_CHARACTERS])
    part.length = len(text)
    return part
