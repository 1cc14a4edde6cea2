"""The tool that makes any read."""

import json
import re
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, cast

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, JsonValue
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from cio_mcp.customerio.api.base import is_token
from cio_mcp.customerio.operations import Operation
from cio_mcp.customerio.operations.row import parse_fields
from cio_mcp.errors import InvalidArgument, Refused
from cio_mcp.text.sanitize import harmless, quoted, word
from cio_mcp.text.untrusted import Excerpt, FreeText, Prose, mark_text
from cio_mcp.tools.api.leaves import MAX_PART_CHARACTERS, Body, Page, Scalar, open_body, page_of
from cio_mcp.tools.api.request import build_call, find_operation
from cio_mcp.tools.common.arguments import FOREIGN_CURSOR, Cursor, Name
from cio_mcp.tools.common.pages import MAX_OFFSET_DIGITS, PageAnswer
from cio_mcp.workspace import CallContext

MAX_PATH_CHARACTERS = 100
_PLAIN_PATH = re.compile(r"[\w.$-]{1,100}")
PAGE_TOKEN = "start"  # noqa: S105 - the name of Customer.io's parameter
NEXT_TOKEN = "next"  # noqa: S105 - the key of Customer.io's answer
MAX_FIELDS = 20
"""Fields that a call may select. Chosen."""


class ApiValue(FreeText):
    """Marks a value of an answer: text that is not one plain word is marked as data."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate the value as it is; mark it when it is serialized."""
        marking = core_schema.plain_serializer_function_ser_schema(_mark)
        return cast("CoreSchema", {**handler(source), "serialization": marking})

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe both forms."""
        return {"anyOf": [{"type": "string"}, super().__get_pydantic_json_schema__(schema, handler)]}


def _mark(value: Any) -> JsonValue:
    if isinstance(value, str) and not isinstance(value, Excerpt) and word(value, len(value)) == value:
        return value
    return mark_text(value)


Value = Annotated[str, ApiValue(MAX_PART_CHARACTERS, keep_lines=True)] | int | float | bool


class ApiAnswer(PageAnswer):
    """A page of an answer: its records, each value by its path, and the values beside them."""

    personal: ClassVar[bool] = True

    operation: str
    values: dict[str, Value] | None = None
    records: list[dict[str, Value]] | None = None
    total: int | None = None
    note: Prose | None = None

    def lines(self) -> Iterable[str]:
        """The values beside the records, then a record on each line."""
        yield f"{self.operation}: {self.note or 'answered'}"
        if self.values:
            yield from _lines(self.values, "")
        for record in self.records or ():
            yield from _lines(record, "- ")
        yield from self.more()


async def read_api(
    ws: CallContext,
    operation: Annotated[Name, Field(description="ID from search_api", min_length=1)],
    arguments: Annotated[dict[str, JsonValue] | None, Field(description="Path and query values by name")] = None,
    body: Annotated[dict[str, JsonValue] | None, Field(description="Request body of a search")] = None,
    fields: Annotated[
        list[Name] | None, Field(description="Return only these, in full; such as name or campaign.tags")
    ] = None,
    cursor: Cursor = None,
) -> ApiAnswer:
    """Read directly from the API: call any read operation that search_api finds.

    Long values are cut unless selected with fields.
    """
    row = find_operation(operation, writes=False)
    if hidden := ws.gate.policy.hides_read(row.id):
        raise Refused(f"The operator of this server doesn't allow {hidden}, nor the same read by {row.id}.")
    wanted = fields or []
    if len(wanted) > MAX_FIELDS:
        raise InvalidArgument("fields", f"has {len(wanted)} entries; at most {MAX_FIELDS} are accepted")
    offset, token = _place(cursor)
    call = build_call(row, (arguments or {}) | ({PAGE_TOKEN: token} if token else {}), body)
    answer = await ws.reader.read(call, cache=_reuse(cursor))
    return answer_of(row, answer, wanted, offset=offset, token=token, mask=ws.settings.mask_pii)


PAGE_SECONDS = 30.0
"""How long an answer of several pages may be reused for the next one, so that they fit together. Chosen."""


def _reuse(cursor: str | None) -> float:
    return PAGE_SECONDS if cursor else 0.0


def answer_of(
    row: Operation, answer: dict[str, Any], fields: list[str], *, offset: int = 0, token: str = "", mask: bool = False
) -> ApiAnswer:
    """A page of an answer from an offset on; `token` is the one with which Customer.io was asked."""
    after = _following(row, answer)
    body = open_body(
        row, {name: value for name, value in answer.items() if name != NEXT_TOKEN or not after}, fields, mask=mask
    )
    page = page_of(body, offset)
    following = after if page.next is None else token
    cursor = None
    if page.next is not None or following:
        cursor = f"{page.next or 0}:{following}"
    beside: dict[str, Scalar] = {}
    for each in page.rows:
        if each.record is None:
            beside |= each.values
    records = [each.values for each in page.rows if each.record is not None]
    answer_page = ApiAnswer(
        operation=row.id,
        total=body.count if body.listed else None,
        note=_note(body, page),
        has_more=cursor is not None,
        cursor=cursor,
    )
    # A copy keeps the length of a text that was cut, which validation would lose.
    return answer_page.model_copy(update={"values": beside or None, "records": records or None})


def _following(row: Operation, answer: dict[str, Any]) -> str:
    """Customer.io's token of the next page, if the operation takes one."""
    takes = row.unpublished or PAGE_TOKEN in {field.name for field in parse_fields(row.query)}
    token = answer.get(NEXT_TOKEN)
    text = str(token) if isinstance(token, str | int) and token else ""
    return text if takes and is_token(text) else ""


def _place(cursor: str | None) -> tuple[int, str]:
    """Where a page begins: the offset in an answer, and Customer.io's token of that answer.

    Raises:
        InvalidArgument: the cursor is none of ours.
    """
    if cursor is None:
        return 0, ""
    offset, colon, token = cursor.partition(":")
    if not colon or not (offset.isascii() and offset.isdigit() and len(offset) <= MAX_OFFSET_DIGITS):
        raise InvalidArgument("cursor", FOREIGN_CURSOR)
    return int(offset), token


def _lines(values: dict[str, Value], head: str) -> Iterable[str]:
    """A record on one line, plain words bare and all else quoted; then the texts of several lines, as quotations."""
    texts = {path: value for path, value in values.items() if isinstance(value, str) and "\n" in value}
    short = [f"{_path(path)}: {_text(value)}" for path, value in values.items() if path not in texts]
    yield f"{head}{', '.join(short)}"
    for path, text in texts.items():
        yield f"{_path(path)}:"
        yield from (f"> {line}" for line in text.split("\n"))


def _path(path: str) -> str:
    return path if _PLAIN_PATH.fullmatch(path) or path.startswith("“") else quoted(path, MAX_PATH_CHARACTERS)


def _text(value: Value) -> str:
    return word(value, MAX_PART_CHARACTERS) if isinstance(value, str) else json.dumps(value)


def _note(body: Body, page: Page) -> str:
    parts = []
    if body.listed:
        parts.append(f"{body.count} in {quoted(harmless(body.listed), 40)}")
    elif not body.leaves:
        parts.append("nothing")
    if body.hidden:
        parts.append(f"credentials are hidden in {', '.join(quoted(name, 40) for name in body.hidden[:5])}")
    if page.rows and page.next is not None and len(page.rows) == 1:
        parts.append("the first part")
    return "; ".join(parts) or "one record"
