"""Tasks about messages: what was sent, and why something was not."""

from typing import Any

from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.world.deliveries import Delivery
from tests.agents.checks import Holds, Says, person_of
from tests.agents.task import Step, Take, Task

VERDICT = Take("verdict", r"^Verdict: (\w+)\b", "verdict")
NEXT = Take("next", r"^Next: (.+)$", "next_step")


def invoice(number: int) -> tuple[str, str, dict[str, Any]]:
    """A request for an invoice to Ada, which fails, as the template is broken."""
    data = {"number": f"R-{number}", "paid": True, "total": "12.00"}
    body = {"transactional_message_id": 8, "to": "ada@example.com", "identifiers": {"id": "ada"}, "message_data": data}
    return "POST", "/v1/send/email", body


RESET_WITHOUT_LINK = {
    "transactional_message_id": 1,
    "to": "ada@example.com",
    "identifiers": {"id": "ada"},
    "message_data": {"minutes": 30},
}
ON_VIP = ("PUT", "/api/v1/customers/bob", {"plan": "vip"})


def latest(sandbox: Sandbox, customer: str) -> Delivery:
    return sandbox.workspace.deliveries.to(person_of(sandbox, customer))[0]


def why(
    name: str, words: str, arguments: dict[str, Any], verdict: str, *, changes: tuple[Any, ...] = (), tokens: int = 700
) -> Task:
    """A task that asks for a cause."""
    return Task(
        name=name,
        words=words,
        steps=(Step("explain_delivery", arguments, (VERDICT, NEXT)),),
        end=(Says("verdict", lambda _: verdict),),
        changes=changes,
        calls=2,
        tokens=tokens,
    )


TASKS = (
    why(
        "no welcome though the campaign is running",
        "Bob is a VIP. Why did he not get the VIP welcome?",
        {"customer": "bob", "kind": "campaign", "id": "VIP welcome"},
        "unsubscribed",
        changes=(ON_VIP,),
    ),
    why(
        "no message of a stopped campaign",
        "Why does ada get no Winback emails?",
        {"customer": "ada", "kind": "campaign", "id": "Winback"},
        "not_running",
    ),
    why(
        "a message that bounced",
        "Eve says that she did not get our email. What happened?",
        {"customer": "eve@example.com"},
        "bounced",
    ),
    why(
        "a message that nobody sent",
        "Bob did not get his password email. Why?",
        {"customer": "bob", "kind": "transactional", "id": "Password reset"},
        "never_triggered",
    ),
    why(
        "a message whose template is broken",
        "Ada got no invoice. Why?",
        {"customer": "ada", "kind": "transactional", "id": "Invoice"},
        "failed",
        changes=(invoice(1),),
    ),
    why(
        "a message without its data",
        "Ada got no password email. Why?",
        {"customer": "ada", "kind": "transactional", "id": "Password reset"},
        "failed",
        changes=(("POST", "/v1/send/email", RESET_WITHOUT_LINK),),
    ),
    why(
        "a suppressed customer",
        "Why does gone@example.com get nothing?",
        {"customer": "gone@example.com", "kind": "newsletter", "id": "31"},
        "customer_unknown",
    ),
    why(
        "a customer who is not in the audience",
        "Why did bob not get the VIP welcome?",
        {"customer": "bob", "kind": "campaign", "id": "VIP welcome"},
        "not_in_audience",
    ),
    why(
        "a message that arrived",
        "Did eve get the newsletter?",
        {"customer": "eve", "kind": "newsletter", "id": "31"},
        "delivered",
    ),
    Task(
        name="a failing template, found and repaired",
        words="Is anything wrong in our workspace? Repair it if it is a template.",
        steps=(
            Step(
                "get_workspace",
                {"section": "health"},
                (
                    Take(
                        "id",
                        r"kind=transactional, id=(\d+)",
                        "health.findings.check=failing_messages.next",
                        r"id=(\d+)",
                    ),
                    Take(
                        "reason",
                        r"unknown tag '(\w+)'",
                        "health.findings.check=failing_messages.reason",
                        r"unknown tag '(\w+)'",
                    ),
                ),
            ),
            Step(
                "get_content",
                {"kind": "transactional", "id": "{id}", "source": True},
                (Take("message", r"^message (\d+)", "message"),),
            ),
            Step(
                "update_content",
                {
                    "kind": "transactional",
                    "id": "{id}",
                    "message": "{message}",
                    "replace": [{"old": "{% endfi %}", "new": "{% endif %}"}],
                },
            ),
        ),
        end=(
            Holds(
                "the template parses",
                lambda sandbox: (
                    "{% endif %}" in sandbox.workspace.texts.edited(("transactional", 8, 81)).get("body", "")
                ),
            ),
        ),
        writes=("update_transactional_content",),
        changes=tuple(invoice(number) for number in range(5)),
        calls=3,
        tokens=1200,
    ),
    Task(
        name="whose invoice failed",
        words="Who got no invoice in the last weeks?",
        steps=(
            Step(
                "list_messages",
                {"kind": "transactional", "id": "Invoice", "metric": "failed"},
                (Take("to", r"^failed .*?to “([^”]+)”", "messages.*.recipient", every=True),),
            ),
        ),
        end=(
            Says(
                "to",
                lambda sandbox: [each.recipient for each in sandbox.workspace.deliveries.of("transactional", 8)],
            ),
        ),
        calls=1,
        tokens=900,
    ),
    Task(
        name="what the last message said",
        words="Show me the last email that ada got.",
        steps=(
            Step(
                "list_messages",
                {"customer": "ada", "channel": "email", "limit": 1},
                (Take("id", r", id “?([^”\s]+)”?$", "messages.0.id"),),
            ),
            Step(
                "get_message",
                {"id": "{id}", "content": True},
                (Take("subject", r"subject “([^”]+)”:", "content.subject"),),
            ),
        ),
        end=(Says("subject", lambda _: "Reset your password"),),
        calls=2,
        tokens=600,
    ),
    Task(
        name="all messages of a customer, page by page",
        words="How often did we write to ada since April?",
        steps=(
            Step(
                "list_messages",
                {"customer": "ada", "since": "2026-04-01T00:00:00Z", "limit": 4},
                (Take("ids", r", id “?([^”\s]+)”?$", "messages.*.id", every=True),),
                pages=9,
            ),
        ),
        end=(
            Says(
                "ids",
                lambda sandbox: [
                    each.id
                    for each in sandbox.workspace.deliveries.to(person_of(sandbox, "ada"))
                    if each.created >= 1_775_001_600
                ],
            ),
        ),
        calls=9,
        tokens=2500,
    ),
)
