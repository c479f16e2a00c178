"""Who sits at the terminal."""

from __future__ import annotations

import getpass
import os


def login_name() -> str:
    """The user's name, or `uid N` for one who has none, as in a container that runs under any number."""
    try:
        return getpass.getuser()
    # getpass.getuser() raises KeyError up to Python 3.12, and OSError from 3.13 on.
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
