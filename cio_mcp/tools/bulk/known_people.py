"""The profiles of customers whom an import names: looked up many at a time."""

from collections.abc import Sequence

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.reads import BAD_REQUEST
from cio_mcp.errors import Rejected
from cio_mcp.workspace import CallContext

Known = dict[Reference, Person | None]
"""Profiles; None for a customer who doesn't exist. What could not be looked up is missing."""


async def known_people(ws: CallContext, references: Sequence[Reference]) -> Known:
    """Look up profiles, 100 in a request; addresses only where the workspace identifies customers by them.

    Raises:
        CioError: Customer.io did not answer.
    """
    if not ws.settings.has_app:
        return {}
    ids = [one.value for one in references if one.kind == "id"]
    cio_ids = [one.value for one in references if one.kind == "cio_id"]
    emails = [one.value for one in references if one.kind == "email"]
    known: Known = {}
    if ids:
        by_id = {person.id: person for person in await ws.people.profiles_by(ids, None)}
        known |= {Reference(value): by_id.get(value) for value in ids}
    if cio_ids:
        by_cio_id = {f"cio_{person.cio_id}": person for person in await ws.people.profiles_by(cio_ids, "cio_id")}
        known |= {Reference(value, "cio_id"): by_cio_id.get(value) for value in cio_ids}
    if emails:
        known |= await _by_email(ws, emails)
    return known


async def _by_email(ws: CallContext, emails: Sequence[str]) -> Known:
    try:
        people = await ws.people.profiles_by(emails, "email")
    except Rejected as rejected:
        if rejected.status == BAD_REQUEST:
            return {}
        raise
    by_email = {person.email.casefold(): person for person in people if person.email}
    return {Reference(email, "email"): by_email.get(email.casefold()) for email in emails}
