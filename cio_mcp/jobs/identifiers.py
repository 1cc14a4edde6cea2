"""By which identifiers the rows of a file or query name their customers."""

from typing import Literal

# In the order of the tools' arguments: `typing` takes literals with the same values for one, whatever their order.
Identifier = Literal["id", "email", "cio_id"]
IDENTIFIERS: tuple[Identifier, ...] = ("cio_id", "id", "email")
"""The one that holds longest first: where a row has several, it is about the customer of the first."""
