"""`cio-mcp forget`: erases a person from the journal and the event log."""

from dataclasses import dataclass

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
from cio_mcp.settings import Settings
from cio_mcp.storage.engine import Database
from cio_mcp.storage.erasure import ErasureCounts, PersonEraser
from cio_mcp.text.sanitize import quoted
from cio_mcp.workspace import open_workspace

NO_TERMINAL = "Erasing a person requires a terminal, without redirected input or output. Nothing was erased."
MAX_PASSES = 3
"""Passes over the journal: a running server may write about the person during one."""


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
        there = with_database(lambda database: _eraser(database, settings, known).count(SYSTEM_CLOCK.now()))
        _show(terminal.console, settings, known, there)
        if there == ErasureCounts():
            return
        if not terminal.confirmed("erase"):
            raise Refused("Code doesn't match. Nothing was erased.")
        by = settings.local_principal
        gone = with_database(lambda database: _erase(_eraser(database, settings, known), database, by))
        terminal.console.print(
            f"Erased: {gone.changes} changes ({gone.open} of them withdrawn) and {gone.events} events. "
            "Digests and states stay, to prevent duplicates.",
            markup=False,
            highlight=False,
        )


async def _erase(eraser: PersonEraser, database: Database, by: str) -> ErasureCounts:
    total = ErasureCounts()
    for _ in range(MAX_PASSES):
        gone = await eraser.erase(by=by, now=SYSTEM_CLOCK.now())
        if gone == ErasureCounts():
            break
        total += gone
    await database.truncate_wal()
    return total


def _eraser(database: Database, settings: Settings, known: KnownSubject) -> PersonEraser:
    return PersonEraser(database, settings.workspace_key, known.identity.is_in, known.identity.names)


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


def _show(where: Console, settings: Settings, known: KnownSubject, there: ErasureCounts) -> None:
    names = ", ".join(quoted(name) for name in known.identity.names)
    counts = f"Found changes: {there.changes} (open, to be withdrawn: {there.open}). Events: {there.events}."
    lines = [
        f"To erase from {quoted(settings.workspace_key)}: {names}.",
        *filter(None, [known.note]),
        "Nothing is stored about this person." if there == ErasureCounts() else counts,
    ]
    for line in lines:
        where.print(line, markup=False, highlight=False)
