"""The documents keep their word: commands run, links lead somewhere, shapes and generated pages are real."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import cli
from docs import generate, house, task_reference
from mingus_lib import __version__, errors
from mingus_lib.queues import catalog, embedded
from mingus_lib.queues.connection import connect
from mingus_lib.queues.limits import FAILURES_TO_OPEN, Limits
from mingus_lib.services import sample_site
from mingus_lib.view import manual
from tests.conftest import CommandLine, Shown, wait_for

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs").glob("*.md"),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
INLINE = re.compile(r"`(?:make run ARGS=\")?mingus ([^`]+)`")
# In this order, one library: what a page says is true after the pages before it.
TYPED = (
    "README.md",
    "docs/tour.md",
    "docs/email.md",
    "docs/classification.md",
    "docs/recommendations.md",
    "docs/reports.md",
    "docs/retention.md",
    "docs/timetable.md",
    "docs/operations.md",
    "docs/security.md",
)
FOLLOWED_BY_TEST_OPERATIONS = ("## Upgrading", "## Backup and restore")
EXAMPLE_SITE = "https://example.com"
# What a task says of itself: any shape.
OPEN_KEYS = {"args", "result", "schema", "dropped", "rejected", "failed", "rows"}


def blocks(document: Path, language: str) -> list[str]:
    """The contents of the fenced blocks in that language."""
    return [text for name, text in BLOCK.findall(document.read_text("utf-8")) if name == language]


def prose(document: Path) -> str:
    """The document without its fenced blocks."""
    return BLOCK.sub("", document.read_text("utf-8"))


def shell_lines(document: Path) -> list[str]:
    """The commands a reader may type."""
    return [line for block in blocks(document, "sh") for line in block.splitlines() if line.strip()]


@dataclass
class Library:
    """A state directory with workers at work and the sample pages under an address."""

    mingus: CommandLine
    site: str
    folder: Path

    def shell(self, line: str) -> Shown:
        """Run a line of a document as it stands, but with the sample pages for example.com."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", line.replace(EXAMPLE_SITE, self.site)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self.mingus.environment(PATH=path),
            cwd=self.folder,
            timeout=60,
            check=False,
        )
        return Shown(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The first hour's library, `mingus up` running."""
    home, folder = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("checkout")
    for name in ("mingus_lib", "tests"):
        (folder / name).symlink_to(ROOT / name)
    open_loopback = {"MINGUS_FETCH_ALLOW_NETWORKS": "127.0.0.0/8", "MINGUS_FETCH_INTERVAL": "0"}
    mingus = CommandLine(home, open_loopback)
    with sample_site.serve() as addresses:
        up = mingus.start("up", "--concurrency", "1", "--loglevel", "error")
        try:
            wait_for(lambda: mingus("status", "--json").json["workers"], "a worker")
            yield Library(mingus, addresses[0].rpartition("/")[0], folder)
        finally:
            up.send_signal(signal.SIGINT)
            up.communicate(timeout=30)
            embedded.stop(home)


def typed(document: Path) -> list[str]:
    """What a reader types in one library; what builds, stays in the foreground or is followed elsewhere is left out."""
    sections = re.split(r"(?m)^(?=## )", document.read_text("utf-8"))
    kept = "".join(text for text in sections if not text.startswith(FOLLOWED_BY_TEST_OPERATIONS))
    lines = [line for name, block in BLOCK.findall(kept) if name == "sh" for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("make ") and line != "mingus up"]


def test_the_commands_of_the_documents_work(library: Library) -> None:
    pages = {line: name for name in TYPED for line in typed(ROOT / name)}
    for line, page in pages.items():
        shown = library.shell(line)
        assert shown.code == 0, f"{page}: {line}\n{shown.out}\n{shown.err}"
    found = library.mingus("articles", "list", "--json").json
    assert {"published", "rejected"} <= {article["status"] for article in found}
    assert (library.folder / "library-backup.db").stat().st_size > 0


def test_every_document_with_commands_is_typed() -> None:
    with_commands = {path.relative_to(ROOT).as_posix() for path in DOCUMENTS if typed(path)}
    # The examples of tasks have a test of their own.
    assert with_commands - {"docs/tasks.md"} == set(TYPED)


@pytest.mark.parametrize("name", sorted(task_reference.EXAMPLES))
def test_the_examples_of_tasks_are_accepted(library: Library, name: str) -> None:
    shown = library.shell(task_reference.example(catalog.find(name)))
    assert shown.code == 0, shown.err
    assert re.fullmatch(r"[0-9a-f]{16}\n", shown.out)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_exist(document: Path) -> None:
    known = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    inline = re.findall(r"`(make [^`]+)`", prose(document))
    named = {line.split()[1] for line in [*inline, *shell_lines(document)] if line.startswith("make ")}
    assert named <= known


def test_the_demo_is_what_the_readme_shows(mingus: CommandLine) -> None:
    shown = mingus("demo", "--json", "--concurrency", "1")
    picture = next(text for text in blocks(ROOT / "README.md", "text") if "$ mingus demo" in text)
    outcomes = shown.json["outcomes"]
    rows = re.findall(r"^[✓=✗] (\w+) +(\d*)", picture, re.MULTILINE)
    assert rows == [(item["outcome"], str(item["article_id"] or "")) for item in outcomes]
    codes = [item["reason"].partition(" ")[0] for item in outcomes if item["reason"]]
    assert [code for code in codes if code not in picture] == []


@pytest.mark.parametrize("name", sorted(generate.PAGES))
def test_generated_pages_are_fresh(name: str) -> None:
    assert (ROOT / "docs" / name).read_text("utf-8") == generate.PAGES[name](), "run `make docs`"


def test_the_figures_of_the_house_are_fresh() -> None:
    (table,) = generate.FIGURES.findall((ROOT / "docs/architecture.md").read_text("utf-8"))
    stated = dict(re.findall(r"^\| (.+?) \| ([\d.]+) \|", table, re.MULTILINE))
    now = {figure.name: figure.value for figure in house.figures()}
    assert stated.keys() == now.keys()
    assert {name: float(value) for name, value in stated.items()} == pytest.approx(now, rel=0.15, abs=1)


def test_every_task_has_an_example() -> None:
    assert set(task_reference.EXAMPLES) == set(catalog.load())


def anchors(document: Path) -> set[str]:
    """The fragments by which headings can be linked to."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(document)))
    return {text.strip().replace(" ", "-") for text in words}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in LINK.findall(prose(document)):
        path, _, fragment = link.partition("#")
        if "://" in path:
            continue
        target = (document.parent / path).resolve() if path else document
        assert target.is_relative_to(ROOT), f"{document.name}: {link} leaves the project"
        assert target.exists(), f"{document.name}: {link}"
        assert not fragment or fragment in anchors(target), f"{document.name}: {link}"


def named_commands(document: Path) -> list[list[str]]:
    """Every `mingus ...` of a document, cut into words."""
    inline = INLINE.findall(prose(document))
    pieces = [piece for line in shell_lines(document) for piece in re.split(r"\$\(|\|", line)]
    typed = [piece.partition("mingus ")[2] for piece in pieces if "mingus " in piece]
    return [text.split() for text in [*inline, *typed]]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_and_options_exist(document: Path) -> None:
    names = {name for name, *_ in cli.COMMANDS}
    for words in named_commands(document):
        words = words[2:] if words[0] in ("--config", "--home") else words
        if words[0].startswith(("-", "<")) or words[0].isupper():
            continue
        name = cli.ALIASES.get(words[0], words[0])
        assert name in names, f"{document.name}: mingus {' '.join(words)}"
        assert_command_takes(cli._load(name), words[1:], f"{document.name}: mingus {' '.join(words)}")


def assert_command_takes(command: Any, words: list[str], where: str) -> None:
    subcommands = getattr(command, "commands", None)
    if subcommands and words:
        assert words[0] in subcommands, where
        command = subcommands[words[0]]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    for word in words:
        assert not re.match(r"--\w", word) or word.partition("=")[0] in options, f"{where}: {word}"


def test_exit_codes_are_those_of_the_errors() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.MingusError)}
    table = re.findall(r"^\| (\d+) \|", (ROOT / "docs/commands.md").read_text("utf-8"), re.MULTILINE)
    assert codes <= {int(code) for code in table}
    assert table == [code for code, _ in manual.EXIT_CODES]


def test_every_dependency_has_its_reason_and_its_cost() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    rows = re.findall(
        r"^\| `([\w.-]+)` \| .+ \| [\d.]+ \| [\d–]+ \| .+ \|$",
        (ROOT / "docs/decisions.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert rows == [re.split(r"[^\w-]", line)[0] for line in project["dependencies"]]


def test_the_changelog_knows_this_release() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.parametrize("folder", ["", "mingus_lib"])
def test_the_architecture_names_every_room(folder: str) -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    rooms = {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")} - {"docs"}
    assert {name for name in rooms if f"{name}/" not in text} == set()


def shapes() -> dict[str, Any]:
    """The documented examples of docs/json.md, by their headings."""
    parts = re.split(r"^## mingus ", (ROOT / "docs/json.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0]: json.loads(BLOCK.findall(part)[0][1]) for part in parts}


@pytest.fixture(scope="module")
def printed(library: Library) -> dict[str, Shown]:
    """What every command of docs/json.md prints, after an article, its copy, a refusal and a failure."""
    pages = [f"{library.site}{path}" for path in ("/negotiate-your-raise", "/reprint/raise", "/moved-away")]
    library.mingus("add", "--wait", *pages)
    library.mingus("enqueue", "ping", "--queue", "cleanup", "--args", '{"fail": "permanent"}', "--wait")
    library.mingus("mail", "-", "--wait", stdin=mail_of(pages[0]))
    library.mingus("readers", "import", "-", stdin="reader,goals\nada,budgeting\n")
    library.mingus("readers", "assess", "ada", "--be", "90", "--do", "90", "--have", "90")
    library.mingus("readers", "event", "ada", "viewed", "1")
    library.mingus("recommend", "ada")
    client = connect(embedded.url(library.mingus.home))
    for _ in range(FAILURES_TO_OPEN):
        Limits(client, "test").failed("model", "dependency-down: the model answered 503")
    client.close()
    dead = library.mingus("dead", "list", "-q", "-n", "1").out.strip()
    newest = library.mingus("jobs", "--task", "process_new_articles", "-q", "-n", "1").out.strip()
    with ThreadPoolExecutor(2) as pool:
        running = {
            command: pool.submit(
                library.mingus,
                *(
                    word.replace("DIR", f"{library.folder}/units")
                    for word in arguments_of(
                        command, dead if command.startswith("retry") else newest, library.site
                    )
                ),
                stdin=mail_of("mailto:editor@example.com"),
            )
            for command in shapes()
        }
    return {command: shown.result() for command, shown in running.items()}


def mail_of(link: str) -> str:
    """A mail with a link and one to unsubscribe."""
    lines = f"A link: {link}\nUnsubscribe: https://a.example/unsubscribe/1"
    return f"From: The Letter <letter@a.example>\nMessage-ID: <{len(link)}@x>\nSubject: x\n\n{lines}\n"


def arguments_of(command: str, job_id: str, site: str) -> list[str]:
    """The words to run for a heading of docs/json.md."""
    page = f"{site}/negotiate-your-raise"
    more = {
        "add": [page, f"{page}?utm_source=newsletter"],
        "extract": [page],
        "articles show": ["1"],
        "articles search": ["raise"],
        "mail --": ["-"],
        "mails show": ["1"],
    }
    words = [{"ID": job_id, "QUEUE": "analytics"}.get(word, word) for word in command.split()]
    return words + next((extra for start, extra in more.items() if command.startswith(start)), [])


@pytest.mark.parametrize("command", sorted(shapes()))
def test_json_is_as_documented(printed: dict[str, Shown], command: str) -> None:
    shown = printed[command]
    assert shown.code == 0, shown.err
    assert list(differences(shapes()[command], shown.json)) == []


@pytest.mark.parametrize("report", ["daily", "weekly", "funnel", "trends"])
def test_the_parts_of_a_documented_report_are_its_own(printed: dict[str, Shown], report: str) -> None:
    command = f"report {report} --json"
    real = {section["key"]: section for section in printed[command].json["sections"]}
    for section in shapes()[command]["sections"]:
        for block in ("figures", "tables", "series"):
            keys = {each["key"] for each in section[block]}
            assert keys <= {each["key"] for each in real[section["key"]][block]}
        columns = {table["key"]: table["columns"] for table in real[section["key"]]["tables"]}
        for table in section["tables"]:
            assert table["columns"] == columns[table["key"]]
            assert [list(row) for row in table["rows"]] == [[each["key"] for each in table["columns"]]]


def differences(documented: Any, real: Any, where: str = "") -> Iterator[str]:
    """Where two JSON values differ in shape; null goes with everything, a list is like its first element."""
    if documented is None or real is None or where.rpartition(".")[2] in OPEN_KEYS:
        return
    if kind_of(documented) is not kind_of(real):
        yield f"{where}: {kind_of(documented).__name__} is documented, {real!r} is printed"
    elif isinstance(documented, dict):
        if list(documented) != list(real):
            yield f"{where}: the keys {list(documented)} are documented, {list(real)} printed"
        for key in documented.keys() & real.keys():
            yield from differences(documented[key], real[key], f"{where}.{key}")
    elif isinstance(documented, list) and documented:
        for number, element in enumerate(real):
            yield from differences(documented[0], element, f"{where}.{number}")


def kind_of(value: Any) -> type:
    """The JSON type: whole and broken numbers are one."""
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


@pytest.mark.parametrize(
    ("documented", "real"),
    [({"a": 1}, {"b": 1}), ({"a": 1}, {"a": 1, "b": 2}), ([{"a": 1}], [{"a": "1"}]), ({"a": []}, {"a": {}})],
)
def test_a_difference_of_shape_is_seen(documented: Any, real: Any) -> None:
    assert list(differences(documented, real))
