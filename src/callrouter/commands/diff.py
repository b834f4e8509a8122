"""`callrouter diff`: which calls another version of the dialplan would decide differently."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import click

from callrouter.commands.moments import CLOCKS
from callrouter.commands.moments import since as since_of
from callrouter.commands.options import config_option
from callrouter.dialplan.compile.compiler import compile_dialplan, load_dialplan
from callrouter.diff.replay import Replay, as_data, told
from callrouter.diff.replayed_calls import from_csv, from_records
from callrouter.printable import json_text
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.facts import Facts
from callrouter.settings.settings_file import load_settings
from callrouter.yamlfile.reader import MAX_BYTES, load_draft

_STDIN: Final = Path("-")


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--records", metavar="DATABASE", help="Replay these: sqlite:///calls.db.")
@click.option("--calls", type=click.Path(path_type=Path), help="Replay this table of calls (CSV).")
@click.option("--since", help=f"Only records since 2026-03-01, or 15m, 2h, 7d ago. {CLOCKS}")
@click.option("--limit", default=20, show_default=True, help="Changes to print; 0: all.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with all changes.")
@config_option
def diff(
    old: Path,
    new: Path,
    records: str | None,
    calls: Path | None,
    since: str | None,
    limit: int,
    as_json: bool,
    config: Path,
) -> None:
    """Replay calls on dialplans OLD and NEW and show those that are decided differently.

    NEW may be -: what is to stand in OLD, from standard input.

    The calls are the records of the settings' database, of --records, or a table: CSV with the
    columns from, to, to_header, to_ext, at, trunk, source, or what `callrouter cdr --csv` wrote.
    Each call is decided at its own time, with all gateways up and no other call there. The exit
    code is 1 when a decision changed.
    """
    if calls is not None and (records is not None or since is not None):
        raise click.UsageError("--calls excludes --records and --since")
    before = load_dialplan(old)
    after = load_dialplan(new) if new != _STDIN else _draft(old)
    facts: Iterable[Facts]
    if calls is not None:
        facts = from_csv(calls, before, after.timezone)
    else:
        zone = ZoneInfo(after.timezone)
        begin = None if since is None else since_of("--since", since, lambda: zone)
        facts = from_records(records or load_settings(config).records.database, begin)
    replay = Replay(before, after)
    if as_json:
        _print_json(replay, facts)
    else:
        _print(replay, facts, limit)
    if replay.changed:
        raise click.exceptions.Exit(1)


def _draft(path: Path) -> Dialplan:
    raw = sys.stdin.buffer.read(MAX_BYTES + 1)
    return compile_dialplan(load_draft(raw, str(path)))


def _print(replay: Replay, facts: Iterable[Facts], limit: int) -> None:
    for change in replay.changes(facts):
        if not limit or replay.changed <= limit:
            click.echo("\n".join((*told(change), "")))
    if limit and replay.changed > limit:
        click.echo(f"and {replay.changed - limit} more; --limit 0 shows all\n")
    click.echo(f"{replay.calls} calls, {replay.changed} changed")


def _print_json(replay: Replay, facts: Iterable[Facts]) -> None:
    before = '{"changes": [\n'
    for change in replay.changes(facts):
        click.echo(before + json_text(as_data(change)), nl=False)
        before = ",\n"
    opening = before if not replay.changed else ""
    click.echo(f'{opening}\n], "calls": {replay.calls}, "changed": {replay.changed}}}')
