"""Tasks about what messages say: contents, snippets, and collections."""

from cio_mcp.sandbox import Sandbox
from tests.agents.checks import Holds, Rows, Subject
from tests.agents.task import Step, Take, Task

CHANGE = Take("change", r"^Change ([0-9a-f]{8})$", "change")
WINTER = {"id": "winter", "title": "Winter sale", "url": "https://acme.example/offer/winter"}
NEW_SUBJECT = {"kind": "transactional", "id": "Password reset", "subject": "Your new password"}


def footer(sandbox: Sandbox) -> str:
    return sandbox.workspace.library.snippets["footer"].value


FOOTER_UNCHANGED = Holds("the footer is as before", lambda sandbox: "1 Market Street" in footer(sandbox))

TASKS = (
    Task(
        name="change a subject",
        words="Call the password email “Your new password”.",
        steps=(Step("update_content", NEW_SUBJECT),),
        end=(Subject("transactional", 1, 11, "Your new password"),),
        writes=("update_transactional_content",),
        calls=1,
        tokens=200,
    ),
    Task(
        name="change a subject and undo it",
        words="Call the password email “Your new password”. No, put the old subject back.",
        steps=(Step("update_content", NEW_SUBJECT, (CHANGE,)), Step("undo_change", {"change": "{change}"})),
        end=(Subject("transactional", 1, 11, "Reset your password"),),
        writes=("update_transactional_content",),
        calls=2,
        tokens=400,
    ),
    Task(
        name="change a subject that a person rejects",
        words="Call the password email “Your new password”.",
        steps=(Step("update_content", NEW_SUBJECT, refused="rejected"),),
        end=(Subject("transactional", 1, 11, "Reset your password"),),
        person="rejects",
        calls=1,
        tokens=150,
    ),
    Task(
        name="the subject of one of several messages",
        words="The second Onboarding email shall be called “Start here”.",
        steps=(
            Step(
                "get_campaign",
                {"id": "Onboarding"},
                (Take("message", r"^ +(\d+), email, “First steps”", "messages.name=First steps.id"),),
            ),
            Step("update_content", {"id": "Onboarding", "message": "{message}", "subject": "Start here"}),
        ),
        end=(Subject("campaign", 1, 102, "Start here"),),
        writes=("update_campaign_action",),
        calls=2,
        tokens=800,
    ),
    Task(
        name="a subject that does not parse",
        words="Greet people by name in the subject of the password email.",
        steps=(
            Step(
                "update_content",
                NEW_SUBJECT | {"subject": "Hi {{customer.first_name}"},
                refused="doesn't parse",
            ),
            Step("update_content", NEW_SUBJECT | {"subject": "Hi {{customer.first_name}}"}),
        ),
        end=(Subject("transactional", 1, 11, "Hi {{customer.first_name}}"),),
        writes=("update_transactional_content",),
        calls=2,
        tokens=300,
    ),
    Task(
        name="a snippet by a name in other letters",
        words="Our address is now Acme GmbH, Berlin. Put it into the Footer.",
        steps=(Step("update_snippet", {"name": "Footer", "text": "Acme GmbH, Berlin"}),),
        end=(Holds("the footer is new", lambda sandbox: footer(sandbox) == "Acme GmbH, Berlin"),),
        writes=("update_snippet",),
        calls=2,
        tokens=250,
    ),
    Task(
        name="a snippet, and undo",
        words="Empty the footer but for Berlin. No, put it back.",
        steps=(
            Step("update_snippet", {"name": "footer", "text": "Berlin"}, (CHANGE,)),
            Step("undo_change", {"change": "{change}"}),
        ),
        end=(FOOTER_UNCHANGED,),
        writes=("update_snippet",),
        calls=2,
        tokens=350,
    ),
    Task(
        name="delete a snippet in use",
        words="Delete the footer.",
        steps=(Step("update_snippet", {"name": "footer", "action": "delete"}, refused="Product news"),),
        end=(FOOTER_UNCHANGED,),
        calls=1,
        tokens=150,
    ),
    Task(
        name="what uses a snippet",
        words="Which messages have the footer?",
        steps=(
            Step("list_snippets", {"name": "footer"}, (Take("used", r"^used by .*(Product news)", "used_by.0.name"),)),
        ),
        calls=1,
        tokens=250,
    ),
    Task(
        name="a row more in a collection",
        words="Add the winter sale to the offers.",
        steps=(Step("update_collection", {"collection": "offers", "action": "add_rows", "rows": [WINTER]}),),
        end=(Rows("id", ("spring", "bundle", "winter")),),
        writes=("update_collection",),
        calls=1,
        tokens=250,
    ),
    Task(
        name="a row less in a collection, and undo",
        words="Take the spring offer out. No, put it back.",
        steps=(
            Step(
                "update_collection",
                {"collection": "offers", "action": "remove_rows", "rows": [{"id": "spring"}]},
                (CHANGE,),
            ),
            Step("undo_change", {"change": "{change}"}),
        ),
        end=(Rows("id", ("spring", "bundle")),),
        writes=("update_collection",),
        calls=2,
        tokens=500,
    ),
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
        writes=("update_campaign_action",),
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
        writes=("update_campaign_action",),
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
        writes=("update_collection", "update_snippet"),
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
    Task(
        name="the row of an offer, changed by what identifies it",
        words="Which offers do we have? The bundle is over, so take it out.",
        steps=(
            Step(
                "list_collections",
                {"collection": "offers"},
                (Take("id", r'^> 2\. .*"id":"(\w+)"', "rows.1.row", r'"id":"(\w+)"'),),
            ),
            Step("update_collection", {"collection": "offers", "action": "remove_rows", "rows": [{"id": "{id}"}]}),
        ),
        end=(Rows("id", ("spring",)),),
        writes=("update_collection",),
        calls=2,
        tokens=500,
    ),
)
