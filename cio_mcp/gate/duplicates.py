"""Duplicates: what was sent already, or nearly so, when a plan is made."""

import logging
from dataclasses import dataclass

import anyio.to_thread

from cio_mcp.customerio.canonical import FORM_VERSION
from cio_mcp.gate.plan import Plan, parse_plan
from cio_mcp.gate.receipt import Receipt, happened_at, outcome_of, result_of, scheduled_for
from cio_mcp.storage.effects import Effects
from cio_mcp.storage.rows import ChangeRow, ChangeSummary, Digests, Precedent
from cio_mcp.text.timestamps import from_unix, moment

DUPLICATE_SECONDS = 600.0
"""How long after a send an equal one counts as a duplicate, and a question names one that failed."""
NEAR_SECONDS = 86_400.0
"""How long after a send a question names it, if what is planned is equal or nearly equal."""
OPEN_AND_APPROVED_SECONDS = 7_200.0
"""How long before it is sent a change may have been planned, at most: an hour open, ten minutes approved."""
MAX_NAMED = 3
"""Earlier changes that a question names one by one. Chosen."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What plans of one workspace are compared with."""

    effects: Effects

    async def examine(self, plan: Plan, now: float) -> Plan | Receipt:
        """Answer a plan that was carried out already, or add what of it, or nearly of it, a person must know."""
        # Outside of the event loop, since a batch may hold thousands of requests.
        effect, target = await anyio.to_thread.run_sync(lambda: (plan.effect, plan.target))
        if effect is None:
            return plan
        await self.renew(now)
        same = await self.effects.same(effect, now - DUPLICATE_SECONDS, now)
        if same and not plan.repeat:
            return duplicate_receipt(same, now, can_repeat=plan.repeat is not None)
        digests = Digests(effect, target)
        precedents = [each for each in await self._precedents(digests, now) if same is None or each.row.id != same.id]
        sentences = [_sentence(each, now) for each in precedents[:MAX_NAMED]]
        more = ["There are more of the last 24 hours; list_changes lists them."] if len(precedents) > MAX_NAMED else []
        repeat = [f"{_accepted(same, now)} This is a duplicate."] if same else []
        warnings = (*sentences, *more, *repeat, *plan.warnings)
        sent = [each.row.id for each in precedents if each.row.state != "failed"]
        return plan.model_copy(update={"warnings": warnings, "earlier": tuple(sent)})

    async def renew(self, now: float) -> None:
        """Compute the digests of changes again that an older version compared otherwise; nothing where there is none.

        Changes that no longer count keep theirs, and so do those whose plan is erased or cannot be read.
        """
        since = now - NEAR_SECONDS - OPEN_AND_APPROVED_SECONDS
        while (older := await self.effects.outdated(FORM_VERSION, since=since)) is not None:
            await self.effects.renew(FORM_VERSION, {id_: _digests(id_, plan) for id_, plan in older})

    async def _precedents(self, digests: Digests, now: float) -> list[Precedent]:
        return await self.effects.precedents(
            digests,
            since=now - NEAR_SECONDS,
            failed_since=now - DUPLICATE_SECONDS,
            limit=MAX_NAMED + 2,
        )


def duplicate_receipt(row: ChangeRow, now: float, *, can_repeat: bool) -> Receipt:
    """The receipt of a plan that an earlier change has carried out, or may have.

    `can_repeat` says whether the tool has an argument for a second one.
    """
    when = moment(happened_at(row))
    if row.state_at(now) in ("sending", "unknown"):
        return Receipt(
            status="unknown",
            message=f"The same change was requested at {when}, and its outcome is unknown. Nothing was sent now.",
            change=row.id,
            next_step=row.next_step,
        )
    until = max((row.sending_at or now) + DUPLICATE_SECONDS, row.due_at or 0.0)
    repeat = " If the user wants a second one, pass repeat=true." if can_repeat else ""
    return Receipt(
        status="already_done",
        message=f"The same change {_sent(row, now, when)}.{_made(row)} Nothing was sent now. "
        f"Until {moment(from_unix(int(until)))} an equal one counts as a duplicate.{repeat}",
        change=row.id,
        at=happened_at(row),
        delivery_id=row.delivery_id,
        created_id=(created := outcome_of(row).get("created")),
        next_step=row.next_step if created else None,
        scheduled_for=scheduled_for(row, now),
    )


def _sent(row: ChangeSummary, now: float, when: str) -> str:
    later = scheduled_for(row, now)
    return f"is scheduled for {moment(later)}" if later else f"was sent at {when}"


def _made(row: ChangeSummary) -> str:
    """What the earlier change made, in the words of its receipt."""
    return f" {(result_of(row) or '').removeprefix('Done. ')}" if outcome_of(row).get("created") else ""


def _sentence(precedent: Precedent, now: float) -> str:
    row = precedent.row
    if row.state == "failed":
        return f"The same change was requested at {moment(happened_at(row))} (change {row.id}) and failed."
    return _accepted(row, now, "The same change" if precedent.equal else "A similar change, with other data,")


def _accepted(row: ChangeSummary, now: float, subject: str = "The same change") -> str:
    outcome = "its outcome is unknown" if row.state_at(now) in ("sending", "unknown") else "it was accepted"
    due = f" for {moment(from_unix(int(row.due_at)))}" if row.due_at else ""
    return f"{subject} was requested at {moment(happened_at(row))}{due} (change {row.id}); {outcome}."


def _digests(change: str, plan: str) -> Digests | None:
    try:
        parsed = parse_plan(plan)
    except ValueError:  # for instance one that names an operation which is gone
        log.warning("The plan of change %s cannot be read, so no duplicate of it is looked for.", change)
        return None
    return Digests(parsed.effect, parsed.target) if parsed.is_needed else None
