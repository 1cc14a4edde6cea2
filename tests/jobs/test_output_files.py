"""Files that are written: complete, new, below the allowed directories, or not there at all."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from cio_mcp.errors import InvalidArgument, OperatorError
from cio_mcp.jobs.output_files import OutputFile, free_name, new_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "allowed").mkdir()
    return tmp_path / "allowed"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(folder: Path, meanwhile: Callable[[], object] = bool, *, max_bytes: int = 100) -> None:
    with new_file("vip.csv", [folder], max_bytes=max_bytes) as file:
        file.write(b"id\n")
        meanwhile()
        file.write(b"1\n")


def test_a_file_has_its_name_only_once_it_is_complete(folder: Path) -> None:
    with new_file("vip.csv", [folder]) as file:
        file.write(b"id\n")
        assert not (folder / "vip.csv").exists()
        file.write(b"1\n")
    assert (folder / "vip.csv").read_bytes() == b"id\n1\n"
    assert (file.name, file.size) == ("vip.csv", 5)
    assert names_in(folder) == ["vip.csv"]


def test_only_this_user_can_read_a_file(folder: Path) -> None:
    with new_file("vip.csv", [folder]) as file:
        [temporary] = folder.iterdir()
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
        file.write(b"id\n")
    assert stat.S_IMODE((folder / "vip.csv").stat().st_mode) == 0o600


def test_nothing_is_left_of_a_file_that_was_not_completed(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        write(folder, lambda: 1 // 0)
    assert not names_in(folder)


def test_a_file_that_exists_is_never_overwritten_and_a_free_name_is_suggested(folder: Path) -> None:
    (folder / "vip.csv").write_text("mine")
    (folder / "vip-2.csv").write_text("mine, too")
    with pytest.raises(InvalidArgument, match=r"“vip\.csv” already exists; “vip-3\.csv” doesn't"):
        OutputFile.create("vip.csv", [folder])
    assert free_name("vip.csv", [folder]) == "vip-3.csv"
    assert free_name("new.csv", [folder]) == "new.csv"
    assert (folder / "vip.csv").read_text() == "mine"


@pytest.fixture(params=[True, False])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With hard links, and on a file system that has none."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links")

    if not request.param:
        monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("links")
def test_a_name_that_is_taken_meanwhile_is_kept_by_the_other(folder: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"“vip\.csv” exists meanwhile"):
        write(folder, lambda: (folder / "vip.csv").write_text("another one"))
    assert (folder / "vip.csv").read_text() == "another one"
    assert names_in(folder) == ["vip.csv"]


@pytest.mark.usefixtures("links")
def test_a_file_can_lie_in_a_folder_below_and_under_its_whole_path(folder: Path) -> None:
    (folder / "reports").mkdir()
    for name in ("reports/vip.csv", str(folder / "reports" / "all.csv")):
        with new_file(name, [folder.parent / "allowed" / "reports", folder]) as file:
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


def test_a_file_ends_at_its_bound_and_nothing_is_left_of_it(folder: Path) -> None:
    with pytest.raises(OperatorError, match=r"“vip\.csv” would have more than 4 bytes"):
        write(folder, max_bytes=4)
    assert not names_in(folder)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "no permission"), (errno.EIO, "can't be written by this")],
)
def test_a_disk_that_does_not_take_the_file_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, sentence: str
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, "a reason")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OperatorError, match=sentence):
        write(folder)
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
