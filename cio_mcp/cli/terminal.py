"""The controlling terminal: where a person sits, whatever standard input and output are."""

import os
import secrets
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console

from cio_mcp.errors import Refused
from cio_mcp.text.sanitize import clean

PATH = "/dev/tty"
PATIENCE = 600.0
"""Seconds a question stays open: as long as an approval would count."""
LINE = 1024
CODE_LENGTH = 4
CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""What is drawn from: nothing that could be read as something else."""
SHOWN = 200
NOBODY = "Approving needs a person at a terminal, with input and output not redirected; nothing was approved."


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where to show something and ask about it."""

    console: Console
    handle: int

    def approved(self, typed: str | None = None) -> bool:
        """Whether a person types `typed`, where something must be, and then a code that can be read here alone."""
        if typed is not None and not self._types(f"First, type {clean(typed, SHOWN)}:", typed):
            return False
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
        return self._types(f"To approve, type {code}:", code)

    def _types(self, prompt: str, wanted: str) -> bool:
        return self.ask(prompt).casefold() == wanted.strip().casefold()

    def ask(self, prompt: str) -> str:
        """Return the line typed after the prompt, or "" if none comes in time; what was typed before is lost."""
        import termios  # noqa: PLC0415 - there is none on Windows, and no controlling terminal either

        termios.tcflush(self.handle, termios.TCIFLUSH)
        self.console.print(prompt, end=" ", markup=False, highlight=False)
        ready, _, _ = select.select([self.handle], [], [], PATIENCE)
        return os.read(self.handle, LINE).decode(errors="replace").strip() if ready else ""


@contextmanager
def controlling_terminal(refusal: str = NOBODY) -> Iterator[Terminal]:
    """Open the terminal that controls this process.

    Raises:
        Refused: there is none, this process is not in its foreground, or standard input or output is not a terminal.
    """
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise Refused(refusal)
    try:
        handle = os.open(PATH, os.O_RDWR | os.O_NOCTTY)
    except OSError:
        raise Refused(refusal) from None
    with os.fdopen(handle, "w", encoding="utf-8", closefd=True) as stream:
        if os.tcgetpgrp(handle) != os.getpgrp():
            raise Refused(refusal)
        yield Terminal(Console(file=stream), handle)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is a terminal."""
    return stream is not None and stream.isatty()
