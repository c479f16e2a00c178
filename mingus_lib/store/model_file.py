"""The fitted recommender as a file beside the store: arrays, never pickled objects, replaced as a whole."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mingus_lib.errors import NotFound, PermanentError, StoreUnavailable
from mingus_lib.sharing import share

FORMAT = 1


def save(path: Path, facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write facts (JSON) and numpy arrays, and only then take the old file's place. Raises StoreUnavailable."""
    import numpy as np

    # In the same folder, because a rename between disks is none; by pid, because two may fit at once.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    # As bytes: an array of texts or objects could only be pickled.
    told = np.frombuffer(json.dumps({"format": FORMAT, **facts}).encode(), np.uint8)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            share(stream.fileno(), path)
            np.savez(stream, facts=told, **arrays)
            stream.flush()
            # Otherwise a power cut could leave the name on an empty file.
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        message = f"the model {path} could not be written: {error.strerror or error}: check the folder and its space"
        raise StoreUnavailable(message, code="model-unwritable") from error
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Facts and arrays.

    Raises NotFound, StoreUnavailable when it may not be read, PermanentError when it is damaged or of another release.
    """
    import numpy as np

    try:
        # A pickle runs whatever the one who wrote it wants.
        with np.load(path, allow_pickle=False) as found:
            # While the file is open: numpy reads an array only when it is asked for.
            arrays = {name: found[name] for name in found.files}
        facts = json.loads(arrays.pop("facts").tobytes())
    except FileNotFoundError as error:
        raise NotFound(f"there is no model yet: {RENEW}", code="no-model") from error
    except PermissionError as error:
        raise StoreUnavailable(
            f"the model {path} may not be read: check its owner and mode", code="model-unreadable"
        ) from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise PermanentError(f"the model {path} is damaged: {RENEW}", code="model-damaged") from error
    if facts.get("format") != FORMAT:
        raise PermanentError(f"the model {path} is of another release: {RENEW}", code="model-format")
    return facts, arrays


RENEW = "`mingus recommend --all` makes one"


def stamp(path: Path) -> tuple[int, int] | None:
    """What changes with the file; None without one."""
    try:
        seen = path.stat()
    except OSError:
        return None
    # The inode as well: two files may be written within one tick of the clock.
    return seen.st_mtime_ns, seen.st_ino
