"""The class of a write of `write_api`, in a plan and in the answers of the search."""

from collections.abc import Iterable

from cio_mcp.customerio.operations import Effect
from cio_mcp.gate.risk import RISKS, Risk


def risk_of(effects: Iterable[Effect]) -> Risk:
    """The highest class of effects; what may create people or change who is reached counts as a send."""
    return max((risk for effect in effects for risk in _risks(effect)), key=RISKS.index)


def _risks(effect: Effect) -> Iterable[Risk]:
    row = effect.operation
    if row.risk != "read":
        yield row.risk
    if "creation" in row.guardrails or row.secrets:
        yield "send"
