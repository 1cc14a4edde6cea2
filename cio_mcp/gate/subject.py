"""A person's identifiers, and whether a change is about them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from pydantic import JsonValue

from cio_mcp.customerio.mentions import people_in
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.values import texts_in, values_in
from cio_mcp.storage.rows import ChangeRow
from cio_mcp.text.sanitize import quoted

NAMING = frozenset({"id", "customer"})
"""Keys under which operations, and what a plan shows of rows, name a customer."""


@dataclass(frozen=True)
class Subject:
    """All that names a person; `cio_id` without the `cio_` it takes in a path.

    Addresses, numbers and the `cio_id` are found wherever they stand. An id may be any short word, so it counts only
    where a change names whom it is about.
    """

    id: str | None = None
    email: str | None = None
    phone: str | None = None
    cio_id: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What is known, as people write it."""
        cio_id = f"cio_{self.cio_id}" if self.cio_id else None
        return tuple(name for name in (self.id, self.email, self.phone, cio_id) if name)

    def is_in(self, row: ChangeRow) -> bool:
        """Whether a change is about this person or mentions them."""
        texts = (row.summary, row.question, row.outcome or "", row.decided_how or "")
        if not self._may_be_in(*texts, row.plan, row.arguments_json or ""):
            return False
        if self.is_mentioned_in(*texts) or self._mentions(row.summary):
            return True
        if self.is_mentioned_in(*texts_in(json.loads(row.plan)), *texts_in(json.loads(row.arguments_json or "null"))):
            return True
        plan = Change.of(row).plan
        names = (f"{person.label} {person.details}" for person in plan.people)
        return self._mentions(*plan.examples, *names) or (self.id is not None and self.id in _people_of(plan))

    def is_in_data(self, data: str, names_only: bool) -> bool:
        """Whether data of a job (JSON) is about this person or mentions them.

        With `names_only`, an id counts where it names a customer; otherwise, every value that equals it does.
        """
        if not self._may_be_in(data):
            return False
        parsed: JsonValue = json.loads(data)
        if self.is_mentioned_in(*texts_in(parsed)):
            return True
        return self.id is not None and self.id in (_names_in if names_only else values_in)(parsed)

    def is_mentioned_in(self, *texts: str) -> bool:
        """Whether an address, a number or the `cio_id` stands in one of the texts."""
        pattern = self._pattern
        return pattern is not None and any(pattern.search(text) for text in texts)

    def _mentions(self, *texts: str) -> bool:
        return self.id is not None and any(quoted(self.id) in text for text in texts)

    def _may_be_in(self, *texts: str) -> bool:
        """Whether a closer look is worthwhile: most changes are about other people."""
        return any(form in folded for folded in map(str.casefold, texts) for form in self._forms)

    @cached_property
    def _forms(self) -> tuple[str, ...]:
        """How a name may be spelt: as it is, inside JSON, and as quoting shows it."""
        names = [name for name in (self.id, self.email, self.phone, self.cio_id) if name]
        inside = [json.dumps(name, ensure_ascii=False)[1:-1] for name in names]
        return tuple({form.casefold() for form in (*names, *inside, *(quoted(name)[1:-1] for name in names))})

    @cached_property
    def _pattern(self) -> "re.Pattern[str] | None":
        cio_id = [f"cio_{self.cio_id}", self.cio_id] if self.cio_id else []
        identifiers = [name for name in (self.email, self.phone, *cio_id) if name]
        # As quoting shows them: some signs become look-alikes, and what is long is cut.
        spelt = {form for name in identifiers for form in (name, quoted(name)[1:-1])}
        if not spelt:
            return None
        either = "|".join(re.escape(form) for form in sorted(spelt, key=len, reverse=True))
        return re.compile(rf"(?<![\w.+@-])(?:{either})(?![\w@-]|\.\w)", re.IGNORECASE)


def _names_in(value: JsonValue) -> Iterator[str]:
    """What names a customer, at any depth; identifiers of an object do not."""
    match value:
        case list():
            for item in value:
                yield from _names_in(item)
        case dict() if "object_id" not in value:
            for key, item in value.items():
                yield from (
                    _names_in(item) if isinstance(item, dict | list) else values_in(item) if key in NAMING else ()
                )


def _people_of(plan: Plan) -> set[str]:
    """Whom a plan names: as recipients, in what it rests on, and where its operations name people."""
    people = {*plan.recipients, *plan.test_profiles, str(plan.rests_on.get("person"))}
    people |= {plan.trace.person} if plan.trace else set()
    people |= {plan.reads_back.person} if plan.reads_back else set()
    people |= plan.proof.people if plan.proof else set()
    for call in plan.calls:
        people |= people_in(call)
    return people
