"""Standard input behind a pipe, so that a server can stop while its client keeps the line open.

The SDK reads standard input in a worker thread, and a blocked read cannot be canceled: Ctrl-C would have to wait
for the client. A daemon thread copies the input into a pipe instead, and closing the pipe ends the SDK's read.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

STANDARD_INPUT = 0
CHUNK_BYTES = 65_536
"""Bytes of one copy: what a pipe holds on Linux."""


@contextmanager
def closable_stdin() -> Iterator[Callable[[], None]]:
    """Put a pipe in the place of standard input until the block ends; yields what closes it, from any thread."""
    try:
        source = os.dup(STANDARD_INPUT)
    except OSError:  # it is closed, so that reading from it ends at once
        yield _nothing
        return
    reading, writing = os.pipe()
    os.dup2(reading, STANDARD_INPUT)
    os.close(reading)
    pipe = WritingEnd(writing)
    threading.Thread(target=_copy, args=(source, pipe), name="standard input", daemon=True).start()
    try:
        yield pipe.close
    finally:
        pipe.close()
        # The source stays open: the thread may be reading from it.
        os.dup2(source, STANDARD_INPUT)


class WritingEnd:
    """The writing end of a pipe, which is closed once, and not while the other thread writes to it."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._lock = threading.Lock()
        self._closing = False
        self._closed = False

    def write(self, data: bytes) -> bool:
        """Write all of `data`; False if the pipe was closed."""
        with self._lock, suppress(OSError):
            while data and not self._closing:
                data = data[os.write(self._handle, data) :]
        if data or self._closing:
            self.close()
        return not self._closing

    def close(self) -> None:
        """Close it without waiting: a write that is under way closes it when it is done."""
        self._closing = True
        if self._lock.acquire(blocking=False):
            if not self._closed:
                self._closed = True
                os.close(self._handle)
            self._lock.release()


def _copy(source: int, pipe: WritingEnd) -> None:
    with suppress(OSError):  # a terminal that was closed
        while data := os.read(source, CHUNK_BYTES):
            if not pipe.write(data):
                return
    pipe.close()


def _nothing() -> None:
    """Close nothing."""
