"""A plan: everything a person must know about a write, and the exact calls that would be made."""

import hashlib
from collections.abc import Collection
from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue

from cio_mcp.customerio.api.base import IdType
from cio_mcp.customerio.call import Call, canonical, digest
from cio_mcp.customerio.mentions import created_people
from cio_mcp.customerio.operations import value_at
from cio_mcp.gate.evidence import Evidence
from cio_mcp.gate.job_spec import JobSpec
from cio_mcp.gate.proof import Proof
from cio_mcp.gate.rejections import Rejections
from cio_mcp.gate.risk import Risk
from cio_mcp.text.sanitize import quoted, word

Starts = tuple[str, ...] | Literal["unknown"] | None
"""The campaigns that a write may start."""


class ValueEdit(BaseModel):
    """One value that a plan changes; None means absent, and without `known` what was there could not be read."""

    model_config = ConfigDict(frozen=True)

    name: str
    before: JsonValue
    after: JsonValue
    known: bool = True


def is_unchanged(edit: ValueEdit) -> bool:
    """Whether an edit sets what is there already, because its request has to repeat it."""
    return edit.known and edit.before is not None and edit.before == edit.after


class PersonEdit(BaseModel):
    """What a plan for several people changes about one of them; no edits where everything is already so.

    `person` and `kind` are the identifier as its request has it, `name` is the id or address that people know. Foreign
    text in `details` (who they are, for the question) is quoted. `created` marks a person who does not exist yet.
    """

    model_config = ConfigDict(frozen=True)

    person: str
    kind: IdType
    name: str
    details: str = ""
    edits: tuple[ValueEdit, ...] = ()
    created: bool = False

    @property
    def label(self) -> str:
        """How our sentences name them."""
        return f"{quoted(self.name)} ({word(self.person)})" if self.kind == "cio_id" else quoted(self.name)

    @property
    def known(self) -> bool:
        """Whether the values before were read."""
        return all(edit.known for edit in self.edits)


class ReadBack(BaseModel):
    """What must be readable once a profile write is visible; `person` is `cio_…`."""

    model_config = ConfigDict(frozen=True)

    person: str
    attributes: dict[str, JsonValue]


class SyncSize(BaseModel):
    """How much a run of a sync changes, for the policy: `changed` of `total` rows, or of a segment's members.

    `creates` says whether it may create customers, `reaches` whether it may change who receives messages, as an address
    or a subscription does.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    changed: int
    total: int
    creates: bool = False
    reaches: bool = False

    @property
    def share(self) -> float:
        """The part that changes, rounded as the policy file's decimals are: 29 of 100 are 0.29."""
        return self.changed / self.total if self.total else float(self.changed > 0)


NOT_READ: JsonValue = {"not_read": True}
"""The value in `rests_on` of what could not be read; no text, since a text of the workspace may say anything."""

FROM_NOW_ON = "messages sent from now on use it"
"""What the choice to approve says of an edit of what running messages contain."""


