"""Decisions: the closed list of how a change is approved or declined, as the journal stores it and people read it.

The phrases also decide: `REJECTIONS` count against the next proposal. Type checks keep every writer to them.
"""

from typing import Literal, get_args

ApprovalPhrase = Literal["approved in the client", "on a terminal", "allowed by the policy file"]
"""How a change is approved."""
RejectionPhrase = Literal["rejected in the client", "denied in a terminal"]
"""How a person decides against a change."""
WithdrawalPhrase = Literal[
    "the approval request expired",
    "the confirmation text did not match",
    "no response in time",
    "not approved on the terminal",
    "interrupted on the terminal",
    "the policy no longer allows it",
    "it is no longer needed",
    "an equal change was sent in the meantime",
    "the approval expired",
    "the clock was set back after the approval",
    "the data of its person was erased",
]
"""How a change is declined although nobody decided against it.

So is what `webhooks register` gives up: there the person proposes it, and a mistyped code is no rejection.
"""
DeclinePhrase = RejectionPhrase | WithdrawalPhrase
"""How a change is declined."""

REJECTED_IN_CLIENT: RejectionPhrase = "rejected in the client"
REJECTIONS: frozenset[str] = frozenset(get_args(RejectionPhrase))
