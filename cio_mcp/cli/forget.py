"""`cio-mcp forget`: erases a person from the journal, the event log, and the rows of jobs."""

from dataclasses import dataclass, field

import anyio
from rich.console import Console

from cio_mcp.cli.common import settings_of_workspace, with_database
from cio_mcp.cli.terminal import controlling_terminal
from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.references import reference_of
from cio_mcp.errors import NotFound, Refused
from cio_mcp.gate.subject import Subject
from cio_mcp.identity.callers import local_caller
from cio_mcp.jobs.runner import LEASE_SECONDS, SAFE_PART
from cio_mcp.settings import Settings
from cio_mcp.storage.engine import Database
from cio_mcp.storage.erasure import ErasureCounts, PersonEraser
from cio_mcp.storage.job_erasure import JobEraser, JobErasure
from cio_mcp.text.sanitize import quoted
from cio_mcp.workspace import open_workspace

NO_TERMINAL = "Erasing a person requires a terminal, without redirected input or output. Nothing was erased."
MAX_PASSES = 3
"""Passes over the journal: a running server may write about the person during one."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored about a person, or was erased."""

    journal: ErasureCounts = field(default_factory=ErasureCounts)
    jobs: JobErasure = field(default_factory=JobErasure)

    def __add__(self, other: "Stored") -> "Stored":
        return Stored(self.journal + other.journal, self.jobs + other.jobs)


@dataclass(frozen=True, slots=True)
class Erasers:
    """Both parts of a database that may have something about a person."""

    database: Database
    journal: PersonEraser
    jobs: JobEraser

    async def count(self) -> Stored:
        """Count, without changing anything."""
        return Stored(await self.journal.count(SYSTEM_CLOCK.now()), await self.jobs.count())

    async def erase(self, by: str) -> Stored:
        """Erase everything, also what is written meanwhile; a worker that may hold a row stops first."""
        total = Stored()
        for _ in range(MAX_PASSES):
            now = SYSTEM_CLOCK.now()
            gone = Stored(await self.journal.erase(by=by, now=now), await self.jobs.erase(now=now))
            if gone == Stored():
                break
            total += gone
            if gone.jobs.running:
                await SYSTEM_CLOCK.sleep(SAFE_PART * LEASE_SECONDS)
        await self.database.truncate_wal()
        return total


@dataclass(frozen=True, slots=True)
class KnownSubject:
    """The person to erase, and a note on how their identifiers were found."""

    identity: Subject
    note: str


def forget(person: str) -> None:
    """Show how much is stored about a person, and erase it after confirmation.

    Raises:
        Refused: there is no person at a terminal, or the code was wrong.
        SeveralPeople: several people have this address; each is named by their `cio_…`.
        SettingError: the workspace can't be determined.
    """
    settings = settings_of_workspace()
    with controlling_terminal(NO_TERMINAL) as terminal:
        known = anyio.run(_look_up, settings, person)
        there = with_database(lambda database: _erasers(database, settings, known).count())
        _show(terminal.console, settings, known, there)
        if there == Stored():
            return
        if not terminal.confirmed("erase"):
            raise Refused("Code doesn't match. Nothing was erased.")
        by = settings.local_principal
        if there.jobs.running:
            terminal.console.print("Waiting until the running job has stopped …", markup=False, highlight=False)
        gone = with_database(lambda database: _erasers(database, settings, known).erase(by))
        jobs = f" ({gone.jobs.canceled} jobs canceled)" if gone.jobs.canceled else ""
        terminal.console.print(
            f"Erased: {gone.journal.changes} changes ({gone.journal.open} of them withdrawn), "
            f"{gone.journal.events} events, and {gone.jobs.rows} rows of jobs{jobs}. "
            "Digests and states stay, to prevent duplicates.",
            markup=False,
            highlight=False,
        )


def _erasers(database: Database, settings: Settings, known: KnownSubject) -> Erasers:
    workspace, identity = settings.workspace_key, known.identity
    journal = PersonEraser(database, workspace, identity.is_in, identity.names)
    return Erasers(database, journal, JobEraser(database, workspace, identity.is_in_data))


async def _look_up(settings: Settings, person: str) -> KnownSubject:
    """All identifiers of the person, if Customer.io returns them."""
    reference = reference_of(person)
    value = reference.value
    alone = {
        "cio_id": Subject(cio_id=value.removeprefix("cio_")),
        "email": Subject(email=value),
        "phone": Subject(phone=value),
    }.get(reference.id_type or "id", Subject(id=value))
    if not settings.has_app:
        return KnownSubject(alone, "Without CIO_APP_API_KEY, only entries with this identifier are found.")
    async with open_workspace(settings.model_copy(update={"read_only": True})) as opened:
        try:
            profile = await opened.acting(local_caller(settings.local_principal)).people.resolve(person)
        except NotFound:
            return KnownSubject(
                alone, "Customer.io has no person with this identifier. Only entries with it are found."
            )
    return KnownSubject(_identity(profile), "")


def _identity(person: Person) -> Subject:
    return Subject(person.id, person.email, person.phone, person.cio_id and person.cio_id.removeprefix("cio_"))


def _show(where: Console, settings: Settings, known: KnownSubject, there: Stored) -> None:
    names = ", ".join(quoted(name) for name in known.identity.names)
    journal, jobs = there.journal, there.jobs
    counts = f"Found changes: {journal.changes} (open, to be withdrawn: {journal.open}). Events: {journal.events}."
    if jobs != JobErasure():
        counts += f" Rows of jobs: {jobs.rows} (jobs to be canceled: {jobs.canceled}). Previews: {jobs.reports}."
    lines = [
        f"To erase from {quoted(settings.workspace_key)}: {names}.",
        *filter(None, [known.note]),
        "Nothing is stored about this person." if there == Stored() else counts,
    ]
    for line in lines:
        where.print(line, markup=False, highlight=False)
