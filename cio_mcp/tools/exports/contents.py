"""The contents of an export's file while it passes: its columns, its first rows, and how many rows there are."""

import codecs
import csv
import io
from dataclasses import dataclass, field
from itertools import islice

MAX_HEAD_BYTES = 256 * 1024
"""Of the beginning of a file, which is kept for its columns and first rows. Chosen."""
MAX_ROWS = 5
MAX_SHOWN_COLUMNS = 12
"""Of the first rows in an answer. Chosen: enough to see what is in the file."""


@dataclass(slots=True)
class Contents:
    """Reads a CSV file piece by piece; `size` is in bytes.

    A line break within quotation marks belongs to a value; two of them within a value change nothing about that.
    """

    size: int = 0
    head: bytearray = field(default_factory=bytearray)
    _breaks: int = 0
    _quoted: bool = False
    _last: int = 0

    def add(self, piece: bytes) -> None:
        """Take the next piece."""
        if not piece:
            return
        self.size += len(piece)
        self.head += piece[: MAX_HEAD_BYTES - len(self.head)]
        for number, part in enumerate(piece.split(b'"')):
            if number:
                self._quoted = not self._quoted
            if not self._quoted:
                self._breaks += part.count(b"\n")
        self._last = piece[-1]

    @property
    def rows(self) -> int:
        """How many rows there are so far, without the first line, which names the columns."""
        unended = self.size > 0 and self._last != ord("\n")
        return max(0, self._breaks + unended - 1)

    def first_rows(self, *, whole: bool) -> tuple[list[str], list[dict[str, str]]]:
        """The names of the columns and the first rows; none of either where it is no CSV file in UTF-8.

        `whole` says that the file has ended: otherwise the last line may lack its end.
        """
        try:
            # The beginning may end within a character.
            text = codecs.getincrementaldecoder("utf-8-sig")().decode(bytes(self.head))
            lines = [*io.StringIO(text, newline="")]  # `splitlines` knows more breaks than CSV does
            complete = lines if whole and self.size == len(self.head) else lines[:-1]
            table = [*islice(csv.reader(complete), MAX_ROWS + 1)]
        except (UnicodeDecodeError, csv.Error):
            return [], []
        columns, *rows = table or [[]]
        if any("\0" in name for name in columns):
            return [], []
        return columns, [dict(zip(columns[:MAX_SHOWN_COLUMNS], row, strict=False)) for row in rows]
