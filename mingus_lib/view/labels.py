"""Labels: what became of articles, what waits for an editor, why, reports and measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mingus_lib.domain.labels import FIELDS
from mingus_lib.view import human, output
from mingus_lib.view.output import Column, Format, Kind

REVIEW_COLUMNS = (
    Column("id", "Id", Kind.ID),
    Column("value", "Value", Kind.NUMBER),
    Column("title", "Title"),
    Column("primary_phase", "Phase"),
    Column("difficulty_level", "Difficulty"),
    Column("confidence", "Sure"),
    Column("key_topics", "Topics"),
    Column("engine", "Engine"),
    Column("flags", "Why it waits"),
)
REVIEW_KEYS = (
    "id", "title", "canonical_url", "status", "word_count", "primary_phase", "difficulty_level", "confidence_score",
    "actionability_score", "key_topics", "engine", "model", "classification_reasoning", "other_phase", "failure",
    "flags", "value", "opened_at",
)  # fmt: skip
ITEM_COLUMNS = (
    Column("article_id", "Article", Kind.ID),
    Column("outcome", "Outcome", Kind.STATE),
    Column("engine", "Engine"),
    Column("phase", "Phase"),
    Column("difficulty", "Difficulty"),
    Column("sure", "Sure"),
    Column("reason", "Reason"),
)
NOTHING_WAITS = "Nothing waits for an editor."
ESTIMATE_COLUMNS = (
    Column("model", "Model"),
    Column("articles", "Articles", Kind.NUMBER),
    Column("tokens_in", "Tokens in", Kind.NUMBER),
    Column("tokens_out", "Tokens out", Kind.NUMBER),
    Column("usd", "About $"),
    Column("usd_at_most", "At most $"),
)
CLASS_COLUMNS = (
    Column("label", "Label"),
    Column("precision", "Precision"),
    Column("recall", "Recall"),
    Column("f1", "F1"),
    Column("support", "Texts", Kind.NUMBER),
)


def show_items(items: Sequence[Mapping[str, Any]], form: Format) -> None:
    """What became of every article."""
    rows = [{**item, "sure": _two(item["confidence"])} for item in items]
    output.rows(rows, ITEM_COLUMNS, form, id_key="article_id", drop=("difficulty", "engine"))


def show_waiting(found: Sequence[Mapping[str, Any]], form: Format) -> None:
    """The review queue; the documented shape of `articles review --json`."""
    if form is Format.JSON:
        output.value([{key: row[key] for key in REVIEW_KEYS} for row in found])
        return
    rows = [{**row, "confidence": f"{row['confidence_score']:.2f}"} for row in found]
    drop = ("key_topics", "engine", "difficulty_level")
    output.rows(rows, REVIEW_COLUMNS, form, empty=NOTHING_WAITS, drop=drop)


def card_lines(row: Mapping[str, Any]) -> list[str]:
    """One article that waits, for a person to judge."""
    other = f"; the other engine says {row['other_phase']}" if row["other_phase"] else ""
    found = [
        "",
        f"{row['id']}  {human.printable(row['title'])}",
        human.printable(row["canonical_url"]),
        f"{row['primary_phase']}, {row['difficulty_level']}, "
        f"sure {row['confidence_score']:.2f}, by {row['engine']}{other}",
        f"topics: {human.printable(', '.join(row['key_topics'])) or 'none'}",
        human.printable(row["classification_reasoning"] or ""),
        f"waits because: {', '.join(row['flags'])}",
    ]
    return [*found, human.printable(row["failure"])] if row["failure"] else found


def text_lines(text: str) -> list[str]:
    """An article's text, safe to print."""
    return [human.printable(part, keep_lines=True) for part in text.split("\n")]


def show_decided(what: str, ids: Sequence[int], form: Format) -> None:
    """Which articles an editor decided on."""
    if form is Format.JSON:
        output.value({what: list(ids)})
        return
    output.lines(map(str, ids))
    if form is Format.TABLE:
        output.message(f"{len(ids):,} {what}. Take the latest back with: mingus articles review --undo")


def show_why(
    labels: Mapping[str, Any] | None, details: Mapping[str, Any] | None, title: str, form: Format
) -> None:
    """Why an article has its labels: the words, their places and weights; the shape of `articles show --why --json`."""
    if form is Format.JSON:
        output.value({"labels": labels, "why": details})
        return
    if labels is None or details is None:
        output.message("This article has no labels yet: mingus classify ID --wait")
        return
    output.lines(why_lines(labels, details, title))


_TOLD_ABOVE = ("primary_phase", "difficulty_level", "confidence_score", "classification_reasoning")
_UNDECIDED = {"open": "waits for an editor", "skipped": "put off by an editor"}


