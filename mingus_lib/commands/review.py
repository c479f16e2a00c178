"""Library: the editor's look at labels, as lists, single decisions, or one article after another."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from mingus_lib.commands.common import Json, Limit, Quiet, runtime_of, tell_of_more
from mingus_lib.domain import overrides
from mingus_lib.domain.library import MAX_ID
from mingus_lib.errors import MingusError, UsageError
from mingus_lib.runtime import Runtime
from mingus_lib.services import review as reviewing
from mingus_lib.view import labels as view
from mingus_lib.view import output

KEYS = "[a]ccept  [o]verride  [s]kip  [w]hy  [t]ext  [u]ndo  [q]uit"
OVERRIDE = "field=value, several after spaces"
HELP = (
    "a: the labels are right; o: set some, such as phase=BE level=Beginner; s: put it at the end of the list; "
    "u: take the latest decision back; Enter: this again"
)


def review(
    ctx: typer.Context,
    article_ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", min=1, max=MAX_ID, help="Articles to decide on.")
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Their labels are right.")] = False,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Override a label, such as phase=DO; repeat it."),
    ] = None,
    skip: Annotated[bool, typer.Option("--skip", help="Later: put them at the end of the list.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the latest decision (on them).")] = False,
    note: Annotated[str | None, typer.Option("--note", help="Why, for the record.")] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Go through what waits, one after another.")
    ] = False,
    limit: Limit = 50,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show whose labels wait for an editor, most valuable first, and decide on them.

    Accepted and overridden labels are yours: no later run replaces them.

    Example: mingus articles review 12 --set phase=DO --set actionability_score=8
    """
    here = runtime_of(ctx)
    form = output.choose(as_json=as_json, quiet=quiet)
    ids = article_ids or []
    made = reviewing.decision(accept=accept, skip=skip, assignments=assignments or [], note=note)
    if (undo or interactive) and (made is not None or (undo and interactive)):
        raise UsageError("--undo and --interactive go alone: leave --accept, --set and --skip out")
    if undo:
        view.show_decided("restored", reviewing.undo(here.labels, ids), form)
    elif made is not None:
        view.show_decided(reviewing.decide(here.labels, ids, made), ids, form)
    elif interactive:
        if not sys.stdin.isatty():
            raise UsageError(
                "--interactive needs a terminal; decide with --accept, --set or --skip elsewhere"
            )
        _Walk(here).go()
    elif ids:
        raise UsageError("say what to do with them: --accept, --set FIELD=VALUE, --skip or --undo")
    else:
        found = here.labels.waiting(limit + 1)
        view.show_waiting(found[:limit], form)
        tell_of_more(ctx, found, limit)


class _Walk:
    """One article after another, until there are no more or the editor quits."""

    def __init__(self, here: Runtime) -> None:
        self.labels, self.articles = here.labels, here.articles
        self.seen: set[int] = set()
        self.wanted: int | None = None
        self.over = False

    def go(self) -> None:
        # Asked anew for each: other editors decide meanwhile, and what they did is not shown.
        while (row := reviewing.following(self.labels, self.seen, self.wanted)) is not None:
            self.wanted = None
            self.seen.add(row["id"])
            output.lines(view.card_lines(row))
            self._ask(row)
            if self.over:
                return
        output.message(view.NOTHING_WAITS)

    def _ask(self, row: dict[str, Any]) -> None:
        """Let the editor decide on one."""
        while True:
            # Enter alone decides nothing: a skip is a decision too, which others see.
            key = typer.prompt(KEYS, default="", show_default=False, err=True).strip().lower()[:1]
            try:
                if self._done(row, key):
                    return
            # A slip, such as an unknown label, does not end the walk: the same article is asked about again.
            except MingusError as error:
                output.message(str(error))

    def _done(self, row: dict[str, Any], key: str) -> bool:
        """Do what the key says; True when the next article's turn has come."""
        article_id = int(row["id"])
        if key in ("a", "s"):
            return self._decide(article_id, accept=key == "a", skip=key == "s")
        if key == "o":
            typed = typer.prompt(OVERRIDE, default="", show_default=False, err=True)
            return self._decide(article_id, assignments=overrides.apart(typed))
        if key == "u":
            return self._undo(article_id)
        if key == "q":
            self.over = True
            return True
        if key == "w":
            labels, details = self.articles.get(article_id).classification, self.labels.details(article_id)
            view.show_why(labels, details, row["title"], output.Format.TSV)
        elif key == "t":
            output.lines(view.text_lines(self.articles.get(article_id).text or ""))
        else:
            output.lines(view.card_lines(row))
            output.message(HELP)
        return False

    def _decide(
        self, article_id: int, *, accept: bool = False, skip: bool = False, assignments: Sequence[str] = ()
    ) -> bool:
        made = reviewing.decision(accept=accept, skip=skip, assignments=assignments, note=None)
        if made is None:
            return False
        output.message(f"{article_id} {reviewing.decide(self.labels, [article_id], made)}.")
        return True

    def _undo(self, article_id: int) -> bool:
        self.wanted = reviewing.undo(self.labels, [])[0]
        # Else both would be passed over: that one comes now, and this one after it.
        self.seen -= {self.wanted, article_id}
        output.message(f"The latest decision, on {self.wanted}, is taken back.")
        return True
