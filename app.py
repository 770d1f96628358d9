"""invsync's command line, and the one place where everything is built and joined."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import typer

from bot import logs
from bot.check import check_templates
from bot.render import Renderer
from bot.samples import samples
from bot.settings import Settings, SettingsError, load
from bot.show import Show
from bot.subscriptions import Digests
from bot.web import listening, port_of
from demo.house import NotStarted, running
from demo.visit import visit
from handlers.backfilling import backfill as walked
from handlers.commandline import (
    TRY_OUT,
    WORKS_ITSELF,
    WrongUse,
    filters_of,
    numbers_of,
    put,
    routed,
)
from handlers.connecting import Grant
from handlers.connecting import connect as connected
from handlers.mistakes import MISTAKES, sentence_of
from handlers.pausing import pause_line, resume_line
from handlers.process import (
    TEMPLATES,
    alone,
    handout_of,
    lanes_of,
    served,
    serving,
    until_stopped,
    working,
)
from handlers.surface import subscription
from handlers.terminal import Terminal, route_rows
from handlers.terminal_causes import show_causes
from handlers.terminal_precheck import precheck as prechecked
from handlers.terminal_sending import bring_numbers, retry_cause, retry_numbers
from sync.batches import BatchState
from sync.clock import SystemClock
from sync.connectors.spec import Spec
from sync.engine import Engine
from sync.records import Filters
from sync.store import Store

DONE, WITH_FAILURES, WRONG_USE = 0, 1, 2
BEHIND_SYSTEMS = 5
"""The app's own port in the try-out: behind the workspace's and the four systems'."""

