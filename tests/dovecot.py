"""A Dovecot of the test's own: loopback ports, one user, a Maildir in a temporary folder.

with Dovecot() as server:
    server.deliver(b"From: ...")
    account = server.account(tls="none")
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest

from mingus_lib.clients.mailbox_imap import ImapAccount
from tests.conftest import wait_for

# Root may not run the part that takes logins; whoever is not root can run all of it only as himself.
AS_ROOT = os.getuid() == 0

PROGRAM = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
USER, PASSWORD = "ada", "app-password-1234"
needs_dovecot = pytest.mark.skipif(PROGRAM is None, reason="no dovecot program (Debian: dovecot-imapd)")

CONFIG = """
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
{processes}
first_valid_uid = 0
last_valid_uid = 0
mail_uid = {uid}
mail_gid = {gid}
mail_location = maildir:{folder}/mail
auth_mechanisms = plain login
disable_plaintext_auth = no
ssl = {ssl}
{certificate}
login_trusted_networks = 127.0.0.0/8
service imap-login {{
  {chroot}
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  {chroot}
}}
service stats {{
  {chroot}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
"""


class Dovecot:
    """Started on entry, ended on exit. `certificate` is a folder with good.pem and good.key."""

    def __init__(self, certificate: Path | None = None, password: str = PASSWORD) -> None:
        # Not pytest's folder: the paths of sockets must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="imap-"))
        self.port, self.tls_port = _free_port(), _free_port()
        self._certificate = certificate
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None
        self._delivered = 0

    def __enter__(self) -> Self:
        assert PROGRAM is not None
        self.folder.chmod(0o755)
        for name in ("run", "state"):
            (self.folder / name).mkdir()
        for name in ("home", "mail"):
            _make_shared(self.folder / name)
        self._make_maildir("")
        config = self.folder / "dovecot.conf"
        config.write_text(CONFIG.format(**self._values()))
        self._process = subprocess.Popen(
            [PROGRAM, "-F", "-c", str(config)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        wait_for(self._answers, f"dovecot ({self._log()})")
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is not None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=10)
            process.kill()
            process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def deliver(self, mail: bytes, folder: str = "", *, seen: bool = False) -> Path:
        """Put a mail into the Maildir, as a delivery does; the file."""
        self._delivered += 1
        place = self.folder / "mail" / folder / ("cur" if seen else "new")
        self._make_maildir(folder)
        path = place / f"{1_700_000_000 + self._delivered}.M{self._delivered}.host{':2,S' if seen else ''}"
        path.write_bytes(mail)
        return path

    def forget_uids(self) -> None:
        """Make the folder get a new UIDVALIDITY, as after its restoration from a backup."""
        for path in (self.folder / "mail").glob("dovecot*"):
            path.unlink()
        # It is the time of the folder's first opening, in seconds.
        changed = int(time.time())
        wait_for(lambda: int(time.time()) > changed, "the next second")

    def flags(self) -> list[str]:
        """The flags of every mail in the Maildir, by its files' names."""
        files = [*(self.folder / "mail" / "cur").iterdir(), *(self.folder / "mail" / "new").iterdir()]
        return sorted(path.name.partition(":2,")[2] for path in files)

    def account(self, **more: Any) -> ImapAccount:
        """The account of the one user; TLS off unless `more` says otherwise."""
        given = {"host": "127.0.0.1", "port": self.port, "user": USER, "password": PASSWORD, "tls": "none"}
        return ImapAccount(**{**given, **more})

    def _make_maildir(self, folder: str) -> None:
        for name in (folder, *(f"{folder}/{part}" for part in ("cur", "new", "tmp"))):
            _make_shared(self.folder / "mail" / name.lstrip("/"))

    def _values(self) -> dict[str, object]:
        me = pwd.getpwuid(os.getuid())
        owner = pwd.getpwnam("nobody") if AS_ROOT else me
        pair = self._certificate
        lines = f"ssl_cert = <{pair}/good.pem\nssl_key = <{pair}/good.key" if pair else ""
        return {
            "folder": self.folder, "uid": owner.pw_uid, "gid": owner.pw_gid, "chroot": "" if AS_ROOT else "chroot =",
            "processes": "" if AS_ROOT else _as_oneself(me.pw_name, _group(me.pw_gid)),
            "port": self.port, "tls_port": self.tls_port, "password": self._password, "ssl": "yes" if pair else "no",
            "certificate": lines,
        }  # fmt: skip

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            pytest.fail(f"dovecot ended: {self._process.communicate()[1]!r} {self._log()}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            return connection.recv(4) == b"* OK"
        return False

    def _log(self) -> str:
        log = self.folder / "log"
        return log.read_text()[-500:] if log.exists() else ""


def _make_shared(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    # Dovecot works as nobody where the test runs as root.
    folder.chmod(0o777)


def _as_oneself(user: str, group: str) -> str:
    return f"default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}"


def _group(gid: int) -> str:
    import grp

    return grp.getgrgid(gid).gr_name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
