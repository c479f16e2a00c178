"""IMAP against a real Dovecot: marks, new UIDVALIDITY, broken connections, TLS, refusals, a large folder."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.clients.mailbox_imap import ImapMailbox, rescanned
from mingus_lib.domain.mails import MailGroup, Mark, RawMail
from mingus_lib.errors import DependencyDown, UsageError
from tests.crash_lab import WHOLE
from tests.dovecot import PASSWORD, Dovecot, needs_dovecot
from tests.test_clients_tls import make_certificates

pytestmark = needs_dovecot
# All ten thousand take a quarter of a minute: `make crash` reads them.
MANY = 10_000 if WHOLE else 300


def mail(number: int, body: str = "hello") -> bytes:
    return f"From: a@b.example\r\nMessage-ID: <{number}@x>\r\nSubject: {number}\r\n\r\n{body}\r\n".encode()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of localhost."""
    return make_certificates(tmp_path_factory.mktemp("imap-tls"), "localhost")


@pytest.fixture
def server(certificate: Path) -> Iterator[Dovecot]:
    with Dovecot(certificate) as running:
        yield running


def read(mailbox: ImapMailbox) -> tuple[list[RawMail], Mark | None]:
    """Everything the mailbox gives, each group stored, and the mark afterwards."""
    found: list[RawMail] = []
    mark = None
    for group in mailbox.groups():
        found += [item for item in group.items if isinstance(item, RawMail)]
        mark = group.mark
        mailbox.stored(group)
    return found, mark


def ids(mails: list[RawMail]) -> list[str]:
    return [mail.body.partition(b"<")[2].partition(b"@")[0].decode() for mail in mails]


def test_only_what_is_new_is_read(server: Dovecot) -> None:
    for number in range(3):
        server.deliver(mail(number))
    found, mark = read(ImapMailbox(server.account(), None))
    assert ids(found) == ["0", "1", "2"]
    assert mark is not None
    assert read(ImapMailbox(server.account(), mark)) == ([], None)
    server.deliver(mail(3))
    later, mark = read(ImapMailbox(server.account(), mark))
    assert ids(later) == ["3"]
    assert ids(read(ImapMailbox(server.account(), rescanned(mark)))[0]) == ["0", "1", "2", "3"]


def test_a_new_uidvalidity_starts_from_the_beginning(server: Dovecot) -> None:
    for number in range(2):
        server.deliver(mail(number), seen=True)
    _, mark = read(ImapMailbox(server.account(), None))
    server.forget_uids()
    found, later = read(ImapMailbox(server.account(), mark))
    assert ids(found) == ["0", "1"]
    assert mark is not None and later is not None
    assert later.uidvalidity != mark.uidvalidity


def test_seen_is_set_only_when_asked_and_only_after_storing(server: Dovecot) -> None:
    server.deliver(mail(0))
    read(ImapMailbox(server.account(), None))
    assert server.flags() == [""]
    mailbox = ImapMailbox(server.account(), None, mark_seen=True)
    steps = mailbox.groups()
    group = next(steps)
    assert server.flags() == [""]
    mailbox.stored(group)
    steps.close()
    assert server.flags() == ["S"]


def test_since_leaves_out_what_came_before(server: Dovecot) -> None:
    server.deliver(mail(0))
    today = datetime.now(UTC).date()
    assert read(ImapMailbox(server.account(), None, since=today + timedelta(days=3)))[0] == []
    # In the server's time zone the day may be another one.
    assert ids(read(ImapMailbox(server.account(), None, since=today + timedelta(days=1)))[0]) == ["0"]
    assert ids(read(ImapMailbox(server.account(), None, since=date.min))[0]) == ["0"]
    assert ids(read(ImapMailbox(server.account(), None, since=date(2020, 1, 1)))[0]) == ["0"]


def test_a_large_mail_is_cut(server: Dovecot) -> None:
    server.deliver(mail(0, "x" * 500_000))
    (found,), _ = read(ImapMailbox(server.account(max_bytes=10_000), None))
    assert (len(found.body), found.size > 500_000) == (10_000, True)


def test_another_folder(server: Dovecot) -> None:
    server.deliver(mail(7), ".Newsletters")
    assert ids(read(ImapMailbox(server.account(folder="Newsletters"), None))[0]) == ["7"]


