"""What `get_export` answers."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, Literal

from cio_mcp.text.counts import count_of
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import key_name, quoted_name, quoted_text, word
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import Opaque, Prose, Untrusted
from cio_mcp.tools.common.person_ref import AnswerPart, pairs


class ExportLine(AnswerPart):
    """An export; `total` counts its entries, once it is done."""

    id: str
    type: str
    status: Literal["pending", "done", "failed"]
    total: int | None = None
    created_at: datetime | None = None
    description: Untrusted | None = None

    def __str__(self) -> str:
        noun = "entry" if self.total == 1 else "entries"
        parts = [
            f"Export {word(self.id)} of {self.type}: {self.status}",
            None if self.total is None else f"{self.total:,} {noun}",
            f"created {moment(self.created_at)}" if self.created_at else None,
            quoted_text(self.description) if self.description else None,
        ]
        return ", ".join(filter(None, parts))


class FileRow(AnswerPart):
    """One of the first rows of a file."""

    personal: ClassVar[bool] = True

    values: dict[str, Untrusted]


class ExportAnswer(Answer):
    """An export with its file or a link to it, or the latest exports.

    `file` is a path below the directory of the server; `bytes`, `rows`, and `columns` are those of the file.
    """

    exports: tuple[ExportLine, ...] = ()
    omitted: int | None = None
    file: str | None = None
    bytes: int | None = None
    rows: int | None = None
    columns: list[str] | None = None
    more_columns: int | None = None
    first_rows: list[FileRow] | None = None
    link: Opaque | None = None
    link_expires_at: datetime | None = None
    note: Prose | None = None

    def lines(self) -> Iterable[str]:
        """The export, its file, the columns and first rows, and the link."""
        yield from map(str, self.exports)
        if not self.exports:
            yield "No exports."
        if self.omitted:
            yield f"{self.omitted:,} older ones are omitted."
        if self.file is not None:
            yield f"Saved as {quoted_name(self.file)}: {count_of(self.rows or 0, 'row')}, {self.bytes or 0:,} bytes."
        if self.columns is not None:
            more = f", and {self.more_columns:,} more" if self.more_columns else ""
            yield f"Columns: {', '.join(map(_column, self.columns)) or 'unknown'}{more}"
        if self.first_rows:
            yield "First rows:"
        yield from (f"- {', '.join(pairs(row.values))}" for row in self.first_rows or ())
        if self.link is not None:
            yield self.link
        if self.link_expires_at is not None:
            yield f"The link expires at {moment(self.link_expires_at)}."
        if self.note:
            yield self.note


def _column(name: str) -> str:
    return name if name.startswith("“") else key_name(name)
