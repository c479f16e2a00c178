"""Feed: what to read next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from mingus_lib.commands.common import Json, Quiet, Wait, runtime_of
from mingus_lib.commands.ending import finish
from mingus_lib.domain.library import MAX_ID
from mingus_lib.errors import UsageError
from mingus_lib.runtime import Runtime
from mingus_lib.services import enqueueing
from mingus_lib.view import output
from mingus_lib.view import recommend as view

app = typer.Typer(add_completion=False)


@app.command()
def recommend(
    ctx: typer.Context,
    reader: Annotated[str | None, typer.Argument(metavar="[READER]", help="A reader's id.")] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Learn anew and make every reader's list, as a job.")
    ] = False,
    similar: Annotated[
        int | None, typer.Option(min=1, max=MAX_ID, metavar="ARTICLE_ID", help="What goes with this article.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="How many articles.")] = 20,
    explain: Annotated[bool, typer.Option("--explain", help="Show each part of the scores.")] = False,
    peek: Annotated[
        bool, typer.Option("--peek", help="Only look: do not note that the list was shown.")
    ] = False,
    wait: Wait = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Recommend the next reads, with their reasons.

    A kept list is shown at once, and made anew first when something has changed or a day has gone.

    Example: mingus recommend ada --explain
    """
    here = runtime_of(ctx)
    form = output.choose(as_json=as_json, quiet=quiet)
    now = datetime.now(UTC)
    if everybody:
        if reader is not None or similar is not None:
            raise UsageError("--all is for every reader: leave the reader and --similar out")
        finish(here, [_everybody(here, limit)], "recommendations", wait, form)
    elif similar is not None:
        near = here.recommender.similar(similar, reader, limit, now=now)
        view.show_similar(near, form)
        # An empty answer may also be a true one: nothing is like the article.
        if not near and not here.recommender.has_learned:
            output.message(
                "Nothing is learned yet, so that nothing is known to be similar: mingus recommend --all"
            )
    elif reader is not None:
        # What was shown counts for the click-through of lists, unless somebody only looks.
        found = here.recommender.show(reader, limit, now=now, record=not peek)
        head = view.Head(found.reader, found.made_at, found.model, found.refreshed)
        view.show_list(head, found.items, form, explain=explain)
        if found.model == "none" and form is output.Format.TABLE:
            output.message("Nothing is learned from readers yet: mingus recommend --all")
    else:
        raise UsageError(
            "whom for? Name a reader (`mingus readers list`), or use --all or --similar ARTICLE_ID"
        )


def _everybody(here: Runtime, limit: int) -> str:
    """The job that makes all lists: a new one, unless one is under way."""
    task, given = "update_all_user_recommendations", {"limit": limit}
    if here.settings.key_file is not None:
        # A producer without the store cannot know what is under way; the job finds out.
        return enqueueing.enqueue(here.enqueuer, task, [given])[0]
    job, new = enqueueing.enqueue_alone(here.enqueuer, here.ledger, task, given, loose=("limit",))
    if not new:
        output.message(f"Job {job} makes all lists already: it is followed, and none is added.")
    return job
