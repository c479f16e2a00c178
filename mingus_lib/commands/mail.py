"""Feed: mails."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mingus_lib.commands.common import DryRun, Json, Quiet, Wait, failed, runtime_of

app = typer.Typer(add_completion=False)

Text = str | None


@app.command()
def mail(
    ctx: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH]...", help="An .eml, mbox, JSON file, Maildir or folder; - is standard input."
        ),
    ] = None,
    imap: Annotated[bool, typer.Option("--imap", help="Read the IMAP folder of the settings.")] = False,
    host: Annotated[Text, typer.Option("--host", help="The IMAP server.")] = None,
    port: Annotated[Text, typer.Option("--port", help="Its port.")] = None,
    user: Annotated[Text, typer.Option("--user", help="The user to log in as.")] = None,
    folder: Annotated[Text, typer.Option("--folder", help="The folder to read.")] = None,
    tls: Annotated[Text, typer.Option("--tls", help="tls, starttls or none.")] = None,
    since: Annotated[
        Text, typer.Option("--since", metavar="AGE|DATE", help="Only mails sent since: 30d, or 2026-11-25.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="At most so many new mails.")
    ] = None,
    mark_seen: Annotated[
        bool, typer.Option("--mark-seen", help="Mark the mails as read on the server.")
    ] = False,
    rescan: Annotated[
        bool, typer.Option("--rescan", help="Look at the IMAP folder from its beginning.")
    ] = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read mails, and send the articles they link to into the library.

    A mail is read once, whatever the number of times it is given. The password of an IMAP account comes from
    MINGUS_IMAP_PASSWORD, from the file MINGUS_IMAP_PASSWORD_FILE or from systemd's credential imap-password.

    Example: mingus mail ~/Maildir newsletters.mbox --wait
    """
    from mingus_lib.services import mail_feeding as feeding
    from mingus_lib.view import mails as view
    from mingus_lib.view import output, progress

    # As settings, so that they win over variables and files, and are checked, as all flags are.
    here = runtime_of(ctx, imap_host=host, imap_port=port, imap_user=user, imap_folder=folder, imap_tls=tls)
    order = feeding.Order(tuple(paths or ()), imap, since, limit, mark_seen, rescan, dry_run)
    form = output.choose(as_json=as_json, quiet=quiet)
    with progress.counting("Read", "mails") as report:
        fed = feeding.feed(order, here, sys.stdin.buffer, report)
    # Before the waiting: somebody who gave a wrong folder can stop it now.
    view.show_strangers(fed.taken.no_mail)
    if wait and fed.taken.job_ids:
        from mingus_lib.commands.ending import awaited, worker_hint
        from mingus_lib.services import waiting

        steps = waiting.follow_jobs(here.history, fed.taken.job_ids)
        last = awaited(steps, fed.taken.job_ids, "jobs", worker_hint(here, "email_processing"))
        view.show_fed(fed, feeding.funnel(fed, here), form)
        if last.failed:
            raise failed("not every job finished; `mingus job ID` tells why")
        return
    view.show_fed(fed, feeding.funnel(fed, here), form)
