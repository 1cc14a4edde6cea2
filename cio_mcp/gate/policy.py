"""The policy: whether a person is needed, and where they are asked. Of two rules the stricter wins."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cio_mcp.gate.risk import Risk
from cio_mcp.gate.typed_tools import TYPED_TOOLS
from cio_mcp.settings import Settings

if TYPE_CHECKING:
    from cio_mcp.gate.plan import Plan  # it loads all that can be written, which the start does not need

Rule = Literal["allow", "confirm", "hide"]
Where = Literal["ask", "outside"]

RULES: tuple[Rule, ...] = ("allow", "confirm", "hide")
WHERES: tuple[Where, ...] = ("ask", "outside")
"""The possible values, the strictest last."""

LARGE_AUDIENCE = 1000
"""People above which a count must be typed back, unless the policy file says otherwise."""

BY_POLICY = "policy"
"""Who decided, in the journal, where no person did; every principal has a prefix, so none is called this."""

PLAIN_ADDRESS = re.compile(r"[a-z0-9.!#$&'*+/=?^_~-]+@(?P<domain>[a-z0-9-]+(?:\.[a-z0-9-]+)*)")
"""A plain address, in lower case: no name, no quotes, no second @, nothing beyond ASCII; only these can be listed.

Braces, pipes and percent signs are missing on purpose: Customer.io may render an address as a Liquid template.
"""


@dataclass(frozen=True, slots=True)
class InForce:
    """What is in force, and why: `default`, a key of the policy file, `environment` or `MASK_PII`."""

    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What the policy file says about a class or a tool; None where it says nothing."""

    rule: Rule | None = None
    approval: Where | None = None


@dataclass(frozen=True, slots=True)
class SyncRule:
    """What the policy file says about a sync by its name; `allow` holds for runs of this size at most.

    `max_share` is a part of all rows, or of the segment. `create` allows to create customers, `starts` what may start
    campaigns or change who receives messages.
    """

    rule: Rule
    max_changed: int = 0
    max_share: float = 0.0
    create: bool = False
    starts: bool = False

    def covers(self, plan: "Plan") -> bool:
        """Whether a run is small enough, and does nothing that the rule does not name."""
        size = plan.sync
        if size is None or size.changed > self.max_changed or size.share > self.max_share:
            return False
        started = bool(plan.starts) or size.reaches or (plan.risk == "send" and not size.creates)
        return plan.risk != "destroy" and (self.create or not size.creates) and (self.starts or not started)