class Cutter:
    """A way to the server that breaks its first `cuts` connections after so many bytes to the client."""

    def __init__(self, port: int, after: int, cuts: int) -> None:
        self._target, self._after, self._cuts = port, after, cuts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                limit = self._after if self.connections <= self._cuts else None
                far = socket.create_connection(("127.0.0.1", self._target))
                threading.Thread(target=_pass, args=(client, far, None), daemon=True).start()
                threading.Thread(target=_pass, args=(far, client, limit), daemon=True).start()


def _pass(source: socket.socket, sink: socket.socket, limit: int | None) -> None:
    count = 0
    with suppress(OSError):
        while (data := source.recv(4096)) and (limit is None or count < limit):
            count += len(data)
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def test_a_connection_cut_in_mid_fetch_is_taken_up_again(server: Dovecot) -> None:
    for number in range(120):
        server.deliver(mail(number, "x" * 3_000))
    cutter = Cutter(server.port, after=200_000, cuts=2)
    pauses: list[float] = []
    mailbox = ImapMailbox(server.account(port=cutter.port), None, pause=pauses.append)
    found, mark = read(mailbox)
    cutter.close()
    assert ids(found) == [str(number) for number in range(120)]
    assert mark is not None and mark.last_uid == 120
    assert cutter.connections > 1
    assert pauses


def test_a_server_that_stays_away_is_a_dependency_that_is_down() -> None:
    pauses: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    mailbox = ImapMailbox(_account(port=port), None, pause=pauses.append)
    with pytest.raises(DependencyDown, match="does not answer"):
        read(mailbox)
    assert pauses == [1, 2, 4, 8]


def _account(**more: Any) -> Any:
    from mingus_lib.clients.mailbox_imap import ImapAccount

    given = {"host": "127.0.0.1", "port": 143, "user": "ada", "password": PASSWORD, "tls": "none"}
    return ImapAccount(**{**given, **more})


def refusal(mailbox: ImapMailbox) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read(mailbox)
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert "wrong-secret" not in str(caught.value)
    return caught.value


def test_a_password_may_have_letters_of_any_script() -> None:
    with Dovecot(password="p\u00e4ssw\u00f6rd-\u65e5\u672c") as server:
        server.deliver(mail(1))
        found, _ = read(ImapMailbox(server.account(password="p\u00e4ssw\u00f6rd-\u65e5\u672c"), None))
        assert ids(found) == ["1"]
        assert refusal(ImapMailbox(server.account(password="wr\u00f6ng"), None)).code == "imap-login"


def test_a_refused_login_names_the_user_and_never_the_password(server: Dovecot) -> None:
    error = refusal(ImapMailbox(server.account(password="wrong-secret"), None))
    assert (error.code, error.exit_code) == ("imap-login", 2)
    assert "app password" in str(error)
    assert "wrong-secret" not in repr(server.account(password="wrong-secret"))


def test_a_folder_that_is_not_there_is_told_with_those_that_are(server: Dovecot) -> None:
    server.deliver(mail(1), ".Newsletters")
    error = refusal(ImapMailbox(server.account(folder="Newsleters"), None))
    assert "INBOX" in str(error) and "Newsletters" in str(error)


@pytest.mark.parametrize(
    ("greeting", "answers"),
    [
        (b"* BYE too many connections", {}),
        (b"* OK [CAPABILITY IMAP4rev1] hi", {b"LOGIN": b"NO [LIMIT] later"}),
        (b"* OK [CAPABILITY IMAP4rev1] hi", {b"LOGIN": b"OK in", b"EXAMINE": b"NO [UNAVAILABLE] later"}),
    ],
    ids=["greeting", "login", "folder"],
)
def test_a_busy_server_is_a_dependency_that_is_down(greeting: bytes, answers: dict[bytes, bytes]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_answer, args=(listener, greeting, answers), daemon=True).start()
        with pytest.raises(DependencyDown, match="takes nobody now"):
            read(ImapMailbox(_account(port=listener.getsockname()[1]), None))


def _answer(listener: socket.socket, greeting: bytes, answers: dict[bytes, bytes]) -> None:
    with suppress(OSError):
        client, _ = listener.accept()
        stream = client.makefile("rwb")
        stream.write(greeting + b"\r\n")
        stream.flush()
        for line in stream:
            tag, command = line.split()[:2]
            told = b"* CAPABILITY IMAP4rev1\r\n" if command == b"CAPABILITY" else b""
            stream.write(told + tag + b" " + answers.get(command, b"OK done") + b"\r\n")
            stream.flush()


