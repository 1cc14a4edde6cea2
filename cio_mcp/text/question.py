"""The question a person is asked before a write: facts first, in a fixed order, and the change id at the end."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """What a question states; every line is ours, with foreign text in it already quoted and cut.

    `whom` is None where there is nobody whom it could concern.
    """

    change: str
    summary: str
    contents: tuple[str, ...]
    edits: tuple[str, ...]
    whom: str | None
    examples: tuple[str, ...]
    starts: tuple[str, ...] | None
    why: str
    warnings: tuple[str, ...]
    typed: str | None


def question(facts: Facts) -> str:
    """Blank-line-separated paragraphs that read well plain: clients may or may not render Markdown."""
    return "\n\n".join(_paragraphs(facts))


def _paragraphs(facts: Facts) -> Iterable[str]:
    yield _listed(facts.summary, facts.contents)
    if facts.edits:
        yield _listed("What changes:", facts.edits)
    if facts.whom is not None:
        yield _listed(f"To whom: {facts.whom}", facts.examples)
    if facts.starts is not None:
        yield _listed(f"What it may start:{'' if facts.starts else ' no running campaign.'}", facts.starts)
    if facts.why:
        yield facts.why
    if facts.warnings:
        yield _listed("Mind:", facts.warnings)
    if facts.typed is not None:
        yield f"To approve, also type {facts.typed} into the field provided."
    yield f"Change {facts.change}. Nothing is done unless you approve; an approval counts once."


def _listed(head: str, lines: tuple[str, ...]) -> str:
    return "\n".join([head, *(f"- {line}" for line in lines)])
