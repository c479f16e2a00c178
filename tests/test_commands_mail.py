"""`mingus mail` and `mingus mails` as processes: what goes in, what is refused, what the funnel says."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import cli
from mingus_lib import runtime
from tests.conftest import CommandLine, Shown, wait_for
from tests.dovecot import PASSWORD, USER, Dovecot, needs_dovecot
from tests.sites import Reply, Site, Sites
from tests.test_services_ingest import page


@pytest.fixture
def sites() -> Iterator[Sites]:
    with Sites() as running:
        yield running


@dataclass
class InPlace:
    """The command line run in this process, its jobs in place: a command says what became of everything."""

    home: Path
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    env: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, stdin: str = "", **env: str) -> Shown:
        before = runtime._current
        given = io.TextIOWrapper(io.BytesIO(stdin.encode()))
        with self.patch.context() as patch:
            for name, value in {**self.env, **env}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["mingus", *arguments])
            patch.setattr(sys, "stdin", given)
            with pytest.raises(SystemExit) as ending:
                cli.main()
        runtime._current = before
        code = ending.value.code
        assert isinstance(code, int)
        return Shown(code, *self.capture.readouterr())


@pytest.fixture
def eager(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InPlace:
    env = {
        "MINGUS_HOME": str(home),
        "MINGUS_EAGER": "yes",
        "MINGUS_FETCH_ALLOW_NETWORKS": "127.0.0.0/8",
        "MINGUS_FETCH_INTERVAL": "0",
    }
    return InPlace(home, capsys, monkeypatch, env)


def newsletter(site: Site, name: str = "m1") -> str:
    links = [
        site.url("/a-good-long-story"),
        site.url("/a-short-notice-only"),
        site.url("/"),
        "mailto:a@b.example",
    ]
    anchors = ["A good long story", "A notice", "The site of it", "Write"]
    rows = "".join(f'<p><a href="{url}">{text}</a></p>' for url, text in zip(links, anchors, strict=True))
    return f"From: News <n@a.example>\nSubject: Issue {name}\nMessage-ID: <{name}@x>\nContent-Type: text/html\n\n{rows}"


@pytest.fixture
def site(sites: Sites) -> Site:
    found = sites.add()
    found.on("/a-good-long-story", Reply(page("alpha")))
    found.on("/a-short-notice-only", Reply(page("beta", words=20)))
    return found


def test_a_mail_goes_in_and_the_funnel_tells_all(eager: InPlace, site: Site) -> None:
    shown = eager("mail", "-", "--json", stdin=newsletter(site))
    assert shown.code == 0, shown.err
    assert shown.json["funnel"] == {
        "mails": 1, "found": 4, "unwrapped": 0, "dropped": {"home-page": 1, "mailto": 1}, "known": 0, "sent": 2,
        "waiting": 0, "fetched": 2, "kept": 1, "duplicate": 0, "rejected": {"too-short": 1}, "failed": {},
    }  # fmt: skip
    again = eager("mail", "-", "--json", stdin=newsletter(site)).json
    assert (again["again"], again["stored"], again["jobs"]) == (1, 0, [])
    assert eager("mail", "-", stdin=newsletter(site)).out.startswith("mails\t1\t")
    assert "of them read before\t1" in eager("mail", "-", stdin=newsletter(site)).out
    other = eager("mail", "-", "--json", stdin=newsletter(site, "m2")).json
    assert other["funnel"]["known"] == 2
    assert len(site.pages_seen) == 2
    lines = eager("mails", "list").out.splitlines()
    assert [line.split("\t")[:3] for line in lines] == [["2", "done", "Issue m2"], ["1", "done", "Issue m1"]]
    story = eager("mails", "show", "1", "--json").json
    assert [link["reason"] and link["reason"].partition(":")[0] for link in story["links_found"]] == [
        None, None, "home-page", "mailto",
    ]  # fmt: skip
    assert "A good long story" in eager("mails", "show", "1").out
    by_host = eager("mails", "links", "--by", "host", "--json").json
    assert next(row for row in by_host if row["host"] == site.host)["kept"] == 1
    assert eager("mails", "senders", "--json").json[0]["sender"] == "n@a.example"
    assert eager("mails", "links", "--reason", "too-short", "--json").json[0]["article_id"]
    assert len(eager("mails", "links", "--by", "day").out.splitlines()) == 1
    assert 'did you mean "home-page"' in eager("mails", "links", "--reason", "hompage").err
    assert eager("mails", "links", "--reason", "home-page", "--mail", "99").err == "No such links.\n"
    assert eager("mails", "list", "--state", "stored").err == "No mail matches.\n"


def test_a_list_that_goes_on_says_so_unless_its_end_was_named(eager: InPlace) -> None:
    rows = "".join(f'<p><a href="mailto:n{n}@a.example">{n}</a></p>' for n in range(51))
    eager("mail", "-", stdin=f"From: n@a.example\nContent-Type: text/html\n\n{rows}")
    shown = eager("mails", "links")
    assert len(shown.out.splitlines()) == 50
    assert shown.err == "These are the first 50. For more: --limit 500\n"
    assert eager("mails", "links", "--limit", "50").err == ""
    whole = eager("mails", "links", "--limit", "51")
    assert (len(whole.out.splitlines()), whole.err) == (51, "")


def test_a_mail_without_a_sender_is_one_among_others(eager: InPlace, site: Site) -> None:
    unsigned = newsletter(site, "m2").replace("From: News <n@a.example>\n", "")
    eager("mail", "-", stdin=newsletter(site))
    eager("mail", "-", stdin=unsigned)
    (section,) = eager("report", "funnel", "--json").json["sections"]
    (mails,) = (each["value"] for each in section["figures"] if each["key"] == "mails")
    senders = next(each["rows"] for each in section["tables"] if each["key"] == "senders")
    assert mails == 2
    assert sorted(row["sender"] or "" for row in senders) == ["", "n@a.example"]


def test_a_dry_run_shows_the_funnel_and_stores_nothing(
    eager: CommandLine, site: Site, tmp_path: Path
) -> None:
    box = tmp_path / "box"
    box.mkdir()
    for name in ("m1", "m2"):
        (box / f"{name}.eml").write_text(newsletter(site, name))
    told = eager("mail", str(box), "--dry-run", "--json").json
    assert (told["funnel"]["mails"], told["funnel"]["sent"], told["funnel"]["known"]) == (2, 2, 2)
    assert eager("mails", "list", "--json").json == []
    assert site.pages_seen == []
    assert "links" not in told


def test_a_dry_run_of_one_mail_shows_each_link_with_its_reason(eager: CommandLine, site: Site) -> None:
    told = eager("mail", "-", "--dry-run", "--json", stdin=newsletter(site, "m1")).json
    fates = {(link["decision"], link["reason"]) for link in told["links"]}
    assert len(told["links"]) == told["funnel"]["found"]
    assert ("fetch", None) in fates
    assert {reason.partition(":")[0] for decision, reason in fates if decision == "drop"} == set(
        told["funnel"]["dropped"]
    )
    assert eager("mails", "links", "--json").json == []


def test_since_and_limit_choose(eager: InPlace, tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.mkdir()
    for number, day in enumerate(("01 Jan 2020", "01 Mar 2026", "02 Mar 2026")):
        head = f"Subject: {number}\nMessage-ID: <{number}@x>\nDate: Mon, {day} 10:00:00 +0000\n\nhello\n"
        (box / f"{number}.eml").write_text(head)
    told = eager("mail", str(box), "--since", "2026-01-01", "--limit", "1", "--json").json
    assert (told["seen"], told["stored"], told["older"]) == (2, 1, 1)
    assert eager("mail", str(box), "--since", "2026-01-01", "--json").json["stored"] == 1
    assert {mail["subject"] for mail in eager("mails", "list", "--json").json} == {"1", "2"}


REFUSED = pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mail",), "no mail given"),
        (("mail", "/nonexistent/box"), "cannot read /nonexistent/box"),
        (("mail", "-"), "standard input: empty"),
        (("mail", "--imap"), "MINGUS_IMAP_HOST"),
        (("mail", "--imap", "--host", "h.example", "--user", "a"), "MINGUS_IMAP_PASSWORD"),
        (("mail", "--imap", "-"), "cannot go together"),
        (("mail", "-", "--mark-seen"), "--imap"),
        (("mail", "-", "--since", "yesterday"), "--since"),
        (("mail", "--imap", "--port", "99999999"), "--imap-port"),
        (("mail", "--imap", "--tls", "ssl"), "one of tls, starttls, none"),
        (("mails", "list", "--state", "don"), 'did you mean "done"'),
        (("mails", "links", "--by", "hosts"), 'did you mean "host"'),
    ],
)  # fmt: skip


@REFUSED
def test_what_cannot_work_is_one_line(eager: InPlace, arguments: tuple[str, ...], said: str) -> None:
    shown = eager(*arguments)
    assert shown.code == 2
    assert said in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert shown.out == ""


def test_mails_that_are_not_there(eager: InPlace) -> None:
    for arguments in (("mails", "show", "7"), ("mails", "reprocess", "7")):
        shown = eager(*arguments)
        assert (shown.code, "no mail 7" in shown.err) == (4, True)


def test_strange_things_are_passed_over_and_told(eager: InPlace, tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.mkdir()
    (box / "a.eml").write_bytes(b"%PDF-1.7")
    (box / "b\x1b[31m.eml").write_bytes(b"")
    (box / "c.eml").write_text("Subject: good\n\nhello\n")
    shown = eager("mail", str(box), "--json")
    assert shown.code == 0
    assert [each["reason"].partition(":")[0] for each in shown.json["no_mail"]] == ["not-a-mail", "empty"]
    assert "\x1b" not in shown.err + shown.out
    assert shown.err.count("passed over") == 2


def test_redis_away_keeps_the_mails_for_the_next_reading(eager: InPlace) -> None:
    text = "Subject: x\nMessage-ID: <1@x>\n\nhello\n"
    away = eager("mail", "-", stdin=text, MINGUS_REDIS_URL="redis://127.0.0.1:1/0", MINGUS_EAGER="no")
    assert away.code == 69, away.err
    assert eager("mails", "list", "--json").json[0]["state"] == "stored"
    told = eager("mail", "-", "--json", stdin=text).json
    assert (told["again"], told["resumed"]) == (1, 1)
    assert eager("mails", "list", "--json").json[0]["state"] == "done"


def test_mails_are_read_by_workers_while_a_command_waits(mingus: CommandLine, site: Site) -> None:
    worker = mingus.start("worker")
    try:
        shown = mingus("mail", "-", "--wait", "--json", stdin=newsletter(site))
        again = mingus("mails", "reprocess", "1", "--wait", "--json")
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=30)
    assert shown.code == 0, shown.err
    assert (shown.json["funnel"]["kept"], shown.json["funnel"]["waiting"]) == (1, 0)
    assert again.json["jobs"][0]["result"]["links_sent"] == 0
    assert mingus("mails", "senders", "--json").json[0]["kept"] == 1


@needs_dovecot
def test_an_imap_folder_by_command_and_by_job(eager: InPlace, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    with Dovecot() as server:
        server.deliver(b"From: a@b.example\r\nMessage-ID: <1@x>\r\n\r\nhello\r\n")
        eager.env |= {
            "MINGUS_IMAP_HOST": "127.0.0.1",
            "MINGUS_IMAP_PORT": str(server.port),
            "MINGUS_IMAP_USER": USER,
            "MINGUS_IMAP_TLS": "none",
            "MINGUS_IMAP_PASSWORD_FILE": str(secret),
        }
        assert eager("mail", "--imap", "--json").json["stored"] == 1
        assert eager("mail", "--imap", "--json").json["seen"] == 0
        assert eager("mail", "--imap", "--rescan", "--json").json["again"] == 1
        server.deliver(b"From: a@b.example\r\nMessage-ID: <2@x>\r\n\r\nhello\r\n")
        assert eager("enqueue", "read_mailbox", "--wait").code == 0
        assert len(eager("mails", "list", "--json").json) == 2
        credentials = tmp_path / "credentials"
        credentials.mkdir()
        (credentials / "imap-password").write_text("wrong-secret")
        wrong = eager("mail", "--imap", MINGUS_IMAP_PASSWORD_FILE="", CREDENTIALS_DIRECTORY=str(credentials))
        assert (wrong.code, "refused the login" in wrong.err) == (2, True)
        shown = eager("config", "show", "--json", MINGUS_IMAP_PASSWORD="open-secret")
        assert "open-secret" not in shown.out
        wait_for(lambda: server.flags() == ["", ""], "unseen mails")
        for line in (wrong.err, *(path.read_text("latin-1") for path in [eager.home / "mingus.db"])):
            assert PASSWORD not in line and "wrong-secret" not in line
