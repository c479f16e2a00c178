"""Mails: the funnel of a run, lists, one mail with its links, funnels side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from mingus_lib.domain.funnel import Funnel
from mingus_lib.domain.mails import JudgedLink, NoMail
from mingus_lib.view import facts, human, output
from mingus_lib.view.output import Column, Format, Kind

STAGES = (Column("stage", "Stage"), Column("count", "Count", Kind.NUMBER), Column("reason", "Reason"))
MAILS = (
    Column("id", "Id", Kind.ID),
    Column("state", "State", Kind.STATE),
    Column("subject", "Subject"),
    Column("sender", "Sender"),
    Column("links", "Links", Kind.NUMBER),
    Column("sent", "Sent on", Kind.NUMBER),
    Column("kept", "Kept", Kind.NUMBER),
    Column("stored_at", "Read", Kind.TIME),
)
LINKS = (
    Column("fate", "Fate", Kind.STATE),
    Column("why", "Reason"),
    Column("address", "Address"),
    Column("anchor", "Text"),
    Column("mail_id", "Mail", Kind.ID),
)
JUDGED = LINKS[:-1]
PARTS = (
    Column("path", "Part", Kind.ID),
    Column("kind", "Type"),
    Column("filename", "Name"),
    Column("size", "Size", Kind.BYTES),
    Column("reason", "Not read"),
)
COUNTS = (
    Column("mails", "Mails", Kind.NUMBER),
    Column("found", "Links", Kind.NUMBER),
    Column("dropped", "Dropped", Kind.NUMBER),
    Column("known", "Known", Kind.NUMBER),
    Column("sent", "Sent on", Kind.NUMBER),
    Column("waiting", "Waiting", Kind.NUMBER),
    Column("kept", "Kept", Kind.NUMBER),
    Column("duplicate", "Duplicate", Kind.NUMBER),
    Column("rejected", "Rejected", Kind.NUMBER),
    Column("failed", "Failed", Kind.NUMBER),
)
FACTS = (
    "id",
    "state",
    "reason",
    "sender",
    "sender_name",
    "sent_at",
    "stored_at",
    "message_id",
    "source",
    "size",
    "job_id",
)
FATES = {"drop": "dropped", "known": "known"}
EMPTY = "No mails here yet. Read some: mingus mail PATH"
NO_MATCH = "No mail matches."
# Whoever names a whole folder need not read a line for each picture in it.
STRANGERS_SHOWN = 20


class Taken(Protocol):
    """What one reading of a mailbox brought."""

    @property
    def job_ids(self) -> list[str]:
        """The jobs that read the mails."""

    def as_json(self) -> dict[str, Any]:
        """As documented."""


class Fed(Protocol):
    """The result of `mail`."""

    @property
    def taken(self) -> Taken:
        """What was read."""

    @property
    def trial(self) -> Funnel | None:
        """The funnel of a dry run."""

    @property
    def links(self) -> Sequence[JudgedLink]:
        """The links of a dry run of one mail."""


def show_strangers(found: Sequence[NoMail]) -> None:
    """What was no mail, on stderr."""
    for each in found[:STRANGERS_SHOWN]:
        output.message(f"passed over: {human.printable(each.name)}: {human.printable(each.reason)}")
    if len(found) > STRANGERS_SHOWN:
        output.message(f"... and {len(found) - STRANGERS_SHOWN:,} more things that are no mails")


def show_fed(fed: Fed, funnel: Funnel, form: Format) -> None:
    """The funnel of a run; the documented shape of `mail --json`."""
    taken = fed.taken.as_json()
    if form is Format.JSON:
        links = [_judged(link) for link in fed.links]
        output.value({**taken, "funnel": funnel.as_json(), **({"links": links} if links else {})})
    elif form is Format.IDS:
        output.lines(fed.taken.job_ids)
    else:
        output.rows(list(_stages(taken, funnel.as_json())), STAGES, form)
    if form is Format.TABLE:
        if fed.links:
            output.lines([""])
            output.rows([_tried(link) for link in fed.links], JUDGED, form)
        output.message(_next_step(fed, funnel))


def _judged(link: JudgedLink) -> dict[str, Any]:
    return {name: getattr(link, name) for name in ("url", "target", "anchor", "decision", "reason")}


def _tried(link: JudgedLink) -> dict[str, Any]:
    fate = FATES.get(link.decision, link.decision)
    return {"fate": fate, "why": link.reason, "address": link.target or link.url, "anchor": link.anchor}


def _stages(taken: Mapping[str, Any], funnel: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of the funnel: what came in, what was lost and why, what is left."""
    # Stages that lead on to the next are always told; losses only where there are some.
    yield _stage("mails", taken["seen"])
    for name, stage in (("again", "read before"), ("older", "too old"), ("resumed", "taken up again")):
        if taken[name]:
            yield _stage(f"of them {stage}", taken[name])
    if taken["differing"]:
        yield _stage("duplicate Message-ID, other text", len(taken["differing"]))
    if taken["no_mail"]:
        yield _stage("no mails", len(taken["no_mail"]))
    yield _stage("links found", funnel["found"])
    yield _stage("unwrapped", funnel["unwrapped"])
    yield from _losses("dropped", funnel["dropped"])
    for name, stage in (
        ("known", "known"),
        ("sent", "sent on"),
        ("waiting", "waiting"),
        ("fetched", "fetched"),
    ):
        yield _stage(stage, funnel[name])
    yield _stage("kept", funnel["kept"])
    if funnel["duplicate"]:
        yield _stage("duplicate", funnel["duplicate"])
    yield from _losses("rejected", funnel["rejected"])
    yield from _losses("failed", funnel["failed"])


