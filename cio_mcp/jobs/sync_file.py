"""The file of syncs: what each one reads, and what it writes to; errors name the key."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cio_mcp.errors import SettingError
from cio_mcp.jobs.identifiers import IDENTIFIERS, Identifier
from cio_mcp.settings import Settings, environment_variable, read_setting_file
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.spelling import closest_word
from cio_mcp.text.toml_model import KeyPath, WrongKey, read_toml

SETTING = "CIO_SYNC_FILE"
MAX_FILE_BYTES = 1_000_000
"""Bytes of a file of syncs. Chosen: a real one has a few thousand."""
MAX_ATTRIBUTES = 100
"""Attributes of a segment's members. Chosen."""
MAX_LISTED = 10
"""Names of syncs that an error lists. Chosen."""
InputFormat = Literal["csv", "jsonl"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a database; `key` is the key of its URL in the file, for errors."""

    key: str
    url: str
    query: str


@dataclass(frozen=True, slots=True)
class SegmentSource:
    """A segment whose members are read, with some attributes, the first of which identifies them."""

    segment: str
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Customers:
    """Attributes of customers; `columns` names what each column becomes, None to leave it out."""

    columns: Mapping[str, str | None]
    create: bool


@dataclass(frozen=True, slots=True)
class ManualSegment:
    """A manual segment that becomes equal to the rows; `column` names the customers, by an identifier of a `kind`."""

    segment: str
    column: str | None = None
    kind: Identifier | None = None


@dataclass(frozen=True, slots=True)
class DatabaseTable:
    """A table that becomes equal to a segment; `create` if it may be missing."""

    key: str
    url: str
    table: str
    create: bool


Source = Path | InputFormat | Query | SegmentSource
"""A file, the format of standard input, a query, or a segment."""
Target = Customers | ManualSegment | Path | DatabaseTable


@dataclass(frozen=True, slots=True)
class Sync:
    """A named sync."""

    name: str
    source: Source
    target: Target


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_Text = Annotated[str, Field(min_length=1)]


class _From(_Strict):
    file: _Text | None = None
    stdin: InputFormat | None = None
    database: _Text | None = None
    query: _Text | None = None
    segment: _Text | int | None = None
    attributes: Annotated[list[_Text], Field(max_length=MAX_ATTRIBUTES)] = []


class _To(_Strict):
    customers: Literal[True] | None = None
    segment: _Text | int | None = None
    file: _Text | None = None
    database: _Text | None = None
    table: _Text | None = None
    create: bool = False
    columns: dict[str, str] = {}


class _Entry(_Strict):
    from_: Annotated[_From, Field(alias="from")]
    to: _To


class _File(_Strict):
    sync: dict[str, _Entry]


def read_sync(settings: Settings, name: str, file: Path | None = None) -> Sync:
    """Read a sync of the file that is given, or that the settings name.

    Raises:
        SettingError: the file can't be read or is wrong, or it has no such sync.
    """
    path = file or settings.sync_file
    if path is None:
        raise SettingError(SETTING, "is missing. Set it to the path of a TOML file with syncs, or pass --file")
    setting = "--file" if file else SETTING
    text = read_setting_file(setting, path, max_bytes=MAX_FILE_BYTES, expected=". Expected the path of a TOML file")
    try:
        return _sync(name, _entry(name, read_toml(text, _File).sync), path.parent)
    except WrongKey as wrong:
        raise SettingError(setting, f"{path}: {wrong}") from None


def _entry(name: str, entries: Mapping[str, _Entry]) -> _Entry:
    for each in entries:
        if not _NAME.fullmatch(each):
            raise WrongKey(("sync", each), "expected a name of lower-case letters, digits, - and _, at most 40")
    if not name:
        raise WrongKey(("sync",), f"pass the name of a sync: {join_first([*entries], MAX_LISTED) or 'there is none'}")
    if name not in entries:
        close = closest_word(name, entries)
        hint = f"Did you mean {close}?" if close else f"It has {join_first([*entries], MAX_LISTED)}"
        raise WrongKey(("sync",), f"has no sync {quoted(name)}. {hint}")
    return entries[name]


def _sync(name: str, entry: _Entry, folder: Path) -> Sync:
    here: KeyPath = ("sync", name)
    source, target = _source((*here, "from"), entry.from_, folder), _target((*here, "to"), entry.to, folder)
    if isinstance(source, SegmentSource) == isinstance(target, Customers | ManualSegment):
        raise WrongKey(here, "rows go to customers or a segment, and a segment goes to a file or a table")
    return Sync(name, source, target)


def _source(here: KeyPath, entry: _From, folder: Path) -> Source:
    _check_one(here, entry, ("file", "stdin", "database", "segment"))
    _check_only_with(here, entry, {"query": "database", "attributes": "segment"})
    if entry.file is not None:
        return folder / Path(entry.file).expanduser()
    if entry.stdin is not None:
        return entry.stdin
    if entry.database is not None:
        return Query(_dotted(here, "database"), _url(here, entry.database), entry.query or "")
    if entry.attributes[0] not in IDENTIFIERS:
        raise WrongKey((*here, "attributes"), f"the first must identify the customer: {', '.join(IDENTIFIERS)}")
    if repeated := next((each for each in entry.attributes if entry.attributes.count(each) > 1), None):
        raise WrongKey((*here, "attributes"), f"names {quoted(repeated)} twice")
    return SegmentSource(str(entry.segment), tuple(entry.attributes))


def _target(here: KeyPath, entry: _To, folder: Path) -> Target:
    _check_one(here, entry, ("customers", "segment", "file", "database"))
    _check_only_with(here, entry, {"table": "database"})
    columns = {column: name or None for column, name in entry.columns.items()}
    if entry.create and entry.customers is None and entry.database is None:
        raise WrongKey((*here, "create"), "only customers and tables can be created")
    if columns and entry.customers is None and entry.segment is None:
        raise WrongKey((*here, "columns"), "only rows that go to Customer.io have columns to name")
    if entry.customers is not None:
        return Customers(columns, entry.create)
    if entry.segment is not None:
        return _segment(here, str(entry.segment), columns)
    if entry.file is not None:
        return folder / Path(entry.file).expanduser()
    return DatabaseTable(_dotted(here, "database"), _url(here, entry.database or ""), entry.table or "", entry.create)


def _segment(here: KeyPath, segment: str, columns: Mapping[str, str | None]) -> ManualSegment:
    if not columns:
        return ManualSegment(segment)
    (column, name), *others = columns.items()
    kind = next((kind for kind in IDENTIFIERS if kind == name), None)
    if kind is None or others:
        raise WrongKey((*here, "columns"), f"a segment needs one column, as one of {', '.join(IDENTIFIERS)}")
    return ManualSegment(segment, column, kind)


def _check_one(here: KeyPath, entry: BaseModel, keys: Iterable[str]) -> None:
    present = [key for key in keys if getattr(entry, key) is not None]
    if len(present) != 1:
        raise WrongKey(here, f"expected exactly one of {', '.join(keys)}")


def _check_only_with(here: KeyPath, entry: BaseModel, partners: Mapping[str, str]) -> None:
    for key, partner in partners.items():
        if bool(getattr(entry, key)) != (getattr(entry, partner) is not None):
            raise WrongKey((*here, key), f"is required with {partner}, and only then")


def _url(here: KeyPath, value: str) -> str:
    """A database's URL, which the file may leave to an environment variable."""
    if not (variable := _VARIABLE.fullmatch(value)):
        return value
    if not (found := environment_variable(variable[1])):
        raise WrongKey((*here, "database"), f"the environment variable {variable[1]} is not set")
    return found


def _dotted(here: KeyPath, key: str) -> str:
    return ".".join(map(str, (*here, key)))
