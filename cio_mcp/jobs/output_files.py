"""Files that this server writes: new ones below the directories that the operator allows, complete or not at all."""

import errno
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from glob import escape
from pathlib import Path
from typing import Self

import anyio
import anyio.to_thread

from cio_mcp.errors import InvalidArgument, OperatorError
from cio_mcp.jobs.files import ARGUMENT
from cio_mcp.text.sanitize import quoted

MAX_FILE_BYTES = 2_000_000_000
"""Of one file, unless a caller names less. Chosen: five million customers with twenty attributes each."""
MAX_NAME_BYTES = 200
"""Of a file's name. Chosen: file systems allow 255, of which the temporary name takes some."""
ABANDONED_SECONDS = 3_600.0
"""Since the last byte of a temporary file, after which nothing writes it any more. Chosen."""
MAX_NAMES = 1_000
"""Names that are tried for a free one. Chosen."""
RESERVED = frozenset('<>:"|?*\\')
"""Characters that Windows does not allow in a name, or that mean something else there."""
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


class OutputFile:
    """A file that gets its name when it is complete; until then it lies beside it under a temporary one.

    Only this user can read it (mode 0600). Every method blocks: call it in a worker thread, or use `new_file`. An
    `OperatorError` says what keeps the file from being written.
    """

    def __init__(self, path: Path, root: Path, max_bytes: int = MAX_FILE_BYTES, *, numbered: bool = False) -> None:
        self.size = 0
        self._wanted = path
        self._path = _free(path) if numbered and _exists(path) else path
        self._root = root
        self._max_bytes = max_bytes
        self._numbered = numbered
        self._temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            self._file = os.fdopen(os.open(self._temporary, NEW, 0o600), "wb")
            _remove_abandoned(path, self._temporary)
        except OSError as failure:
            raise _failed(self.name, failure) from None

    @classmethod
    def create(
        cls,
        name: str,
        directories: Sequence[Path],
        *,
        suffixes: Sequence[str] = (".csv",),
        max_bytes: int = MAX_FILE_BYTES,
        numbered: bool = False,
    ) -> Self:
        """Begin a new file that is called `name`, a path below one of the directories.

        With `numbered`, its name gets a number if there is such a file: `vip.csv`, `vip-2.csv`.

        Raises:
            InvalidArgument: the name is not acceptable, or there is such a file already; the text suggests a free name.
        """
        path, root = _new_path(name, directories, suffixes)
        if not numbered and _exists(path):
            raise _taken(path, root)
        return cls(path, root, max_bytes, numbered=numbered)

    @property
    def name(self) -> str:
        """Its path below the directory of CIO_FILES_DIRS."""
        return self._path.relative_to(self._root).as_posix()

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self.size += len(data)
        if self.size > self._max_bytes:
            raise OperatorError(f"{quoted(self.name)} would have more than {self._max_bytes:,} bytes.")
        try:
            self._file.write(data)
        except OSError as failure:
            raise _failed(self.name, failure) from None

    def finish(self, *, replace: bool = False) -> None:
        """Give the complete file its name: in place of an older one with `replace`, else only if it is still free."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            if replace:
                self._temporary.replace(self._path)
            while not replace and not _give_name(self._temporary, self._path):
                if not self._numbered:
                    raise InvalidArgument(ARGUMENT, f"{quoted(self.name)} exists meanwhile. Choose another name")
                self._path = _free(self._wanted)
        except OSError as failure:
            raise _failed(self.name, failure) from None

    def discard(self) -> None:
        """Remove what was written; nothing happens once the file is finished."""
        with suppress(OSError):  # a full disk keeps what is buffered from being written
            self._file.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)


@asynccontextmanager
async def new_file(
    name: str,
    directories: Sequence[Path],
    *,
    suffixes: Sequence[str] = (".csv",),
    max_bytes: int = MAX_FILE_BYTES,
    numbered: bool = False,
) -> AsyncIterator[OutputFile]:
    """Write a new file, as `OutputFile.create` does; it exists once the block ends, and only if it ends well."""
    create = partial(OutputFile.create, name, directories, suffixes=suffixes, max_bytes=max_bytes, numbered=numbered)
    file = await anyio.to_thread.run_sync(create)
    try:
        yield file
        await anyio.to_thread.run_sync(file.finish)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(file.discard)


def check_new(name: str, directories: Sequence[Path], *, suffixes: Sequence[str] = (".csv",)) -> None:
    """Check that a new file can have this name.

    Raises:
        InvalidArgument: as `OutputFile.create`.
    """
    path, root = _new_path(name, directories, suffixes)
    if _exists(path):
        raise _taken(path, root)


def _new_path(name: str, directories: Sequence[Path], suffixes: Sequence[str]) -> tuple[Path, Path]:
    """The path of a new file, its folder resolved, and the directory that it lies below."""
    if not directories:
        raise InvalidArgument(
            ARGUMENT, "this server writes no files. Its operator can allow a directory: CIO_FILES_DIRS"
        )
    given = Path(os.path.expanduser(name))  # noqa: PTH111 - pathlib fails for an unknown user
    _check_name(given.name, suffixes)
    roots = [directory.resolve() for directory in directories]
    for folder in [given.parent] if given.is_absolute() else [root / given.parent for root in roots]:
        try:
            resolved = folder.resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            continue
        if resolved.is_dir() and (root := next((root for root in roots if resolved.is_relative_to(root)), None)):
            return resolved / given.name, root
    raise InvalidArgument(ARGUMENT, f"there is no folder for {quoted(given.name)} in the directories of CIO_FILES_DIRS")


def _check_name(name: str, suffixes: Sequence[str]) -> None:
    if Path(name).suffix.lower() not in suffixes:
        raise InvalidArgument(ARGUMENT, f"{quoted(name)} must end with {', '.join(suffixes)}")
    if name.startswith((".", " ")) or not name.isprintable() or RESERVED.intersection(name):
        raise InvalidArgument(ARGUMENT, f"{quoted(name)} isn't a plain file name")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise InvalidArgument(ARGUMENT, f"{quoted(name)} is longer than {MAX_NAME_BYTES} bytes")


def _exists(path: Path) -> bool:
    """Whether the name is taken, if only by a symlink that leads nowhere."""
    return os.path.lexists(path)


def _taken(path: Path, root: Path) -> InvalidArgument:
    name = path.relative_to(root).as_posix()
    free = _free(path).relative_to(root).as_posix()
    return InvalidArgument(ARGUMENT, f"{quoted(name)} already exists; {quoted(free)} doesn't")


def _free(path: Path) -> Path:
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(2, MAX_NAMES))
    free = next((one for one in numbered if not _exists(one)), None)
    if free is None:
        raise InvalidArgument(ARGUMENT, f"{quoted(path.name)} already exists. Choose another name")
    return free


def _give_name(temporary: Path, path: Path) -> bool:
    """Rename a file, but never over another one: False where the name is taken."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return False
    except OSError:  # some file systems have no hard links: an empty file holds the name instead
        try:
            os.close(os.open(path, NEW, 0o600))
        except FileExistsError:
            return False
        temporary.replace(path)
    else:
        temporary.unlink()
    return True


def _remove_abandoned(path: Path, temporary: Path) -> None:
    """Remove what a server that was killed left of a file with this name; one that is being written is younger."""
    latest = temporary.stat().st_mtime - ABANDONED_SECONDS
    for other in path.parent.glob(f".{escape(path.name)}.????????.part"):
        with suppress(OSError):
            if other.lstat().st_mtime < latest:
                other.unlink()


def _failed(name: str, failure: OSError) -> OperatorError:
    if failure.errno in NO_SPACE:
        return OperatorError(f"{quoted(name)} can't be written: the disk is full.")
    if failure.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OperatorError(f"{quoted(name)} can't be written: this server has no permission to write in its folder.")
    return OperatorError(f"{quoted(name)} can't be written by this server.")
