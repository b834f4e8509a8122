"""`callrouter demo`: one call from end to end, with nothing else needed than this machine."""

import asyncio
from contextlib import suppress
from typing import Final

import click
import uvloop
from rich.console import Console

from callrouter.demo.company import run_company
from callrouter.demo.demo_call import Show
from callrouter.observe.log import Log, open_log

_LEAST_WIDTH: Final = 80
_MOST_WIDTH: Final = 100


@click.command()
@click.option("--web", is_flag=True, help="A company's calls and its console, until CTRL-C.")
def demo(web: bool) -> None:
    """Play a call to three phones, one after the other, and show all that happened.

    The server is the real one, with a dialplan of the demo's own; it and the phones use free ports
    of 127.0.0.1, and the record goes to a folder that is removed in the end. It takes four seconds.

    With --web a small company is called for a minute: what an hour of it may bring. Its console is
    at 127.0.0.1:8080, or at a free port, for who opens the link; all of it is removed in the end.
    """
    if web:
        with suppress(asyncio.CancelledError):  # CTRL-C, or a plain kill: its usual end
            uvloop.run(run_company())
        return
    console = Console(highlight=False)
    console.width = min(max(console.width, _LEAST_WIDTH), _MOST_WIDTH)
    log = open_log("text", "warning")
    try:
        uvloop.run(_show(console, log))
    except asyncio.CancelledError:  # CTRL-C, or a plain kill
        raise click.Abort from None
    finally:
        log.close()


async def _show(console: Console, log: Log) -> None:
    await Show(console, log).run()
