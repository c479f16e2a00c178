"""Library: the mails that were read."""

from __future__ import annotations

from typing import Annotated

import typer

from mingus_lib.commands.common import Json, Limit, ListsByDefault, Quiet, Wait, runtime_of, tell_of_more
from mingus_lib.domain.library import MAX_ID
from mingus_lib.services import mail_library as library
from mingus_lib.view import mails as view
from mingus_lib.view import output

app = typer.Typer(
    help="Look at the mails that were read, and at what became of their links.",
    cls=ListsByDefault,
    add_completion=False,
)

Text = str | None
Sender = Annotated[Text, typer.Option("--sender", help="Only of this sender, an address.")]
Since = Annotated[
    Text, typer.Option("--since", metavar="AGE|DATE", help="Only mails read since: 30d, or a date.")
]
Ids = Annotated[list[int], typer.Argument(metavar="ID...", min=1, max=MAX_ID, help="Mails by id.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    state: Annotated[Text, typer.Option("--state", "-s", help="stored, decided, done or failed.")] = None,
    sender: Sender = None,
    since: Since = None,
    limit: Limit = 50,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List mails, newest first, with the counts of their links.

    Example: mingus mails list --since 7d
    """
    chosen = library.chosen(state=state, sender=sender, since=since)
    found = runtime_of(ctx).mail_funnel.mails(chosen, limit + 1)
    narrowed = library.narrowed(chosen)
    view.show_list(found[:limit], output.choose(as_json=as_json, quiet=quiet), narrowed=narrowed)
    tell_of_more(ctx, found, limit)


@app.command()
def show(
    ctx: typer.Context,
    mail_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=MAX_ID, help="A mail by its id.")],
    as_json: Json = False,
) -> None:
    """Show one mail: its parts, and every link with the reason for its fate.

    Example: mingus mails show 12
    """
    found = library.mail(runtime_of(ctx).mail_funnel, mail_id)
    view.show_mail(found, output.choose(as_json=as_json))


@app.command()
def links(
    ctx: typer.Context,
    mail: Annotated[int | None, typer.Option("--mail", min=1, max=MAX_ID, help="Only of this mail.")] = None,
    sender: Sender = None,
    host: Annotated[Text, typer.Option("--host", help="Only to this host and its subdomains.")] = None,
    reason: Annotated[
        Text, typer.Option("--reason", help="Only with this code, such as home-page or too-short.")
    ] = None,
    decision: Annotated[Text, typer.Option("--decision", help="fetch, follow, hold, known or drop.")] = None,
    since: Since = None,
    by: Annotated[
        Text,
        typer.Option("--by", help="A funnel for each sender, host, day or reason, instead of the links."),
    ] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List links with their fates, or count them by sender, host, day or reason.

    Example: mingus mails links --by host --since 30d
    """
    funnel = runtime_of(ctx).mail_funnel
    chosen = library.chosen(
        mail_id=mail, sender=sender, host=host, reason=reason, decision=decision, since=since
    )
    form = output.choose(as_json=as_json)
    if by is None:
        found = library.links(funnel, chosen, limit + 1)
        view.show_links(found[:limit], form, hint="" if found else library.nearest_reason(funnel, chosen))
    else:
        found = library.funnels(funnel, chosen, by, limit + 1)
        view.show_funnels(found[:limit], by, form, narrowed=library.narrowed(chosen))
    tell_of_more(ctx, found, limit)


@app.command()
def senders(
    ctx: typer.Context, since: Since = None, limit: Limit = 50, as_json: Json = False, quiet: Quiet = False
) -> None:
    """List senders, each with what became of the links it sent.

    Example: mingus mails senders --since 90d
    """
    chosen = library.chosen(since=since)
    found = library.funnels(runtime_of(ctx).mail_funnel, chosen, "sender", limit + 1)
    form = output.choose(as_json=as_json, quiet=quiet)
    view.show_funnels(found[:limit], "sender", form, narrowed=library.narrowed(chosen))
    tell_of_more(ctx, found, limit)


@app.command()
def reprocess(
    ctx: typer.Context, mail_ids: Ids, wait: Wait = False, as_json: Json = False, quiet: Quiet = False
) -> None:
    """Decide about the links of mails again, by the rules of today.

    What a mail sent on before is not sent again, unless it failed.

    Example: mingus mails reprocess 12 13 --wait
    """
    from mingus_lib.commands.ending import finish
    from mingus_lib.services.mail_intake import enqueuing

    here = runtime_of(ctx)
    # Undone in the store before the jobs are made: a job that is lost is taken up again by the sweeper.
    ids = library.read_again(here.mails, mail_ids, enqueuing(here.enqueuer))
    finish(here, ids, "email_processing", wait, output.choose(as_json=as_json, quiet=quiet))
