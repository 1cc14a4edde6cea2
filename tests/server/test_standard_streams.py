"""Standard input and output as the protocol uses them."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from cio_mcp.server.standard_streams import CAN_WAIT, Input, Output

pytestmark = pytest.mark.anyio
LONG = b"x" * 1_000_000
"""More than a pipe holds."""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        try:
            os.close(end)
        except OSError:
            continue


@asynccontextmanager
async def run_output(output: Output) -> AsyncIterator[None]:
    async with anyio.create_task_group() as group:
        group.start_soon(output.run)
        yield
        group.cancel_scope.cancel()


async def read(descriptor: int, size: int) -> bytes:
    source, data = Input(descriptor), b""
    while len(data) < size:
        data += await source.read()
    return data


async def test_messages_that_have_to_wait_arrive_whole_and_in_order(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    messages = [bytes([letter]) * 300_000 + b"\n" for letter in b"abc"]
    async with run_output(output), anyio.create_task_group() as group:
        for message in messages:
            group.start_soon(output.write, message)
        whole = b"".join(messages)
        assert await read(pipe[0], len(whole)) == whole


async def test_a_message_whose_sender_is_canceled_halfway_is_written_whole(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    async with run_output(output):
        async with anyio.create_task_group() as group:
            group.start_soon(output.write, LONG + b"\n")
            await anyio.wait_readable(pipe[0])
            group.cancel_scope.cancel()
        async with anyio.create_task_group() as group:
            group.start_soon(output.write, b"next\n")
            assert await read(pipe[0], len(LONG) + 6) == LONG + b"\nnext\n"
        await output.flush()


async def test_the_event_loop_goes_on_while_nobody_reads(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    async with run_output(output), anyio.create_task_group() as group:
        group.start_soon(output.write, LONG)
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()


@pytest.mark.parametrize("message", [b"short", LONG])
async def test_writing_ends_when_nobody_reads_the_other_end_any_more(pipe: tuple[int, int], message: bytes) -> None:
    output = Output(pipe[1])
    os.close(pipe[0])
    async with anyio.create_task_group() as group:
        group.start_soon(output.run)
        with pytest.raises(anyio.BrokenResourceError):
            await output.write(message)
        with pytest.raises(anyio.BrokenResourceError):
            await output.write(message)


async def test_a_waiting_message_ends_when_its_reader_goes_away(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    async with anyio.create_task_group() as group:
        group.start_soon(output.run)

        async def write() -> None:
            with pytest.raises(anyio.BrokenResourceError):
                await output.write(LONG)

        group.start_soon(write)
        await anyio.wait_readable(pipe[0])
        os.close(pipe[0])


async def test_files_are_read_and_written_too(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with file.open("wb") as written:
        output = Output(written.fileno())
        async with run_output(output):
            await output.write(LONG)
    with file.open("rb") as source:
        assert await read(source.fileno(), len(LONG)) == LONG
        assert await Input(source.fileno()).read() == b""


async def test_other_output_goes_to_standard_error_and_nothing_else_reads_input() -> None:
    program = """
import os, sys
from cio_mcp.server.standard_streams import claim_standard_streams
with claim_standard_streams() as (source, sink):
    print("stray", flush=True)
    assert sys.stdin.read() == ""
    os.write(sink, b"answer to " + os.read(source, 100))
print("restored", os.read(0, 100))
"""
    done = await anyio.to_thread.run_sync(
        lambda: subprocess.run([sys.executable, "-c", program], input=b"hello", capture_output=True, check=True)
    )
    assert done.stdout == b"answer to hellorestored b''\n"
    assert done.stderr == b"stray\n"


@pytest.mark.skipif(not CAN_WAIT, reason="only a descriptor that can be waited for may not block")
async def test_input_that_another_reader_took_is_not_the_end(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[0], False)
    second = os.dup(pipe[0])
    read: list[bytes] = []

    async def read_one(source: Input) -> None:
        read.append(await source.read())

    async with anyio.create_task_group() as group:
        for descriptor in (pipe[0], second):
            group.start_soon(read_one, Input(descriptor))
        await anyio.wait_all_tasks_blocked()
        os.write(pipe[1], b"a")
        while not read:
            await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()
        os.write(pipe[1], b"b")
    os.close(second)
    assert read == [b"a", b"b"]
