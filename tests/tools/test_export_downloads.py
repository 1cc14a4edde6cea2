"""Files of exports over a socket: what breaks, hangs, or is too large leaves nothing behind."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream

from cio_mcp.errors import CioError
from cio_mcp.jobs.output_files import MAX_FILE_BYTES
from cio_mcp.settings import Settings
from cio_mcp.tools.exports.get_export import get_export
from cio_mcp.workspace import CallContext, open_workspace
from tests.callers import caller_named
from tests.customerio.peer import Peer, Reply, listen, reply_with, sends

pytestmark = pytest.mark.anyio

DONE = {"export": {"id": 7, "type": "customers", "status": "done", "total": 2}}
FILE = b"id,name\r\n1,Ada\r\n2,Grace\r\n"


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with listen() as peer:
        yield peer


@asynccontextmanager
async def downloading(
    peer: Peer, settings: Settings, folder: Path, *replies: Reply, link: str = ""
) -> AsyncIterator[CallContext]:
    """A call in a workspace at a host that has an export which is done, a link to its file, and then these replies."""
    url = {"url": link or f"{peer.url}/exports/7.csv"}
    peer.script = [*(reply_with(200, json.dumps(body).encode()) for body in (DONE, url)), *replies]
    changes: dict[str, Any] = {"app_url": peer.url, "files_dirs": (folder,)}
    async with open_workspace(settings.model_copy(update=changes)) as opened:
        yield opened.acting(caller_named("local:tester"))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.*"))


def begins(size: int) -> Reply:
    """The beginning of a file of so many bytes, of which no more comes."""

    async def reply(stream: ByteStream) -> None:
        await stream.send(f"HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n".encode() + FILE)
        await anyio.sleep_forever()

    return reply


async def test_a_file_arrives_without_the_key(peer: Peer, settings: Settings, tmp_path: Path) -> None:
    async with downloading(peer, settings, tmp_path, reply_with(200, FILE)) as ws:
        answer = await get_export(ws, "7", "all.csv")
    assert (answer.file, answer.rows, answer.bytes, answer.note) == ("all.csv", 2, len(FILE), None)
    assert (tmp_path / "all.csv").read_bytes() == FILE
    *api, file = [head.lower() for head in peer.heads]
    assert all("authorization: bearer" in head for head in api)
    assert "authorization" not in file


async def test_rows_that_customerio_counted_otherwise_are_pointed_out(
    peer: Peer, settings: Settings, tmp_path: Path
) -> None:
    async with downloading(peer, settings, tmp_path, reply_with(200, b"id,name\r\n1,Ada\r\n")) as ws:
        answer = await get_export(ws, "7")
    assert answer.note == "Customer.io counted 2 entries; the file has 1 row."


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (sends(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n" + FILE), "broke off"),
        (reply_with(403), "answered 403"),
        (begins(MAX_FILE_BYTES + 1), "has more than 2,000,000,000 bytes"),
    ],
)
async def test_nothing_is_left_of_a_file_that_does_not_arrive(
    peer: Peer, settings: Settings, tmp_path: Path, reply: Reply, sentence: str
) -> None:
    async with downloading(peer, settings, tmp_path, reply) as ws:
        with pytest.raises(CioError, match=sentence):
            await get_export(ws, "7")
    assert not [name for name in names_in(tmp_path) if "7" in name]


@pytest.mark.parametrize("by", ["the end of the call", "its caller"])
async def test_nothing_is_left_of_a_file_that_is_given_up(
    peer: Peer, settings: Settings, tmp_path: Path, by: str
) -> None:
    async with downloading(peer, settings, tmp_path, begins(999)) as ws, anyio.create_task_group() as tasks:

        async def report(done: float, total: float | None, _: str | None) -> None:
            await anyio.lowlevel.checkpoint()
            reports.append((done, total))
            if by == "its caller":
                tasks.cancel_scope.cancel()

        reports: list[tuple[float, float | None]] = []
        call = replace(ws, progress=report).until(anyio.current_time() + (60 if by == "its caller" else 1.5))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("cio_mcp.tools.exports.saving.PROGRESS_SECONDS", 0.0)
            if by == "its caller":
                await get_export(call, "7")
            else:
                with pytest.raises(CioError, match="did not arrive within the time of this call"):
                    await get_export(call, "7")
    assert reports == [(len(FILE), 999)]
    assert not [name for name in names_in(tmp_path) if "7" in name]


@pytest.mark.parametrize(
    "link", ["http://169.254.169.254/latest/meta-data/", "https://10.0.0.1/7.csv", "file:///etc/passwd"]
)
@pytest.mark.parametrize("to_file", [True, False])
async def test_a_link_into_a_local_network_is_neither_opened_nor_shown(
    peer: Peer, settings: Settings, tmp_path: Path, link: str, *, to_file: bool
) -> None:
    async with downloading(peer, settings, tmp_path, reply_with(200, FILE), link=link) as ws:
        call = ws if to_file else replace(ws, settings=ws.settings.model_copy(update={"files_dirs": ()}))
        with pytest.raises(CioError, match="doesn't open the link that Customer") as refused:
            await get_export(call, "7")
    assert link not in str(refused.value)
    assert len(peer.heads) == 2
