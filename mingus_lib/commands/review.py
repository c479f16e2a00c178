"""Library: the editor's look at labels, as lists, single decisions, or one article after another."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mingus_lib.commands.common import Json, Limit, Quiet, runtime_of
from mingus_lib.domain.library import MAX_ID
from mingus_lib.errors import MingusError, UsageError
from mingus_lib.runtime import Runtime
from mingus_lib.services import review as reviewing
from mingus_lib.view import output

KEYS = "[a]ccept  [o]verride  [s]kip  [w]hy  [t]ext  [u]ndo  [q]uit"


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
    from mingus_lib.view import labels as view

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
        _walk(here)
    elif ids:
        raise UsageError("say what to do with them: --accept, --set FIELD=VALUE, --skip or --undo")
    else:
        view.show_waiting(here.labels.waiting(limit), form)


def _walk(here: Runtime) -> None:
    """One article after another, until there are no more or the editor quits."""
    from mingus_lib.view import labels as view

    if not sys.stdin.isatty():
        raise UsageError("--interactive needs a terminal; decide with --accept, --set or --skip elsewhere")
    seen: set[int] = set()
    # Asked anew for each: other editors decide meanwhile, and what they did is not shown.
    for row in reviewing.queue(here.labels, seen):
        output.lines(view.card_lines(row))
        if not _ask(here, int(row["id"]), seen):
            return
    output.message(view.NOTHING_WAITS)


def _ask(here: Runtime, article_id: int, seen: set[int]) -> bool:
    """Let the editor decide on one; False to quit."""
    while True:
        # Enter alone decides nothing: it skips.
        key = typer.prompt(KEYS, default="s", show_default=False, err=True).strip().lower()[:1]
        if key == "q":
            return False
        try:
            if _done(here, article_id, key, seen):
                return True
        # A slip, such as an unknown label, does not end the walk: the same article is asked about again.
        except MingusError as error:
            output.message(str(error))


def _done(here: Runtime, article_id: int, key: str, seen: set[int]) -> bool:
    """Do what the key says; True when the next article's turn has come."""
    from mingus_lib.view import labels as view

    if key in ("a", "s"):
        made = reviewing.decision(accept=key == "a", skip=key == "s", assignments=[], note=None)
        assert made is not None
        reviewing.decide(here.labels, [article_id], made)
        return True
    if key == "o":
        typed = typer.prompt("field=value", err=True)
        made = reviewing.decision(accept=False, skip=False, assignments=[typed], note=None)
        assert made is not None
        reviewing.decide(here.labels, [article_id], made)
        return True
    if key == "u":
        # Else the article that waits again would be passed over.
        seen.discard(reviewing.undo(here.labels, [])[0])
        output.message("The latest decision is taken back; its article comes again.")
    elif key == "w":
        article = here.articles.get(article_id)
        view.show_why(
            article.classification, here.labels.details(article_id), article.title, output.Format.TSV
        )
    elif key == "t":
        output.lines(view.text_lines(here.articles.get(article_id).text or ""))
    return False