@dataclass(frozen=True, slots=True)
class Recipients:
    """The only people for whom a `send` may be allowed: addresses and domains in lower case, a manual segment."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    segment: str | None = None

    def __bool__(self) -> bool:
        return bool(self.addresses or self.domains or self.segment)

    def covers_all(self, recipients: Collection[str], test_profiles: Collection[str]) -> bool:
        """Whether each recipient is allowed; an empty list is not "everyone"."""
        profiles = test_profiles if self.segment else ()
        return bool(recipients) and all(one in profiles or self._name(one) for one in recipients)

    def _name(self, recipient: str) -> bool:
        # `lower` of a non-ASCII letter may be an ASCII one: the address as it stands must be plain already.
        plain = PLAIN_ADDRESS.fullmatch(recipient.lower()) if recipient.isascii() else None
        return plain is not None and (plain[0] in self.addresses or plain["domain"] in self.domains)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator's file says; without one every write needs a person."""

    classes: Mapping[Risk, Entry] = field(default_factory=dict)
    tools: Mapping[str, Entry] = field(default_factory=dict)
    syncs: Mapping[str, SyncRule] = field(default_factory=dict)
    recipients: Recipients = field(default_factory=Recipients)
    large_audience: int = LARGE_AUDIENCE
    sends_an_hour: int | None = None
    explicit_keys: frozenset[str] = frozenset()
    """The top-level keys that the file sets."""

    def why(self, key: str) -> str:
        """Where the value of a top-level key (`large_audience`, `sends_an_hour`, `recipients`) comes from."""
        return "policy file" if key in self.explicit_keys else "default"

    def rule_for(self, tool: str, risk: Risk) -> InForce:
        """The rule for a tool's writes of a class; `allow` still depends on each plan."""
        return InForce(*self._rule(tool, risk))

    def rule_of(self, tool: str, plan: "Plan") -> Rule:
        """The rule for one plan; `allow` holds only if it is small, known, new, and for allowed recipients."""
        if plan.sync is not None:
            return self._rule_of_sync(tool, plan)
        rules = [self._rule(tool, plan.risk)[0], *(one.rule for one in self._of_typed_tools(tool, plan) if one.rule)]
        rule = max(rules, key=RULES.index)
        return "confirm" if rule == "allow" and not self._may_be_allowed(plan) else rule

    def lists(self, tool: str, risks: Collection[Risk]) -> bool:
        """Whether clients see a tool: not if it is hidden, nor if all it can do (none: it only reads) is."""
        hidden = bool(risks) and all(self.rule_for(tool, risk).value == "hide" for risk in risks)
        return not hidden and self.tools.get(tool, Entry()).rule != "hide"

    def where_to_ask(self, tool: str, risk: Risk, settings: Settings, *, may_be_asked: bool) -> InForce:
        """Where a person decides: in the client, or outside it.

        `MASK_PII` implies outside, since the question shows real values; a client over HTTP is not trusted with it.
        """
        modes: list[tuple[Where, str]] = [("outside", "MASK_PII")] if settings.mask_pii else []
        if settings.approval:
            modes.append((settings.approval, "environment"))
        modes += [(one.approval, f"{key}.approval") for key, one in self._entries(tool, risk) if one.approval]
        if not settings.approval:
            modes.append(("ask" if may_be_asked else "outside", "default"))
        return InForce(*max(modes, key=lambda mode: WHERES.index(mode[0])))

    def asks_here(self, tool: str, plan: "Plan", settings: Settings, *, may_be_asked: bool) -> bool:
        """Whether a client that can ask may, about one plan."""
        if any(entry.approval == "outside" for entry in self._of_typed_tools(tool, plan)):
            return False
        return self.where_to_ask(tool, plan.risk, settings, may_be_asked=may_be_asked).value == "ask"

    def hides_read(self, operation: str) -> str | None:
        """The hidden tool that makes a read, which then no other tool may make; None where there is none."""
        tools = TYPED_TOOLS.get(operation, ())
        return next((tool for tool in tools if self.tools.get(tool, Entry()).rule == "hide"), None)

    def confirmation_of(self, plan: "Plan") -> str | None:
        """What a person must type to approve a plan, if anything: what the plan wants, else the count, else a name."""
        if plan.confirmation is not None:
            return plan.confirmation
        if plan.affected is not None and plan.affected > self.large_audience:
            return str(plan.affected)
        return _thing(plan) if plan.affected is None or plan.risk == "destroy" else None

    def caps(self, risk: Risk) -> int | None:
        """How many writes of a class may leave in an hour; None: as many as are approved."""
        return self.sends_an_hour if risk == "send" else None

    def _rule(self, tool: str, risk: Risk) -> tuple[Rule, str]:
        rules = [(entry.rule, f"{key}.rule") for key, entry in self._entries(tool, risk) if entry.rule]
        if not rules:
            return "confirm", "default"
        rule, key = max(rules, key=lambda one: RULES.index(one[0]))
        if rule == "allow" and risk == "destroy" and self.classes.get("destroy", Entry()).rule is None:
            return "confirm", "default: only [class.destroy] can allow it"
        if rule == "allow" and risk == "send" and not self.recipients:
            return "confirm", "default: [recipients] is empty"
        return rule, key

    def _entries(self, tool: str, risk: Risk) -> list[tuple[str, Entry]]:
        """What the file says about a tool's writes of a class, each with its key there."""
        return [(f"class.{risk}", self.classes.get(risk, Entry())), (f"tool.{tool}", self.tools.get(tool, Entry()))]

    def _of_typed_tools(self, tool: str, plan: "Plan") -> list[Entry]:
        """What the file says about the typed tools of a plan's operations, if another tool requests them.

        It only makes a rule stricter: what is allowed for a typed tool is allowed in its form alone.
        """
        owners = (TYPED_TOOLS.get(operation, ()) for operation in plan.operations)
        return [self.tools[name] for names in owners if tool not in names for name in names if name in self.tools]

    def _rule_of_sync(self, tool: str, plan: "Plan") -> Rule:
        """The rule for a run of a sync: its own, unless one for the class or for a tool is stricter."""
        own = self.syncs.get(plan.sync.name) if plan.sync else None
        if own is None or (own.rule == "allow" and not (own.covers(plan) and self._is_new(plan))):
            own = SyncRule("confirm")
        entries = (self.classes.get(plan.risk, Entry()), *self._of_typed_tools(tool, plan))
        return max([own.rule, *(entry.rule for entry in entries if entry.rule)], key=RULES.index)

    @staticmethod
    def _is_new(plan: "Plan") -> bool:
        return not (plan.repeat or plan.earlier or plan.rejections)

    def _may_be_allowed(self, plan: "Plan") -> bool:
        if not self._is_new(plan) or plan.job is not None:
            return False
        if plan.affected is None or plan.affected > self.large_audience:
            return False
        # A segment may decide which recipients are allowed, so joining one needs approval.
        # The file of an export holds data about many people, and may go anywhere.
        if any({"segment_membership", "data_export"} & call.guardrails for call in plan.calls):
            return False
        # An address among the attributes may be anyone's: a new customer must be allowed by their own identifier.
        if plan.creates and not self.recipients.covers_all(plan.creates, ()):
            return False
        everyone = plan.affected <= len(plan.recipients)
        covered = everyone and self.recipients.covers_all(plan.recipients, plan.test_profiles)
        return covered or plan.risk == "data" or (plan.risk == "destroy" and plan.affected == 0)


def _thing(plan: "Plan") -> str:
    """What the first request that names something is about; the class of the plan if none does."""
    return next((name for call in plan.calls if (name := call.subject)), plan.risk)