def test_a_server_that_does_not_tell_the_next_uid_is_asked_for_the_last() -> None:
    searches: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_old_server, args=(listener, searches), daemon=True).start()
        found, mark = read(ImapMailbox(_account(port=listener.getsockname()[1]), None))
    assert ids(found) == ["1"]
    assert mark is not None and mark.last_uid == 7
    assert len(searches) == 2


def _old_server(listener: socket.socket, searches: list[bytes]) -> None:
    """One mail, of UID 7, in a folder that is opened without a word about UIDNEXT."""
    size = str(len(mail(1))).encode()
    body = b"* 1 FETCH (UID 7 BODY[]<0> {" + size + b"}\r\n" + mail(1) + b")\r\n"
    with suppress(OSError):
        client, _ = listener.accept()
        with client, client.makefile("rwb") as stream:
            stream.write(b"* OK [CAPABILITY IMAP4rev1] hi\r\n")
            stream.flush()
            for line in stream:
                told = b"* CAPABILITY IMAP4rev1\r\n" if b"CAPABILITY" in line else b""
                if b"EXAMINE" in line:
                    told = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 5] yes\r\n"
                elif b"SEARCH" in line:
                    searches.append(line)
                    told = b"* SEARCH 7\r\n"
                elif b"RFC822.SIZE" in line:
                    told = b"* 1 FETCH (UID 7 RFC822.SIZE " + size + b")\r\n"
                elif b"BODY.PEEK" in line:
                    told = body
                stream.write(told + line.split()[0] + b" OK done\r\n")
                stream.flush()


def test_a_server_that_sends_the_password_back_does_not_get_it_into_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_echo, args=(listener,), daemon=True).start()
        box = ImapMailbox(_account(port=listener.getsockname()[1]), None, pause=lambda _: None)
        with pytest.raises(DependencyDown, match="unexpected response") as caught:
            read(box)
    assert PASSWORD not in str(caught.value)


def _echo(listener: socket.socket) -> None:
    """Take every login, and send it back, as a line that is no answer, when a folder is asked for."""
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            with client, client.makefile("rwb") as stream:
                stream.write(b"* OK [CAPABILITY IMAP4rev1] hi\r\n")
                stream.flush()
                login = b""
                for line in stream:
                    tag, _, said = line.partition(b" ")
                    login = said if said.startswith(b"LOGIN") else login
                    told = b"* CAPABILITY IMAP4rev1\r\n" if said.startswith(b"CAPABILITY") else b""
                    stream.write(login if said.startswith(b"EXAMINE") else told + tag + b" OK done\r\n")
                    stream.flush()


def test_tls_with_an_authority_of_its_own(server: Dovecot, certificate: Path) -> None:
    server.deliver(mail(1))
    secure = {"host": "localhost", "ca_file": certificate / "ca.pem"}
    for tls, port in (("tls", server.tls_port), ("starttls", server.port)):
        assert ids(read(ImapMailbox(server.account(tls=tls, port=port, **secure), None))[0]) == ["1"]


def test_certificates_that_do_not_match_are_refused(server: Dovecot, certificate: Path) -> None:
    unknown = refusal(ImapMailbox(server.account(tls="tls", port=server.tls_port, host="localhost"), None))
    assert unknown.code == "imap-certificate"
    other_name = server.account(tls="tls", port=server.tls_port, ca_file=certificate / "ca.pem")
    assert refusal(ImapMailbox(other_name, None)).code == "imap-certificate"
    assert refusal(ImapMailbox(server.account(tls="tls"), None)).code == "imap-tls"


def test_a_password_never_goes_over_the_net_in_clear() -> None:
    with pytest.raises(UsageError, match="in clear"):
        ImapMailbox(_account(host="imap.example.org"), None)


def test_a_large_folder(server: Dovecot) -> None:
    for number in range(MANY):
        server.deliver(mail(number), seen=True)
    sizes: list[int] = []
    mailbox = ImapMailbox(server.account(), None)
    seen: set[str] = set()
    for group in mailbox.groups():
        sizes.append(len(group.items))
        seen.update(ids([item for item in group.items if isinstance(item, RawMail)]))
        mailbox.stored(group)
    assert len(seen) == MANY
    assert max(sizes) <= 50


def test_a_mailbox_left_early_goes_on_from_its_last_group(server: Dovecot) -> None:
    for number in range(60):
        server.deliver(mail(number))
    steps = (mailbox := ImapMailbox(server.account(), None)).groups()
    first: MailGroup = next(steps)
    mailbox.stored(first)
    steps.close()
    found, _ = read(ImapMailbox(server.account(), first.mark))
    assert len(first.items) + len(found) == 60
