"""The file of keys: one valid key to a name, read by its owner (and his group), refused when it is spoilt."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mingus_lib.errors import NotFound, Refused, UsageError
from mingus_lib.queues import keyring, signing
from mingus_lib.queues.keyring import KeyRing


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys.json")


def test_a_name_is_given_to_one_valid_key(ring: KeyRing) -> None:
    first = ring.add("crawler", ["*"])
    with pytest.raises(Refused, match="a key named 'crawler' already"):
        ring.add("crawler", ["*"])
    ring.revoke("crawler")
    assert ring.add("crawler", ["*"]).id != first.id
    assert len(ring.keys) == 2


def test_an_unknown_name_is_told_the_names_that_can_be_revoked(ring: KeyRing) -> None:
    with pytest.raises(NotFound, match="there are: none"):
        ring.revoke("crawler")
    for name in ("mill", "crawler", "gone"):
        ring.add(name, ["*"])
    ring.revoke("gone")
    with pytest.raises(NotFound, match=r"named 'gone'; there are: crawler, mill$"):
        ring.revoke("gone")


def test_a_producer_s_file_holds_one_key(ring: KeyRing, tmp_path: Path) -> None:
    key = ring.add("crawler", ["*"])
    ring.add("mill", ["*"])
    with pytest.raises(UsageError, match="holds 2 keys, not one"):
        keyring.single(ring.path)
    keyring.export(key, tmp_path / "crawler.json")
    assert keyring.single(tmp_path / "crawler.json") == key


def test_a_key_is_exported_over_nothing_not_even_a_link_that_leads_nowhere(
    ring: KeyRing, tmp_path: Path
) -> None:
    link = tmp_path / "crawler.json"
    link.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(Refused, match="there already; name another file"):
        keyring.export(ring.own(), link)
    assert link.is_symlink()
    assert not (tmp_path / "elsewhere.json").exists()


def test_a_key_is_not_written_into_what_somebody_has_laid_there(ring: KeyRing, tmp_path: Path) -> None:
    laid = tmp_path / f".crawler.json.{os.getpid()}.tmp"
    laid.touch()
    laid.chmod(0o666)
    keyring.export(ring.own(), tmp_path / "crawler.json")
    assert (tmp_path / "crawler.json").stat().st_mode & 0o777 == 0o600


def test_the_operators_of_a_shared_library_can_read_its_keys(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o2770)
    if os.geteuid() == 0:
        # As root's command finds it: the library is the services'.
        os.chown(folder, 65534, 65534)
    ring = KeyRing(folder / "keys.json")
    umask = os.umask(0o077)
    try:
        ring.own()
    finally:
        os.umask(umask)
    found, shared = ring.path.stat(), folder.stat()
    assert found.st_mode & 0o777 == 0o640
    assert (found.st_uid, found.st_gid) == (shared.st_uid, shared.st_gid)


def test_a_secret_that_can_be_guessed_is_refused(ring: KeyRing) -> None:
    ring.own()
    known = json.loads(ring.path.read_text())
    known["keys"][0]["secret"] = "00" * 15
    ring.path.write_text(json.dumps(known))
    with pytest.raises(UsageError, match="not a file of keys; restore it"):
        ring.own()


def test_a_signature_by_a_key_of_another_library_is_refused_with_its_id(
    ring: KeyRing, tmp_path: Path
) -> None:
    stranger = KeyRing(tmp_path / "other.json").own()
    ring.own()
    signature = signing.sign(stranger, "job", "cleanup", b"{}")
    with pytest.raises(signing.JobRefused, match=f"by the key {stranger.id}, which is not known here"):
        signing.verify(ring.keys, signature, "job", "cleanup", b"{}")
