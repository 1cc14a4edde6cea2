"""Standard input behind a pipe, in a process of its own, whose descriptor 0 is a pipe that stays open."""

import os
import select
import subprocess
import sys
import threading

import pytest

from cio_mcp.cli.standard_input import WritingEnd
from tests.cli.command_line import TIMEOUT_SECONDS

START = """
import os, sys, threading
from cio_mcp.cli.standard_input import closable_stdin
"""


def run(program: str, given: bytes) -> bytes:
    with subprocess.Popen(
        [sys.executable, "-c", START + program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(given)
        process.stdin.flush()
        # The line stays open until the process has ended.
        printed = process.stdout.read()
        assert process.wait(TIMEOUT_SECONDS) == 0
    return printed


def test_a_blocked_read_ends_when_it_is_closed() -> None:
    program = """
with closable_stdin() as close:
    assert sys.stdin.buffer.readline() == b"one\\n"
    reader = threading.Thread(target=sys.stdin.buffer.readline)
    reader.start()
    close()
    close()
    reader.join()
    print("closed")
"""
    assert run(program, b"one\n") == b"closed\n"


def test_closing_does_not_wait_for_a_write_which_closes_when_it_is_done() -> None:
    reading, writing = os.pipe()
    pipe = WritingEnd(writing)
    writer = threading.Thread(target=pipe.write, args=(b"x" * 1_000_000,))
    writer.start()
    os.read(reading, 1)  # more than a pipe holds is left, so that the write is under way
    pipe.close()
    while writer.is_alive():
        if select.select([reading], [], [], 0.01)[0]:
            os.read(reading, 65_536)
    os.set_blocking(reading, False)
    while os.read(reading, 65_536):
        pass
    assert not pipe.write(b"late")
    os.close(reading)


def test_the_end_of_the_input_is_passed_on_and_the_descriptor_restored() -> None:
    program = """
before = os.fstat(0).st_ino
with closable_stdin():
    assert os.fstat(0).st_ino != before
    print(len(sys.stdin.buffer.read()))
assert os.fstat(0).st_ino == before
"""
    done = subprocess.run(
        [sys.executable, "-c", START + program], input=b"x" * 1_000_000, capture_output=True, check=True
    )
    assert done.stdout == b"1000000\n"


@pytest.mark.parametrize("shell", ["<&-", "</dev/null"])
def test_an_input_that_is_closed_or_empty_ends_at_once(shell: str) -> None:
    program = START + 'with closable_stdin() as close:\n    close()\nprint("ended")\n'
    command = f"exec {sys.executable} -c '{program}' {shell}"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=TIMEOUT_SECONDS, check=True)
    assert done.stdout == b"ended\n"
