"""How good the offline engine is on labelled texts, ours or other people's."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mingus_lib.domain import (
    blindlabels,
    difficulty,
    labels,
    lexicon,
    offline,
    phase,
    prose,
    scoring,
    softmax,
    tomltext,
    topics,
)
from mingus_lib.domain.lexicon import Lexicon
from mingus_lib.domain.offline import Opinion, best
from mingus_lib.domain.words import nearest
from mingus_lib.errors import UsageError
from mingus_lib.services.labelled_files import LabelledText, read
from mingus_lib.settings.files import read_text

Report = Callable[[int, int], None]

FIELDS = {
    "phase": "primary_phase", "difficulty": "difficulty_level", "topics": "key_topics",
    "career_stage": "career_stage", "income_range": "target_income_range", "cultural_focus": "cultural_focus",
}  # fmt: skip
OPTIONS: Mapping[str, Sequence[str]] = {
    "primary_phase": labels.PHASES,
    "difficulty_level": labels.LEVELS,
    "career_stage": labels.CAREER_STAGES,
    "target_income_range": labels.INCOME_RANGES,
    "cultural_focus": (*labels.FOCUS_GROUPS, "none"),
}
# Examples that weigh as much as the model that comes with mingus.
EXAMPLES_HALF = 5
PENALTY = 0.05


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be measured. `learn` examples a class are taken out of the file by `seed`, and not scored."""

    file: Path
    field: str = "phase"
    lexicon: Path | None = None
    learn: int = 0
    seed: int = 0


def run(question: Question, report: Report = lambda done, total: None) -> dict[str, Any]:
    """The documented shape of `evaluate labels --json`. Raises UsageError for a file or field that will not do."""
    if question.lexicon is not None:
        return _by_lexicon(question, question.lexicon, report)
    field = field_named(question.field)
    if field == "key_topics":
        return _topics(question, report)
    return _own(question, field, report)


def field_named(name: str) -> str:
    """The label of ours by its name or short name. Raises UsageError."""
    plain = name.strip().lower().replace("-", "_")
    known = {**FIELDS, **{full: full for full in FIELDS.values()}}
    if plain not in known:
        raise UsageError(
            f"no field {name!r}{nearest(plain, tuple(known))}; they are {', '.join(FIELDS)}; "
            "labels of other people need --lexicon"
        )
    return known[plain]


def _by_lexicon(question: Question, path: Path, report: Report) -> dict[str, Any]:
    words = read_lexicon(path)
    texts = read(question.file)
    names = _matched(texts, words.labels, question.file, f"a table of {path.name}")
    known = _examples(names, question)
    pairs = [(each.title, each.text) for each in texts]
    guesses = blindlabels.classify(pairs, words.labels, words, {n: names[n] for n in known}, report)
    rest = [number for number in range(len(texts)) if number not in known]
    true = [names[number] for number in rest]
    scores = scoring.single(true, [guesses[n].label for n in rest], [guesses[n].confidence for n in rest])
    # What the lexicon says alone, so that the work of the neighbours can be seen.
    plain = sum(guesses[n].plain == names[n] for n in rest) / len(rest)
    return _result(question, "lexicon", path.name, scores, len(known), lexicon_alone=round(plain, 4))


def read_lexicon(path: Path) -> Lexicon:
    """The lexicon of a TOML file: a table a label, `"word or phrase" = weight`. Raises UsageError with the line."""
    tables, lines = tomltext.read(read_text(path), str(path))
    return lexicon.read(tables, str(path), lines)


def _matched(texts: Sequence[LabelledText], options: Sequence[str], file: Path, what: str) -> list[str]:
    """Each text's label in the options' own spelling; UsageError for one that is not among them."""
    known = {option.strip().lower(): option for option in options}
    for each in texts:
        if each.labels[0].lower() not in known:
            raise UsageError(
                f"{file}, line {each.line}: the label {each.labels[0][:60]!r} is not {what}"
                f"{nearest(each.labels[0], tuple(options))}; they are {', '.join(options)}"
            )
    return [known[each.labels[0].lower()] for each in texts]


def _examples(names: Sequence[str], question: Question) -> set[int]:
    """The indexes of the texts to learn from, `learn` a class."""
    if not question.learn:
        return set()
    chosen: set[int] = set()
    rng = random.Random(question.seed)  # noqa: S311
    # Sorted: a set of texts has another order in every process, and a seed must draw the same.
    for label in sorted(set(names)):
        places = [number for number, name in enumerate(names) if name == label]
        # Also where there are just so many: a class of which nothing is left cannot be scored.
        if len(places) <= question.learn:
            raise UsageError(
                f"{question.file}: {label!r} has {len(places)} texts, too few for --learn {question.learn}; "
                "give more texts or learn from fewer"
            )
        chosen.update(rng.sample(places, question.learn))
    return chosen


