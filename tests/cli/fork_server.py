"""`cio-mcp` as processes that are forks of one process per test worker, which has loaded its modules.

A fork has its own session, streams, environment and exit status, and saves half a second of imports. What depends on
the start itself is tested with a real one, as in `test_main` and `test_serve`.
"""

import fcntl
import io
import multiprocessing
import os
import sys
import termios
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Literal

from cio_mcp.cli.start import run

COMMANDS = ("approvals", "changes", "export", "forget", "main", "pause", "policy", "webhooks", "webhooks_register")
PRELOADED_MODULES = [
    __name__,
    "cio_mcp.workspace",
    "sqlalchemy.dialects.sqlite",
    *(f"cio_mcp.cli.{command}" for command in COMMANDS),
]
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(PRELOADED_MODULES)


def fork(arguments: Sequence[str], environment: Mapping[str, str], streams: tuple[int, int, int]) -> BaseProcess:
    """Start `cio-mcp` with copies of the descriptors as standard input, output and error.

    A terminal on standard input becomes the controlling terminal of the process.
    """
    # multiprocessing can pass a connection to another process, but no bare descriptor.
    passed = [Connection(os.dup(stream)) for stream in streams]
    process = _processes.Process(target=_run, args=(list(arguments), dict(environment), passed))
    process.start()
    for connection in passed:
        connection.close()
    return process


def _run(arguments: list[str], environment: dict[str, str], streams: list[Connection]) -> None:
    os.setsid()
    for descriptor, stream in enumerate(streams):
        os.dup2(stream.fileno(), descriptor)
        stream.close()
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdin, sys.stdout, sys.stderr = _text(0, "r"), _text(1, "w"), _text(2, "w")
    sys.argv = ["cio-mcp", *arguments]
    os.environ.clear()
    os.environ.update(environment)
    run()


def _text(descriptor: int, mode: Literal["r", "w"]) -> io.TextIOWrapper:
    raw = io.FileIO(descriptor, mode, closefd=False)
    binary = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    by_line = descriptor == 2 or os.isatty(descriptor)
    return io.TextIOWrapper(binary, encoding="utf-8", errors="backslashreplace", line_buffering=by_line)
