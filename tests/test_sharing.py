"""A state directory that a service and its operators share: each can use what the other, or root, has made."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import numpy as np
import pytest

from mingus_lib.errors import StoreUnavailable
from mingus_lib.sharing import share
from mingus_lib.store import model_file
from tests.conftest import CommandLine

SERVICE, OPERATOR = 61_001, 61_002
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes the place of other users")


def modes(folder: Path) -> dict[str, int]:
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir() if each.is_file()}


@pytest.mark.parametrize(("folder", "file"), [(0o2770, 0o660), (0o700, 0o600)])
def test_the_folder_says_whose_the_files_are(
    mingus: CommandLine, tmp_path: Path, folder: int, file: int
) -> None:
    home = tmp_path / "library"
    home.mkdir()
    home.chmod(folder)
    before = os.umask(0o077)
    try:
        shown = mingus("db", "migrate", MINGUS_HOME=str(home))
        model_file.save(home / "model.npz", {}, {"ids": np.arange(3)})
    finally:
        os.umask(before)
    assert shown.code == 0, shown.err
    assert modes(home) == dict.fromkeys(("mingus.db", "mingus.db.lock", "model.npz"), file)


@as_root
def test_what_root_makes_is_the_service_s(tmp_path: Path) -> None:
    os.chown(tmp_path, SERVICE, OPERATOR)
    model_file.save(tmp_path / "model.npz", {}, {"ids": np.arange(3)})
    made = (tmp_path / "model.npz").stat()
    assert (made.st_uid, made.st_gid) == (SERVICE, OPERATOR)


@as_root
def test_another_s_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch(mode=0o640)
    os.chown(path, SERVICE, OPERATOR)
    with path.open() as stream:
        share(stream.fileno(), path)
    found = path.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o640, SERVICE, OPERATOR)


@as_root
def test_a_model_that_may_not_be_read_is_not_called_damaged() -> None:
    # Not in pytest's folder, which is closed to other users.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "model.npz"
        model_file.save(path, {}, {"ids": np.arange(3)})
        os.seteuid(SERVICE)
        try:
            with pytest.raises(StoreUnavailable, match="may not be read: check its owner and mode"):
                model_file.load(path)
        finally:
            os.seteuid(0)
