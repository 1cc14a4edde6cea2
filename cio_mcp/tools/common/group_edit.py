"""Edits of several profiles with one approval: one request, and for each person what changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pydantic import JsonValue

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.tracking import ProfileWrite
from cio_mcp.customerio.attribute_checks import REACHING_ATTRIBUTES
from cio_mcp.customerio.call import Call
from cio_mcp.gate.plan import PersonEdit, Plan, Starts, ValueEdit
from cio_mcp.gate.values import same
from cio_mcp.text.names import meanings
from cio_mcp.tools.common.attribute_names import name_attribute, name_attributes
from cio_mcp.tools.common.profile_edit import recipients_after
from cio_mcp.tools.common.recipients import UNREAD, Recipient, may_start, starts_as_json, test_profiles_among
from cio_mcp.tools.common.subscription_words import begin_small, describe_subscription
from cio_mcp.workspace import CallContext

NEW = "a new customer"


@dataclass(frozen=True)
class Target:
    """One of several people, and the attributes to set of them.

    `create` lets the request create a customer, `new` says that no customer has the identifier yet.
    """

    recipient: Recipient
    attributes: dict[str, JsonValue]
    create: bool = False
    new: bool = False

    @property
    def known(self) -> bool:
        """Whether the current values are known."""
        return self.recipient.person is not None or self.new

    @cached_property
    def edits(self) -> tuple[ValueEdit, ...]:
        """What changes; where the profile cannot be read, all of it does."""
        before = self.recipient.person.attributes if self.recipient.person else {}
        return tuple(
            ValueEdit(name=name, before=before.get(name), after=value, known=self.known)
            for name, value in self.attributes.items()
            if not (self.recipient.person and same(before.get(name), value))
        )

    @cached_property
    def changed(self) -> dict[str, JsonValue]:
        """The attributes that its request sets."""
        return {edit.name: edit.after for edit in self.edits}

    @property
    def recipients(self) -> tuple[str, ...]:
        """The recipients of messages once the attributes are set; none where they are unknown."""
        return recipients_after((self.recipient.identifier,) if self.new else self.recipient.recipients, self.changed)

    @property
    def write(self) -> ProfileWrite:
        """What its request asks for."""
        return ProfileWrite(self.recipient.reference, self.changed, self.create)

    @property
    def person(self) -> PersonEdit:
        """What the plan says of it."""
        read = self.recipient.person
        return PersonEdit(
            person=self.recipient.identifier,
            kind=self.recipient.reference.kind,
            name=(read and (read.id or read.email)) or self.recipient.identifier,
            details=NEW if self.new else self.recipient.details,
            edits=self.edits,
            created=self.new,
        )

    @property
    def rests_on(self) -> JsonValue:
        """Preconditions that must still hold when the write is applied."""
        unsubscribed = self.recipient.person.unsubscribed if self.recipient.person else None
        return {"unsubscribed": unsubscribed, "before": {edit.name: edit.before for edit in self.edits}}


async def edit_people(ws: CallContext, targets: Sequence[Target], *, notes: tuple[str, ...] = ()) -> Plan:
    """Plan to set attributes of several people, omitting values that are already set and people without changes.

    Raises:
        InvalidArgument: the request would be too large.
    """
    changing = [target for target in targets if target.edits]
    settled = [target.person for target in targets if not target.edits]
    attributes = {name: value for target in changing for name, value in target.changed.items()}
    reach = {name for name in attributes if any(_reaches(name, target.changed) for target in changing)}
    reaching = sorted(map(name_attribute, reach))
    starts = await _starts(ws, changing, attributes)
    creates = any(target.new for target in changing)
    everyone = [target.recipients for target in changing]
    left_out = (
        (f"Left out because no change is needed: {', '.join(person.label for person in settled)}.",) if settled else ()
    )
    subscription = await _subscription(ws, targets)
    return Plan(
        risk="send" if reaching or starts or creates else "data",
        summary=f"{subscription or f'Set {_listed(targets)} of {len(targets)} customers'}.",
        effect_title=begin_small(subscription or ""),
        notes=(*notes, *(left_out if changing else ())),
        why=" ".join(_reasons(reaching, creates=creates)),
        people=(*(target.person for target in changing), *settled),
        affected=len(changing),
        # If the recipients of one edit are unknown, those of the whole change are.
        recipients=tuple(address for each in everyone for address in each) if all(everyone) else (),
        test_profiles=() if reaching else await test_profiles_among(ws, [target.recipient for target in changing]),
        starts=starts,
        warnings=(UNREAD,) if any(not target.known for target in changing) else (),
        calls=_calls(ws, changing),
        rests_on={
            "people": {target.recipient.identifier: target.rests_on for target in targets},
            "starts": starts_as_json(starts),
        },
        once=creates,
        next_step="To verify, call get_customer.",
    )


async def _subscription(ws: CallContext, targets: Sequence[Target]) -> str | None:
    """What the edit does to subscriptions, where it is the same for all; none for people who are created."""
    same_for_all = all(target.attributes == targets[0].attributes and not target.create for target in targets)
    count = f"{len(targets)} customers"
    return await describe_subscription(ws, targets[0].attributes, count) if same_for_all else None


def _reasons(reaching: Sequence[str], *, creates: bool) -> Iterator[str]:
    """Why the change may reach people."""
    if reaching:
        yield f"This affects who receives messages: {', '.join(reaching)}."
    if creates:
        yield "A new customer may enter any segment and any campaign that starts from one."


async def _starts(ws: CallContext, changing: Sequence[Target], attributes: dict[str, JsonValue]) -> Starts:
    """What the change may start, for all of them at once; where profiles cannot be read, campaigns cannot either."""
    if not ws.settings.has_app:
        return "unknown"
    if any(target.new for target in changing):
        return may_start(await ws.campaigns.started_by_creation(attributes))
    return may_start(await ws.campaigns.started_by_attributes(attributes)) if changing else ()


def _calls(ws: CallContext, changing: Sequence[Target]) -> tuple[Call, ...]:
    if not changing:
        return ()
    return (tracking.identify_many([target.write for target in changing], at=int(ws.clock.now())),)


def _reaches(name: str, changed: dict[str, JsonValue]) -> bool:
    return name in changed and bool(REACHING_ATTRIBUTES & meanings(name, changed[name]))


def _listed(targets: Sequence[Target]) -> str:
    names = sorted({name for target in targets for name in target.attributes})
    return name_attributes(names)