def _losses(stage: str, reasons: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    for code, count in reasons.items():
        yield _stage(stage, count, code)


def _stage(stage: str, count: int, reason: str | None = None) -> dict[str, Any]:
    return {"stage": stage, "count": count, "reason": reason}


def _next_step(fed: Fed, funnel: Funnel) -> str:
    if fed.trial is not None:
        return "Nothing was stored: this was a dry run."
    jobs = len(fed.taken.job_ids)
    if not jobs:
        return "No new mail. See: mingus mails list"
    if funnel.found and not funnel.waiting:
        return "See: mingus mails list, mingus mails links"
    who = f"{jobs:,} {'job reads' if jobs == 1 else 'jobs read'} them"
    return f"{who}, where workers run (mingus up). See: mingus mails list"


def show_list(found: Sequence[Mapping[str, Any]], form: Format, *, narrowed: bool = False) -> None:
    """Mails, one a row; the documented shape of `mails list --json`. `narrowed`: filters have chosen them."""
    output.rows(found, MAILS, form, empty=NO_MATCH if narrowed else EMPTY, drop=("stored_at", "sender"))


def show_mail(mail: Mapping[str, Any], form: Format) -> None:
    """One mail: what is known of it, its parts, its links."""
    if form is Format.JSON:
        output.value(mail)
        return
    names = [name for name in ("subject", *FACTS) if mail[name] not in (None, "")]
    facts.show([(name, _fact(name, mail[name], form)) for name in names], form)
    # For scripts too: facts, parts and links differ in their fields, and the empty line parts them.
    output.lines([""])
    output.rows(mail["parts"], PARTS, form, id_key="path")
    output.lines([""])
    show_links(mail["links_found"], form)


def _fact(name: str, value: Any, form: Format) -> str:
    if form is Format.TABLE and name == "size":
        return human.size(value)
    if form is Format.TABLE and name.endswith("_at"):
        return human.moment(value)
    return human.printable(str(value))


def show_links(found: Sequence[Mapping[str, Any]], form: Format, *, hint: str = "") -> None:
    """Links with their fates; the documented shape of `mails links --json`. `hint`: why there may be none."""
    # JSON has decision and outcome apart, as they are stored; a fate is a word for eyes.
    shown = found if form is Format.JSON else [_told(link) for link in found]
    empty = f"No such links{hint or '.'}"
    output.rows(shown, LINKS, form, id_key="address", empty=empty, drop=("mail_id", "anchor"))


def _told(link: Mapping[str, Any]) -> dict[str, Any]:
    """A link as a row: how far it came, the reason of whatever came last, and the target."""
    waiting = "waiting" if link["job_id"] else FATES.get(link["decision"], "decided")
    why = link["outcome_reason"] if link["outcome"] else link["reason"]
    return {**link, "fate": link["outcome"] or waiting, "why": why, "address": link["target"] or link["url"]}


def show_funnels(
    found: Sequence[Mapping[str, Any]], by: str, form: Format, *, narrowed: bool = False
) -> None:
    """Funnels side by side; the documented shape of `mails links --by --json`."""
    columns = (Column(by, by.capitalize()), *COUNTS)
    shown = found if form is Format.JSON else [_summed(row) for row in found]
    empty = NO_MATCH if narrowed else EMPTY
    output.rows(shown, columns, form, id_key=by, empty=empty, drop=("duplicate", "known", "mails"))


def _summed(row: Mapping[str, Any]) -> dict[str, Any]:
    # Losses are counted by reason, and a column has room for their sum.
    return {key: sum(each.values()) if isinstance(each, dict) else each for key, each in row.items()}
