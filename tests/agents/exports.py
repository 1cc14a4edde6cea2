"""Tasks about files of customers and deliveries."""

import csv
from dataclasses import dataclass

from tests.agents.checks import Hidden, Says
from tests.agents.task import Check, End, Step, Take, Task

EXPORT = Take("export", r"as export (\d+)\.$", "created_id")
FILE = Take("file", r"^Saved as “([^”]+)”", "file")
LINK = Take("link", r"^(http\S+)$", "link")
VIPS = {"type": "customers", "segment": "VIP", "attributes": ["first_name", "plan"]}
COLUMNS = ["id", "email", "cio_id", "first_name", "plan"]


@dataclass(frozen=True)
class Saved(Check):
    """The file that the agent names has a row for each customer of a segment, and these columns."""

    segment: int
    columns: tuple[str, ...]

    def problem(self, end: End) -> str:
        with (end.folder / end.taken.get("file", "none")).open(newline="") as file:
            columns, *rows = csv.reader(file)
        workspace = end.sandbox.workspace
        ids = [person.id for person in workspace.people if workspace.segments[self.segment].has(person)]
        if columns != [*self.columns]:
            return f"the columns are {columns}, not {self.columns}"
        return "" if sorted(row[0] for row in rows) == sorted(map(str, ids)) else f"the file is about {rows}, not {ids}"


def started(step: Step) -> tuple[Step, ...]:
    """The export is started, and its file read when Customer.io has made it."""
    return Step("start_export", VIPS, (EXPORT,)), step


TASKS = (
    Task(
        name="everyone in a segment as CSV",
        words="Give me everyone in VIP as CSV, with first name and plan.",
        steps=started(Step("get_export", {"export": "{export}"}, (FILE,), advance=5.0)),
        end=(Saved(2, tuple(COLUMNS)),),
        writes=("export_customers",),
        files=True,
        calls=2,
        tokens=800,
    ),
    Task(
        name="everyone in a segment as CSV, approved in a terminal",
        words="Save everyone in VIP as vip.csv, with first name and plan.",
        steps=started(Step("get_export", {"export": "{export}", "file": "vip.csv"}, (FILE,), advance=5.0)),
        end=(Saved(2, tuple(COLUMNS)), Says("file", lambda _: "vip.csv")),
        writes=("export_customers",),
        person="terminal",
        files=True,
        calls=3,
        tokens=900,
    ),
    Task(
        name="everyone in a segment as CSV, by a link",
        words="Give me everyone in VIP as CSV, with first name and plan.",
        steps=started(Step("get_export", {"export": "{export}"}, (LINK,), advance=5.0)),
        writes=("export_customers",),
        calls=2,
        tokens=900,
    ),
    Task(
        name="everyone in a segment as CSV, masked",
        words="Save everyone in VIP as CSV, with first name and plan.",
        steps=started(Step("get_export", {"export": "{export}"}, (FILE,), advance=5.0)),
        end=(Saved(2, tuple(COLUMNS)), Hidden("ada@example.com")),
        writes=("export_customers",),
        person="terminal",
        files=True,
        settings={"mask_pii": True},
        calls=3,
        tokens=900,
    ),
    Task(
        name="an export that a person rejects",
        words="Give me everyone in VIP as CSV.",
        steps=(Step("start_export", VIPS, refused="rejected"),),
        person="rejects",
        calls=1,
        tokens=150,
    ),
)
