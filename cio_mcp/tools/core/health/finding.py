"""A finding about the health of a workspace: what, how much, against which threshold, and what to look at next."""

from collections.abc import Mapping
from typing import Literal

from cio_mcp.text.sanitize import quoted_text
from cio_mcp.text.untrusted import Prose, Untrusted
from cio_mcp.tools.common.person_ref import AnswerPart

Check = Literal[
    "failing_messages",
    "unverified_sender",
    "flat_line",
    "rising_bounces",
    "rising_complaints",
    "odd_state",
    "segment",
    "webhook",
    "receiver",
    "suppression",
]
CHECKS: Mapping[Check, str] = {
    "failing_messages": "messages that fail, by template and reason",
    "unverified_sender": "failures that name an unverified sender",
    "flat_line": "sources that went silent",
    "rising_bounces": "rising bounces",
    "rising_complaints": "rising complaints",
    "odd_state": "campaigns that send although they don't run",
    "segment": "empty and unfinished segments",
    "webhook": "disabled reporting webhooks",
    "receiver": "a silent receiver",
    "suppression": "growing suppression at the email provider",
}
"""What each check looks for."""


class Finding(AnswerPart):
    """One finding; `reason` is Customer.io's or a mail server's text."""

    check: Check
    what: Prose
    number: Prose
    reason: Untrusted | None = None
    threshold: Prose
    source: Prose
    next: Prose

    def __str__(self) -> str:
        reason = f", reason {quoted_text(self.reason)}" if self.reason else ""
        return (
            f"{self.check.replace('_', ' ')}: {self.what}: {self.number}{reason} "
            f"(threshold: {self.threshold}; source: {self.source}). Next: {self.next}"
        )
