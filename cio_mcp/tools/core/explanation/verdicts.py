"""The verdicts of `explain_delivery`: a closed list, in order of precedence, with what each means and what to do next.

`docs/verdicts.md` describes them; a test compares the two.
"""

from typing import Literal, NamedTuple

Verdict = Literal[
    "customer_unknown",
    "delivered",
    "sent_not_confirmed",
    "bounced",
    "drafted",
    "not_running",
    "never_triggered",
    "failed",
    "not_in_audience",
    "unsubscribed",
    "topic_off",
    "no_address",
    "suppressed",
    "undeliverable",
    "missing_data",
    "scheduled_or_waiting",
    "already_received",
    "not_visible",
]


class Meaning(NamedTuple):
    """What a verdict means, and what to do next."""

    means: str
    next_step: str


MEANINGS: dict[Verdict, Meaning] = {
    "customer_unknown": Meaning(
        "No customer has this identifier.",
        "Search with find_customers. If the customer was suppressed, Customer.io ignores the identifier until someone"
        " unsuppresses it.",
    ),
    "delivered": Meaning(
        "It was delivered.",
        "Check that the customer reads this address, and look in the spam folder. get_message has the content.",
    ),
    "sent_not_confirmed": Meaning(
        "It was sent, but no delivery is reported.",
        "Wait if it was sent recently. Otherwise check the provider of this channel.",
    ),
    "bounced": Meaning(
        "The recipient's server, carrier, or device refused it.",
        "Correct the address in the profile. The email provider may suppress it until it is removed from the list.",
    ),
    "drafted": Meaning(
        "It is held as a draft until a person sends it in Customer.io.",
        "Send or delete the draft in Customer.io, under Deliveries & Drafts.",
    ),
    "not_running": Meaning(
        "It is not running: a draft, stopped, switched off, or not sent yet.",
        "Start it in Customer.io, if that is intended.",
    ),
    "never_triggered": Meaning(
        "Nothing started it for this customer.",
        "Check the system that should start it: the name of the event, its time, or the API call.",
    ),
    "failed": Meaning(
        "Customer.io could not create or send it.",
        "Correct the template or the data. Then trigger it again.",
    ),
    "not_in_audience": Meaning(
        "The customer is not in its audience.",
        "Compare the customer with the conditions of the segment in Customer.io. get_segment lists its members.",
    ),
    "unsubscribed": Meaning(
        "The customer is unsubscribed from all messages.",
        "Only the customer should resubscribe.",
    ),
    "topic_off": Meaning(
        "The customer is not subscribed to its topic.",
        "Only the customer should subscribe to the topic.",
    ),
    "no_address": Meaning(
        "The profile has no address for its channel: email address, phone number, or device.",
        "Add the address to the profile.",
    ),
    "suppressed": Meaning(
        "The address is suppressed, by Customer.io or by the email provider.",
        "Find out why the address was suppressed before someone removes it from the list.",
    ),
    "undeliverable": Meaning(
        "Customer.io did not send it, for a reason that is not visible, such as a message limit.",
        "Read the failure that Customer.io states. Without one, look at the delivery in Customer.io.",
    ),
    "missing_data": Meaning(
        "Its template requires data or attributes that are missing.",
        "Send the data, or give the variables a default in the template.",
    ),
    "scheduled_or_waiting": Meaning(
        "It is scheduled, queued, or will be tried again.",
        "Call this tool again later, or wait_for_event.",
    ),
    "already_received": Meaning(
        "The customer received it earlier, and a later trigger created no new one.",
        "Check in Customer.io whether customers may enter the campaign again.",
    ),
    "not_visible": Meaning(
        "Nothing that the API shows explains it.",
        "Look at the customer's journey in Customer.io. What it shows there and the API does not is listed above.",
    ),
}
DELIVERED_ELSEWHERE = "Check that the customer uses this device or number. get_message has the content."
"""What to do next about a message that was delivered and is no email."""
PRECEDENCE: dict[Verdict, int] = {verdict: place for place, verdict in enumerate(MEANINGS)}
"""The main verdict of several is the first: what came of the message, then what stopped it, in the order in which
Customer.io would come to it."""