def _own(question: Question, field: str, report: Report) -> dict[str, Any]:
    texts = read(question.file, column=_column(field))
    names = _matched(texts, OPTIONS[field], question.file, f"one of {field}")
    known = _examples(names, question)
    said = _probabilities(texts, field, report)
    if known:
        said = _with_examples(texts, names, known, field, said)
    rest = [number for number in range(len(texts)) if number not in known]
    guessed = [best(said[number]) for number in rest]
    sure = [said[number][guess] for number, guess in zip(rest, guessed, strict=True)]
    scores = scoring.single([names[number] for number in rest], guessed, sure)
    return _result(question, field, offline.VERSION, scores, len(known))


def _column(field: str) -> str:
    return next(short for short, full in FIELDS.items() if full == field)


def _probabilities(texts: Sequence[LabelledText], field: str, report: Report) -> list[dict[str, float]]:
    found = []
    for number, each in enumerate(texts, 1):
        found.append(_of_field(offline.classify(each.title, each.text), field))
        report(number, len(texts))
    return found


def _of_field(opinion: Opinion, field: str) -> dict[str, float]:
    if field == "primary_phase":
        return opinion.phases
    if field == "difficulty_level":
        return opinion.levels
    # The other fields follow rules: they are as sure as the label they hang on.
    return {str(getattr(opinion.labels, field) or "none"): opinion.labels.confidence_score}


def _with_examples(
    texts: Sequence[LabelledText],
    names: Sequence[str],
    known: set[int],
    field: str,
    said: list[dict[str, float]],
) -> list[dict[str, float]]:
    """The shipped model's probabilities, mixed with those of one fitted on the examples."""
    if field not in ("primary_phase", "difficulty_level"):
        raise UsageError(f"{field} follows rules and does not learn: leave --learn out")
    rows = [_features(each, field) for each in texts]
    taught = sorted(known)
    order = OPTIONS[field]
    fitted = softmax.fit([rows[n] for n in taught], [names[n] for n in taught], order, penalty=PENALTY)
    each_class = len(taught) / len(set(names))
    share = each_class / (each_class + EXAMPLES_HALF)
    return [_mixed(prior, fitted.probabilities(row), share) for prior, row in zip(said, rows, strict=True)]


def _mixed(prior: Mapping[str, float], learned: Mapping[str, float], share: float) -> dict[str, float]:
    """The weighted geometric mean, made to add up to 1."""
    raw = {name: prior[name] ** (1 - share) * learned[name] ** share for name in prior}
    whole = sum(raw.values())
    return {name: value / whole for name, value in raw.items()}


def _features(text: LabelledText, field: str) -> tuple[float, ...]:
    read_text = prose.read(text.title, text.text)
    if field == "difficulty_level":
        return difficulty.features(read_text)
    return phase.features(read_text, phase.assess(read_text).hits)


def _topics(question: Question, report: Report) -> dict[str, Any]:
    if question.learn:
        raise UsageError("key_topics has a closed list of words and does not learn: leave --learn out")
    texts = read(question.file, several=True, column="topics")
    true = [tuple(_topic(label, each, question.file) for label in each.labels) for each in texts]
    opinions = []
    for number, each in enumerate(texts, 1):
        opinions.append(offline.classify(each.title, each.text))
        report(number, len(texts))
    guessed = [opinion.labels.key_topics for opinion in opinions]
    sure = [_topic_confidence(opinion) for opinion in opinions]
    return _result(question, "key_topics", offline.VERSION, scoring.many(true, guessed, sure), 0)


def _topic(label: str, text: LabelledText, file: Path) -> str:
    found = topics.known(label)
    if found is None:
        raise UsageError(
            f"{file}, line {text.line}: {label[:60]!r} is no topic{nearest(label, topics.names())}; "
            "separate several by `;`"
        )
    return found


def _topic_confidence(opinion: Opinion) -> float:
    """The first topic's share of the points of all that were chosen, drawn towards what such guesses are worth."""
    points = list(opinion.topics.values())
    return 0.7 + 0.3 * points[0] / sum(points) if points else 0.0


def _result(
    question: Question, field: str, engine: str, scores: scoring.Scores, learned: int, **more: Any
) -> dict[str, Any]:
    return {
        "file": str(question.file),
        "field": field,
        "engine": engine,
        "learned": learned,
        **more,
        **scoring.as_json(scores),
    }
