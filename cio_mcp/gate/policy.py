"""The policy: whether a person is needed, and where they are asked."""

from dataclasses import dataclass
from typing import Literal

from cio_mcp.gate.plan import Risk
from cio_mcp.settings import Settings

Rule = Literal["confirm", "allow", "hide"]
Where = Literal["ask", "outside"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What each class of write needs; every one needs a person unless the operator says otherwise."""

    data: Rule = "confirm"
    send: Rule = "confirm"
    destroy: Rule = "confirm"

    def rule(self, risk: Risk) -> Rule:
        """The rule for a class of write."""
        rules: dict[Risk, Rule] = {"data": self.data, "send": self.send, "destroy": self.destroy}
        return rules[risk]


def where_asked(settings: Settings, *, over_http: bool) -> Where:
    """Where a person decides: in the client, or outside it.

    `MASK_PII` implies outside, since the question shows real values; over HTTP nobody vouches for the client.
    """
    if settings.mask_pii:
        return "outside"
    return settings.approval or ("outside" if over_http else "ask")
