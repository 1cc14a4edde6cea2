"""Tasks about campaigns and their numbers."""

from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.world.sources import Kind
from tests.agents.checks import Says
from tests.agents.task import Step, Take, Task

NEWEST = Step(
    "list_campaigns",
    {"kind": "newsletter", "limit": 3},
    (Take("newest", r"^(\d+) “", "campaigns.0.id"), Take("all", r"^(\d+) “", "campaigns.*.id", every=True)),
)


def count(sandbox: Sandbox, kind: Kind, number: int, metric: str) -> int:
    """The messages of a source that have a metric by now."""
    now = sandbox.clock.now()
    return sum(each.metrics.get(metric, now + 1) <= now for each in sandbox.workspace.deliveries.of(kind, number))


def best(sandbox: Sandbox, metric: str) -> str:
    """The newsletter, of the latest three, with the highest share of a metric."""
    latest = sorted((number for kind, number in sandbox.workspace.sources if kind == "newsletter"), reverse=True)[:3]

    def rate(number: int) -> float:
        return count(sandbox, "newsletter", number, metric) / count(sandbox, "newsletter", number, "delivered")

    return str(max(latest, key=rate))


def reached(sandbox: Sandbox, campaign: int, message: str) -> int:
    """The people to whom a message of a campaign was created."""
    journeys = sandbox.workspace.journeys_of(campaign)
    return sum(any(each.template.name == message for each in journey.deliveries) for journey in journeys)


TASKS = (
    Task(
        name="state of a campaign by a misspelled name",
        words="Is the Onbording campaign running?",
        steps=(
            Step("get_campaign", {"id": "Onbording"}, (Take("state", r"^campaign 1 “Onboarding”, (\w+)", "state"),)),
        ),
        end=(Says("state", lambda sandbox: sandbox.workspace.sources["campaign", 1].state),),
        calls=2,
        tokens=500,
    ),
    Task(
        name="which newsletter was opened most",
        words="Which of our last three newsletters did people open most, and is the difference real?",
        steps=(
            NEWEST,
            Step(
                "compare_metrics",
                {"kind": "newsletter", "ids": ["{all}"], "metric": "human_opened"},
                (
                    Take("best", r"^1\. “[^”]*” \(id (\d+)\)", "sides.0.id"),
                    Take("verdict", "^(No clear winner)", "answer", part="(No clear winner)"),
                ),
            ),
        ),
        end=(
            Says("best", lambda sandbox: best(sandbox, "human_opened")),
            Says("verdict", lambda _: "No clear winner"),
        ),
        calls=2,
        tokens=1300,
    ),
    Task(
        name="size of the latest newsletter",
        words="How many people did the latest newsletter go to?",
        steps=(
            NEWEST,
            Step(
                "get_metrics",
                {"kind": "newsletter", "id": "{newest}", "resolution": "weeks"},
                (Take("sent", r"^sent ([\d,]*\d)", "totals.sent"),),
            ),
        ),
        end=(Says("sent", lambda sandbox: count(sandbox, "newsletter", 31, "sent")),),
        calls=2,
        tokens=1000,
    ),
    Task(
        name="metrics since a date without a zone",
        words="How many Onboarding emails were sent since 1 May?",
        steps=(
            Step(
                "get_metrics",
                {"id": "Onboarding", "since": "2026-05-01", "resolution": "months"},
                (
                    Take("sent", r"^sent ([\d,]*\d)", "totals.sent"),
                    Take("since", r"since (2026-05-01T00:00:00Z)", "since"),
                ),
            ),
        ),
        end=(
            Says(
                "sent",
                lambda sandbox: sum(
                    1_777_593_600 <= each.metrics.get("sent", 0) <= sandbox.clock.now()
                    for each in sandbox.workspace.deliveries.of("campaign", 1)
                ),
            ),
            Says("since", lambda _: "2026-05-01T00:00:00Z"),
        ),
        calls=1,
        tokens=900,
    ),
    Task(
        name="the link that was clicked most",
        words="Which link of the latest newsletter was clicked most?",
        steps=(
            NEWEST,
            Step(
                "get_metrics",
                {"kind": "newsletter", "id": "{newest}", "links": True, "resolution": "months"},
                (Take("link", r"^ +\d+ “(https[^”]+)”", "links.links.0.href"),),
            ),
        ),
        end=(Says("link", lambda sandbox: sandbox.workspace.sources["newsletter", 31].templates[0].links[0]),),
        calls=2,
        tokens=1100,
    ),
    Task(
        name="a newsletter taken for a campaign",
        words="Which topic do people need to be subscribed to for campaign 31?",
        steps=(
            Step(
                "get_campaign",
                {"id": "31"},
                (Take("topic", r"^subscription topic “([^”]+)”", "subscription_topic"),),
            ),
        ),
        end=(Says("topic", lambda _: "Monthly newsletter"),),
        calls=2,
        tokens=400,
    ),
    Task(
        name="how far people get in a campaign",
        words="How many people got the last message of the Trial campaign?",
        steps=(
            Step(
                "get_campaign",
                {"id": "Trial"},
                (Take("reached", r"“Trial ends”.*reached by (\d+)", "messages.name=Trial ends.people.reached"),),
            ),
        ),
        end=(Says("reached", lambda sandbox: reached(sandbox, 5, "Trial ends")),),
        calls=1,
        tokens=600,
    ),
    Task(
        name="how far people get two weeks later",
        words="Ada starts a trial. How many people have got the last message in two weeks?",
        steps=(
            Step("send_event", {"customer": "ada", "name": "trial_started"}),
            Step(
                "get_campaign",
                {"id": "Trial"},
                (Take("reached", r"“Trial ends”.*reached by (\d+)", "messages.name=Trial ends.people.reached"),),
                advance=20 * 86_400.0,
            ),
        ),
        end=(Says("reached", lambda sandbox: reached(sandbox, 5, "Trial ends")),),
        writes=("track_event",),
        sends=("event trial_started ada",),
        calls=2,
        tokens=800,
    ),
    Task(
        name="stopped campaigns",
        words="Which campaigns are stopped?",
        steps=(
            Step(
                "list_campaigns",
                {"state": "stopped"},
                (Take("names", r"^\d+ “([^”]+)”, stopped", "campaigns.*.name", every=True),),
            ),
        ),
        end=(Says("names", lambda _: "Winback"),),
        calls=1,
        tokens=150,
    ),
    Task(
        name="metrics of a kind in the plural and a vague date",
        words="How did newsletter 31 do last week?",
        steps=(
            Step("get_metrics", {"kind": "newsletters", "id": "31", "since": "last week"}, refused="It is now 2026-"),
            Step(
                "get_metrics",
                {"kind": "newsletter", "id": "31", "since": "2026-06-08", "resolution": "weeks"},
                (Take("sent", r"^sent ([\d,]*\d)", "totals.sent"),),
            ),
        ),
        calls=2,
        tokens=900,
    ),
)
