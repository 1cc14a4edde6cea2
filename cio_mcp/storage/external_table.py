"""A table of the operator's database that a sync keeps equal to rows. Everything here blocks."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

from sqlalchemy import (
    BindParameter,
    Cast,
    Column,
    Connection,
    MetaData,
    String,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    inspect,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import insert as insert_into_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_into_sqlite

from cio_mcp.errors import SettingError
from cio_mcp.storage.external import failures_of, open_engine
from cio_mcp.text.sanitize import quoted

OWNER = "cio_sync"
"""The column with the name of the sync that inserted a row. Only rows with it are ever deleted."""
DELETED_AT_ONCE = 1_000
INSERTS: Mapping[str, Any] = {"postgresql": insert_into_postgresql, "sqlite": insert_into_sqlite}

TextRow = Mapping[str, str | None]


class ExternalTable:
    """Rows of text by the first of `columns`; `key` names the setting of the target in errors.

    Each method is a transaction of its own, and may be repeated.
    """

    def __init__(self, key: str, url: str, name: str, columns: Sequence[str], *, owner: str) -> None:
        self._key, self._owner, self._columns = key, owner, tuple(columns)
        schema, _, self._name = name.rpartition(".")
        self._schema = schema or None
        self._engine = open_engine(key, url, to_write=True)
        self._dialect = self._engine.dialect.name
        self._table = self._described({})
        self.created = False
        self.owns_rows = False
        """Whether the table has the column `cio_sync`, so that rows which vanish can be deleted."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def prepare(self, *, create: bool) -> None:
        """Read which columns there are, or create the table, with columns of text.

        Raises:
            SettingError: the table or a column is missing, or the database can't be used.
        """
        with failures_of(self._key), self._engine.begin() as connection:
            types = self._types(connection)
            if types is None:
                if not create:
                    problem = f"there is no table {quoted(self._name)}. With create = true, the sync creates it"
                    raise SettingError(self._key, problem)
                types = dict.fromkeys((*self._columns, OWNER), Text())
                self._described(types).create(connection)
                self.created = True
        if missing := next((name for name in self._columns if name not in types), None):
            raise SettingError(self._key, f"the table {quoted(self._name)} has no column {quoted(missing)}")
        self._table = self._described(types)
        self.owns_rows = OWNER in types

    def upsert(self, rows: Sequence[TextRow]) -> int:
        """Insert or update rows, each with a value for every column; how many were not in the table like this.

        Raises:
            SettingError: the database can't be used, or refuses a value; none of the rows was written.
        """
        if not rows:
            return 0
        written = [name for name in (*self._columns, OWNER) if name in self._table.c]
        insert = INSERTS[self._dialect](self._table).values(
            {name: self._value(name, number) for number, name in enumerate(written)}
        )
        now, new = self._table.c, insert.excluded
        others = self._columns[1:]
        insert = insert.on_conflict_do_update(
            index_elements=[now[self._columns[0]]],
            set_={name: new[name] for name in others} or {self._columns[0]: new[self._columns[0]]},
            where=or_(*(now[name].is_distinct_from(new[name]) for name in others)) if others else ~true(),
        )
        parameters = [
            {
                f"v{number}": self._owner if name == OWNER else self._parameter(name, row[name])
                for number, name in enumerate(written)
            }
            for row in rows
        ]
        with failures_of(self._key), self._engine.begin() as connection:
            return connection.execution_options(preserve_rowcount=True).execute(insert, parameters).rowcount

    def delete_all_but(self, keys: Collection[str]) -> int:
        """Delete the rows that this sync inserted, except those with some keys; how many there were.

        Raises:
            SettingError: the database can't be used; a part may be deleted.
        """
        deleted, last = 0, None
        column, ours = self._table.c[self._columns[0]], self._table.c[OWNER] == self._owner
        while True:
            after = true() if last is None else column > last
            with failures_of(self._key), self._engine.begin() as connection:
                page = [
                    *connection.scalars(select(column).where(and_(ours, after)).order_by(column).limit(DELETED_AT_ONCE))
                ]
                if vanished := [one for one in page if str(one) not in keys]:
                    gone = delete(self._table).where(and_(ours, column.in_(vanished)))
                    deleted += connection.execute(gone).rowcount
            if len(page) < DELETED_AT_ONCE:
                return deleted
            last = page[-1]

    def _types(self, connection: Connection) -> dict[str, Any] | None:
        found = inspect(connection)
        if not found.has_table(self._name, schema=self._schema):
            return None
        return {column["name"]: column["type"] for column in found.get_columns(self._name, schema=self._schema)}

    def _described(self, types: Mapping[str, Any]) -> Table:
        # SQLite stores what doesn't fit as it is, where a conversion would turn it into 0.
        columns = [
            Column(name, Text() if self._dialect == "sqlite" else types[name], primary_key=name == self._columns[0])
            for name in (*self._columns, OWNER)
            if name in types
        ]
        return Table(self._name, MetaData(), *columns, schema=self._schema)

    def _value(self, name: str, number: int) -> BindParameter[str] | Cast[Any]:
        """The value of a column in the statement, as text that the database converts to the column's type."""
        value = bindparam(f"v{number}", type_=String())
        return value if self._is_text(name) else cast(value, self._table.c[name].type)

    def _parameter(self, name: str, value: str | None) -> str | None:
        if value == "" and not self._is_text(name):
            return None
        # PostgreSQL has no null character in text: one such value would end every run.
        return value.replace("\0", "") if value and self._dialect == "postgresql" else value

    def _is_text(self, name: str) -> bool:
        return isinstance(self._table.c[name].type, String)
