"""How many people a plan is about, and what the choice to approve it says."""

from cio_mcp.gate.plan import Plan


def recipients(plan: Plan) -> str:
    """The people of a plan, those who are expected to be reached first."""
    match plan.reached:
        case None | plan.affected:
            return people_count(plan.affected)
        case 0:
            return f"{people_count(plan.affected)}, but nobody is expected to be reached"
        case reached:
            verb = "is" if reached == 1 else "are"
            return f"{people_count(reached)} {verb} expected to be reached, {people_count(plan.affected)} at most"


def approval_title(plan: Plan) -> str:
    """What happens after an approval, in a few words."""
    if plan.effect_title or plan.affected == 0:
        return plan.effect_title or "apply it"
    people = people_count(plan.affected)
    if plan.risk == "send" and (plan.edits or plan.people):
        return f"update {people}; this may send messages"
    if plan.risk == "send" and plan.reached not in {None, plan.affected}:
        return f"send, expected to reach {plan.reached or 0:,} of {people}"
    return {"send": f"send to {people}", "data": f"update {people}", "destroy": f"delete for {people}"}[plan.risk]


def people_count(count: int | None) -> str:
    """A number of people in words; None is an unknown one."""
    if count is None:
        return "an unknown number of people"
    return "1 person" if count == 1 else f"{count:,} people"
