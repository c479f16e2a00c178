"""Whether a state directory is shared: then its files are for its group too, whose members are the operators.

The folder's own mode says so: systemd makes it 2770, everybody else 0700. Others never get anything.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

# The 2 gives new files the folder's group, and not that of the operator who makes them.
SHARED_FOLDER, PRIVATE_FOLDER = 0o2770, 0o700


def is_shared(folder: Path) -> bool:
    """Whether its group may write to it."""
    try:
        # A folder that is not there yet will be made for its owner alone.
        return bool(folder.stat().st_mode & stat.S_IWGRP)
    except OSError:
        return False


def file_mode(folder: Path, shared: int = 0o660) -> int:
    """The mode of a new file in it: `shared`, or for its owner alone."""
    return shared if is_shared(folder) else 0o600


def share(handle: int, path: Path, shared: int = 0o660) -> None:
    """Give an open file that is to stand at `path` the mode and, made by root, the owner that its folder asks for."""
    # Whose it is not may not change it, and whoever made it has.
    if os.fstat(handle).st_uid == os.geteuid():
        # The umask has cut the mode that it was made with.
        os.fchmod(handle, file_mode(path.parent, shared))
    if os.geteuid() == 0:
        # What root does by hand stays of use to the services' user.
        owner = (path if path.exists() else path.parent).stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)
