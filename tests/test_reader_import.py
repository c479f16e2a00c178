"""Bringing readers' data in: what counts, what is left out, and going on after an interruption."""

from __future__ import annotations

import csv
import io
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import reader_lines
from mingus_lib.domain.readers import KINDS
from mingus_lib.errors import StoreUnavailable, UsageError
from mingus_lib.services import analytics, reader_import, record_lines
from mingus_lib.services.reader_import import Importer, ImportResult
from mingus_lib.store import event_indexes
from mingus_lib.store import events as event_rows
from mingus_lib.store.article_totals import ArticleTotals
from mingus_lib.store.database import Store
from mingus_lib.store.event_indexes import INDEXES
from mingus_lib.store.events import Events, row
from mingus_lib.store.reader_files import Place
from mingus_lib.store.readers import Readers
from tests.brute_reports import Brute
from tests.reader_samples import add_article

HEADER = "id,reader,article,event,at"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "mingus.db") as made:
        for number in range(5):
            add_article(made, number, ("BE", "Beginner"))
        yield made


def importing(
    store: Store,
    file: Path | str,
    *,
    max_errors: int = 10,
    report: Callable[[int, int], None] = lambda *_: None,
) -> ImportResult:
    importer = Importer(store, report)
    return importer.run(str(file), io.BytesIO(), max_errors=max_errors)


def written(folder: Path, *lines: str, name: str = "in.csv") -> Path:
    file = folder / name
    file.write_text("\n".join(lines) + "\n")
    return file


def events(count: int) -> list[str]:
    return [f"e{n},ada,{1 + n % 5},viewed,2026-03-01T12:00:00Z" for n in range(count)]


def test_what_spreadsheets_leave_behind_is_no_fault(store: Store, tmp_path: Path) -> None:
    lines = [f"{HEADER},,", "e1,ada,1,viewed,2026-03-01T12:00:00Z,,", ",,,,,,", '"","",,,,,', ""]
    found = importing(store, written(tmp_path, *lines))
    assert (found.counts.events, found.counts.bad) == (1, 0)
    with pytest.raises(UsageError, match="no CSV header"):
        importing(store, written(tmp_path, "id,name,name,", "a,b,c,"))


