"""Files that are written: complete, new, below the allowed directories, or not there at all."""

import errno
import os
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from cio_mcp.errors import InvalidArgument, OperatorError
from cio_mcp.jobs.output_files import ABANDONED_SECONDS, OutputFile, check_new, new_file

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "allowed").mkdir()
    return tmp_path / "allowed"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def write(
    folder: Path, meanwhile: Callable[[], object] = bool, *, max_bytes: int = 100, numbered: bool = False
) -> OutputFile:
    async with new_file("vip.csv", [folder], max_bytes=max_bytes, numbered=numbered) as file:
        file.write(b"id\n")
        meanwhile()
        file.write(b"1\n")
    return file


async def test_a_file_has_its_name_only_once_it_is_complete(folder: Path) -> None:
    names: list[str] = []
    file = await write(folder, lambda: names.extend(names_in(folder)))
    assert "vip.csv" not in names
    assert (folder / "vip.csv").read_bytes() == b"id\n1\n"
    assert (file.name, file.size) == ("vip.csv", 5)
    assert names_in(folder) == ["vip.csv"]


async def test_only_this_user_can_read_a_file(folder: Path) -> None:
    modes: list[int] = []
    await write(folder, lambda: modes.extend(stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()))
    assert modes == [0o600]
    assert stat.S_IMODE((folder / "vip.csv").stat().st_mode) == 0o600


async def test_nothing_is_left_of_a_file_that_was_not_completed(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        await write(folder, lambda: 1 // 0)
    assert not names_in(folder)


def test_a_file_that_exists_is_never_overwritten_and_a_free_name_is_suggested(folder: Path) -> None:
    (folder / "vip.csv").write_text("mine")
    (folder / "vip-2.csv").write_text("mine, too")
    with pytest.raises(InvalidArgument, match=r"“vip\.csv” already exists; “vip-3\.csv” doesn't"):
        OutputFile.create("vip.csv", [folder])
    with pytest.raises(InvalidArgument, match="already exists"):
        check_new("vip.csv", [folder])
    check_new("new.csv", [folder])
    assert (folder / "vip.csv").read_text() == "mine"


@pytest.fixture(params=[True, False])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With hard links, and on a file system that has none."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links")

    if not request.param:
        monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("links")
async def test_a_name_that_is_taken_meanwhile_is_kept_by_the_other(folder: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"“vip\.csv” exists meanwhile"):
        await write(folder, lambda: (folder / "vip.csv").write_text("another one"))
    assert (folder / "vip.csv").read_text() == "another one"
    assert names_in(folder) == ["vip.csv"]


@pytest.mark.usefixtures("links")
async def test_a_numbered_file_takes_the_next_free_name(folder: Path) -> None:
    assert (await write(folder, numbered=True)).name == "vip.csv"
    assert (await write(folder, numbered=True)).name == "vip-2.csv"
    third = await write(folder, lambda: (folder / "vip-3.csv").write_text("another one"), numbered=True)
    assert third.name == "vip-4.csv"
    assert (folder / third.name).read_bytes() == b"id\n1\n"
    assert (folder / "vip-3.csv").read_text() == "another one"


KILLED = """
import os, pathlib, signal, sys
from cio_mcp.jobs.output_files import OutputFile

file = OutputFile.create("vip.csv", [pathlib.Path(sys.argv[1])])
file.write(b"id\\n" * 100_000)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
async def test_a_process_that_is_killed_leaves_no_file_of_that_name(folder: Path) -> None:
    ended = await anyio.run_process([sys.executable, "-c", KILLED, str(folder)], check=False)
    assert ended.returncode == -signal.SIGKILL
    [left] = names_in(folder)
    assert left.endswith(".part")
    assert (await write(folder)).name == "vip.csv"
    assert (folder / "vip.csv").read_bytes() == b"id\n1\n"


async def test_what_a_killed_server_left_is_removed_when_the_name_is_written_again(folder: Path) -> None:
    old, young, other = (
        folder / f".{name}.part" for name in ("vip.csv.0badcafe", "vip.csv.00c0ffee", "a.csv.0badcafe")
    )
    for path in (old, young, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (0, young.stat().st_mtime - ABANDONED_SECONDS - 60))
    await write(folder)
    assert names_in(folder) == sorted([young.name, other.name, "vip.csv"])


@pytest.mark.usefixtures("links")
async def test_a_file_can_lie_in_a_folder_below_and_under_its_whole_path(folder: Path) -> None:
    (folder / "reports").mkdir()
    for name in ("reports/vip.csv", str(folder / "reports" / "all.csv")):
        async with new_file(name, [folder.parent / "allowed" / "reports", folder]) as file:
            file.write(b"id\n")
    assert names_in(folder / "reports") == ["all.csv", "vip.csv"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("vip", "“vip” must end with .csv"),
        (".bashrc", "must end with .csv"),
        (".vip.csv", "isn't a plain file name"),
        ("vip\u202e.csv", "isn't a plain file name"),
        ("a:b.csv", "isn't a plain file name"),
        ("x" * 200 + ".csv", "is longer than 200 bytes"),
        ("missing/vip.csv", "there is no folder for “vip.csv”"),
        ("../vip.csv", "there is no folder for “vip.csv”"),
        ("link/vip.csv", "there is no folder for “vip.csv”"),
        ("file/vip.csv", "there is no folder for “vip.csv”"),
        ("/vip.csv", "there is no folder for “vip.csv”"),
        ("\0/vip.csv", "there is no folder for “vip.csv”"),
    ],
)
def test_a_file_that_cannot_be_written_is_one_sentence(folder: Path, name: str, sentence: str) -> None:
    (folder / "link").symlink_to(folder.parent)
    (folder / "file").touch()
    with pytest.raises(InvalidArgument, match=sentence) as refused:
        OutputFile.create(name, [folder])
    assert str(folder) not in str(refused.value)
    assert names_in(folder) == ["file", "link"]


def test_a_symlink_in_place_of_the_file_leads_nowhere(folder: Path) -> None:
    (folder / "vip.csv").symlink_to(folder.parent / "elsewhere.csv")
    with pytest.raises(InvalidArgument, match="already exists"):
        OutputFile.create("vip.csv", [folder])
    assert not (folder.parent / "elsewhere.csv").exists()


def test_without_an_allowed_directory_nothing_is_written() -> None:
    with pytest.raises(InvalidArgument, match="this server writes no files"):
        OutputFile.create("vip.csv", [])


async def test_a_file_ends_at_its_bound_and_nothing_is_left_of_it(folder: Path) -> None:
    with pytest.raises(OperatorError, match=r"“vip\.csv” would have more than 4 bytes"):
        await write(folder, max_bytes=4)
    assert not names_in(folder)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "no permission"), (errno.EIO, "can't be written by this")],
)
async def test_a_disk_that_does_not_take_the_file_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, sentence: str
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, "a reason")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OperatorError, match=sentence):
        await write(folder)
    assert not names_in(folder)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_while_bytes_are_added_is_one_sentence(folder: Path) -> None:
    file = OutputFile.create("vip.csv", [folder])
    with Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), file._file.fileno())
    with pytest.raises(OperatorError, match="the disk is full"):
        file.write(b"x" * 1_000_000)
    file.discard()
    assert not names_in(folder)
