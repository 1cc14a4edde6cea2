"""A lock between processes of this machine, which the system releases when its process ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cio_mcp.errors import SettingError

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def lock_file(path: Path) -> Iterator[bool]:
    """Hold a lock; False if another process has it.

    Raises:
        SettingError: the file can't be created in the data directory.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        raise SettingError("CIO_DATA_DIR", "is not writable by this user") from None
    try:
        try:
            _lock(file)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(file)
