"""The keyboard of a terminal: lines, and single keys as they are pressed.

On Windows, keys come from the console by `msvcrt`. That part is written from its documentation: no test runs there.
"""

import os
import re
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from cio_mcp.clock import SYSTEM_CLOCK

if sys.platform != "win32":
    import termios
    import tty

MAX_LINE_BYTES = 1024
ESCAPE = "\x1b"
POLL_SECONDS = 0.05
"""Seconds between two looks at a Windows console, which cannot be waited for."""

_KEY = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])|.", re.DOTALL)
_NAMES = {
    **dict.fromkeys(("\x1b[A", "\x1bOA", "k"), "up"),
    **dict.fromkeys(("\x1b[B", "\x1bOB", "j"), "down"),
    **dict.fromkeys(("\x1b[5~", "\x02"), "page up"),
    **dict.fromkeys(("\x1b[6~", "\x06", " "), "page down"),
    **dict.fromkeys(("\x1b[H", "\x1bOH", "\x1b[1~", "g"), "home"),
    **dict.fromkeys(("\x1b[F", "\x1bOF", "\x1b[4~", "G"), "end"),
    **dict.fromkeys(("\r", "\n"), "enter"),
    **dict.fromkeys(("q", "Q", "\x04"), "quit"),
}
_WINDOWS_NAMES = {"H": "up", "P": "down", "I": "page up", "Q": "page down", "G": "home", "O": "end"}

Keys = Callable[[float], list[str]]
"""Returns the names of the keys pressed within some seconds; a key without a name here stands for itself."""


class Keyboard(Protocol):
    """Where a person types; what was typed in advance never counts."""

    def line(self, seconds: float) -> str:
        """Return the line typed within `seconds`, or "", also if Esc was pressed in it."""

    def drop_pending(self) -> None:
        """Forget what was typed so far."""

    def keys(self) -> AbstractContextManager[Keys]:
        """Have single keys read, without showing them, until the block ends."""


def key_names(typed: str) -> list[str]:
    """Split what a terminal sends into keys."""
    return [_NAMES.get(key, key) for key in _KEY.findall(typed)]


class PosixKeyboard:
    """The keyboard of a terminal that is open as a file descriptor."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def line(self, seconds: float) -> str:
        """Return the line typed within `seconds`, or "", also if Esc was pressed in it."""
        typed = self._read(seconds, MAX_LINE_BYTES)
        if ESCAPE not in typed:
            return typed.strip()
        self.drop_pending()  # An arrow key sends more than Esc.
        return ""

    def drop_pending(self) -> None:
        """Forget what was typed so far."""
        termios.tcflush(self._handle, termios.TCIFLUSH)

    @contextmanager
    def keys(self) -> Iterator[Keys]:
        """Have single keys read; the terminal is as before when the block ends."""
        with self._restored():
            tty.setcbreak(self._handle)
            yield lambda seconds: key_names(self._read(seconds, MAX_LINE_BYTES))

    @contextmanager
    def escape_ends_lines(self) -> Iterator[None]:
        """Have Esc end a line as Enter does; the terminal is as before when the block ends."""
        with self._restored() as attributes:
            attributes[6][termios.VEOL] = ESCAPE.encode()
            termios.tcsetattr(self._handle, termios.TCSADRAIN, attributes)
            yield

    @contextmanager
    def _restored(self) -> Iterator[list[Any]]:
        """The attributes of the terminal, which are set again when the block ends."""
        before = termios.tcgetattr(self._handle)
        try:
            yield [*before[:6], list(before[6])]
        finally:
            termios.tcsetattr(self._handle, termios.TCSADRAIN, before)

    def _read(self, seconds: float, size: int) -> str:
        ready, _, _ = select.select([self._handle], [], [], seconds)
        return os.read(self._handle, size).decode(errors="replace") if ready else ""


if sys.platform == "win32":
    import msvcrt

    class WindowsKeyboard:
        """The keyboard of the Windows console."""

        def line(self, seconds: float) -> str:
            """Return the line typed within `seconds`, or "", also after Esc; it is shown as it is typed."""
            typed, until = "", SYSTEM_CLOCK.steady() + seconds
            while (key := self._key(until)) not in ("", "\r", "\n", ESCAPE):
                if key == "\b":
                    typed = typed[:-1]
                    msvcrt.putwch("\b")
                    msvcrt.putwch(" ")
                elif key.isprintable():
                    typed = (typed + key)[:MAX_LINE_BYTES]
                msvcrt.putwch(key)
            msvcrt.putwch("\r")
            msvcrt.putwch("\n")
            return typed.strip() if key not in ("", ESCAPE) else ""

        def drop_pending(self) -> None:
            """Forget what was typed so far."""
            while msvcrt.kbhit():
                msvcrt.getwch()

        @contextmanager
        def keys(self) -> Iterator[Keys]:
            """Have single keys read."""
            yield self._read_keys

        def _read_keys(self, seconds: float) -> list[str]:
            key = self._key(SYSTEM_CLOCK.steady() + seconds)
            if key in ("\x00", "\xe0"):
                return [_WINDOWS_NAMES.get(msvcrt.getwch(), "")]
            return key_names(key)

        def _key(self, until: float) -> str:
            while not msvcrt.kbhit():
                if SYSTEM_CLOCK.steady() >= until:
                    return ""
                time.sleep(POLL_SECONDS)
            key = msvcrt.getwch()
            if key == "\x03":
                raise KeyboardInterrupt
            return key
