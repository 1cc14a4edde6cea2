"""Guardrails: rules on calls that apply to every plan."""

from collections.abc import Callable, Iterable, Mapping

from pydantic import JsonValue

from cio_mcp.customerio.call import Call
from cio_mcp.customerio.operations import OPERATIONS, Effect, Guardrail, value_at
from cio_mcp.errors import Refused
from cio_mcp.gate.plan import Plan, parse_plan
from cio_mcp.gate.risk import RISKS
from cio_mcp.text.names import hidden_characters, meanings, names_in
from cio_mcp.text.sanitize import quoted

MAIL_REDIRECTS = frozenset({"recipient", "from_address", "reply_to"})
"""Event data keys with which Customer.io lets an event override a campaign's settings (Track API, track events)."""

SENDER_OVERRIDES = frozenset({"bcc", "fake_bcc", "from", "from_id", "reply_to", "reply_to_id", "cc", "headers"})
"""Fields of a message that would change its sender or add recipients."""

REDIRECTS = frozenset({"recipient"})
"""Fields of a message's content that would send what everyone gets to somebody else."""

SENDER_FIELDS = SENDER_OVERRIDES | REDIRECTS
"""Both."""

SENDER_IDENTITIES = frozenset({"from_id", "reply_to_id"})
"""What an edit of a message may set all the same: they pick sender identities of the workspace."""


def check_plan(plan: Plan) -> None:
    """Refuse a plan that must not be approved, or that the journal cannot keep.

    Raises:
        Refused: as `check_roundtrip`, `check_risk`, and `check`.
    """
    check_roundtrip(plan)
    check_risk(plan)
    check(plan.calls)


def check_risk(plan: Plan) -> None:
    """Refuse a plan of a lower risk class than one of its operations has.

    Raises:
        Refused: a policy for the lower class would decide about it.
    """
    risks = [OPERATIONS[id_].risk for id_ in plan.operations]
    if any(risk != "read" and RISKS.index(risk) > RISKS.index(plan.risk) for risk in risks):
        raise Refused(f"Its requests are riskier than the class {plan.risk}. Nothing was sent. Report this as a bug.")


def check(calls: Iterable[Call]) -> None:
    """Refuse calls that must not be approved, by the guardrails of their operations.

    Raises:
        Refused: a call redirects mail, overrides its sender, leaves it open whether unsubscribed people are reached, or
            names anything, such as an attribute or a part of event data, by what cannot be seen.
    """
    for call in calls:
        _refuse_hidden(call.body)
        for effect in call.effects:
            for rule in effect.operation.guardrails:
                if check_effect := CHECKS.get(rule):
                    check_effect(effect)


def check_roundtrip(plan: Plan) -> None:
    """Refuse a plan that would not come out of the journal as it went in, for then others than its calls would be made.

    Raises:
        Refused: it holds a number that JSON has no word for, half a character, or is nested too deeply.
    """
    try:
        if parse_plan(plan.model_dump_json()).digest == plan.digest:
            return
    except (ValueError, RecursionError):
        pass
    raise Refused(
        "The values can't be stored exactly: they contain NaN, Infinity, an incomplete character, a number that is too "
        "long, or too many levels. Nothing was sent."
    )


def _refuse_event_keys(effect: Effect) -> None:
    field = effect.operation.event_data
    # Where the field that holds an event's data is not known, it may be any.
    data = value_at(effect.body, field) if field else dict.fromkeys(names_in(effect.body))
    _refuse(data if isinstance(data, dict) else {}, MAIL_REDIRECTS, "would redirect a campaign's mail")


def _refuse_sender(effect: Effect) -> None:
    refused = SENDER_OVERRIDES if effect.operation.evidence == "delivery" else SENDER_FIELDS
    _refuse(_message_fields(effect), refused, "would override the message's sender or its other recipients")


def _refuse_foreign_sender(effect: Effect) -> None:
    _refuse(
        _message_fields(effect),
        SENDER_FIELDS - SENDER_IDENTITIES,
        "would override the message's sender or its other recipients; from_id and reply_to_id pick a sender",
    )


def _message_fields(effect: Effect) -> Mapping[str, JsonValue]:
    """The fields of a message: those of the body, or where it is not published any in it."""
    if effect.operation.unpublished and effect.operation.evidence != "delivery":
        return dict.fromkeys(names_in(effect.body))
    return effect.body if isinstance(effect.body, dict) else {}


def _require_choice(effect: Effect) -> None:
    # Null is no choice: Customer.io may read it as its default, which is true.
    if not isinstance(effect.body, dict) or not isinstance(effect.body.get("send_to_unsubscribed"), bool):
        raise Refused("A send must set send_to_unsubscribed to true or false. Nothing was sent.")


CHECKS: Mapping[Guardrail, Callable[[Effect], None]] = {
    "explicit_send_to_unsubscribed": _require_choice,
    "reserved_event_keys": _refuse_event_keys,
    "sender_identities": _refuse_foreign_sender,
    "sender_overrides": _refuse_sender,
}
"""What is refused by rule. The other rules, on who is created or joins a segment, are for the policy."""


def _refuse(values: Mapping[str, JsonValue], refused: frozenset[str], reason: str) -> None:
    meant = frozenset[str]().union(*(meanings(name, value) for name, value in values.items()))
    if names := ", ".join(sorted(meant & refused)):
        raise Refused(f"{names}: not allowed, because it {reason}. Omit it. Nothing was sent.")


def _refuse_hidden(body: JsonValue) -> None:
    for name in names_in(body):
        if hidden := hidden_characters(name):
            raise Refused(
                f"The name {quoted(name, 40)} contains invisible characters ({', '.join(hidden[:5])}). "
                "Remove them. Nothing was sent."
            )
