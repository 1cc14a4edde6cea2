"""The file of an export: found or refused, and replaced as a whole."""

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument, OperatorError, Refused
from cio_mcp.exports.formats import Add, FileFormat, Format, digest_of_file, flush
from cio_mcp.storage.export_state import ExportState, state_path
from cio_mcp.storage.export_table import ExportTable
from cio_mcp.text.sanitize import quoted_name

SUFFIXES = {
    ".csv": Format.csv,
    ".jsonl": Format.jsonl,
    ".ndjson": Format.jsonl,
    ".parquet": Format.parquet,
    ".duckdb": Format.duckdb,
}
OPTION = "--to"
MAX_NAME_BYTES = 200
"""Of the file's name. Chosen: file systems allow 255, of which the state and a temporary name take some."""
SCRATCH = re.compile(r"\.[0-9a-f]{8}\.part")
"""How the name of a temporary directory ends; nothing else is ever removed."""
FOREIGN = "{} wasn't written by this command. Choose another file, or move it away."


def find_output(to: Path, format_: Format | None, name: str) -> tuple[Path, Format]:
    """The file to write and its format: in a directory it is `name` with the format's ending, CSV by default.

    Raises:
        InvalidArgument: there is no such directory, it is no regular file, or its format is unclear.
    """
    try:
        is_directory, parent_exists = to.is_dir(), to.parent.is_dir()
    except (OSError, ValueError):
        raise InvalidArgument(OPTION, f"{quoted_name(to.name)} can't be used as a path") from None
    if is_directory:
        chosen = format_ or Format.csv
        to = to / f"{name}.{chosen}"
    else:
        by_suffix = SUFFIXES.get(to.suffix.lower())
        if not parent_exists:
            raise InvalidArgument(OPTION, f"there is no directory for {quoted_name(to.name)}. Create it first")
        if by_suffix and format_ and by_suffix is not format_:
            raise InvalidArgument(
                "--format", f"{format_} contradicts the ending of {quoted_name(to.name)}; omit one of them"
            )
        if (known := format_ or by_suffix) is None:
            raise InvalidArgument(
                OPTION, f"{quoted_name(to.name)} must end with {', '.join(SUFFIXES)}, or pass --format"
            )
        chosen = known
    if len(to.name.encode()) > MAX_NAME_BYTES:
        raise InvalidArgument(OPTION, f"{quoted_name(to.name)} is longer than {MAX_NAME_BYTES} bytes")
    if to.is_symlink() or (to.exists() and not to.is_file()):
        raise InvalidArgument(OPTION, f"{quoted_name(to.name)} isn't a regular file. Pass the file itself")
    return to, chosen


def check_not_foreign(path: Path) -> None:
    """Refuse a file that has no state beside it.

    Raises:
        Refused: this command did not write it.
    """
    if path.exists() and not state_path(path).exists():
        raise Refused(FOREIGN.format(quoted_name(path.name)))


@dataclass(frozen=True, slots=True)
class Output:
    """A file that only this command writes: its state knows the digest of what it wrote last.

    Every method blocks: call it in a worker thread.
    """

    path: Path
    format: FileFormat
    table: ExportTable
    state: ExportState

    def check(self) -> bool:
        """Whether the file exists, and is as it was last written.

        A kill may have come after it was replaced and before that was kept; then what it says is kept now.

        Raises:
            Refused: something else wrote or changed it.
            OperatorError: it cannot be read.
        """
        self._clear()
        try:
            if not self.path.exists():
                return False
            digest = digest_of_file(self.path)
        except OSError:
            raise OperatorError(f"{quoted_name(self.path.name)} can't be read.") from None
        match self.state.fact("next"):
            case {"digest": next_digest, "facts": dict(facts)} if next_digest == digest:
                self.state.keep({**facts, "digest": digest, "next": None})
                return True
        written = self.state.fact("digest")
        if written is None:
            raise Refused(FOREIGN.format(quoted_name(self.path.name)))
        if written != digest:
            raise Refused(
                f"{quoted_name(self.path.name)} was changed after this command wrote it. Move it away, or export to "
                "another file."
            )
        return True

    def replace(self, add: Callable[[Add], None], facts: dict[str, JsonValue], *, append: bool) -> None:
        """Write the rows that `add` hands over, after those of the file if `append`; and keep facts about it.

        Raises:
            OperatorError: it could not be written; the file is as it was.
        """
        with _explained(self.path.name):
            try:
                scratch = self._scratch()
                scratch.mkdir(mode=0o700)
                new = scratch / "new"
                self.format.write(self.table, new, self.path if append else None, add)
                new.chmod(stat.S_IMODE(self.path.stat().st_mode) if self.path.exists() else 0o600)
                flush(new)
                self.state.keep({"next": {"digest": digest_of_file(new), "facts": facts}})
                os.replace(new, self.path)  # noqa: PTH105 - it is replaced at once, on Windows too
                flush(self.path.parent)
            finally:
                self._clear()
        self.check()

    def _scratch(self) -> Path:
        """A directory of this user for files that aren't complete; its name is kept, so that only ours is removed."""
        name = self.state.fact("scratch")
        if not isinstance(name, str) or not SCRATCH.fullmatch(name.removeprefix(f".{self.path.name}")):
            name = f".{self.path.name}.{secrets.token_hex(4)}.part"
            self.state.keep({"scratch": name})
        return self.path.with_name(name)

    def _clear(self) -> None:
        shutil.rmtree(self._scratch(), ignore_errors=True)


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        match failure.errno:
            case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
                problem = "the disk is full. What was read is kept; make room, and run the command again"
            case errno.EACCES | errno.EPERM | errno.EROFS:
                problem = "no permission to write in its directory"
            case _:
                problem = "its directory doesn't accept it"
        raise OperatorError(f"{quoted_name(name)} can't be written: {problem}.") from None
