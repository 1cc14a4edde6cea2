"""Tasks that send: events, transactional messages, and broadcasts, also while something fails."""

from typing import Any

from tests.agents.checks import Holds, Says
from tests.agents.task import Step, Take, Task

DATA = {"reset_url": "https://acme.example/r/1", "minutes": 30}
RESET: dict[str, Any] = {"message": "Password reset", "customer": "ada", "data": DATA}
NEWS: dict[str, Any] = {"headline": "New", "text": "All that is new."}
CHANGE = Take("change", r"^Change ([0-9a-f]{8})$", "change")
DELIVERY = Take("delivery", r"^Delivery “?([^”\s]+)", "delivery_id")
SIGNED_UP = {"customer": "ada", "name": "signed_up"}
EVENTS = "/api/v1/customers/"
UNKNOWN = Step("list_changes", {"state": "unknown"}, (Take("unknown", r"^(\w+)  .*unknown", "changes.0.id"),))

TASKS = (
    Task(
        name="a transactional message by a misspelled name",
        words="Send ada the Pasword reset.",
        steps=(Step("send_transactional", RESET | {"message": "Pasword reset"}),),
        writes=("send_email",),
        sends=("transactional 1 ada",),
        calls=2,
        tokens=250,
    ),
    Task(
        name="a transactional message on the wrong channel",
        words="Text ada the password reset, or send it however it is sent.",
        steps=(Step("send_transactional", RESET | {"channel": "sms"}),),
        writes=("send_email",),
        sends=("transactional 1 ada",),
        calls=2,
        tokens=250,
    ),
    Task(
        name="a code by SMS",
        words="Send ada the login code 1234.",
        steps=(Step("send_transactional", {"message": "Login code", "customer": "ada", "data": {"code": "1234"}}),),
        writes=("send_sms",),
        sends=("transactional 3 ada",),
        calls=1,
        tokens=150,
    ),
    Task(
        name="a message at a time without a zone",
        words="Send ada the password reset tomorrow at nine.",
        steps=(
            Step(
                "send_transactional",
                RESET | {"send_at": "2026-06-16 09:00"},
                (Take("when", r"send_at (\S+Z)", "scheduled_for"), DELIVERY),
            ),
            Step("get_message", {"id": "{delivery}"}, (Take("sent", r"sent (\S+Z)", "timeline.sent"),), advance=90_000),
        ),
        end=(
            Says("when", lambda _: "2026-06-16T09:00:00Z"),
            Holds("sent at nine", lambda sandbox: sandbox.workspace.sends[0]["send_at"] == 1_781_600_400),
        ),
        writes=("send_email",),
        sends=("transactional 1 ada",),
        calls=2,
        tokens=500,
    ),
    Task(
        name="a message to an unsubscribed customer",
        words="Send bob the password reset, and tell me if he won't get it.",
        steps=(
            Step(
                "send_transactional",
                RESET | {"customer": "bob"},
                (Take("warning", r"^Warning: The customer is (\w+)", "warnings.0", r"The customer is (\w+)"),),
            ),
        ),
        end=(Says("warning", lambda _: "unsubscribed"),),
        writes=("send_email",),
        sends=("transactional 1 bob",),
        calls=1,
        tokens=200,
    ),
    Task(
        name="a message without a variable",
        words="Send ada the password reset, valid for 30 minutes.",
        steps=(
            Step(
                "send_transactional",
                RESET | {"data": {"minutes": 30}},
                (Take("missing", r"^Warning: .*: “(\w+)”\.", "warnings.0", r"“(\w+)”\.$"),),
            ),
        ),
        end=(Says("missing", lambda _: "reset_url"),),
        writes=("send_email",),
        sends=("transactional 1 ada",),
        calls=1,
        tokens=200,
    ),
    Task(
        name="a message that a person rejects",
        words="Send ada the password reset.",
        steps=(Step("send_transactional", RESET, refused="rejected"),),
        person="rejects",
        calls=1,
        tokens=100,
    ),
    Task(
        name="a message with an approval on a terminal",
        words="Send ada the password reset.",
        steps=(Step("send_transactional", RESET),),
        writes=("send_email",),
        sends=("transactional 1 ada",),
        person="terminal",
        calls=2,
        tokens=350,
    ),
    Task(
        name="a message followed until it arrives",
        words="Send ada the password reset, and tell me when it has arrived.",
        steps=(
            Step("send_transactional", RESET, (CHANGE, DELIVERY)),
            Step(
                "wait_for_event",
                {"change": "{change}", "metric": "delivered"},
                (Take("arrived", r"(delivered), “ada", "event.metric"),),
                advance=30.0,
            ),
        ),
        end=(Says("arrived", lambda _: "delivered"),),
        writes=("send_email",),
        sends=("transactional 1 ada",),
        webhooks=True,
        calls=2,
        tokens=350,
    ),
    Task(
        name="a message that cannot arrive",
        words="Send bob the password reset, and tell me when it has arrived.",
        steps=(
            Step("send_transactional", RESET | {"customer": "bob"}, (CHANGE,)),
            Step(
                "wait_for_event",
                {"change": "{change}", "metric": "delivered"},
                (Take("instead", r"^It won't occur: the delivery is (\w+)", "note", r"the delivery is (\w+)"),),
            ),
        ),
        end=(Says("instead", lambda _: "undeliverable"),),
        writes=("send_email",),
        sends=("transactional 1 bob",),
        webhooks=True,
        calls=2,
        tokens=500,
    ),
    Task(
        name="a message that was sent, though the answer was an error",
        words="Send ada the password reset. If you are not sure, look before you try again.",
        steps=(
            Step("send_transactional", RESET, refused="unknown"),
            UNKNOWN,
            Step("send_transactional", RESET, refused="Nothing was sent now"),
        ),
        writes=("send_email",),
        sends=("transactional 1 ada",),
        faults=({"method": "POST", "path": "/v1/send/email", "kind": "accept_then_503"},),
        calls=3,
        tokens=600,
    ),
    Task(
        name="a message that was sent, though the line dropped",
        words="Send ada the password reset, and try again if you see an error.",
        steps=(
            Step("send_transactional", RESET, refused="unknown"),
            Step("send_transactional", RESET, refused="Nothing was sent now"),
        ),
        writes=("send_email",),
        sends=("transactional 1 ada",),
        faults=({"method": "POST", "path": "/v1/send/email", "kind": "accept_then_drop"},),
        calls=2,
        tokens=400,
    ),
    Task(
        name="a message refused by the rate limit",
        words="Send ada the password reset, and try again if nothing was sent.",
        steps=(
            Step("send_transactional", RESET, refused="Failed. Nothing was sent."),
            Step("send_transactional", RESET, advance=60.0),
        ),
        writes=("send_email",),
        sends=("transactional 1 ada",),
        faults=({"method": "POST", "path": "/v1/send/email", "kind": "429"},),
        calls=2,
        tokens=400,
    ),
    Task(
        name="the same message twice, on purpose",
        words="Send ada the password reset. Now send it once more.",
        steps=(
            Step("send_transactional", RESET),
            Step("send_transactional", RESET, refused="repeat=true"),
            Step("send_transactional", RESET | {"repeat": True}),
        ),
        writes=("send_email",),
        sends=("transactional 1 ada", "transactional 1 ada"),
        calls=3,
        tokens=500,
    ),
    Task(
        name="send an event once though Customer.io fails at first",
        words="Send ada the event signed_up.",
        steps=(Step("send_event", SIGNED_UP),),
        writes=("track_event",),
        sends=("event signed_up ada",),
        faults=({"method": "POST", "path": EVENTS, "kind": "status:503"},),
        calls=1,
        tokens=150,
    ),
    Task(
        name="send an event once though the line drops",
        words="Send ada the event signed_up.",
        steps=(Step("send_event", SIGNED_UP),),
        writes=("track_event",),
        sends=("event signed_up ada",),
        faults=({"method": "POST", "path": EVENTS, "kind": "drop"},),
        calls=1,
        tokens=150,
    ),
    Task(
        name="an event that was sent already",
        words="Send ada the event signed_up. Did you send it? If not, do it now.",
        steps=(
            Step("send_event", SIGNED_UP),
            Step("send_event", {"customer": "ada@example.com", "name": "signed_up"}),
        ),
        writes=("track_event",),
        sends=("event signed_up ada",),
        calls=2,
        tokens=250,
    ),
    Task(
        name="an event without the data that a message needs",
        words="Send ada order_placed for order A-1.",
        steps=(
            Step(
                "send_event",
                {"customer": "ada", "name": "order_placed", "data": {"order_id": "A-1"}},
                (Take("missing", r"^Warning: .*: “(\w+)”\.", "warnings.0", r"“(\w+)”\.$"),),
            ),
        ),
        end=(Says("missing", lambda _: "total"),),
        writes=("track_event",),
        sends=("event order_placed ada",),
        calls=1,
        tokens=200,
    ),
    Task(
        name="a broadcast to a segment",
        words="Send the Product new broadcast to the VPI segment. How many got it?",
        steps=(
            Step(
                "trigger_broadcast",
                {"broadcast": "Product new", "audience": {"segment": "VPI"}, "data": NEWS},
                (Take("reach", r"expected to reach (\d+) of", "message", r"expected to reach (\d+) of"),),
            ),
            Step(
                "list_messages",
                {"kind": "broadcast", "id": "Product news", "metric": "sent", "since": "2026-06-15T12:00:00Z"},
                (Take("to", r"^sent .*?to “([^”]+)”", "messages.*.recipient", every=True),),
                advance=60.0,
                pages=3,
            ),
        ),
        end=(
            Says("reach", lambda _: 4),
            Says(
                "to",
                lambda sandbox: [
                    each.recipient
                    for each in sandbox.workspace.deliveries.of("broadcast", 10)
                    if each.created >= sandbox.workspace.started_at and "sent" in each.metrics
                ],
            ),
        ),
        writes=("trigger_broadcast",),
        sends=("broadcast 10",),
        calls=4,
        tokens=1400,
    ),
    Task(
        name="a broadcast that a person rejects",
        words="Send the product news to the VIP segment.",
        steps=(
            Step(
                "trigger_broadcast",
                {"broadcast": "10", "audience": {"segment": "VIP"}, "data": NEWS},
                refused="rejected",
            ),
        ),
        person="rejects",
        calls=1,
        tokens=150,
    ),
    Task(
        name="a broadcast that was sent, though the answer was an error",
        words="Send the product news to the VIP segment, and try again if you see an error.",
        steps=(
            Step(
                "trigger_broadcast", {"broadcast": "10", "audience": {"segment": "2"}, "data": NEWS}, refused="unknown"
            ),
            Step(
                "trigger_broadcast",
                {"broadcast": "10", "audience": {"segment": "VIP"}, "data": NEWS},
                refused="Nothing was sent now",
                advance=60.0,
            ),
        ),
        writes=("trigger_broadcast",),
        sends=("broadcast 10",),
        faults=({"method": "POST", "path": "/v1/campaigns/10/triggers", "kind": "accept_then_503"},),
        calls=2,
        tokens=400,
    ),
    Task(
        name="what happened in the last hour",
        words="Send ada the password reset. What has been reported about her in the last hour?",
        steps=(
            Step("send_transactional", RESET, (CHANGE,)),
            Step(
                "recent_events",
                {"customer": "ada", "since": "2026-06-15T12:30:00Z"},
                (Take("metrics", r"^\S+Z email (\w+), “ada", "events.*.metric", every=True),),
                advance=30.0,
            ),
        ),
        end=(Says("metrics", lambda _: ["delivered", "sent"]),),
        writes=("send_email",),
        sends=("transactional 1 ada",),
        webhooks=True,
        calls=2,
        tokens=500,
    ),
)
