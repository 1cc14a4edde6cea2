"""`cio-mcp policy`: the rules in force for each tool, and why."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cio_mcp.gate.policy import Policy, SyncRule
from cio_mcp.gate.policy_file import policy_of
from cio_mcp.gate.risk import Risk
from cio_mcp.server.definitions import Definition, load, why_withheld
from cio_mcp.server.toolsets import check_toolsets
from cio_mcp.settings import Settings, load_settings
from cio_mcp.text.sanitize import quoted

MEANING = (
    "confirm: a person approves each write.",
    "hide: the tool is not offered, and its writes are refused.",
    "allow: no approval is needed if the audience is known and not large, and the write is not a deliberate repeat. A",
    "       send must also reach only people named in [recipients]. Otherwise, confirm applies.",
)
WIDTH_COLUMNS = 110


@dataclass(frozen=True, slots=True)
class Row:
    """The rule for a tool's writes of a class; any other tool has no class, and is `offer` or `hide`."""

    tool: str
    risk: Risk | None
    rule: str
    why: str
    approval: str | None = None
    approval_why: str | None = None


def rows(definitions: Iterable[Definition], policy: Policy, settings: Settings, *, over_http: bool) -> Iterator[Row]:
    """Tool by tool; a tool that is not offered at all has the first reason for it."""
    for each in definitions:
        risks: tuple[Risk | None, ...] = each.classes or (None,)
        for risk in risks:
            if reason := why_withheld(each, settings):
                yield Row(each.name, risk, "hide", reason)
            elif risk is None:
                hidden = not policy.lists(each.name, ())
                rule, why = ("hide", f"tool.{each.name}.rule") if hidden else ("offer", "default")
                yield Row(each.name, None, rule, why)
            else:
                in_force = policy.rule_for(each.name, risk)
                where = policy.where_to_ask(each.name, risk, settings, may_be_asked=not over_http)
                approval = (where.value, where.why) if in_force.value != "hide" else (None, None)
                yield Row(each.name, risk, in_force.value, in_force.why, *approval)


def policy_as_text(*, over_http: bool) -> str:
    """A table of rules, the limits, and an explanation of the terms.

    Raises:
        SettingError: a setting or the policy file is wrong.
    """
    settings, policy, rules = _in_force(over_http=over_http)
    table = Table(box=None, pad_edge=False, header_style="")
    for head in ("tool", "class", "rule", "why", "approval", "why"):
        table.add_column(head, no_wrap=head != "why")
    for row in rules:
        if row.risk is not None or row.rule == "hide":
            table.add_row(*(Text(cell or "") for cell in _cells(row)))
    page = StringIO()
    console = Console(file=page, width=WIDTH_COLUMNS, markup=False, highlight=False, color_system=None)
    console.print(table)
    reads = sum(row.risk is None and row.rule != "hide" for row in rules)
    lines = [
        f"{reads} tools write nothing and need no approval.",
        "",
        f"file            {settings.policy_file or 'none (CIO_POLICY_FILE): every write needs approval'}",
        f"large_audience  {policy.large_audience:,} ({policy.why('large_audience')}): above it, the number is typed",
        f"sends_an_hour   {policy.sends_an_hour or 'no cap'} ({policy.why('sends_an_hour')})",
        f"recipients      {_recipients_text(policy)} ({policy.why('recipients')})",
        *(f"sync {name}: {_sync_text(rule)}" for name, rule in sorted(policy.syncs.items())),
        "",
        *MEANING,
    ]
    return "\n".join([*(line.rstrip() for line in page.getvalue().splitlines()), "", *lines])


def policy_as_json(*, over_http: bool) -> str:
    """The same for programs: a list of tools, and the limits, each with `value` and `why`.

    Raises:
        SettingError: a setting or the policy file is wrong.
    """
    settings, policy, rules = _in_force(over_http=over_http)
    recipients = policy.recipients
    beside: dict[str, Any] = {
        "large_audience": policy.large_audience,
        "sends_an_hour": policy.sends_an_hour,
        "recipients": {
            "addresses": sorted(recipients.addresses),
            "domains": sorted(recipients.domains),
            "segment": recipients.segment,
        },
    }
    answer = {
        "file": str(settings.policy_file) if settings.policy_file else None,
        "tools": [{"class" if key == "risk" else key: value for key, value in asdict(row).items()} for row in rules],
        "syncs": {name: asdict(rule) for name, rule in sorted(policy.syncs.items())},
        **{key: {"value": value, "why": policy.why(key)} for key, value in beside.items()},
    }
    return json.dumps(answer, indent=2, ensure_ascii=False)


def _in_force(*, over_http: bool) -> tuple[Settings, Policy, list[Row]]:
    settings, definitions = load_settings(keys_needed=False), load()
    check_toolsets(definitions, settings)
    policy = policy_of(settings, {each.name: each.classes for each in definitions})
    return settings, policy, list(rows(definitions, policy, settings, over_http=over_http))


def _cells(row: Row) -> tuple[str | None, ...]:
    return row.tool, row.risk or "(reads)", row.rule, row.why, row.approval, row.approval_why


def _sync_text(rule: SyncRule) -> str:
    if rule.rule != "allow":
        return rule.rule
    more = [name for name, allowed in (("create", rule.create), ("starts", rule.starts)) if allowed]
    return ", ".join([f"allow up to {rule.max_changed:,} changed rows and {rule.max_share:.0%} of all", *more])


def _recipients_text(policy: Policy) -> str:
    recipients = policy.recipients
    entries = [*sorted(recipients.addresses), *(f"@{domain}" for domain in sorted(recipients.domains))]
    if recipients.segment:
        entries.append(f"segment {quoted(recipients.segment)}")
    return ", ".join(entries) or "nobody"
