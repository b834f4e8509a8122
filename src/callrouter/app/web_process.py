"""The web process as the server sees it: started, watched, started again, and ended with it.

The socket that browsers connect to is the server's own and outlives the process: who comes while
that is started again waits for a moment and is not refused.
"""

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from callrouter.errors import CallrouterError
from callrouter.observe.log import Log
from callrouter.settings.web_console import WebSettings

_BACK_OFF: Final = (0.1, 30.0)
"""Seconds before it is started again, first and longest; doubling while it dies young."""
_YOUNG_SECONDS: Final = 10.0
_QUIT_SECONDS: Final = 4.0


class WebError(CallrouterError):
    """An address that cannot be listened on."""


def listening(web: WebSettings) -> socket.socket:
    """A socket that listens where the settings say. Raises WebError."""
    family = socket.AF_INET6 if ":" in web.listen.host else socket.AF_INET
    try:
        return socket.create_server(tuple(web.listen), family=family, backlog=1024)
    except OSError as error:
        why = error.strerror or str(error)
        raise WebError(f"the console cannot listen on {web.address}: {why}") from error


class WebProcess:
    """The process that serves console and API. listen: opens its socket."""

    def __init__(self, config: Path, listen: Callable[[], socket.socket], log: Log) -> None:
        """Raises CallrouterError when its address cannot be had."""
        self._config = config
        self._log = log
        self._socket = listen()
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it, and have it watched."""
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        """End it; nothing is left afterwards."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(_QUIT_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        self._socket.close()

    async def _watch(self) -> None:
        """Start it, again and again."""
        loop = asyncio.get_running_loop()
        first, longest = _BACK_OFF
        wait = first
        while True:
            born = loop.time()
            try:
                self._process = await self._started()
                status: object = await self._process.wait()
            except OSError as error:  # no descriptor or no memory is left: calls go on
                status = str(error)
            if loop.time() - born > _YOUNG_SECONDS:
                wait = first
            self._log.warning("web process ended", status=status, again_in_seconds=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, longest)

    async def _started(self) -> asyncio.subprocess.Process:
        """A new one; its standard input is how it learns that we are gone."""
        descriptor = self._socket.fileno()
        words = ("web", "--config", str(self._config), "--socket", str(descriptor))
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "callrouter", *words),
            stdin=asyncio.subprocess.PIPE,
            pass_fds=(descriptor,),
            start_new_session=True,  # CTRL-C is for the server, which ends this one last
        )
