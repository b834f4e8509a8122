"""Reload of a running server's dialplan: all of the new one or nothing.

Rules:

- Loading is another process's work and taking over a thread's; the loop only assigns.
- One reload runs at a time. Whoever asks meanwhile gets the outcome of the next one, which has not
  begun to read yet; so everybody's answer is about the files as they were when they asked or later.
- A dialplan with a mistake changes nothing: the old one serves on, the log and the answer say why.
"""

import asyncio
import time
from array import array
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from callrouter.errors import ConfigError
from callrouter.observe.log import Log
from callrouter.operations.reload.background_loader import Loaded, Loader, LoadError, let_go
from callrouter.operations.reload.dialplan_diff import Changes, Reloaded, compare, fingerprints
from callrouter.operations.reload.yielding import Pace
from callrouter.route.rules.compiled_dialplan import Dialplan

_MISTAKES_LOGGED: Final = 50


class Reloader:
    """Reloader of the dialplan: brings new ones into service.

    dialplan: the one that serves. path: its file. serve: makes another one the one for new calls.
    prompts: the folder where its sounds are kept, None to make none.
    renew: takes what else a reload is for, such as certificates.
    """

    def __init__(
        self,
        dialplan: Dialplan,
        path: Path,
        serve: Callable[[Dialplan], None],
        log: Log,
        prompts: Path | None = None,
        renew: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.dialplan = dialplan
        self._last: Reloaded | None = None
        self._path = path
        self._serve = serve
        self._log = log
        self._renew = renew
        self._loader = Loader(prompts)
        self._prints: array[int] | None = None  # those of a first dialplan are taken when needed
        self._running: asyncio.Task[Reloaded] | None = None
        self._next: asyncio.Task[Reloaded] | None = None
        self._letting_go: set[asyncio.Task[None]] = set()

    async def reload(self, why: str) -> Reloaded:
        """Load the dialplan again and serve by it. why: who asked, for the log.

        Raises ConfigError for mistakes in it, LoadError when it could not be loaded otherwise; the
        old one serves on then.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._in_turn(self._running, why))
        return await asyncio.shield(self._next)

    async def close(self) -> None:
        """Give up what is going on."""
        self._loader.close()
        tasks = [task for task in (self._running, self._next) if task is not None]
        await asyncio.gather(*tasks, *self._letting_go, return_exceptions=True)

    async def _in_turn(self, before: asyncio.Task[Reloaded] | None, why: str) -> Reloaded:
        if before is not None:
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        if self._renew is not None:
            await self._renew()
        try:
            return await self._load(why)
        except (ConfigError, LoadError) as error:
            if self._loader.closed:
                self._log.info("reload given up: the server is stopping", why=why)
                raise
            mistakes = error.diagnostics if isinstance(error, ConfigError) else [error]
            self._log.error(
                "dialplan not reloaded: the old one serves on",
                why=why,
                dialplan=self.dialplan.version,
                mistakes=len(mistakes),
            )
            for mistake in mistakes[:_MISTAKES_LOGGED]:
                self._log.error("dialplan mistake", mistake=str(mistake))
            raise

    async def _load(self, why: str) -> Reloaded:
        began = time.monotonic()
        loaded, changes = await asyncio.to_thread(self._prepare)
        last = [self.dialplan]
        old, new = self.dialplan.version, loaded.dialplan.version
        before = self._last if new == old else None
        done = Reloaded(old=old, new=new, changes=changes, why=why, at=time.time(), last=before)
        if new != old:
            self._last = done
        self.dialplan = loaded.dialplan
        self._prints = loaded.prints
        self._serve(loaded.dialplan)
        task = asyncio.create_task(asyncio.to_thread(let_go, last, Pace()))
        self._letting_go.add(task)
        task.add_done_callback(self._letting_go.discard)
        self._log.info(
            "dialplan reloaded",
            why=why,
            dialplan=done.new,
            before=done.old,
            added=len(changes.added),
            removed=len(changes.removed),
            altered=len(changes.altered),
            seconds=round(time.monotonic() - began, 3),
        )
        return done

    def _prepare(self) -> tuple[Loaded, Changes]:
        """Load and compare; in a thread."""
        loaded = self._loader.load(self._path)
        pace = Pace()
        if self._prints is None:
            self._prints = fingerprints(self.dialplan, pace)
        old = self.dialplan.numbers
        new = loaded.dialplan.numbers
        return loaded, compare(old, self._prints, new, loaded.prints, pace)
