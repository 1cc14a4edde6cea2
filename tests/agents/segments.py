"""Tasks about segments."""

from tests.agents.checks import InSegment, Says
from tests.agents.task import Step, Take, Task

TASKS = (
    Task(
        name="size of a segment",
        words="How many people are in the VIP segment?",
        steps=(Step("get_segment", {"segment": "VIP"}, (Take("count", r"^([\d,]+) people", "count"),)),),
        end=(
            Says("count", lambda sandbox: sum(sandbox.workspace.segments[2].has(p) for p in sandbox.workspace.people)),
        ),
        calls=1,
    ),
    Task(
        name="add to a manual segment",
        words="Add bob and eve to the beta testers.",
        steps=(
            Step("list_segments", {}, (Take("id", r"“Beta testers” \(id (\d+)", "segments.name=Beta testers.id"),)),
            Step("update_segment", {"segment": "{id}", "action": "add", "customers": ["bob", "eve"]}),
        ),
        end=(InSegment("bob", 3), InSegment("eve", 3), InSegment("ada", 3)),
    ),
    Task(
        name="add to a dynamic segment",
        words="Add bob to the VIP segment.",
        steps=(Step("update_segment", {"segment": "VIP", "action": "add", "customers": ["bob"]}, refused="dynamic"),),
        end=(InSegment("bob", 2, is_in=False),),
        calls=1,
    ),
)
