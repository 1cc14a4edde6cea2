"""Checks at the start that the journal can be written; otherwise every write would be refused later."""

import os

from cio_mcp.errors import SettingError
from cio_mcp.settings import Settings


def check_storage(settings: Settings) -> None:
    """Create the directory of the database, for its owner alone, unless it exists.

    Raises:
        SettingError: the directory or the database in it cannot be written; names the setting and the directory.
    """
    file = settings.database_file
    if file is None:
        return
    setting = "CIO_DATABASE_URL" if settings.database_url else "CIO_DATA_DIR"
    expected = "Expected a directory that this user can create and write to"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(setting, f"{file.parent} cannot be created ({error.strerror}). {expected}") from None
    if not os.access(file.parent, os.W_OK | os.X_OK) or (file.exists() and not os.access(file, os.R_OK | os.W_OK)):
        raise SettingError(setting, f"{file if file.exists() else file.parent} cannot be written. {expected}")
