"""The controlling terminal: where a person sits, whatever standard input and output are."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, TextIO

from rich.console import Console

from cio_mcp.cli import keyboard
from cio_mcp.cli.keyboard import Keyboard, PosixKeyboard
from cio_mcp.errors import Refused
from cio_mcp.gate.approvals import confirms
from cio_mcp.gate.plan import Plan
from cio_mcp.text.sanitize import clean

TERMINAL_PATH = "/dev/tty"
ANSWER_SECONDS = 600.0
"""Seconds a question stays open: as long as an approval would count."""
CODE_LENGTH = 4
CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""The letters of a code; none can be read as another."""
MAX_CONFIRMATION_CHARACTERS = 200
NO_TERMINAL = "Approving requires a terminal, without redirected input or output. Nothing was approved."
DENY = "d"


@dataclass(frozen=True, slots=True)
class TerminalAnswer:
    """A decision made at a terminal, and the typed confirmation."""

    decision: Literal["approve", "deny", "mismatch", "none"]
    confirmation: str | None = None


@dataclass(frozen=True, slots=True)
class Terminal:
    """A console to show something on, and the keyboard beside it."""

    console: Console
    keyboard: Keyboard

    def confirmed(self, action: str) -> bool:
        """Whether a person types a code that can only be read here; `action` is a verb, such as "erase"."""
        return self._code(deny=None, note="", action=action).decision == "approve"

    def approval(self, plan: Plan) -> TerminalAnswer:
        """Whether a person types the confirmation, if required, and then a code that is shown only here."""
        return self._answer(plan, deny=None, note="")

    def decision(self, plan: Plan) -> TerminalAnswer:
        """The decision of a person, who approves as above, or types `d` to deny, or an empty line for neither."""
        return self._answer(plan, deny=DENY, note=f" ({DENY} denies, Enter alone goes back)")

    def _answer(self, plan: Plan, *, deny: str | None, note: str) -> TerminalAnswer:
        confirmation = None
        if plan.confirmation is not None:
            confirmation = self.ask(f"First, type {clean(plan.confirmation, MAX_CONFIRMATION_CHARACTERS)}{note}:")
            if confirmation.casefold() in ("", deny):
                return TerminalAnswer("deny" if confirmation else "none")
            if not confirms(plan, confirmation):
                return TerminalAnswer("mismatch")
        return replace(self._code(deny=deny, note=note), confirmation=confirmation)

    def _code(self, *, deny: str | None, note: str, action: str = "approve") -> TerminalAnswer:
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
        answer = self.ask(f"To {action}, type {code}{note}:").casefold()
        if answer in ("", deny):
            return TerminalAnswer("deny" if answer else "none")
        return TerminalAnswer("approve" if answer == code.casefold() else "mismatch")

    def ask(self, prompt: str) -> str:
        """Return the line typed after the prompt, or "" if none comes in time; text typed before it does not count."""
        self.keyboard.drop_pending()
        self.console.print(prompt, end=" ", markup=False, highlight=False)
        return self.keyboard.line(ANSWER_SECONDS)


@contextmanager
def controlling_terminal(refusal: str = NO_TERMINAL) -> Iterator[Terminal]:
    """Open the terminal that controls this process.

    Raises:
        Refused: there is none, this process is not in its foreground, or standard input or output is not a terminal.
    """
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise Refused(refusal)
    if sys.platform == "win32":
        yield Terminal(Console(), keyboard.WindowsKeyboard())
        return
    try:
        handle = os.open(TERMINAL_PATH, os.O_RDWR | os.O_NOCTTY)
    except OSError:
        raise Refused(refusal) from None
    with os.fdopen(handle, "w", encoding="utf-8", closefd=True) as stream:
        if os.tcgetpgrp(handle) != os.getpgrp():
            raise Refused(refusal)
        posix = PosixKeyboard(handle)
        with posix.escape_ends_lines():
            yield Terminal(Console(file=stream), posix)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is a terminal."""
    return stream is not None and stream.isatty()
