"""What became of a message, in a word."""

import pytest

from cio_mcp.customerio.api.base import Message
from cio_mcp.text.timestamps import from_unix, moment
from cio_mcp.tools.common.sources import SourceRef
from cio_mcp.tools.core.deliveries import MessageLine, channel_of, sent_by, status_of, timeline, type_of

AT = 1_780_000_000


def message(**metrics: int | None) -> Message:
    return Message(id="d1", type="email", metrics=metrics, created=from_unix(AT))


@pytest.mark.parametrize(
    ("metrics", "status"),
    [
        ({}, "created"),
        ({"created": AT, "sent": AT + 1}, "sent"),
        ({"sent": AT, "delivered": AT + 5}, "delivered"),
        ({"delivered": AT, "opened": AT + 9}, "opened"),
        ({"delivered": AT, "opened": AT + 9, "human_opened": AT + 9}, "opened"),
        ({"delivered": AT, "opened": AT + 9, "prefetch_opened": AT + 9}, "opened by a machine"),
        ({"delivered": AT, "opened": AT + 9, "machine_opened": AT + 9}, "opened by a machine"),
        ({"opened": AT + 9, "prefetch_opened": AT + 9, "human_opened": AT + 20}, "opened"),
        ({"opened": AT, "prefetch_opened": AT, "clicked": AT, "prefetch_clicked": AT}, "clicked by a machine"),
        ({"human_opened": AT, "clicked": AT, "prefetch_clicked": AT}, "opened"),
        ({"human_opened": AT, "clicked": AT, "human_clicked": AT}, "clicked"),
        ({"clicked": AT, "converted": AT}, "converted"),
        ({"sent": AT, "bounced": AT + 2}, "bounced"),
        ({"drafted": AT}, "drafted"),
        ({"sent": AT, "attempted": AT - 1, "delivered": AT + 1}, "delivered"),
        ({"sent": AT, "opened": None, "clicked": 0}, "sent"),
    ],
)
def test_the_status_is_the_most_that_became_of_it(metrics: dict[str, int | None], status: str) -> None:
    assert status_of(message(**metrics)).word == status


def test_a_status_says_when_a_person_did_it() -> None:
    opened = message(opened=AT + 1, prefetch_opened=AT + 1, human_opened=AT + 60)
    assert status_of(opened).at == from_unix(AT + 60)


def test_a_line_states_the_time_of_its_status_once() -> None:
    line = MessageLine(id="d1", channel="email", created=from_unix(AT), status="bounced", status_at=from_unix(AT + 2))
    assert str(line).count(moment(from_unix(AT + 2))) == 1
    of_metric = line.model_copy(update={"happened": from_unix(AT + 2)})
    assert str(of_metric).count(moment(from_unix(AT + 2))) == 1
    assert ", bounced, " in str(of_metric)


def test_counts_in_place_of_times_leave_the_time_of_the_metric_itself() -> None:
    assert status_of(message(opened=AT + 9, human_opened=2)) == ("opened", from_unix(AT + 9))
    assert status_of(message(opened=AT + 9, prefetch_opened=2)) == ("opened by a machine", from_unix(AT + 9))


def test_the_timeline_is_in_order_and_leaves_out_what_did_not_happen() -> None:
    assert list(timeline(message(delivered=AT + 5, sent=AT, clicked=None))) == ["sent", "delivered"]


def test_the_source_of_a_message_is_inferred_from_its_ids() -> None:
    assert sent_by(Message.of({"id": "d", "campaign_id": 5})) == SourceRef("campaign", "5")
    assert sent_by(Message.of({"id": "d", "campaign_id": 5, "broadcast_id": 10})) == SourceRef("broadcast", "10")
    assert sent_by(Message.of({"id": "d", "newsletter_id": 20, "campaign_id": None})) == SourceRef("newsletter", "20")
    assert sent_by(Message.of({"id": "d", "transactional_message_id": 3})) == SourceRef("transactional", "3")
    assert sent_by(Message.of({"id": "d", "campaign_id": 0, "newsletter_id": ""})) is None


def test_sms_is_twilio_to_the_api_and_sms_to_everybody_else() -> None:
    assert type_of("sms") == "twilio"
    assert type_of("email") == "email"
    assert type_of(None) is None
    assert channel_of(Message(id="d", type="twilio")) == "sms"
