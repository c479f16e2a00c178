"""Library: which hosts may be read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from mingus_lib.commands.common import Json, ListsByDefault, Quiet, runtime_of
from mingus_lib.domain.library import HostPolicy, HostRule
from mingus_lib.domain.urls import registrable_domain
from mingus_lib.services import library
from mingus_lib.view import output
from mingus_lib.view.output import Column, Kind

app = typer.Typer(
    help="Say which hosts may be read, and how good they are.", cls=ListsByDefault, add_completion=False
)

COLUMNS = (
    Column("host", "Host"),
    Column("policy", "Policy"),
    Column("quality", "Quality", Kind.NUMBER),
    Column("origin", "Set by"),
    Column("note", "Note"),
)
# Not checked here: the store brings a name into the form in which addresses have it, or refuses it.
Host = Annotated[str, typer.Argument(help="A host, such as example.com; its subdomains are covered too.")]
Quality = Annotated[
    float | None, typer.Option("--quality", min=0, max=1, help="How good its articles are, 0 to 1.")
]
Note = Annotated[str | None, typer.Option("--note", help="Why.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    policy: Annotated[HostPolicy | None, typer.Option("--policy", help="Only hosts of this policy.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the hosts that have a policy.

    Example: mingus hosts list --policy deny
    """
    rules = [asdict(rule) for rule in runtime_of(ctx).hosts.list(policy)]
    output.rows(rules, COLUMNS, output.choose(as_json=as_json, quiet=quiet), id_key="host")


@app.command()
def allow(
    ctx: typer.Context, host: Host, quality: Quality = None, note: Note = None, as_json: Json = False
) -> None:
    """Let a host's articles in; those that were held are told, with how to fetch them.

    Example: mingus hosts allow example.com --quality 0.8
    """
    here = runtime_of(ctx)
    rule = here.hosts.allow(host, quality=quality, note=note)
    _show(rule, as_json)
    if held := library.held(here.articles, rule.host):
        # A list and no ids, since there may be hundreds; added again, they are looked at like all that comes in.
        told = (
            f"mingus articles list --status held --host {registrable_domain(rule.host)} --limit {library.ALL}"
        )
        output.message(f"{held:,} held of {rule.host}; fetch: {told} --columns canonical_url | mingus add -")


@app.command()
def deny(ctx: typer.Context, host: Host, note: Note = None, as_json: Json = False) -> None:
    """Keep a host's articles out.

    Example: mingus hosts deny example.com --note "press releases only"
    """
    _show(runtime_of(ctx).hosts.deny(host, note=note), as_json)


@app.command()
def forget(ctx: typer.Context, host: Host, as_json: Json = False) -> None:
    """Take back what was said of a host, and show what applies to it now.

    Example: mingus hosts forget example.com
    """
    _show(runtime_of(ctx).hosts.forget(host), as_json)


def _show(rule: HostRule, as_json: bool) -> None:
    if as_json:
        output.value(asdict(rule))
    else:
        output.rows([asdict(rule)], COLUMNS, output.choose())
