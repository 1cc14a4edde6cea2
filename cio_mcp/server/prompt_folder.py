"""Reads a folder of prompt files; each problem of an operator's own folder names the setting and the file."""

import re
from collections.abc import Iterator
from pathlib import Path

from cio_mcp.errors import SettingError
from cio_mcp.settings import read_setting_file

SETTING = "CIO_PROMPTS_DIR"
MAX_FILES = 100
"""Prompt files of a folder. Chosen: a client lists all of them."""
MAX_FILE_BYTES = 64 * 1024
"""Size of a prompt file. Chosen: some 16,000 tokens."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def prompt_texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Read the prompt files of a folder: the name and text of each, by name.

    Raises:
        SettingError: the folder or a file cannot be read, or is not what is expected.
    """
    try:
        if not folder.is_dir():
            raise SettingError(SETTING, f"{folder} is not a directory. Expected a directory of prompt files")
        files = sorted(path for path in folder.iterdir() if path.suffix == ".md")
    except OSError as error:
        raise SettingError(SETTING, f"{folder} can't be read ({error.strerror})") from None
    if not 0 < len(files) <= MAX_FILES:
        raise SettingError(SETTING, f"{folder} has {len(files)} .md files; expected 1 to {MAX_FILES}")
    for path in files:
        yield path.stem, _text_of(path)


def _text_of(path: Path) -> str:
    if not _NAME.fullmatch(path.stem):
        expected = "expected lowercase letters, digits, hyphens, and underscores, such as my-report.md"
        raise SettingError(SETTING, f"{path}: a prompt can't have this name; {expected}")
    return read_setting_file(SETTING, path, max_bytes=MAX_FILE_BYTES)
