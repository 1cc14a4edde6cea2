"""Tasks about the workspace: suppressions, webhooks, and operations that no typed tool has."""

from cio_mcp.sandbox import Sandbox
from tests.agents.checks import Holds, Says
from tests.agents.task import Step, Take, Task

EVE = {"email": "eve@example.com"}


def is_suppressed(sandbox: Sandbox, email: str) -> bool:
    return email in sandbox.workspace.bounced


def is_disabled(sandbox: Sandbox) -> bool:
    return next(each for each in sandbox.workspace.webhooks.values() if each.name == "Data warehouse").disabled


CHANGE = Take("change", r"^Change ([0-9a-f]{8})$", "change")
TASKS = (
    Task(
        name="check and remove a suppression",
        words="Is eve@example.com suppressed? Her mailbox works again, so let her have mail.",
        steps=(
            Step("list_suppressions", EVE, (Take("list", r"^- “eve@example.com”, (\w+)", "suppressions.0.type"),)),
            Step("manage_suppression", EVE | {"action": "remove", "type": "{list}"}),
            Step("list_suppressions", EVE, (Take("now", r"^(No),", "suppressed"),)),
        ),
        end=(Holds("eve is not suppressed", lambda sandbox: not is_suppressed(sandbox, "eve@example.com")),),
        writes=("unsuppress_email",),
        calls=3,
        tokens=350,
    ),
    Task(
        name="add a suppression and undo it",
        words="Suppress ada@example.com. No, undo it.",
        steps=(
            Step("manage_suppression", {"email": "ada@example.com", "action": "add"}, (CHANGE,)),
            Step("undo_change", {"change": "{change}"}),
        ),
        end=(Holds("ada is not suppressed", lambda sandbox: not is_suppressed(sandbox, "ada@example.com")),),
        writes=("suppress_email", "unsuppress_email"),
        calls=2,
        tokens=350,
    ),
    Task(
        name="disable a webhook by its name",
        words="Where do we post events to? Stop posting to the data warehouse.",
        steps=(
            Step("list_webhooks", {}, (Take("id", r"^- (\d+) “Data warehouse”", "webhooks.name=Data warehouse.id"),)),
            Step("update_webhook", {"action": "disable", "webhook": "{id}"}),
        ),
        end=(Holds("the webhook is disabled", is_disabled),),
        writes=("update_reporting_webhook",),
        calls=2,
        tokens=300,
    ),
    Task(
        name="what uses a sender, through the API",
        words="Which campaigns use our first sender?",
        steps=(
            Step(
                "search_api",
                {"query": "which campaigns use a sender"},
                (Take("operation", r"^- (get_sender_usage):", "operations.id=get_sender_usage.id"),),
            ),
            Step(
                "read_api",
                {"operation": "{operation}", "arguments": {"sender_id": 1}},
                (Take("campaigns", r"^campaigns: “([^”]+)”", "values.campaigns"),),
            ),
        ),
        end=(Says("campaigns", lambda _: "1, 2, 3, 4, 5"),),
        calls=2,
        tokens=500,
    ),
    Task(
        name="an operation by a wrong name",
        words="From which addresses does Customer.io send requests?",
        steps=(Step("read_api", {"operation": "get_ip_addresses"}, (Take("first", r"([\d.]+\.[\d.]+)", "values"),)),),
        calls=2,
        tokens=400,
    ),
    Task(
        name="a newsletter deleted through the API, which a person rejects",
        words="Delete newsletter 20.",
        steps=(
            Step(
                "search_api",
                {"query": "delete a newsletter"},
                (Take("operation", r"^- (delete_newsletter):", "operations.0.id"),),
            ),
            Step("write_api", {"operation": "{operation}", "arguments": {"newsletter_id": 20}}, refused="rejected"),
        ),
        end=(Holds("it is there", lambda sandbox: ("newsletter", 20) in sandbox.workspace.sources),),
        person="rejects",
        calls=2,
        tokens=500,
    ),
    Task(
        name="a newsletter deleted through the API",
        words="Delete newsletter 20.",
        steps=(Step("write_api", {"operation": "delete_newsletter", "arguments": {"newsletter_id": 20}}),),
        end=(Holds("it is gone", lambda sandbox: ("newsletter", 20) not in sandbox.workspace.sources),),
        writes=("delete_newsletter",),
        calls=1,
        tokens=150,
    ),
    Task(
        name="a send through the API, without its guardrail",
        words="Send ada the password reset through the API.",
        steps=(
            Step(
                "write_api",
                {
                    "operation": "send_email",
                    "body": {
                        "transactional_message_id": 1,
                        "to": "ada@example.com",
                        "identifiers": {"id": "ada"},
                        "message_data": {"reset_url": "https://acme.example/r/1", "minutes": 30},
                    },
                },
                refused="send_to_unsubscribed",
            ),
        ),
        calls=1,
        tokens=150,
    ),
    Task(
        name="the topics that people subscribe to",
        words="Which subscription topic is off by default?",
        steps=(
            Step(
                "get_workspace",
                {"section": "subscription_topics"},
                (
                    Take(
                        "topic",
                        r"“(\w+)” \(topic_\d\), by default opted out",
                        "subscription_topics.subscribed_by_default=False.name",
                    ),
                ),
            ),
        ),
        end=(Says("topic", lambda _: "Offers"),),
        calls=1,
        tokens=200,
    ),
)
