"""Tasks about segments."""

from cio_mcp.sandbox import Sandbox
from tests.agents.checks import Holds, InSegment, Says
from tests.agents.task import Step, Take, Task

COUNT = Take("count", r"^([\d,]*\d) people", "count")
VIPS = Says("count", lambda sandbox: sum(sandbox.workspace.segments[2].has(p) for p in sandbox.workspace.people))
CHANGE = Take("change", r"^Change ([0-9a-f]{8})$", "change")

MARCH, JUNE = 1_772_323_200, 1_781_481_600
"""2026-03-01 and 2026-06-15, in Unix seconds."""


def bounced_are_in(sandbox: Sandbox) -> bool:
    """Whether everyone with a message that bounced from March to mid-June is a beta tester."""
    bounced = [each.person for each in sandbox.workspace.deliveries if MARCH <= each.metrics.get("bounced", 0) < JUNE]
    return bool(bounced) and all(sandbox.workspace.segments[3].has(person) for person in bounced)


TASKS = (
    Task(
        name="size of a segment",
        words="How many people are in the VIP segment?",
        steps=(Step("get_segment", {"segment": "VIP"}, (COUNT,)),),
        end=(VIPS,),
        calls=1,
        tokens=150,
    ),
    Task(
        name="size of a segment by a misspelled name",
        words="How many people are in the VPI segment?",
        steps=(Step("get_segment", {"segment": "VPI"}, (COUNT,)),),
        end=(VIPS,),
        calls=2,
        tokens=200,
    ),
    Task(
        name="size of a segment by a name in quotation marks",
        words="How many people are in “VIP”?",
        steps=(Step("get_segment", {"segment": "“VIP”"}, (COUNT,)),),
        end=(VIPS,),
        calls=1,
        tokens=150,
    ),
    Task(
        name="everyone whose email bounced, in a segment",
        words="Add everyone whose email bounced since March to Beta testers.",
        steps=(
            Step(
                "update_segment",
                {
                    "action": "add",
                    "segment": "Beta testers",
                    "messages": {"metric": "bounced", "since": "2026-03-01", "until": "2026-06-15"},
                },
            ),
        ),
        end=(Holds("everyone whose email bounced is in it", bounced_are_in),),
        writes=("add_to_segment",),
        calls=1,
        tokens=250,
    ),
    Task(
        name="members of a segment, page by page",
        words="Who is in the VIP segment?",
        steps=(
            Step(
                "get_segment",
                {"segment": "VIP", "members": True, "limit": 2},
                (Take("ids", r"^- “([^”]+)”, “", "members.*.id", every=True),),
                pages=9,
            ),
        ),
        end=(
            Says(
                "ids",
                lambda sandbox: [str(p.id) for p in sandbox.workspace.people if sandbox.workspace.segments[2].has(p)],
            ),
        ),
        calls=4,
        tokens=700,
    ),
    Task(
        name="add to a manual segment",
        words="Add bob and eve to the beta testers.",
        steps=(
            Step("list_segments", {}, (Take("id", r"“Beta testers” \(id (\d+)", "segments.name=Beta testers.id"),)),
            Step("update_segment", {"segment": "{id}", "action": "add", "customers": ["bob", "eve"]}),
        ),
        end=(InSegment("bob", 3), InSegment("eve", 3), InSegment("ada", 3)),
        writes=("add_to_segment",),
        calls=2,
        tokens=300,
    ),
    Task(
        name="add three of whom one is unknown",
        words="Add bob, nobody and eve@example.com to the beta testers. Leave out whom you don't find, and tell me.",
        steps=(
            Step(
                "update_segment",
                {"segment": "Beta testers", "action": "add", "customers": ["bob", "nobody", "eve@example.com"]},
            ),
        ),
        end=(InSegment("bob", 3), InSegment("eve", 3), Says("omitted", lambda _: "nobody")),
        writes=("add_to_segment",),
        calls=2,
        tokens=250,
    ),
    Task(
        name="add to a dynamic segment",
        words="Add bob to the VIP segment.",
        steps=(Step("update_segment", {"segment": "VIP", "action": "add", "customers": ["bob"]}, refused="dynamic"),),
        end=(InSegment("bob", 2, is_in=False),),
        calls=1,
        tokens=150,
    ),
    Task(
        name="a new segment with two people",
        words="Make a segment “Webinar” with bob and eve, then tell me its size.",
        steps=(
            Step("update_segment", {"action": "create", "name": "Webinar"}),
            Step("update_segment", {"segment": "Webinar", "action": "add", "customers": ["bob", "eve"]}),
            Step("get_segment", {"segment": "Webinar"}, (COUNT,), advance=5.0),
        ),
        end=(InSegment("bob", 5), InSegment("eve", 5), Says("count", lambda _: "2")),
        writes=("create_segment", "add_to_segment"),
        calls=3,
        tokens=500,
    ),
    Task(
        name="a segment that equals a list",
        words="The beta testers should be exactly ada, eve@example.com, and bob. Tell me who you don't find.",
        steps=(
            Step(
                "sync_segment",
                {"segment": "Beta testers", "customers": ["ada", "eve@example.com", "bob", "nobody"]},
            ),
        ),
        end=(*(InSegment(id_, 3) for id_ in ("ada", "eve", "bob")), InSegment("p-00001", 3, is_in=False)),
        writes=("remove_from_segment", "add_to_segment"),
        calls=1,
        tokens=250,
    ),
    Task(
        name="remove from a segment and undo it",
        words="Take ada out of the beta testers. No, put her back.",
        steps=(
            Step("update_segment", {"segment": "3", "action": "remove", "customers": ["ada"]}, (CHANGE,)),
            Step("undo_change", {"change": "{change}"}, advance=5.0),
        ),
        end=(InSegment("ada", 3),),
        writes=("remove_from_segment", "add_to_segment"),
        calls=2,
        tokens=350,
    ),
    Task(
        name="delete a segment that a person rejects",
        words="Delete the beta testers.",
        steps=(Step("update_segment", {"segment": "Beta testers", "action": "delete"}, refused="rejected"),),
        end=(
            InSegment("ada", 3),
            Holds("the segment is there", lambda sandbox: 3 in sandbox.workspace.segments),
        ),
        person="rejects",
        calls=1,
        tokens=100,
    ),
)