def test_a_file_in_utf_16_is_told_as_such(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    for encoding in ("utf-16", "utf-16-le", "utf-32"):
        file.write_bytes("id,name\r\nada,Ada\r\n".encode(encoding))
        with pytest.raises(UsageError, match="UTF-16 or UTF-32 instead of UTF-8"):
            importing(store, file)


@pytest.mark.parametrize("start", [b"PK\x03\x04\x14\0", b"\xd0\xcf\x11\xe0\xa1\xb1"])
def test_a_workbook_is_told_as_such(store: Store, tmp_path: Path, start: bytes) -> None:
    (tmp_path / "in.xlsx").write_bytes(start + b"\n" * 100)
    with pytest.raises(UsageError, match=r"in.xlsx: no text but a workbook .* save it as CSV"):
        importing(store, tmp_path / "in.xlsx")


@pytest.mark.parametrize("mark", [";", "\t"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_fields_may_stand_between_semicolons_and_the_unread_are_named(
    store: Store, tmp_path: Path, mark: str, quote: str
) -> None:
    lines = ["Reader ID,Full Name,Goals,", f"ada,Ada,{quote}taxes{quote},"]
    found = importing(store, written(tmp_path, f"sep={mark}", *(line.replace(",", mark) for line in lines)))
    assert (found.counts.readers, found.counts.bad, found.unread) == (1, 0, ["full_name"])
    assert Readers(store).find("ada").goals == ("taxes",)


def test_names_in_another_encoding_are_bad_lines(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_bytes("id,name,goals\nada,Jos\u00e9,\nbob,Bob,\u00e9tat\ncy,Cy,\nd\u00e9,,\n".encode("cp1252"))
    found = importing(store, file)
    assert found.counts.readers == 1
    assert found.bad_lines == [
        (2, "name: it is not in UTF-8; save the file as UTF-8"),
        (3, "goals: it is not in UTF-8; save the file as UTF-8"),
        (5, "id: it is not in UTF-8; save the file as UTF-8"),
    ]


def test_ids_may_be_emoji_of_several_letters(store: Store, tmp_path: Path) -> None:
    england = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    ids = ["\U0001f469\u200d\U0001f4bb", england, "\u0645\u06cc\u200c\u062e", "007"]
    file = written(tmp_path, HEADER, *(f"e{each},{each},1,viewed,2026-03-01T12:00:00Z" for each in ids))
    assert importing(store, file).counts.readers == len(ids)
    unfit = ["\u200d", "a\u202eb", "a\u200bb"]
    file = written(tmp_path, HEADER, *(f"e,{each},1,viewed,2026-03-01T12:00:00Z" for each in unfit))
    assert importing(store, file).counts.bad == len(unfit)


def test_the_same_event_counts_once(store: Store, tmp_path: Path) -> None:
    file = written(tmp_path, HEADER, *events(10), *events(3))
    first, again = importing(store, file), importing(store, file)
    assert (first.counts.events, first.counts.duplicates, first.counts.readers) == (10, 3, 1)
    assert (again.counts.events, again.counts.duplicates) == (0, 13)
    assert again.resumed_at is None
    assert len(Events(store).of(Readers(store).find("ada").number)) == 10


def test_bad_lines_are_named_and_left_out(store: Store, tmp_path: Path) -> None:
    file = written(
        tmp_path, HEADER, *events(2), "e8,ada,99,viewed,2026-03-01", "e9,ada,1,viewed", "e7,ada,1,eaten,2026-03-01",
        "e5,,1,viewed,2026-03-01", 'e6,ada,"1,viewed', *events(4)[2:],
    )  # fmt: skip
    done = importing(store, file)
    assert done.counts.events == 2
    assert [line for line, _ in done.bad_lines] == [4, 5, 6, 7, 10]
    assert "99" in done.bad_lines[0][1]


def test_too_many_bad_lines_stop_it_and_keep_the_good(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_import, "BATCH", 5)
    file = written(tmp_path, HEADER, *events(3), *["x,ada,99,viewed,2026-03-01"] * 9, *events(50))
    done = importing(store, file, max_errors=3)
    assert done.stopped
    assert done.counts.events == 3
    assert done.counts.lines == 7


def test_a_file_that_was_stopped_and_mended_is_read_from_its_beginning(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_import, "HEAD_BYTES", 10)
    bad = "x,ada,9,viewed,2026-03-01"
    file = written(tmp_path, HEADER, *events(3), bad, *events(5))
    assert importing(store, file, max_errors=0).stopped
    # Of the same size and beginning: only the line has changed.
    written(tmp_path, HEADER, *events(3), bad.replace(",9,", ",1,"), *events(5))
    done = importing(store, file, max_errors=0)
    assert (done.resumed_at, done.counts.bad, done.counts.events) == (None, 0, 3)


@pytest.mark.parametrize("start", [HEADER + "\re1,ada,1,viewed,2026-03-01\r", f"id,{'a' * 200_000}\n1,2\n"])
def test_a_first_line_that_is_no_csv_is_named(store: Store, tmp_path: Path, start: str) -> None:
    file = tmp_path / "events.csv"
    file.write_text(start, newline="")
    # The limit is the process's: what reads labelled files raises it for all.
    csv.field_size_limit(131_072)
    with pytest.raises(UsageError, match=r"events.csv, line 1: no CSV .*LF"):
        importing(store, file)


def test_a_pipe_begins_anew_after_it_was_cut_short(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_import, "BATCH", 7)
    monkeypatch.setattr(record_lines, "BLOCK_BYTES", 100)
    text = "\n".join([HEADER, *events(40), ""])
    os.mkfifo(tmp_path / "pipe")

    def fed(report: Callable[[int, int], None]) -> ImportResult:
        feeder = threading.Thread(target=(tmp_path / "pipe").write_text, args=(text,))
        feeder.start()
        try:
            return importing(store, tmp_path / "pipe", report=report)
        finally:
            feeder.join()

    def cut(done: int, _total: int) -> None:
        if done > len(text) / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fed(cut)
    kept = len(Events(store).of(1))
    assert 0 < kept < 40
    done = fed(lambda *_: None)
    assert (done.resumed_at, done.counts.duplicates, done.counts.events) == (None, kept, 40 - kept)


def test_it_goes_on_where_it_was_cut_short(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_import, "BATCH", 7)
    monkeypatch.setattr(record_lines, "BLOCK_BYTES", 100)
    file = written(tmp_path, HEADER, *events(40))

    def cut(done: int, _total: int) -> None:
        if done > file.stat().st_size / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        importing(store, file, report=cut)
    kept = len(Events(store).of(1))
    assert 0 < kept < 40
    done = importing(store, file)
    assert done.resumed_at == kept + 1
    assert (done.counts.events, done.counts.duplicates, done.counts.lines) == (40, 0, 40)


def test_json_lines_with_other_names_and_addresses(store: Store, tmp_path: Path) -> None:
    lines = [
        {"kind": "reader", "id": "bo", "display_name": "Bo", "goals": ["taxes"]},
        {"kind": "assessment", "user_id": "bo", "be_score": 1, "do_score": 2, "have_score": 3, "taken_at": 1767225600},
        {"kind": "event", "event_id": "a", "user_id": "bo", "article": "HTTPS://HOST1.example/1?utm_source=x",
         "type": "finished", "timestamp": 1767225600.5},
        [1],
        {},
        {"\0": "well done", "reader": "bo"},
    ]  # fmt: skip
    file = written(tmp_path, *map(json.dumps, lines), "{", "", name="in.jsonl")
    done = importing(store, file)
    assert [reason.partition(":")[0] for _, reason in done.bad_lines] == [
        "no JSON object", "id", "a field without a name", "no JSON",
    ]  # fmt: skip
    reader = Readers(store).find("bo")
    assert (reader.name, reader.goals) == ("Bo", ("taxes",))
    assert [event.article_id for event in Events(store).of(reader.number)] == [2]


def test_what_cannot_be_read_at_all(store: Store, tmp_path: Path) -> None:
    for content in ("apples,pears\n1,2\n", "reader,reader\n"):
        with pytest.raises(UsageError, match="header"):
            importing(store, written(tmp_path, content))
    with pytest.raises(UsageError, match="cannot read"):
        importing(store, tmp_path / "nowhere")
    with pytest.raises(UsageError, match="there is nothing in it"):
        importing(store, written(tmp_path, "\n \n"))


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [("in.csv", "id\nbo\n", "cy\n"), ("in.jsonl", '{"id": "bo"}\n', '{"id": "cy"}\n')],
)
def test_a_line_of_megabytes_is_nobody(
    store: Store, tmp_path: Path, name: str, before: str, after: str
) -> None:
    file = tmp_path / name
    file.write_text(before + "x" * 2_000_000 + "\n" + after)
    done = importing(store, file)
    assert [reason for _, reason in done.bad_lines] == [record_lines.TOO_LONG]
    assert set(Readers(store).numbers()) == {"bo", "cy"}


def test_a_line_that_is_left_out_adds_no_reader(store: Store, tmp_path: Path) -> None:
    file = written(tmp_path, HEADER, "e1,zoe,99,viewed,2026-03-01", "e2,bo,1,viewed,2026-03-01")
    done = importing(store, file)
    assert (done.counts.bad, done.counts.readers, set(Readers(store).numbers())) == (1, 1, {"bo"})


@pytest.mark.parametrize(("limit", "value"), [("BATCH_BYTES", 200), ("BATCH_READERS", 3)])
def test_a_batch_is_bounded_in_bytes_and_readers(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(record_lines, "BLOCK_BYTES", 50)
    monkeypatch.setattr(reader_import, limit, value)
    importer = Importer(store, lambda *_: None)
    sizes, keep = [], importer._keep

    def kept(*given: Any) -> None:
        sizes.append(importer._pending.lines)
        keep(*given)

    monkeypatch.setattr(importer, "_keep", kept)
    rows = [f"e{n},r{n},1,viewed,2026-03-01T00:00:00Z" for n in range(40)]
    done = importer.run(str(written(tmp_path, HEADER, *rows)), io.BytesIO(), max_errors=0)
    assert done.counts.events == 40
    assert max(sizes) <= 9 and len(sizes) > 4


def test_hostile_bytes_are_bad_lines(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    long = b"e2,ada,1,viewed,2026-03-01," + b"x" * 2_000_000
    file.write_bytes(
        HEADER.encode() + b"\ne1,\xff\xfe,1,viewed,2026-03-01\n" + long + b"\ne3,a\x00b,1,viewed,2026-03-01\n"
        b"e4,ada,1,viewed,2026-03-01\n"
    )
    done = importing(store, file)
    assert [line for line, _ in done.bad_lines] == [2, 3]
    assert done.counts.events == 2


@given(
    st.sampled_from(["2026-03-01T12:00:00Z", "2026-02-30T12:00:00Z", "2026-W01-1T12:00:00Z", "0001-01-01T00:00:00Z",
                     "2026-03-01T24:00:00Z", "2026-03-01T12:00:60Z", "٢026-03-01T12:00:00Z", "1767225600"]),
    st.text(max_size=3) | st.just("e" * 201),
    st.sampled_from([*KINDS, "eaten", None, ["viewed"]]),
    st.sampled_from([None, "", "event", "reader", ["event"]]),
)  # fmt: skip
def test_the_short_way_keeps_what_the_careful_way_does(at: str, mark: str, kind: object, of: object) -> None:
    record = {"id": mark, "reader": "ada", "article": 1, "at": at, "event": kind, "kind": of}
    other = {
        "id": "x",
        "reader": "bo",
        "article": "2",
        "at": "2026-03-01T12:00:00Z",
        "event": "viewed",
        "kind": "",
    }
    rows = [tuple(other.values()), tuple(record.values())]
    short = reader_lines.plain_events(tuple(record), rows)
    if short is not None:
        kept = (0, short.ids[1], 1, short.kinds[1], short.times[1], *[None] * 7)
        assert kept == row(0, reader_lines.event(record, 1, "ada"))
        assert (short.readers, short.articles) == (("bo", "ada"), ("2", 1))


@given(
    st.text(alphabet=st.sampled_from('ab,;"\r\n\n\n\0é'), max_size=80),
    st.integers(1, 40),
    st.sampled_from(["id,reader\n", "id;reader\n", "sep=;\nid;reader\n", "id\treader\n"]),
)
def test_a_block_cut_at_once_is_what_its_lines_are(text: str, block: int, header: str) -> None:
    content = ("\ufeff" + header + text).encode()

    def told(place: Place | None = None) -> list[tuple[int, Any, Place]]:
        lines = record_lines.Lines(io.BytesIO(content), "made up")
        return [
            (number, record, Place(lines.offset, lines.number, {}))
            for run in lines.runs(None, place)
            for number, record in run.records()
        ]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_lines, "BLOCK_BYTES", block)
        short = told()
        # After any run an import may be cut short, and goes on from there.
        for _, _, place in short:
            rest = [found for found in short if found[2].offset > place.offset]
            assert [found[:2] for found in told(place)] == [found[:2] for found in rest]
        patch.setattr(record_lines, "_unquoted", lambda *_: None)
        assert [found[:2] for found in short] == [found[:2] for found in told()]


def test_most_events_go_the_short_way(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(reader_lines, "event")
    lines = [
        {"id": f"j{n}", "reader": "bo", "article": n % 5 + 1, "event": "viewed", "at": "2026-03-01T12:00:00Z"}
        for n in range(4)
    ]
    for file in (
        written(tmp_path, HEADER, *events(9)),
        written(tmp_path, *map(json.dumps, lines), name="in.jsonl"),
    ):
        assert importing(store, file, max_errors=0).bad_lines == []
    assert Events(store).count() == 13


def test_rows_of_all_shapes_are_kept_in_one_batch(store: Store, tmp_path: Path) -> None:
    lines = [
        {"id": "a", "reader": "bo", "article": 1, "event": "finished", "at": "2026-03-01T12:00:00Z"},
        {"id": "b", "reader": "bo", "article": 1, "event": "rated", "overall": 4, "at": "2026-03-01", "review": "x"},
        {"id": "c", "reader": "bo", "article": 2, "event": "viewed", "scroll_depth": 7, "at": "2026-03-02T12:00:00Z"},
        {"id": "a", "reader": "bo", "article": 3, "event": "shared", "device": "tablet", "at": "2026-03-01"},
    ]  # fmt: skip
    done = importing(store, written(tmp_path, *map(json.dumps, lines), name="in.jsonl"))
    assert (done.counts.events, done.counts.duplicates) == (3, 1)
    kept = {event.id: event for event in Events(store).of(1)}
    assert [kept[mark].article_id for mark in "abc"] == [1, 1, 2]
    assert (kept["b"].rating, kept["b"].details, kept["c"].scroll_depth) == (4, {"review": "x"}, 7)


def _indexes(store: Store) -> set[str]:
    return {row[0] for row in store.rows("SELECT name FROM sqlite_master WHERE type = 'index'")} & set(
        INDEXES
    )


def _many(path: Path, first: int, count: int) -> Path:
    rows = (f"e{n},r{n % 9},{1 + n % 5},viewed,2026-03-0{1 + n % 9}T00:00:00Z\n" for n in range(count))
    path.write_text("id,reader,article,event,at\n" + "".join(row for n, row in enumerate(rows) if n >= first))
    return path


def test_many_events_come_in_without_indexes_and_leave_with_them(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in (event_indexes, event_rows):
        monkeypatch.setattr(room, "MANY", 20)
    monkeypatch.setattr(reader_import, "BATCH", 10)
    monkeypatch.setattr(record_lines, "BLOCK_BYTES", 150)
    seen = []
    made: list[tuple[int, int]] = []
    importer = Importer(store, lambda *_: None, lambda *told: made.append(told))
    keep = importer._keep

    def kept(*given: Any) -> None:
        keep(*given)
        seen.append(len(_indexes(store)))

    monkeypatch.setattr(importer, "_keep", kept)
    importer.run(str(_many(tmp_path / "many.csv", 0, 95)), io.BytesIO(), max_errors=0)
    assert seen[0] == 0
    assert _indexes(store) == set(INDEXES)
    assert made == [(0, 3), (1, 3), (2, 3)]
    # Few beside what is there keep them.
    seen.clear()
    importer.run(str(_many(tmp_path / "more.csv", 80, 100)), io.BytesIO(), max_errors=0)
    assert set(seen) == {len(INDEXES)}
    assert len(made) == 3
    assert Events(store).count() == 100
    analytics.update(ArticleTotals(store), lambda *_: None)
    brute = Brute(store, "UTC")
    assert all(ArticleTotals(store).of(article) == brute.article(article) for article in range(1, 6))


def test_indexes_that_a_killed_import_left_out_are_told_of_and_mended(store: Store, tmp_path: Path) -> None:
    importer = Importer(store, lambda *_: None)
    importer.run(str(_many(tmp_path / "few.csv", 0, 30)), io.BytesIO(), max_errors=0)
    totals = ArticleTotals(store)
    with store.transaction() as connection:
        event_indexes.make_way(connection, event_indexes.MANY)
    with pytest.raises(StoreUnavailable, match="mingus report update"):
        totals.medians(1)
    analytics.update(totals, lambda *_: None)
    assert _indexes(store) == set(INDEXES)
    assert totals.medians(1)["depth"] is None


def test_an_import_that_fails_leaves_the_indexes(store: Store, tmp_path: Path) -> None:
    with store.transaction() as connection:
        event_indexes.make_way(connection, event_indexes.MANY)
    with pytest.raises(UsageError):
        (tmp_path / "bad.csv").write_text("nothing\n1\n")
        Importer(store, lambda *_: None).run(str(tmp_path / "bad.csv"), io.BytesIO(), max_errors=0)
    assert _indexes(store) == set(INDEXES)
