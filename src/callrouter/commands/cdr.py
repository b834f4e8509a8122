"""`callrouter cdr`: the calls that were, for people and for other programs."""

import sys
from pathlib import Path

import click

from callrouter.call.services.record import Disposition
from callrouter.commands.moments import CLOCKS, on_clocks, zone_of_settings
from callrouter.commands.moments import since as since_of
from callrouter.commands.options import COUNT, config_option
from callrouter.commands.typed_numbers import NUMBER
from callrouter.dialplan.grammar.typed_times import country_of
from callrouter.errors import CommandError
from callrouter.observe.cdr_export import call_detail, calls_table, write_csv, write_json
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.storage.cdr_query import CdrQuery, Filter


@click.command()
@click.argument("id", required=False)
@click.option("--last", default=20, show_default=True, type=COUNT, help="0: all.")
@click.option(
    "--since", help=f'2026-03-01T08:30, "Mon 08:30", or so long ago: 15m, 2h, 7d. {CLOCKS}'
)
@click.option(
    "--caller", type=NUMBER, help="The caller: a number in any spelling, or as it was sent."
)
@click.option("--called", type=NUMBER, help="What was dialled, in any spelling.")
@click.option("--number", help="The number in the dialplan, exactly.")
@click.option("--disposition", type=click.Choice(list(Disposition), case_sensitive=False))
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a line of column names.")
@config_option
@click.option("--database", help="The database itself: sqlite:///calls.db.")
def cdr(
    id: str | None,
    last: int,
    since: str | None,
    caller: str | None,
    called: str | None,
    number: str | None,
    disposition: Disposition | None,
    as_json: bool,
    as_csv: bool,
    config: Path,
    database: str | None,
) -> None:
    """Show the last calls, newest first, or the call with this ID in full."""
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    after = None if since is None else since_of("--since", since, zone_of_settings(config))
    wanted = Filter(
        since=after,
        caller=caller,
        called=called,
        number=number,
        disposition=disposition,
        caller_number=_number(caller, config, database),
        called_number=_number(called, config, database),
    )
    with CdrQuery(database or _database_of(config)) as calls:
        if id is None:
            _show(calls, last, wanted, as_json, as_csv)
        else:
            _show_one(calls, id, as_json, as_csv)


def _show(calls: CdrQuery, last: int, wanted: Filter, as_json: bool, as_csv: bool) -> None:
    found = calls.last(last, wanted)
    if as_json:
        write_json(found, sys.stdout)
    elif as_csv:
        write_csv(found, sys.stdout)
    else:
        click.echo(calls_table(found, on_clocks))


def _show_one(calls: CdrQuery, id: str, as_json: bool, as_csv: bool) -> None:
    call = calls.one(id)
    if call is None:
        raise CommandError(f"there is no call {id}")
    if as_json:
        write_json([call], sys.stdout)
    elif as_csv:
        write_csv([call], sys.stdout)
    else:
        click.echo(call_detail(call, on_clocks))


def _number(text: str | None, config: Path, database: str | None) -> str:
    """The number that is asked for, "" for none; the dialplan says in which country it is one."""
    if not text or text.startswith("+"):
        return numbers.written(text or "", "")
    if database is not None and not config.exists():
        return numbers.written(text, "")  # a database alone says nothing of a country
    from callrouter.settings.settings_file import load_settings  # noqa: PLC0415 - not needed with --database

    return numbers.written(text, country_of(load_settings(config).dialplan))


def _database_of(config: Path) -> str:
    from callrouter.settings.settings_file import load_settings  # noqa: PLC0415 - not needed with --database

    return load_settings(config).records.database