cli = typer.Typer(
    help="Copies invoices and returns into the books, and shows in Slack what failed.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
routes = typer.Typer(help="Which source feeds which destination.")
digest = typer.Typer(help="What failed, by error type.")
cli.add_typer(routes, name="routes")
keys = typer.Typer(help="The keys that encrypt credentials.")
cli.add_typer(digest, name="digest")
cli.add_typer(keys, name="keys")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON only.")]


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[Engine]:
    """Open the database, bring it up to date and give the engine; closes it at the end."""
    settings = settings or load()
    logs.configure(settings.log_format, settings.log_level)
    store = Store(settings.database_url, settings.keys)
    try:
        store.migrate()
        yield Engine(store, SystemClock(), settings.times, limits=settings.bulk_limits)
    finally:
        store.close()


@cli.callback(invoke_without_command=True)
def start(context: typer.Context) -> None:
    """Explain the try-out where nothing is set yet, else the commands."""
    if context.invoked_subcommand is not None:
        return
    try:
        load().slack_required(http=False)
    except SettingsError as error:
        raise WrongUse(f"{error}\n\n{TRY_OUT}") from None
    typer.echo(context.get_help())


@cli.command()
def migrate() -> None:
    """Bring the database up to date."""
    with opened() as engine:
        typer.echo(f"The database is at revision {engine.store.migrate()}.")


@cli.command()
def connect(
    system: str,
    name: Annotated[str, typer.Option(help="Our name of the connection; the same name renews.")],
    base_url: Annotated[str, typer.Option(help="Scheme, host and port.")] = "",
    token: Annotated[str, typer.Option(help="Access token, or Daftra's API key.")] = "",
    api_prefix: Annotated[str | None, typer.Option(help="Instead of the system's own.")] = None,
    web_url: Annotated[str | None, typer.Option(help="Where people open documents.")] = None,
    token_url: Annotated[str, typer.Option(help="Where tokens are renewed.")] = "",
    client_id: Annotated[str, typer.Option(help="Of our app at the system.")] = "",
    client_secret: Annotated[str, typer.Option(help="Of our app at the system.")] = "",
    refresh_token: Annotated[str, typer.Option(help="Renews the access token.")] = "",
    account: Annotated[str, typer.Option(help="QuickBooks: the company's realm id.")] = "",
    webhook_secret: Annotated[str, typer.Option(help="Verifies the system's webhooks.")] = "",
    check: Annotated[bool, typer.Option(help="Ask the system who we are.")] = True,
) -> None:
    """Add a connection or renew the one of that name: salla, daftra, hubspot or quickbooks."""
    spec = Spec(name, base_url, api_prefix, web_url, token, account, {})
    grant = Grant(token_url, client_id, client_secret, refresh_token, webhook_secret)
    with opened() as engine:
        whose = connected(engine, system, spec, grant, check=check)
    typer.echo(f"{name}: connected to {whose.name} ({system}, account {whose.id}).")
    for warning in whose.warnings:
        typer.echo(f"Warning: {warning}")


@routes.command("add")
def add_route(
    source: str,
    destination: str,
    since: Annotated[str, typer.Option(help="First day to sync, such as 2026-01-01.")] = "",
    status: Annotated[list[str] | None, typer.Option(help="Order status that syncs.")] = None,
) -> None:
    """Let SOURCE feed DESTINATION (names of connections); again: change its options."""
    with opened() as engine:
        route = routed(engine, source, destination, since, status)
    typer.echo(f"{route.name}: from {route.since}, orders in {', '.join(route.statuses)}.")


@routes.command("list")
def list_routes(as_json: AsJson = False) -> None:
    """Show the routes, and when each was last swept."""
    with opened() as engine:
        rows = route_rows(engine)
    Terminal(as_json=as_json).routes(rows)


@cli.command()
def sync(
    numbers: list[str],
    route: Annotated[str | None, typer.Option(help="SOURCE:DESTINATION")] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the final status.")] = True,
    as_json: AsJson = False,
) -> None:
    """Fetch orders by number and sync all their documents; one line a number."""
    wanted, out = numbers_of(numbers), Terminal(as_json=as_json)
    with opened() as engine:
        all_well = bring_numbers(engine, wanted, route, out, wait=wait)
    if not all_well:
        raise typer.Exit(WITH_FAILURES)


@cli.command()
def retry(
    numbers: Annotated[list[str] | None, typer.Argument()] = None,
    cause: Annotated[str, typer.Option(help="All that this cause stops: its number or key.")] = "",
    as_json: AsJson = False,
) -> None:
    """Send failed or pending documents back to their lanes and wait for the outcome."""
    if bool(numbers) == bool(cause):
        raise WrongUse("Name documents or one cause. Example: app.py retry --cause 7")
    out = Terminal(as_json=as_json)
    with opened() as engine:
        if cause:
            all_well = retry_cause(engine, cause, out, as_json=as_json)
        else:
            all_well = retry_numbers(engine, numbers_of(numbers or []), out, as_json=as_json)
    if not all_well:
        raise typer.Exit(WITH_FAILURES)


@cli.command()
def pause(connection: str) -> None:
    """Let nothing go to or from CONNECTION until it is resumed; what waits is untouched."""
    with opened() as engine:
        typer.echo(pause_line(engine, connection))


@cli.command()
def resume(connection: str) -> None:
    """Let what waits behind a paused CONNECTION go again, one document first."""
    with opened() as engine:
        typer.echo(resume_line(engine, connection))


@cli.command()
def backfill(
    first: Annotated[str, typer.Option("--from", help="First day, such as 2026-01-01.")],
    last: Annotated[str, typer.Option("--to", help="Last day, included.")],
    route: Annotated[
        str, typer.Option(help="SOURCE:DESTINATION; needed if there are several.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Sync everything of a period, behind all else; Ctrl-C stops it and loses nothing."""
    asked = {"route": route, "from": first, "to": last}
    with opened() as engine, lanes_of(engine, backfilling=True):
        ended = walked(engine.backfills, engine.routes(), asked, Terminal(as_json=as_json))
    if ended.batch.state is not BatchState.DONE or ended.counts.failed:
        raise typer.Exit(WITH_FAILURES)


@keys.command("rotate")
def rotate_keys() -> None:
    """Write all credentials anew under the first of INVSYNC_SECRET_KEYS."""
    with opened() as engine:
        count = engine.store.connections.rotate()
    typer.echo(f"{count} connections are encrypted with the first key. The others can go now.")


@cli.command()
def precheck(
    route: Annotated[
        str, typer.Option(help="SOURCE:DESTINATION; needed if there are several.")
    ] = "",
    create: Annotated[bool, typer.Option(help="Create what has no near match.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look for what a route's source sells in its destination, before an invoice fails."""
    out = Terminal(as_json=as_json)
    with opened() as engine, lanes_of(engine, backfilling=True):
        all_there = prechecked(engine, route, out, create=create, as_json=as_json)
    if not all_there:
        raise typer.Exit(WITH_FAILURES)


@cli.command()
def log(
    filters: Annotated[list[str] | None, typer.Argument()] = None,
    cursor: str | None = None,
    limit: int = 20,
    as_json: AsJson = False,
) -> None:
    """Show the sync log, newest first; filters as in Slack, such as status:failed since:7d."""
    _print_log(filters_of("log", filters or []), cursor, limit, as_json=as_json)


@cli.command()
def failed(
    filters: Annotated[list[str] | None, typer.Argument()] = None,
    cursor: str | None = None,
    limit: int = 20,
    as_json: AsJson = False,
) -> None:
    """Show what failed, newest first."""
    _print_log(filters_of("failed", filters or []), cursor, limit, as_json=as_json)


@cli.command()
def causes(
    filters: Annotated[list[str] | None, typer.Argument()] = None, as_json: AsJson = False
) -> None:
    """Show what stops documents, largest amount first; filters as in Slack, such as dest:books."""
    with opened() as engine:
        show_causes(engine, filters or [], Terminal(as_json=as_json), as_json=as_json)


@cli.command()
def show(number: str, as_json: AsJson = False) -> None:
    """Show a document with its attempts and what stops it, by order or document number."""
    (wanted,) = numbers_of([number])
    with opened() as engine:
        stories = [engine.story(one.id) for one in engine.find(wanted)]
    if not stories:
        raise WrongUse(f"There is no {number} in the log. Next: app.py sync {number}")
    Terminal(as_json=as_json).stories([story for story in stories if story])


@digest.command("now")
def post_digest(
    channel: Annotated[str | None, typer.Option(help="Instead of the setting's.")] = None,
) -> None:
    """Let the running `serve` post today's digest, or bring it up to date."""
    settings = load()
    with opened(settings) as engine:
        where = subscription(settings, channel)
        if where is None:
            raise WrongUse("No channel is set. Example: INVSYNC_DIGEST_CHANNEL=C024BE91L")
        shown = Show(Renderer(TEMPLATES), engine.clock, settings.timezone)
        Digests(engine, partial(put, engine), shown, where).now()
    typer.echo(f"The digest for {where.channel} is on its way; a running serve sends it.")


@digest.command("preview")
def preview_digest(as_json: AsJson = False) -> None:
    """Show what the next digest would say."""
    with opened() as engine:
        Terminal(as_json=as_json).figures(engine.figures())


@cli.command()
def serve(
    http: Annotated[
        bool, typer.Option("--http", help="Slack calls us, instead of a socket.")
    ] = False,
    host: str = "127.0.0.1",
    port: int = 8000,
) -> None:
    """Run the bot: Slack, lanes, sweeps, the digest; /healthz on host and port."""
    settings = load()
    settings.slack_required(http=http)
    with (
        opened(settings) as engine,
        alone(settings.database_url),
        handout_of(settings.database_url) as handout,
        serving(settings, engine, handout, http=http) as surface,
    ):
        listener = listening(host, port)
        with served(surface.site(), listener):
            here = f"http://{host}:{port_of(listener)}"
            typer.echo(f"Serving. {here}/healthz tells how it is. Ctrl-C ends.")
            until_stopped(lambda: surface.dead)
    if surface.dead:
        raise WrongUse("Slack's socket stayed silent; start again.")


@cli.command()
def work() -> None:
    """Work the lanes of a PostgreSQL that `serve` uses too; run as many as you like."""
    settings = load()
    with opened(settings) as engine, handout_of(settings.database_url) as handout:
        if handout is None:
            raise WrongUse(WORKS_ITSELF)
        with working(engine, handout):
            typer.echo("Working. Ctrl-C ends.")
            until_stopped(lambda: False)


@cli.command()
def demo(
    port: Annotated[
        int, typer.Option(help="The workspace's; the systems and the app get the next five.")
    ] = 3000,
    once: Annotated[bool, typer.Option("--once", help="Play a visit, print it, end.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew; every start does.")] = False,
) -> None:
    """Try it: a workspace like Slack, all four systems, and the real app, on this machine."""
    del fresh  # the sandbox keeps its data in memory, so the database beside it is always new
    with running(0 if once else port) as sandbox:
        listener = listening("127.0.0.1", port + BEHIND_SYSTEMS if not once else 0)
        settings = sandbox.settings(f"http://127.0.0.1:{port_of(listener)}")
        with opened(settings) as engine, alone(settings.database_url):
            sandbox.fill(engine)
            with serving(settings, engine, http=False) as surface, served(surface.site(), listener):
                sandbox.tell(settings.public_url)
                if once:
                    raise typer.Exit(DONE if visit(sandbox) else WITH_FAILURES)
                typer.echo(f"\n  Open {sandbox.workspace}   (Ctrl-C ends everything)\n")
                until_stopped(lambda: sandbox.ended)


@cli.command()
def check() -> None:
    """Draw every template with its samples, hostile ones included."""
    wrong = check_templates(Renderer(TEMPLATES), samples())
    for problem in wrong:
        typer.echo(problem)
    typer.echo(f"{len(wrong)} problems.")
    if wrong:
        raise typer.Exit(WITH_FAILURES)


def _print_log(filters: Filters, cursor: str | None, limit: int, *, as_json: bool) -> None:
    with opened() as engine:
        found = engine.log(filters, cursor, limit)
    Terminal(as_json=as_json).page(found)


def main() -> int:
    """Run the command line; returns the exit code, and never shows a traceback for wrong use."""
    try:
        return int(cli(standalone_mode=False) or DONE)
    except typer.TyperException as error:
        message = f"{error.format_message()} See: app.py --help"
    except (*MISTAKES, NotStarted) as error:
        message = sentence_of(error)
    typer.echo(message, err=True)
    return WRONG_USE


if __name__ == "__main__":
    sys.exit(main())
