"""`callrouter demo`: one call from end to end, with nothing else needed than this machine."""

import asyncio
from typing import Final

import click
import uvloop
from rich.console import Console

from callrouter.demo.demo_call import Show
from callrouter.observe.log import Log, open_log

_LEAST_WIDTH: Final = 80
_MOST_WIDTH: Final = 100


@click.command()
def demo() -> None:
    """Play a call to three phones, one after the other, and show all that happened.

    The server is the real one, with a dialplan of the demo's own; it and the phones use free ports
    of 127.0.0.1, and the record goes to a folder that is removed in the end. It takes four seconds.
    """
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
