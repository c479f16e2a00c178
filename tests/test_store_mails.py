"""The ledger of mails: each once, links settled against the library, half-done mails found, bodies forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mingus_lib.domain import mailparse
from mingus_lib.domain.drafts import held_article
from mingus_lib.domain.jobs import JobSpec
from mingus_lib.domain.library import HostRule
from mingus_lib.domain.maillinks import judge_mail
from mingus_lib.domain.mails import MailState, Mark, RawMail
from mingus_lib.domain.models import ArticleDraft, ArticleStatus, ItemOutcome, Outcome
from mingus_lib.errors import NotFound
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from mingus_lib.store.ledger import Ledger
from mingus_lib.store.mail_funnel import By, LinkFilter, MailFunnel
from mingus_lib.store.mails import Mails

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ONE, TWO = "https://a.example/the-first-good-story", "https://b.example/the-second-good-story"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "mingus.db")


@pytest.fixture
def mails(store: Store) -> Mails:
    return Mails(store)


def raw(name: str, *urls: str, sender: str = "n@a.example") -> RawMail:
    links = "\n".join((*urls, "Unsubscribe: https://a.example/unsubscribe/1"))
    body = f"From: {sender}\nMessage-ID: <{name}@x>\nSubject: {name}\n\n{links}\n"
    return RawMail(body.encode(), name, len(body))


def keep(mails: Mails, *given: RawMail, **more: object) -> list[int]:
    pairs = [(mailparse.read_head(each.body), each) for each in given]
    return [kept.id for kept in mails.keep(pairs, now=NOW, **more)]  # type: ignore[arg-type]


def decide(mails: Mails, mail_id: int) -> None:
    mail = mailparse.parse(mails.body(mail_id) or b"")
    mails.decide(mail_id, mail, judge_mail(mail, HostRule, hold_unknown=False), NOW)


def send(mails: Mails, mail_id: int, job_id: str) -> list[str]:
    waiting = mails.to_send([mail_id])
    mails.sent([(mail, position) for mail, position, _ in waiting], job_id)
    mails.done([mail_id])
    return [target for _, _, target in waiting]


def article(url: str) -> ArticleDraft:
    return ArticleDraft(url, url, "a.example", ArticleStatus.PUBLISHED, text="words " * 20)


def test_a_mail_is_kept_once(mails: Mails) -> None:
    pairs = [(mailparse.read_head(each.body), each) for each in (raw("1"), raw("2"), raw("1"))]
    kept = mails.keep(pairs, now=NOW)
    assert [each.new for each in kept] == [True, True, False]
    assert kept[0].id == kept[2].id
    assert kept[2].waits, "no job has it yet"
    mails.assign([kept[0].id], "job1")
    assert not mails.keep(pairs[:1], now=NOW)[0].waits
    assert mails.body(kept[0].id) == pairs[0][1].body


def test_runs_count_and_marks_move_with_their_mails(store: Store, mails: Mails) -> None:
    run = mails.begin_run("box", NOW)
    mark = Mark("ada@host", "INBOX", 7, 12)
    keep(mails, raw("1"), raw("1"), run_id=run, counts={"seen": 2, "no_mail": 1}, mark=mark)
    assert MailFunnel(store).run(run) == {"seen": 2, "again": 1, "older": 0, "no_mail": 1}
    assert mails.mark("ada@host", "INBOX") == mark
    keep(mails, mark=Mark("ada@host", "INBOX", 7, 3))
    assert mails.mark("ada@host", "INBOX") == mark
    keep(mails, mark=Mark("ada@host", "INBOX", 8, 3))
    assert mails.mark("ada@host", "INBOX") == Mark("ada@host", "INBOX", 8, 3)


def test_links_are_settled_against_the_library_and_other_mails(store: Store, mails: Mails) -> None:
    known = Articles(store).record(article(ONE), job_id=None, position=0, now=NOW).article_id
    first, second = keep(mails, raw("1", ONE, TWO), raw("2", TWO))
    decide(mails, first)
    decide(mails, second)
    rows = {(row["mail_id"], row["target"]): row for row in MailFunnel(store).links(LinkFilter(), 99)}
    assert rows[first, ONE]["reason"] == f"known: article {known}"
    assert rows[first, TWO]["decision"] == "fetch"
    assert rows[second, TWO]["reason"] == f"repeated: mail {first} brought it"
    assert send(mails, first, "job1") == [TWO]
    assert send(mails, second, "job2") == []
    assert mails.state(first) is mails.state(second) is MailState.DONE


def test_an_address_that_failed_may_come_again(store: Store, mails: Mails) -> None:
    first, second = keep(mails, raw("1", ONE), raw("2", ONE))
    decide(mails, first)
    send(mails, first, "job1")
    Articles(store).note_outcome("job1", 0, ItemOutcome(ONE, Outcome.FAILED, None, "http-404: gone"), NOW)
    decide(mails, second)
    assert send(mails, second, "job2") == [ONE]


def test_an_address_whose_article_waits_for_an_editor_is_sent_again(store: Store, mails: Mails) -> None:
    Articles(store).record(held_article(ONE, ONE, source_quality=0.5), job_id=None, position=0, now=NOW)
    (first,) = keep(mails, raw("1", ONE))
    decide(mails, first)
    assert send(mails, first, "job1") == [ONE]


def test_reading_again_keeps_what_was_sent(store: Store, mails: Mails) -> None:
    (first,) = keep(mails, raw("1", ONE))
    decide(mails, first)
    send(mails, first, "job1")
    Articles(store).record(article(ONE), job_id="job1", position=0, now=NOW)
    mails.read_again([first])
    decide(mails, first)
    assert send(mails, first, "job2") == []
    total = MailFunnel(store).total(LinkFilter())
    assert (total.found, total.sent, total.kept, total.dropped) == (2, 1, 1, {"unsubscribe": 1})


def test_reading_again_sends_what_failed(store: Store, mails: Mails) -> None:
    (first,) = keep(mails, raw("1", ONE, TWO))
    decide(mails, first)
    send(mails, first, "job1")
    Articles(store).note_outcome("job1", 0, ItemOutcome(ONE, Outcome.FAILED, None, "http-404: gone"), NOW)
    mails.read_again([first])
    decide(mails, first)
    assert send(mails, first, "job2") == [ONE]


def test_what_a_crash_left_half_done_is_found(store: Store, mails: Mails) -> None:
    ledger = Ledger(store)
    ids = keep(mails, *(raw(str(number), ONE) for number in range(5)))
    stored, decided, done, running, dead = ids
    for mail_id in (decided, done):
        decide(mails, mail_id)
    send(mails, done, "jobA")
    for mail_id, job_id in ((running, "running1"), (dead, "dead1")):
        ledger.record([JobSpec(job_id, "process_email_articles", "email_processing", {"mail": mail_id}, NOW)])
        mails.assign([mail_id], job_id)
    ledger.disown(["dead1"], "test: ended", NOW)
    mails.assign([decided], "never-recorded")
    later = NOW + timedelta(minutes=1)
    assert mails.unfinished(NOW) == []
    assert mails.unfinished(later) == [stored, decided]
    assert mails.unfinished(later, after=stored) == [decided]


def test_bodies_are_forgotten_and_the_ledger_is_not(mails: Mails) -> None:
    done, waiting = keep(mails, raw("1"), raw("2"))
    decide(mails, done)
    send(mails, done, "job1")
    assert mails.forget_bodies(NOW) == 0
    assert mails.forget_bodies(NOW + timedelta(days=1)) == 1
    assert mails.body(done) is None
    assert mails.body(waiting) is not None
    assert mails.knows("id:1@x")
    for mail_id in (done, 99):
        with pytest.raises(NotFound):
            mails.read_again([mail_id])


def test_the_funnel_adds_up_however_it_is_told_apart(store: Store, mails: Mails) -> None:
    articles = Articles(store)
    given = (
        raw("1", ONE, TWO),
        raw("2", "https://c.example/", sender="m@c.example"),
        raw("3", "https://c.example/x-y"),
    )
    for mail_id in keep(mails, *given):
        decide(mails, mail_id)
        send(mails, mail_id, f"job{mail_id}")
    articles.record(article(ONE), job_id="job1", position=0, now=NOW)
    articles.note_outcome("job1", 1, ItemOutcome(TWO, Outcome.REJECTED, None, "too-short: 3 words"), NOW)
    funnel = MailFunnel(store)
    total = funnel.total(LinkFilter())
    assert total.found == total.sent + total.known + sum(total.dropped.values()) == 7
    assert (total.kept, total.rejected, total.waiting, total.fetched) == (1, {"too-short": 1}, 1, 2)
    for by in By:
        parts = funnel.told_apart(LinkFilter(), by).values()
        assert sum(part.found for part in parts) == total.found
        assert sum(part.kept for part in parts) == total.kept
    senders = funnel.told_apart(LinkFilter(), By.SENDER)
    assert (senders["n@a.example"].mails, senders["m@c.example"].dropped["home-page"]) == (2, 1)
    assert funnel.total(LinkFilter(host="c.example")).found == 2
    assert funnel.total(LinkFilter(host="example")).found == total.found
    assert funnel.total(LinkFilter(host="_xample")).found == 0, "an underscore is no other letter"
    assert [row["target"] for row in funnel.links(LinkFilter(reason="too-short"), 9)] == [TWO]


def test_hostile_text_is_stored(store: Store, mails: Mails) -> None:
    body = b"From: a@b.example\nSubject: \xff\xfe\x00\x1b[31m\n\nhttps://a.example/\xff\x00\x02-a-b-c\n"
    (mail_id,) = keep(mails, RawMail(body, "bad\ud800name", len(body)))
    decide(mails, mail_id)
    found = MailFunnel(store).mail(mail_id)
    assert found is not None
    assert found["links"] >= 1


def test_another_text_under_a_known_message_id_is_told(mails: Mails) -> None:
    first = raw("m", "https://good.example/a")
    (known,) = keep(mails, first)
    on_another_way = RawMail(
        b"Received: by mx\r\n" + first.body.replace(b"\n", b"\r\n"), "again", len(first.body) + 20
    )
    other = raw("m", "https://good.example/b")
    pairs = [(mailparse.read_head(each.body), each) for each in (first, on_another_way, other)]
    found = mails.keep(pairs, now=NOW)
    assert [(each.id, each.new, each.differs) for each in found] == [
        (known, False, False), (known, False, False), (known, False, True),
    ]  # fmt: skip
    assert mails.body(known) == first.body
