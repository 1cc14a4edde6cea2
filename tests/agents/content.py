"""Tasks about what messages say, and the data that they share."""

from tests.agents.profiles import Holds
from tests.agents.task import Step, Take, Task

TASKS = (
    Task(
        name="fix a typo in an email",
        words="In the first email of Onboarding, write “Great to have you” instead of “Good to have you”.",
        steps=(
            Step(
                "get_content",
                {"id": "Onboarding", "message": "Welcome", "source": True},
                (Take("old", r"(Good to have you)", "body.untrusted"),),
            ),
            Step(
                "update_content",
                {
                    "id": "Onboarding",
                    "message": "Welcome",
                    "replace": [{"old": "Good to have you", "new": "Great to have you"}],
                },
            ),
        ),
        end=(
            Holds(
                "the email says great",
                lambda sandbox: "Great to have you" in sandbox.workspace.texts.edited(("campaign", 1, 101))["body"],
            ),
        ),
        calls=2,
    ),
    Task(
        name="an edit with broken Liquid",
        words="Greet customers by name in the subject of Welcome, but only those who have one.",
        steps=(
            Step(
                "update_content",
                {"id": "1", "message": "101", "subject": "Hi{% if customer.first_name %} you"},
                refused="endif",
            ),
            Step(
                "update_content",
                {"id": "1", "message": "101", "subject": "Hi{% if customer.first_name %} you{% endif %}"},
            ),
        ),
        end=(
            Holds(
                "the subject is set",
                lambda sandbox: sandbox.workspace.texts.edited(("campaign", 1, 101))["subject"].endswith("endif %}"),
            ),
        ),
        calls=2,
    ),
    Task(
        name="add an offer and change the footer with approvals on a terminal",
        words="Add the offer “fall” to our offers, and put our new address into the footer.",
        steps=(
            Step("update_collection", {"action": "add_rows", "collection": "offers", "rows": [{"id": "fall"}]}),
            Step("update_snippet", {"name": "footer", "text": "Acme Ltd, 2 Market Street, London"}),
        ),
        end=(
            Holds(
                "the offer is there", lambda sandbox: {"id": "fall"} in sandbox.workspace.library.collections[1].rows
            ),
            Holds(
                "the footer is new", lambda sandbox: "2 Market" in sandbox.workspace.library.snippets["footer"].value
            ),
        ),
        person="terminal",
        calls=4,
    ),
    Task(
        name="a rejected edit",
        words="Delete the offers.",
        steps=(Step("update_collection", {"action": "delete", "collection": "offers"}, refused="rejected"),),
        end=(Holds("the offers are there", lambda sandbox: 1 in sandbox.workspace.library.collections),),
        person="rejects",
        calls=1,
    ),
)
