"""The lexicon matcher on texts that nobody here wrote: descriptions of Debian packages, by section.

    python benchmarks/blind_labels.py [--json]

Needs the package lists of a Debian machine, with English descriptions. The classes are sections of the archive, the
lexicons eight words a class as they came to mind, before any text was read. `lexicon` is TF-IDF weights alone,
`taught` what mingus does, `five` the same with five examples a class, each the mean of three draws of the texts;
`long` texts are three descriptions of a section put together.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mingus_lib.domain import blindlabels, lexicon

WORDS = {
    "games": "game player play level enemy puzzle score fun",
    "sound": "audio sound music midi song synthesizer playback recording",
    "graphics": "image picture photo color drawing pixel render 3d",
    "science": "sequence gene protein molecule astronomy physics simulation scientific",
    "mail": "mail email message imap smtp spam mailbox sender",
    "web": "web http browser html server website url apache",
    "net": "network tcp packet protocol firewall router ip connection",
    "database": "database sql query table postgresql mysql index transaction",
    "editors": "editor edit text emacs vim syntax highlighting buffer",
    "video": "video movie film camera dvd stream subtitle codec",
}
SETS = {
    "leisure": ("games", "sound", "graphics", "science", "mail"),
    "servers": ("web", "net", "mail", "database", "editors"),
    "alike": ("graphics", "video", "sound", "web", "net"),
}
SHORTEST_WORDS, MOST_A_CLASS, LEARN, DRAWS = 40, 400, 5, 3
Text = tuple[str, str, str]


def stanzas(kind: str) -> Iterator[dict[str, str]]:
    """The fields of each package in the archive's index files of that kind."""
    listed = run(
        "apt-get", "-o", "Acquire::Languages=en", "indextargets", "--format", "$(CREATED_BY) $(FILENAME)"
    ).splitlines()
    for path in (line.partition(" ")[2] for line in listed if line.startswith(kind)):
        if Path(path).exists():
            for stanza in run("/usr/lib/apt/apt-helper", "cat-file", path).split("\n\n"):
                yield dict(re.findall(r"^([A-Z][\w-]*): (.*(?:\n .*)*)", stanza, re.MULTILINE))


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def descriptions() -> dict[str, list[tuple[str, str]]]:
    """(title, text) by section; one package of each source."""
    sections = {
        each["Package"]: (each.get("Section", ""), each.get("Source", each["Package"]).split(" ")[0])
        for each in stanzas("Packages")
        if "Package" in each
    }
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    seen: set[str] = set()
    for each in stanzas("Translations"):
        section, source = sections.get(each.get("Package", ""), ("", ""))
        title, _, body = each.get("Description-en", "").partition("\n")
        text = " ".join(body.replace("\n .\n", " ").split())
        if section and len(text.split()) >= SHORTEST_WORDS and not {source, text[:80]} & seen:
            seen |= {source, text[:80]}
            found[section].append((title, text))
    if any(len(found[label]) <= LEARN for label in WORDS):
        sys.exit(
            "no package descriptions here: run `apt-get -o Acquire::Languages=en update` on a Debian machine"
        )
    return found


def texts_of(
    classes: tuple[str, ...], joined: int, found: dict[str, list[tuple[str, str]]], seed: int
) -> list[Text]:
    """Texts with their labels, in an order of no meaning."""
    rng, texts = random.Random(seed), []
    for label in classes:
        items = sorted(found[label])
        rng.shuffle(items)
        for start in range(0, min(len(items), MOST_A_CLASS * joined) - joined + 1, joined):
            part = items[start : start + joined]
            texts.append((part[0][0], " ".join(text for _, text in part), label))
    rng.shuffle(texts)
    return texts


def measure(classes: tuple[str, ...], texts: list[Text]) -> dict[str, float]:
    """Accuracies: of the lexicon alone, taught by its answers, with five examples a class."""
    words = lexicon.read({name: dict.fromkeys(WORDS[name].split(), 1.0) for name in classes}, "here")
    pairs, true = [(title, text) for title, text, _ in texts], [label for *_, label in texts]
    rng = random.Random(0)
    known: dict[int, str] = {}
    for label in classes:
        places = [number for number, name in enumerate(true) if name == label]
        known |= dict.fromkeys(rng.sample(places, LEARN), label)
    blind, five = (blindlabels.classify(pairs, classes, words, each) for each in ({}, known))
    rest = [number for number in range(len(true)) if number not in known]
    return {
        "texts": len(texts),
        "lexicon": round(sum(guess.plain == label for guess, label in zip(blind, true, strict=True)) / len(true), 3),
        "taught": round(sum(guess.label == label for guess, label in zip(blind, true, strict=True)) / len(true), 3),
        "five": round(sum(five[number].label == true[number] for number in rest) / len(rest), 3),
    }  # fmt: skip


def mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: round(sum(row[key] for row in rows) / len(rows), 3) for key in rows[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    found = descriptions()
    rows = {
        f"{name}{' long' if joined > 1 else ''}": mean(
            [measure(classes, texts_of(classes, joined, found, seed)) for seed in range(DRAWS)]
        )
        for name, classes in SETS.items()
        for joined in (1, 3)
    }
    if as_json:
        print(json.dumps(rows))
        return
    for name, row in rows.items():
        print(f"{name:14}" + "  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
