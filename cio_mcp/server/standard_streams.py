"""Standard input and output for the protocol alone: nothing else in the process reads or writes them meanwhile.

Where the system can wait for them, they are read and written on the event loop, when they are ready: a worker thread
takes longer to wake up than a short message takes to write. On Windows, a worker thread reads and writes.
"""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import anyio.to_thread

STANDARD_INPUT, STANDARD_OUTPUT, STANDARD_ERROR = range(3)
CHUNK_BYTES = 65_536
"""Bytes of one read: what a pipe holds on Linux."""
CAN_WAIT = sys.platform != "win32"
"""Whether the system can wait for a pipe."""


@contextmanager
def claim_standard_streams() -> Iterator[tuple[int, int]]:
    """Yield descriptors of standard input and output; others read nothing meanwhile, and print to standard error.

    Raises:
        OSError: one of them is closed.
    """
    with Path(os.devnull).open("r+b", buffering=0) as nothing:
        claimed = os.dup(STANDARD_INPUT), os.dup(STANDARD_OUTPUT)
        os.dup2(nothing.fileno(), STANDARD_INPUT)
        os.dup2(STANDARD_ERROR, STANDARD_OUTPUT)
        try:
            yield claimed
        finally:
            for own, standard in zip(claimed, (STANDARD_INPUT, STANDARD_OUTPUT), strict=True):
                os.dup2(own, standard)
                os.close(own)


class Input:
    """Bytes that arrive on a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def read(self) -> bytes:
        """Wait for bytes, up to `CHUNK_BYTES` of them; none at the end."""
        while True:
            try:
                if not CAN_WAIT:
                    return await anyio.to_thread.run_sync(os.read, self._descriptor, CHUNK_BYTES)
                with suppress(PermissionError):  # a file, which has no need to be waited for
                    await anyio.wait_readable(self._descriptor)
                return os.read(self._descriptor, CHUNK_BYTES)
            except BlockingIOError:  # another process that shares the input was faster
                continue
            except OSError:  # a terminal that was closed
                return b""


class Output:
    """Messages for a descriptor, each whole and in order, also if a sender is canceled.

    `run`, a task that the caller must own, writes what has to wait.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self._written, self._needed = anyio.Event(), anyio.Event()
        self._broken = False

    async def write(self, message: bytes) -> None:
        """Write a message; returns once all of it is written.

        Raises:
            BrokenResourceError: nobody reads the other end any more.
        """
        await self._wait()
        self._rest = message
        if CAN_WAIT:
            self._write_ready()
        if self._rest or self._broken:
            self._written = anyio.Event()
            self._needed.set()
            await self._wait()

    async def flush(self) -> None:
        """Wait until all is written that was to be written, or nobody reads it any more."""
        with suppress(anyio.BrokenResourceError):
            await self._wait()

    async def run(self) -> None:
        """Write what has to wait until the descriptor takes it; returns when nobody reads the other end any more."""
        while not self._broken:
            await self._needed.wait()
            self._needed = anyio.Event()
            while self._rest and not self._broken:
                await self._write_some()
            self._written.set()

    async def _wait(self) -> None:
        while self._rest and not self._broken:
            await self._written.wait()
        if self._broken:
            raise anyio.BrokenResourceError

    async def _write_some(self) -> None:
        if CAN_WAIT:
            await anyio.wait_writable(self._descriptor)
            self._write_ready()
            return
        try:
            written = await anyio.to_thread.run_sync(os.write, self._descriptor, self._rest[:CHUNK_BYTES])
        except OSError:
            self._broken = True
        else:
            self._rest = self._rest[written:]

    def _write_ready(self) -> None:
        """Write as much as the descriptor takes without blocking: if it takes any, a pipe takes PIPE_BUF bytes."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        written = 0
        try:
            while written < len(self._rest) and poll.poll(0):
                written += os.write(self._descriptor, self._rest[written : written + select.PIPE_BUF])
        except BlockingIOError:
            pass
        except OSError:
            self._broken = True
        self._rest = self._rest[written:]