class Plan(BaseModel):
    """A write before it is made: what a plan function returns.

    The question shows every value of `calls` by itself; the plan adds what they do not say. All foreign text is quoted.
    A plan has calls or a `job` that sends staged rows. With neither, everything is already so; `settled` then says what
    is so, if the summary doesn't.

    For the person who decides:
    - `notes` are sentences; `preview` is approximately what a message will say, a line each; `why` is what makes the
      plan of its class; `effect_title` is what the choice to approve says, where class and count do not say it.
    - `sample` are some rows of a job, and `rejected_rows` some that it does not send, a line each.
    - `missing_data` are sentences about data and attributes that a template needs and doesn't get.
    - `confirmation` is what must be typed to approve; with `exact_case` in the same case, as of an ID.
    - `earlier` are changes of the last 24 hours that were equal or nearly equal, `rejections` those of them that a
      person rejected in the last hour.
    - `fits_prompt` is whether its question, as rendered for the journal, shows everything and may be asked in a client.
      The gate fills it in.

    Whom it reaches:
    - `affected` counts people (None: unknown), `reached` those of them who are expected to be reached (None: not known
      beyond that), and `examples` names some.
    - `recipients` are all of them, by address or `cio_…`, and `test_profiles` those of them who are in the policy's
      segment; none means that it is not known.
    - `starts` are the running campaigns it may start: none of them (empty), these, `unknown`, or None where it can
      start none by its nature.
    - A plan for several people has no `edits` and no `examples` but `people`: those whom it changes in the order of the
      operations of its only call, a batch, then those about whom everything is already so.
    - `known_as` has the `cio_id` of people whom the calls name by something else, so that duplicates are recognized.

    For the gate:
    - `rests_on` is what must still be so just before execution; what could not be read is `NOT_READ`.
    - `once` marks effects that must not come twice (messages, triggers, events, creates), `repeat` whether a second one
      is meant (None: the tool has no argument for one).
    - `sync` is how much a run of a named sync changes; no other plan has it.
    - `due_at` is when a scheduled send goes out (Unix seconds), `proof` what can be read once the write is visible, and
      `trace` how to find its effect if the outcome is unknown.
    """

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    risk: Risk
    summary: str
    notes: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()
    edits: tuple[ValueEdit, ...] = ()
    people: tuple[PersonEdit, ...] = ()
    affected: int | None = 1
    reached: int | None = None
    missing_data: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    test_profiles: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    known_as: dict[str, str] = {}
    starts: Starts = None
    why: str = ""
    warnings: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    job: JobSpec | None = None
    sample: tuple[str, ...] = ()
    rejected_rows: tuple[str, ...] = ()
    sync: SyncSize | None = None
    rests_on: dict[str, JsonValue] = {}
    once: bool = False
    repeat: bool | None = None
    earlier: tuple[str, ...] = ()
    rejections: Rejections | None = None
    fits_prompt: bool = False
    # Stored as `typed`, which also an older release beside this one asks for.
    confirmation: str | None = Field(
        default=None, validation_alias=AliasChoices("confirmation", "typed"), serialization_alias="typed"
    )
    exact_case: bool = Field(
        default=False, validation_alias=AliasChoices("exact_case", "typed_case"), serialization_alias="typed_case"
    )
    effect_title: str = ""
    settled: str = ""
    due_at: float | None = None
    reads_back: ReadBack | None = None
    proof: Proof | None = None
    trace: Evidence | None = None
    next_step: str = ""

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to send."""
        return bool(self.calls) or self.job is not None

    @property
    def changed(self) -> tuple[PersonEdit, ...]:
        """Of several people, those whom the plan changes; the index of each is that of an operation of its batch."""
        return tuple(person for person in self.people if person.edits)

    def expected(self, without: Collection[int] = ()) -> dict[str, dict[str, JsonValue]]:
        """What must be readable once profile writes are visible: attributes by `cio_…`; empty if that proves nothing.

        `without` are indexes of people whose operation was refused.
        """
        if self.reads_back is not None:
            return {self.reads_back.person: self.reads_back.attributes}
        if not all(person.kind == "cio_id" and person.known and not person.created for person in self.changed):
            return {}
        accepted = (person for index, person in enumerate(self.changed) if index not in without)
        return {person.person: {edit.name: edit.after for edit in person.edits} for person in accepted}

    @property
    def is_read_back(self) -> bool:
        """Whether its result can be read once it is visible."""
        return self.proof is not None or bool(self.expected())

    @property
    def can_be_repeated(self) -> bool:
        """Whether making all its calls once more has no second effect: an event has its ULID, a profile its time."""
        return all(call.retry == "repeatable" for call in self.calls)

    @property
    def can_be_remade(self) -> bool:
        """Whether making all its calls again minutes later would also undo nothing that was done since.

        That holds for an event, by its ID, and for a write of a profile, by its time. Anything else would take the
        place of a later change.
        """
        effects = (effect for call in self.calls for effect in call.effects)
        return self.can_be_repeated and all(
            each.operation.generated and all(value_at(each.body, name) for name in each.operation.generated)
            for each in effects
        )

    @property
    def people_reached(self) -> int:
        """How many people a cap of sends counts; an unknown number counts as one for each effect, as of a broadcast."""
        unknown = sum(len(call.effects) for call in self.calls) if self.affected is None else 1
        return max(1, self.affected or unknown)

    @property
    def operations(self) -> frozenset[str]:
        """The operations that it carries out, those of a batch and of a job included."""
        of_job = self.job.operations if self.job else ()
        return frozenset((*of_job, *(effect.operation.id for call in self.calls for effect in call.effects)))

    @property
    def digest(self) -> str:
        """What an approval binds: SHA-256 over the exact calls, or over the exact rows of the job."""
        return self.job.digest if self.job else digest(self.calls)

    @property
    def event_id(self) -> str | None:
        """The id that the plan's event is sent with; what the event starts names it."""
        events = (each for call in self.calls for each in call.effects if each.operation.event_id)
        ids = (value_at(each.body, each.operation.event_id) for each in events)
        return next((str(id_) for id_ in ids if id_), None)

    @property
    def creates(self) -> tuple[str, ...]:
        """The identifiers by which the calls may create a person; an unnamed one is empty."""
        return tuple(person for call in self.calls for person in created_people(call))

    @property
    def effect(self) -> str | None:
        """The key of equal effects, across callers: SHA-256 over the calls without what doesn't change it."""
        if not self.once:
            return None
        if self.job is not None:
            return self.job.effect or self.job.digest
        return _sha256([call.comparable(self.known_as) for call in self.calls])

    @property
    def target(self) -> str | None:
        """What similar effects share, by any caller: SHA-256 over the targets of the calls; of a job, all of it."""
        if not self.once:
            return None
        if self.job is not None:
            return self.job.effect or self.job.digest
        return _sha256([call.comparable_target(self.known_as) for call in self.calls])


def _sha256(value: JsonValue) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def parse_plan(text: str) -> Plan:
    """Read a plan that the journal holds."""
    return Plan.model_validate_json(text)


def arguments_digest(arguments: dict[str, JsonValue]) -> str:
    """SHA-256 (hex) over a tool's arguments as they were given, defaults left out."""
    present: JsonValue = {name: value for name, value in arguments.items() if value is not None}
    return _sha256(present)


def has_drifted(then: Plan, now: Plan) -> bool:
    """Whether what a plan rests on has changed: before-values exactly, whom it reaches, and all else it names.

    What could not be read when it was shown, or now, is not compared: of the first a person knew, and for the second
    see `is_unread`.
    """
    left_out = {name for plan in (then, now) for name, value in plan.rests_on.items() if value == NOT_READ}
    one, other = (
        ({name: value for name, value in plan.rests_on.items() if name not in left_out}, plan.recipients)
        for plan in (then, now)
    )
    return (one, then.test_profiles, then.job) != (other, now.test_profiles, now.job)


def is_unread(then: Plan, now: Plan) -> bool:
    """Whether something that a plan rests on could be read when it was shown, and now cannot."""
    return any(value == NOT_READ and then.rests_on.get(name) != NOT_READ for name, value in now.rests_on.items())
