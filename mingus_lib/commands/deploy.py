"""Deploy: files for systemd, supervisord and compose."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from mingus_lib import __version__
from mingus_lib.commands import completing
from mingus_lib.commands.common import Json, Quiet, runtime_of
from mingus_lib.services import deploying, person
from mingus_lib.services.deploying import Plan, Written
from mingus_lib.view import output

app = typer.Typer(add_completion=False)

Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Write the files into this folder.")
]
Queues = Annotated[
    list[str] | None,
    typer.Option(
        "--queue",
        help="Workers for this queue; repeat it. All, when left out.",
        autocompletion=completing.queues,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]


@app.command()
def systemd(
    ctx: typer.Context,
    to: Output,
    user: Annotated[str, typer.Option("--user", help="The user that the services run as.")] = "mingus",
    queue: Queues = None,
    user_mode: Annotated[
        bool, typer.Option("--user-mode", help="For `systemctl --user`, with your own state directory.")
    ] = False,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write unit files for this installation, and say how to install them.

    Nothing is installed. With a Redis of your own (MINGUS_REDIS_URL) there is no unit for one.

    Example: mingus systemd --output ./units --queue article_processing
    """
    from mingus_lib.services import systemd as units

    told = runtime_of(ctx).settings
    plan = _plan(told.redis_url, queue, user)
    folder = to.absolute()
    if user_mode:
        files, commands = units.user_files(plan, told.home, told.redis_url), units.user_commands(plan, folder)
    else:
        files, commands = units.files(plan, told.redis_url), units.commands(plan, folder)
    _show(
        Written(
            # With a password in the address of Redis the files are for their owner alone.
            deploying.write(folder, files, force=force, private=deploying.has_password(told.redis_url)),
            tuple(commands),
        ),
        as_json,
        quiet,
    )


@app.command()
def supervisor(
    ctx: typer.Context,
    to: Output,
    user: Annotated[
        str | None, typer.Option("--user", help="The user that the programs run as; yours, when left out.")
    ] = None,
    queue: Queues = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a configuration for supervisord, and say how to use it.

    Example: mingus supervisor --output ./supervisor --queue article_processing
    """
    told = runtime_of(ctx).settings
    plan = _plan(told.redis_url, queue, user or person.login_name())
    files = deploying.supervisor_files(plan, told.home, told.redis_url)
    commands = (
        # Quoted, as it is typed into a shell.
        f"cp {quote(str(to.absolute()))}/mingus.conf /etc/supervisor/conf.d/",
        "supervisorctl reread && supervisorctl update",
        "supervisorctl status mingus:*",
    )
    _show(
        Written(
            deploying.write(
                to.absolute(), files, force=force, private=deploying.has_password(told.redis_url)
            ),
            commands,
        ),
        as_json,
        quiet,
    )


@app.command()
def compose(
    ctx: typer.Context,
    to: Output,
    image: Annotated[str, typer.Option("--image", help="The image's name.")] = f"mingus:{__version__}",
    source: Annotated[
        Path, typer.Option("--source", metavar="DIR", help="The checkout that the image is built from.")
    ] = Path(),
    queue: Queues = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a compose file and a Dockerfile, and say how to use them.

    The image is built from a checkout of mingus (--source); everything in it runs as a user of its own.

    Example: mingus compose --output ./containers --queue article_processing
    """
    told = runtime_of(ctx).settings
    plan = _plan(told.redis_url, queue, "mingus")
    # Absolute, since the commands are typed in another folder, perhaps by another person.
    files = deploying.compose_files(plan, to.absolute(), image=image, source=str(source.absolute()))
    commands = (
        f"cd {quote(str(to.absolute()))}",
        # In a subshell of that umask, so that the token is readable for others at no moment; only the first time.
        "test -e .env || (umask 077; echo MINGUS_DASHBOARD_TOKEN=$(openssl rand -hex 24) > .env)",
        "docker compose up --build --detach",
        "docker compose exec scheduler mingus doctor",
    )
    _show(Written(deploying.write(to.absolute(), files, force=force), commands), as_json, quiet)


def _plan(redis_url: str | None, queue: list[str] | None, user: str) -> Plan:
    return deploying.plan(queue or [], user=user, own_redis=redis_url is None)


def _show(written: Written, as_json: bool, quiet: bool) -> None:
    form = output.choose(as_json=as_json, quiet=quiet)
    if form is output.Format.JSON:
        output.value({"files": [str(path) for path in written.files], "commands": list(written.commands)})
        return
    output.lines(map(str, written.files))
    if form is not output.Format.IDS:
        output.message("To install them:" + "".join(f"\n  {line}" for line in written.commands))
