"""Mails in files: what each form gives, what is no mail, and that nothing is read whole."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.clients.mailbox import GROUP_MAILS
from mingus_lib.clients.mailbox_files import MAX_FOLDER_DEPTH, FileMailbox
from mingus_lib.clients.mailbox_mbox import mbox_mails
from mingus_lib.domain.mails import NoMail, RawMail
from mingus_lib.errors import UsageError

SEPARATOR = b"From a@b.example Sat Jan  3 10:00:00 2026\n"
CAP = 10_000


def mail(name: str) -> bytes:
    return f"From: a@b.example\nSubject: {name}\n\nhello {name}\n".encode()


def read(*paths: Path | str, stdin: bytes = b"", cap: int = CAP) -> list[RawMail | NoMail]:
    mailbox = FileMailbox([str(path) for path in paths], io.BytesIO(stdin), cap)
    return [item for group in mailbox.groups() for item in group.items]


def bodies(*paths: Path | str, **more: bytes) -> list[bytes]:
    return [item.body for item in read(*paths, **more) if isinstance(item, RawMail)]  # type: ignore[arg-type]


def reasons(*paths: Path | str) -> list[str]:
    return [item.reason.partition(":")[0] for item in read(*paths) if isinstance(item, NoMail)]


def test_every_form_in_one_folder(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(mail("a"))
    (tmp_path / "b.mbox").write_bytes(SEPARATOR + mail("b1") + b"\n" + SEPARATOR + mail("b2"))
    (tmp_path / "c.json").write_text(json.dumps([{"subject": "c1"}, {"subject": "c2"}]))
    (tmp_path / "d.jsonl").write_text('{"subject": "d1"}\n{"subject": "d2"}\n')
    for part in ("cur", "new", "tmp"):
        (tmp_path / "e" / part).mkdir(parents=True)
        (tmp_path / "e" / "..sub".strip(".") / part).mkdir(parents=True)
    (tmp_path / "e" / "cur" / "1:2,S").write_bytes(mail("e1"))
    (tmp_path / "e" / "new" / "2").write_bytes(mail("e2"))
    (tmp_path / "e" / "tmp" / "3").write_bytes(mail("unfinished"))
    (tmp_path / "e" / "dovecot-uidlist").write_text("3 V1")
    found = b"".join(bodies(tmp_path))
    for name in ("a", "b1", "b2", "c1", "c2", "d1", "d2", "e1", "e2"):
        assert f"Subject: {name}\n".encode() in found
    assert b"unfinished" not in found
    assert reasons(tmp_path) == []


def test_standard_input_takes_every_form() -> None:
    assert bodies("-", stdin=mail("x")) == [mail("x")]
    assert len(bodies("-", stdin=SEPARATOR + mail("x") + SEPARATOR + mail("y"))) == 2
    assert len(bodies("-", stdin=b'{"subject": "x"}')) == 1
    assert len(bodies("-", stdin=b'\xef\xbb\xbf[\r\n {"subject": "x"}, {"subject": "y"}]')) == 2
    assert len(bodies("-", stdin=b'\n{"subject": "x"}\n' * 3_000)) == 3_000


def test_the_mark_that_windows_puts_before_a_text_is_passed_over() -> None:
    mark = b"\xef\xbb\xbf"
    assert bodies("-", stdin=mark + mail("a")) == [mail("a")]
    assert len(bodies("-", stdin=mark + SEPARATOR + mail("a"))) == 1
    assert len(bodies("-", stdin=mark + b'{"subject": "a"}')) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"%PDF-1.7 \xff\xfe", "not-a-mail"),
        (b"\0" * 100, "not-a-mail"),
        (b"just words without a header\n", "not-a-mail"),
        (b'{"subject": ', "not-json"),
        (b"[1, 2]", "not-a-mail"),
        (b'{"other": "x"}', "not-a-mail"),
        (b'{"subject": 5}', "not-a-mail"),
        (b"[" * 100_000, "not-json"),
        (b'{"a":' * 100_000, "not-json"),
    ],
)
def test_what_is_no_mail_is_told_and_the_next_one_is_read(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "1-strange.eml").write_bytes(content)
    (tmp_path / "2-good.eml").write_bytes(mail("good"))
    assert set(reasons(tmp_path)) == {reason}
    assert bodies(tmp_path) == [mail("good")]


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a mail as Outlook keeps it; save it as .eml"),
        (b"PK\x03\x04", "an archive; unpack it"),
        ("Subject: x\n\ny".encode("utf-16"), "UTF-16 instead of bytes as they came; save it as UTF-8"),
    ],
)
def test_other_forms_of_mails_are_named(start: bytes, says: str) -> None:
    (found,) = read("-", stdin=start + b"\0" * 50)
    assert isinstance(found, NoMail)
    assert found.reason == f"not-a-mail: {says}"


def test_paths_that_cannot_be_read_are_refused_before_anything_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing", tmp_path / "pipe", "a\0b"):
        with pytest.raises(UsageError, match="cannot read"):
            read(path)


def test_a_folder_that_may_not_be_listed_is_told_and_the_next_one_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "1-closed").mkdir()
    (tmp_path / "2-good.eml").write_bytes(mail("good"))
    listed = os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "1-closed":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert reasons(tmp_path) == ["cannot-read"]
    assert bodies(tmp_path) == [mail("good")]


def test_links_do_not_lead_out_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "secret.eml").write_bytes(mail("secret"))
    (tmp_path / "box" / "link.eml").symlink_to(tmp_path / "secret.eml")
    (tmp_path / "box" / "circle").symlink_to(tmp_path / "box")
    assert read(tmp_path / "box") == []


def test_folders_called_new_or_tmp_are_folders_outside_a_maildir(tmp_path: Path) -> None:
    for name in ("new", "tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.eml").write_bytes(mail(name))
    assert bodies(tmp_path) == [mail("new"), mail("tmp")]


def test_what_lies_too_deep_is_told(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*map(str, range(MAX_FOLDER_DEPTH + 3)))
    deep.mkdir(parents=True)
    (deep / "a.eml").write_bytes(mail("a"))
    assert reasons(tmp_path) == ["too-deep"]
    assert bodies(deep) == [mail("a")]


def test_a_large_mail_is_cut_and_its_size_is_told(tmp_path: Path) -> None:
    for name, start in (("a.eml", b""), ("b.mbox", SEPARATOR)):
        (tmp_path / name).write_bytes(start + mail("x") + b"y" * 50_000)
        (found,) = read(tmp_path / name)
        assert isinstance(found, RawMail)
        assert len(found.body) == CAP
        assert found.size >= 50_000


def test_groups_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_bytes((SEPARATOR + mail("x")) * (GROUP_MAILS + 5))
    groups = list(FileMailbox([str(tmp_path)], io.BytesIO(), CAP).groups())
    assert [len(group.items) for group in groups] == [GROUP_MAILS, 5]


def test_a_line_that_begins_with_from_is_text() -> None:
    body = mail("x") + b"\nFrom here on, all is text.\n>From there\n>>From x\n"
    stream = io.BytesIO(SEPARATOR + body + b"\n" + SEPARATOR + mail("y"))
    first, second = mbox_mails(stream.read, "box", CAP)
    assert b"\nFrom here on, all is text.\nFrom there\n>From x\n" in first.body
    assert second.body == mail("y")


@pytest.mark.parametrize("size", [3, CAP])
def test_the_first_line_of_an_mbox_needs_no_time(size: int) -> None:
    stream = io.BytesIO(b"From somebody\n" + mail("x") + b"\n" + SEPARATOR + mail("y"))
    found = [each.body for each in mbox_mails(lambda wanted: stream.read(min(size, wanted)), "box", CAP)]
    assert found == [mail("x") + b"\n", mail("y")]


def test_a_json_text_in_place_of_a_mail_is_called_that() -> None:
    (found,) = read("-", stdin=b'["hello"]')
    assert isinstance(found, NoMail)
    assert "str instead of an object" in found.reason


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5), st.integers(1, 80))
def test_blocks_of_any_size_give_the_same_mails(texts: list[bytes], size: int) -> None:
    mails = [b"Subject: x\n\n" + text.replace(b"From ", b"from ") + b"\n" for text in texts]
    stream = io.BytesIO(b"".join(SEPARATOR + each for each in mails))
    found = [each.body for each in mbox_mails(lambda wanted: stream.read(min(size, wanted)), "box", CAP)]
    assert [each.rstrip(b"\n") for each in found] == [each.rstrip(b"\n") for each in mails]
