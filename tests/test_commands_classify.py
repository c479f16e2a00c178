"""`classify`, `articles review`, `evaluate labels` and `report`, as an operator types them."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from mingus_lib.commands import review
from mingus_lib.domain import overrides
from mingus_lib.errors import UsageError
from mingus_lib.services import choosing, evaluate_labels, library
from mingus_lib.services import review as reviewing
from mingus_lib.services.evaluate_labels import Question
from tests.conftest import ROOT, CommandLine
from tests.fake_openai import FakeOpenAI
from tests.label_samples import Library, job, labelled

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


@pytest.fixture
def eager(home: Path) -> CommandLine:
    """The command line whose jobs run in place, on a library of three articles."""
    home.mkdir(mode=0o700)
    library = Library(home)
    library.fill(3)
    library.store.close()
    return CommandLine(home, {"MINGUS_EAGER": "yes", "OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""})


def with_key(eager: CommandLine, server: FakeOpenAI) -> CommandLine:
    more = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": server.url, "MINGUS_AI_RATE": "100"}
    return CommandLine(eager.home, {**eager.env, **more})


def test_articles_are_labelled_explained_reviewed_and_taken_back(eager: CommandLine) -> None:
    done = eager("classify", "--unlabelled", "--wait", "--json")
    assert done.code == 0, done.err
    assert [item["outcome"] for item in done.json["jobs"][0]["result"]] == ["labelled"] * 3
    why = eager("articles", "show", "1", "--why")
    assert "confidence" in why.out
    assert "primary_phase = " in why.out
    assert "waits for an editor: " in why.out
    waiting = eager("articles", "review", "--json").json
    assert {row["id"] for row in waiting} == {1, 2, 3}
    assert eager("articles", "review", "1", "--skip").code == 0
    assert "put off by an editor: " in eager("articles", "show", "1", "--why").out
    changed = eager(
        "articles", "review", "1", "--set", "phase=BE", "--set", "key_topics=401k; credit", "--json"
    )
    assert changed.json == {"overridden": [1]}
    told = eager("articles", "show", "1", "--why").out
    assert re.search(r"(?m)^key_topics: [^;]+; credit$", told)
    assert re.search(r"(?m)^actionability_score: \d+$", told)
    assert re.search(r"(?m)^labels\tBE, \w+: [^;]+; credit$", eager("articles", "show", "1").out)
    assert eager("classify", "1", "--engine", "offline", "--wait").code == 0
    labels = eager("articles", "show", "1", "--json").json["classification"]
    assert (labels["primary_phase"], labels["key_topics"], labels["is_override"]) == (
        "BE",
        ["retirement", "credit"],
        1,
    )
    assert eager("articles", "review", "--undo", "-q").out == "1\n"
    assert eager("articles", "review", "2", "3", "--accept", "--note", "read them").code == 0
    assert [row["id"] for row in eager("articles", "review", "--json").json] == [1]


class Typed(io.StringIO):
    """A terminal on which these lines are typed."""

    def isatty(self) -> bool:
        return True


def test_an_editor_goes_through_what_waits(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home.mkdir(mode=0o700)
    library = Library(home)
    ids = library.fill(3)
    library.classify().process(ids, job=job())
    order = [row["id"] for row in library.labels.waiting()]

    def walk(*lines: str) -> tuple[str, str]:
        monkeypatch.setattr(sys, "stdin", Typed("\n".join([*lines, "q", ""])))
        monkeypatch.setattr("mingus_lib.commands.review.runtime_of", lambda _: library)
        review.review(cast("Any", None), interactive=True)
        return capsys.readouterr()

    cards, told = walk("a", "", "?", "u", "", "s", "o", "phase=BE level=Beginner", "o", "")
    shown = [int(found) for found in re.findall(r"(?m)^(\d+)  ", cards)]
    # Enter and an unknown key show the same article; what was taken back comes at once, and the other after it.
    assert shown == [order[0], order[1], order[1], order[1], order[0], order[0], order[1], order[2]]
    assert f"{order[0]} accepted." in told
    assert f"The latest decision, on {order[0]}, is taken back." in told
    assert f"{order[0]} skipped." in told
    assert f"{order[1]} overridden." in told
    found = {row["id"]: row["flags"] for row in library.labels.waiting()}
    assert set(found) == {order[0], order[2]}
    assert library.column("primary_phase", order[1]) == "BE"
    assert library.column("difficulty_level", order[1]) == "Beginner"
    library.store.close()


def test_cost_is_told_beforehand_and_booked_afterwards(eager: CommandLine, server: FakeOpenAI) -> None:
    mingus = with_key(eager, server)
    found = mingus("classify", "--all", "--estimate", "--json").json
    assert (found["articles"], found["to_ask"], server.requests) == (3, 3, [])
    assert 0 < found["usd"] < found["usd_at_most"]
    assert mingus("classify", "--all", "--dry-run", "-q").out == "1\n2\n3\n"
    assert mingus("classify", "--all", "--engine", "openai", "--wait").code == 0
    costs = mingus("report", "costs", "--json").json
    assert costs["totals"]["tokens_in"] == server.tokens_in
    assert costs["totals"]["cost_usd"] <= found["usd_at_most"]
    assert costs["today"]["budget_usd"] == 5.0
    again = mingus("classify", "--all", "--estimate", "--json").json
    assert (again["to_ask"], again["skipped"]) == (0, 3)
    quality = mingus("report", "quality", "--json").json
    assert (quality["labelled"], quality["engines"]["openai"]) == (3, 3)
    assert [row["phase"] for row in quality["mix"]] == ["BE", "DO", "HAVE"]
    for path in eager.home.rglob("mingus.db*"):
        assert b"sk-test" not in path.read_bytes()


def test_a_batch_is_started_and_fetched(eager: CommandLine, server: FakeOpenAI) -> None:
    mingus = with_key(eager, server)
    assert (
        sum(batch["articles"] for batch in mingus("classify", "--all", "--batch", "--json").json["batches"])
        == 3
    )
    server.finish_batches()
    assert mingus("enqueue", "poll_label_batches", "--wait").code == 0
    assert mingus("report", "quality", "--json").json["engines"]["openai"] == 3
    assert {batch["state"] for batch in mingus("report", "costs", "--json").json["batches"]} == {"ended"}


def test_off_means_that_no_text_leaves(eager: CommandLine, server: FakeOpenAI) -> None:
    mingus = with_key(eager, server)
    assert mingus("classify", "--all", "--wait", MINGUS_AI="off").code == 0
    shown = mingus("classify", "--all", "--engine", "openai", MINGUS_AI="off")
    assert (shown.code, server.requests) == (2, [])
    assert "MINGUS_AI is off" in shown.err


def test_the_key_may_come_from_a_file_or_a_credential(
    eager: CommandLine, server: FakeOpenAI, tmp_path: Path
) -> None:
    (tmp_path / "openai-api-key").write_text("sk-file\n")
    base = CommandLine(eager.home, {**eager.env, "MINGUS_AI_BASE_URL": server.url, "MINGUS_AI_RATE": "100"})
    assert base("classify", "1", "--wait", CREDENTIALS_DIRECTORY=str(tmp_path)).code == 0
    assert base("classify", "2", "--wait", MINGUS_AI_KEY_FILE=str(tmp_path / "openai-api-key")).code == 0
    assert server.keys == {"Bearer sk-file": 2}
    shown = base("classify", "3", "--engine", "openai", MINGUS_AI_KEY_FILE=str(tmp_path / "none"))
    assert (shown.code, shown.out) == (2, "")
    assert "MINGUS_AI_KEY_FILE" in shown.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["classify"], 2, "give articles by id, or --all, or --unlabelled"),
        (["classify", "99"], 4, "no article 99"),
        (["classify", "--all", "--batch"], 2, "OPENAI_API_KEY"),
        (["classify", "--all", "--batch", "--engine", "offline"], 2, "leave --engine offline or --batch out"),
        (["classify", "--all", "--batch", "--wait"], 2, "leave --wait or --batch out"),
        (["articles", "review", "1", "--undo", "--accept"], 2, "go alone"),
        (["articles", "review", "1", "--accept"], 4, "has no labels yet"),
        (["articles", "review", "1", "--set", "phse=DO"], 2, 'did you mean "phase"?'),
        (["articles", "review", "--interactive"], 2, "needs a terminal"),
    ],
)
def test_what_cannot_work_is_one_line_with_the_fix(
    eager: CommandLine, words: list[str], code: int, says: str
) -> None:
    shown = eager(*words)
    assert (shown.code, "Traceback" in shown.err) == (code, False), shown.err
    assert says in shown.err


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: choosing.wish([1], True, False, None), "one of them"),
        (lambda: choosing.wish([], False, True, NOW), "--since goes with --all"),
        (lambda: reviewing.decision(accept=True, skip=True, assignments=[], note=None), "exclude each other"),
        (lambda: overrides.read(["phase=OWN"]), "use one of BE, DO, HAVE"),
        (lambda: overrides.read(["key_topics=bugdeting"]), 'did you mean "budgeting"?'),
    ],
)
def test_what_does_not_go_together_is_refused(call: Callable[[], object], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        call()
    assert says in str(caught.value)


def test_articles_are_featured_and_archived_with_notes(eager: CommandLine) -> None:
    assert eager("articles", "feature", "1", "--note", "the best").out == "1\n"
    assert eager("articles", "archive", "1", "--note", "out of date").code == 0
    found = eager("articles", "show", "1", "--json").json
    assert (found["is_featured"], found["admin_notes"], found["status"]) == (True, "out of date", "archived")
    assert eager("articles", "feature", "2", "--off").code == 0
    left = eager("articles", "restore", "1", "2", "99")
    assert (left.code, left.out) == (4, "1\n")
    assert left.err == "1 restored, 2 not: 2 (published), 99 (no such article).\n"


@pytest.mark.parametrize(("field", "least"), [("phase", 0.85), ("difficulty", 0.75), ("topics", 0.85)])
def test_the_labelled_set_is_measured(field: str, least: float) -> None:
    found = evaluate_labels.run(Question(ROOT / "tests/labelled/test.jsonl", field))
    assert found["accuracy"] >= least
    assert set(found) >= {"accuracy", "macro_f1", "ece", "per_class", "confusion", "n"}


def test_other_people_s_labels_are_measured_by_a_lexicon(mingus: CommandLine, tmp_path: Path) -> None:
    from tests import newsroom

    texts, words = newsroom.corpus(120, 3, 0.2)
    lines = ["title,text,label", *(f'"{title}","{text}",{label}' for title, text, label in texts)]
    (tmp_path / "news.csv").write_text("\n".join(lines))
    tables = [
        f"[{name}]\n" + "\n".join(f'"{word}" = {weight}' for word, weight in terms.items())
        for name, terms in words.items()
    ]
    (tmp_path / "lex.toml").write_text("\n\n".join(tables))
    command = (
        "evaluate",
        "labels",
        str(tmp_path / "news.csv"),
        "--lexicon",
        str(tmp_path / "lex.toml"),
        "--json",
    )
    blind, taught = mingus(*command), mingus(*command, "--learn", "5")
    assert blind.code == taught.code == 0, blind.err + taught.err
    assert (blind.json["n"], taught.json["n"], taught.json["learned"]) == (120, 95, 25)
    assert blind.json["accuracy"] > blind.json["lexicon_alone"]
    assert taught.json["accuracy"] > 0.9


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", '{"text": "x", "label": "BE"}\nnot json\n', "line 2: no JSON"),
        ("a.jsonl", '{"text": "x", "label": "BE"}\n[1]\n', "line 2: no JSON object"),
        ("a.jsonl", '{"text": "x"}\n', "line 1: no 'phase'"),
        ("a.jsonl", '{"text": "", "label": "BE"}\n', "line 1: the text is empty"),
        ("a.jsonl", '{"text": "x", "label": "OWN"}\n', "line 1: the label 'OWN' is not one of primary_phase"),
        ("a.jsonl", '{"text": "x", "label": null}\n', "line 1: the label must be a string"),
        ("a.jsonl", "\n\n", "no labelled text"),
        ("a.csv", "text,label\nx,BE,more\n", "line 2: it has 3 cells, and the first line 2"),
        ("a.csv", 'text,label\nx,BE\n"open,DO\n', "line 3"),
        ("a.csv", "words,label\nx,BE\n", "line 2: no 'text'"),
        ("a.csv", b"text,label\n\xff,BE\n", "line 2: not UTF-8"),
    ],
)
def test_a_bad_file_is_told_with_its_line(tmp_path: Path, name: str, content: str | bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as caught:
        evaluate_labels.run(Question(tmp_path / name))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [("[a\n", "lex.toml:1: not valid TOML"), ("", "no table"), ('[BE]\n"x" = "y"\n', "a weight is a number")],
)
def test_a_bad_lexicon_is_told_too(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "lex.toml").write_text(content)
    with pytest.raises(UsageError, match=says):
        evaluate_labels.run(Question(ROOT / "tests/labelled/tune.jsonl", lexicon=tmp_path / "lex.toml"))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('[BE]\n"mind" = 1\n\n[DO]\n"step" = "much"\n', 5),
        ('[BE]\n"mind" = 1\n"-" = 1\n', 3),
        ('[BE]\n"mind" = 1\n[DO]\n[HAVE]\n"own" = 1\n', 3),
        ('DO = 3\n[BE]\n"mind" = 1\n', 1),
        ('[BE]\n"mind" = inf\n', 2),
    ],
)
def test_a_bad_word_of_a_lexicon_is_told_with_its_line(tmp_path: Path, content: str, line: int) -> None:
    (tmp_path / "lex.toml").write_text(content)
    with pytest.raises(UsageError, match=rf"lex\.toml:{line}: "):
        evaluate_labels.read_lexicon(tmp_path / "lex.toml")


def test_a_bad_file_ends_the_command_with_2(mingus: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("no")
    shown = mingus("evaluate", "labels", str(tmp_path / "a.jsonl"), "--json")
    assert (shown.code, shown.out, shown.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("field", ["phase", "difficulty"])
def test_our_own_fields_learn_from_examples(field: str) -> None:
    found = evaluate_labels.run(Question(ROOT / "tests/labelled/tune.jsonl", field, learn=5))
    assert (found["learned"], found["n"]) == (15, 33)
    assert found["accuracy"] >= 0.85


@pytest.mark.parametrize(
    "text",
    [
        "phase",
        "phase=",
        "actionability_score=11",
        "actionability_score=0000000059999",
        "key_topics=a,b",
        "prerequisites=a;b;c",
        "classification_reasoning=",
    ],
)
def test_an_override_that_will_not_do_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        overrides.read([text])


def test_an_editor_may_write_emoji_and_hard_spaces() -> None:
    said = "Good for\u00a0\U0001f469\u200d\U0001f4bb"
    found = overrides.read([f"classification_reasoning={said}", f"learning_objectives={said}"])
    assert found == {"classification_reasoning": said, "learning_objectives": (said,)}
    assert library.checked_note(f"{said}\n") is not None


def test_the_samples_are_there() -> None:
    assert len(labelled("tune")) == len(labelled("test")) == 48