def why_lines(labels: Mapping[str, Any], details: Mapping[str, Any], title: str) -> list[str]:
    """The same in words."""
    sure = f"{labels['confidence_score']:.2f}"
    by = "an editor" if labels["is_override"] else f"{labels['engine']} ({labels['model']})"
    found = [
        human.printable(title),
        f"{labels['primary_phase']}, {labels['difficulty_level']}, confidence {sure}, by {human.printable(by)}",
        human.printable(labels["classification_reasoning"] or ""),
    ]
    # Flags stay on the record after an editor has decided.
    if details["flags"] and details["review"] in _UNDECIDED:
        found.append(f"{_UNDECIDED[details['review']]}: {', '.join(details['flags'])}")
    if details["failure"]:
        found.append(f"the AI engine gave up: {human.printable(details['failure'])}")
    if (other := details["second_opinion"]) is not None:
        found.append(
            f"the offline engine says {other['primary_phase']}, {other['difficulty_level']}, "
            f"confidence {other['confidence_score']:.2f}"
        )
    return [*filter(None, found), *label_lines(labels), *map(_evidence_line, details["evidence"])]


def label_lines(labels: Mapping[str, Any]) -> list[str]:
    """The rest of what it is labelled with, by the names that `articles review --set` takes."""
    told = {name: labels[name] for name in FIELDS if name not in _TOLD_ABOVE}
    # An editor types a list in this way, too.
    texts = {
        name: "; ".join(value) if isinstance(value, list) else value
        for name, value in told.items()
        if value not in (None, "", [])
    }
    return [human.printable(f"{name}: {text}") for name, text in texts.items()]


def _evidence_line(each: Mapping[str, Any]) -> str:
    # From 1, as people count.
    where = f"{each['place']}, word {each['word'] + 1}"
    denied = ", denied" if each["negated"] else ""
    label = f"{each['field']} = {each['label']}"
    return human.printable(f'  {label}: "{each["term"]}" ({where}{denied}) {each["weight"]:+.2f}')


def show_estimate(found: Mapping[str, Any], form: Format) -> None:
    """What a run would cost; the documented shape of `classify --estimate --json`."""
    if form is Format.JSON:
        output.value(found)
        return
    rows = [
        {**row, "usd": _usd(row["usd"]), "usd_at_most": _usd(row["usd_at_most"])} for row in found["by_model"]
    ]
    output.rows(rows, ESTIMATE_COLUMNS, form, id_key="model")
    if form is not Format.IDS:
        output.message(
            f"{found['to_ask']:,} of {found['articles']:,} articles would be asked about, {found['skipped']:,} need "
            f"nothing, {found['answers_kept']:,} answers are kept: about ${_usd(found['usd'])}, "
            f"at most ${_usd(found['usd_at_most'])}{' (Batch API)' if found['batch'] else ''}."
        )


def show_started(found: Mapping[str, Any], form: Format) -> None:
    """Batches that were handed over; the documented shape of `classify --batch --json`."""
    if form is Format.JSON:
        output.value(found)
        return
    output.lines(str(batch["id"]) for batch in found["batches"])
    if form is not Format.IDS:
        articles = sum(batch["articles"] for batch in found["batches"])
        output.message(
            f"{articles:,} articles in {len(found['batches'])} batches, ${_usd(found['reserved_usd'])} reserved, "
            f"{found['skipped']:,} need nothing. The timetable fetches the answers; see: mingus report costs"
        )
        if found["left"]:
            output.message(f"{found['left']:,} articles were not handed over, and are as they were.")


def show_scores(found: Mapping[str, Any], form: Format) -> None:
    """How good labels were; the documented shape of `evaluate labels --json`."""
    if form is Format.JSON:
        output.value(found)
        return
    rows = [
        {
            "label": name,
            **{key: f"{each[key]:.3f}" for key in ("precision", "recall", "f1")},
            "support": each["support"],
        }
        for name, each in found["per_class"].items()
    ]
    output.rows(rows, CLASS_COLUMNS, form, id_key="label")
    # For eyes alone: off a terminal it could not be told from the rows before it.
    if form is Format.TABLE and found["confusion"]:
        columns = (
            Column("label", "True, said"),
            *(Column(name, name, Kind.NUMBER) for name in found["confusion"]),
        )
        confusion = [{"label": name, **row} for name, row in found["confusion"].items()]
        output.console().print(output.table(confusion, columns))
    if form is not Format.IDS:
        alone = f", {found['lexicon_alone']:.3f} by the lexicon alone" if "lexicon_alone" in found else ""
        learned = f" ({found['learned']} more were learned from)" if found["learned"] else ""
        output.message(
            f"{found['field']} on {found['n']:,} texts{learned}: accuracy {found['accuracy']:.3f}{alone}, "
            f"macro F1 {found['macro_f1']:.3f}, micro F1 {found['micro_f1']:.3f}, calibration error {found['ece']:.3f}."
        )


def _two(number: float | None) -> str:
    return "" if number is None else f"{number:.2f}"


def _usd(amount: float) -> str:
    # One answer costs less than a cent.
    return f"{amount:.4f}"
