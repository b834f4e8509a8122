"""`callrouter explain`: what would become of a call, and why."""

from decimal import Decimal
from pathlib import Path

import click
from rich.console import Console

from callrouter.api.client import ControlError, ask
from callrouter.commands.asking import request_of
from callrouter.commands.moments import CLOCKS, moment
from callrouter.commands.options import SECONDS, config_option
from callrouter.commands.typed_numbers import NUMBER, TO_HEADER
from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.dialplan.grammar.typed_times import zone_of
from callrouter.operations.explain import Explanation, explain_call, explained_alone
from callrouter.operations.explanation_tree import WIDEST, explanation_tree
from callrouter.printable import json_text
from callrouter.settings.settings_file import load_settings


@click.command()
@click.option(
    *("--from", "caller"),
    type=NUMBER,
    required=True,
    help="The caller's number, as the trunk sends it.",
)
@click.option(
    *("--to", "called"),
    type=NUMBER,
    required=True,
    help="The called number, as the trunk sends it.",
)
@click.option("--to-header", type=TO_HEADER, help="The To header, or its user, when not --to.")
@click.option("--at", help=f'When: 2026-03-07T12:01, "Sat 12:01". {CLOCKS}  [default: now]')
@click.option("--trunk", help="Where the call comes from. Default: the dialplan's first.")
@click.option("--down", multiple=True, metavar="GATEWAY", help="A gateway that is not to work.")
@click.option("--owner", help="What the number's look-up would answer: an extension, or nothing.")
@click.option("--carrier", help="What the look-up of carriers would answer, or nothing.")
@click.option(
    *("--cost", "seconds"),
    type=SECONDS,
    help="Also what it costs when it lasts so many seconds from its answer on.",
)
@click.option(
    "--forwarded-after",
    type=SECONDS,
    default="0",
    help="With --cost: seconds from the call's answer to that of the target.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    *("--dialplan", "file"),
    type=click.Path(path_type=Path),
    help="A dialplan by itself; no server is asked.",
)
@config_option
def explain(
    caller: str,
    called: str,
    to_header: tuple[str, str] | None,
    at: str | None,
    trunk: str | None,
    down: tuple[str, ...],
    owner: str | None,
    carrier: str | None,
    seconds: Decimal | None,
    forwarded_after: Decimal,
    as_json: bool,
    file: Path | None,
    config: Path,
) -> None:
    """Show every rule that is looked at for a call, what it says, and what becomes of the call.

    The server that runs by the settings is asked, and decides by the dialplan that it serves and by
    its state: who is blocked, by hand or automatically, or away, which schedules are switched,
    which gateways work, lines in use, registered telephones. Of it, --at leaves out what passes by
    itself: lines, telephones, and gateways that are down but not drained. Without a server, or with
    --dialplan, the file is read and all of that is as after a first start; the last line says so.

    Nothing is called; look-ups answer what --owner and --carrier say. Banned addresses are not
    looked at: no address of a trunk can be one.
    """
    dialplan = file if file is not None else load_settings(config).dialplan
    when = None if at is None else moment("--at", at, lambda: zone_of(dialplan)).timestamp()
    user, ext = (None, "") if to_header is None else to_header
    values: dict[str, object] = {"caller": caller, "called": called, "at": when, "trunk": trunk}
    values |= {"to_user": user, "to_ext": ext, "down": list(down)}
    values |= {"owner": owner, "carrier": carrier}
    if seconds is None and forwarded_after:
        raise click.UsageError("--forwarded-after needs --cost")
    if seconds is not None:
        if forwarded_after > seconds:
            raise click.BadParameter("the call had ended by then", param_hint="--forwarded-after")
        values |= {"seconds": float(seconds), "forwarded_after": float(forwarded_after)}
    request = request_of(explain_call, values)
    unasked = "--dialplan asks no server"
    found: Explanation | None = None
    if file is None:
        try:
            found = ask(load_settings(config).control, explain_call, request)
        except ControlError as error:
            unasked = str(error)
    if found is None:
        found = explained_alone(load_dialplan(dialplan), request)
    if as_json:
        click.echo(json_text(found.model_dump(), indent=True))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDEST
    console.print(explanation_tree(caller, called, found, unasked, seconds))
