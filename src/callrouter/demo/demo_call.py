"""The demo itself: the server and its four phones, one call, and what it left behind."""

import asyncio
import signal
from contextlib import AsyncExitStack
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from callrouter.app.server import Server
from callrouter.bench.processes import free_port
from callrouter.demo.cdr_view import facts, legs, verdicts
from callrouter.demo.phones import HOST, Phone, Story, answers, busy, silent
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import CallrouterError
from callrouter.observe.log import Log
from callrouter.observe.trace.ladder import Ladder, LadderStep, style_of, words
from callrouter.settings.settings_file import Settings
from callrouter.sip.flow import Flow
from callrouter.storage.cdr_query import CdrQuery, Filter
from callrouter.yamlfile.reader import parse

_DIALPLAN: Final = "dialplan.yaml"
_NUMBER: Final = "4001"
_CALLER: Final = "caller"
_SERVER: Final = "callrouter"
_TARGETS: Final[tuple[tuple[str, Story, str], ...]] = (
    ("busy", busy, "127.0.0.1:5081"),
    ("silent", silent, "127.0.0.1:5082"),
    ("answers", answers, "127.0.0.1:5083"),
)
"""Name, what it does when called, and the place in the dialplan file that becomes its own."""
_LONGEST: Final = 20.0
"""Seconds; the call takes about four."""


class DemoError(CallrouterError):
    """A demo call that did not come to its end, or left no record."""


class Show:
    """One run of the demo. console: where it is shown, as wide as that is. log: the server's."""

    def __init__(self, console: Console, log: Log) -> None:
        self._console = console
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._ladder = Ladder([_CALLER, _SERVER, *(name for name, *_ in _TARGETS)], console.width)
        self._caller = Phone(_CALLER, None, self._passed, self._bug)
        self._targets = [Phone(name, story, self._passed, self._bug) for name, story, _ in _TARGETS]
        self._began: float | None = None
        self._over: asyncio.Future[None] = self._loop.create_future()

    async def run(self) -> None:
        """Place the call and show it; nothing is left behind, however it ends.

        Raises CallrouterError, and CancelledError on SIGINT or SIGTERM.
        """
        self._heed_signals()
        with TemporaryDirectory(prefix="callrouter-demo-") as folder:
            settings = _settings(Path(folder))
            await self._perform(settings)
            # The server is closed: its record is on disk.
            with CdrQuery(settings.records.database) as calls:
                record = next(calls.last(1, Filter()), None)
        if record is None:
            raise DemoError("the call left no record")
        self._title("What the rules said")
        self._console.print(verdicts(record))
        self._title("The record: its targets, with times in ms, and what is known of the call")
        self._console.print(legs(record), "", facts(record), sep="\n")

    async def _perform(self, settings: Settings) -> None:
        """Open everything, show the dialplan, make the call, close everything."""
        async with AsyncExitStack() as closing:
            for phone in (self._caller, *self._targets):
                closing.callback(phone.close)
                await phone.open()
            text = self._dialplan()
            server = Server(settings, compile_dialplan(parse(text, _DIALPLAN)), self._log)
            closing.push_async_callback(server.close)
            await server.start()
            self._heed_signals()  # the server's own way is to wait until the call has ended
            self._title(f"The rules, {_DIALPLAN}")
            for number, line in enumerate(text.splitlines(), 1):
                self._line(Text(f"{number:6}  ", "dim").append(line, "none"))
            self._title(f"A call to {_NUMBER} at {HOST}:{settings.listen[0].port}, as it happens")
            self._line(self._ladder.head())
            self._caller.call(_NUMBER, settings.listen[0].port)
            try:
                async with asyncio.timeout(_LONGEST):
                    await self._over
            except TimeoutError:
                raise DemoError(f"the call did not end within {_LONGEST:g} s") from None

    def _heed_signals(self) -> None:
        """CTRL-C and a plain kill end the demo at once, by cancelling the task that runs it."""
        this = asyncio.current_task()
        if this is not None:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._loop.add_signal_handler(number, this.cancel)

    def _dialplan(self) -> str:
        """The dialplan file with the phones' own ports."""
        text = (files("callrouter.demo") / _DIALPLAN).read_text(encoding="utf-8")
        for phone, (_, _, place) in zip(self._targets, _TARGETS, strict=True):
            text = text.replace(place, f"{HOST}:{phone.port}")
        return text

    def _passed(self, phone: Phone, sent: bool, _flow: Flow, data: bytes) -> None:
        """Draw a message as it passes a phone."""
        at = self._loop.time()
        if self._began is None:
            self._began = at
        text, status = words(data)
        ends = (phone.name, _SERVER) if sent else (_SERVER, phone.name)
        step = LadderStep(at - self._began, *ends, text)
        self._line(self._ladder.line(step, style_of(status)))
        self._loop.call_soon(self._look)

    def _look(self) -> None:
        """Once nobody is in a call any more, it is over."""
        phones = (self._caller, *self._targets)
        if not self._over.done() and not any(phone.in_call for phone in phones):
            self._over.set_result(None)

    def _bug(self, error: Exception) -> None:
        if not self._over.done():
            self._over.set_exception(error)

    def _line(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)

    def _title(self, text: str) -> None:
        self._console.print(Text(f"\n{text}\n", style="bold"))


def _settings(folder: Path) -> Settings:
    """Settings of a server on free ports that keeps its files in a folder."""
    values: dict[str, Any] = {
        "listen": [f"udp:{HOST}:{free_port()}"],
        "dialplan": "dialplan.yaml",  # never read: the server is given one
        "records": {
            "database": f"sqlite:///{folder}/callrouter.db",
            "spool": str(folder / "spool"),
        },
        "state": f"sqlite:///{folder}/state.db",
        "control": str(folder / "callrouter.sock"),
        "watch": False,
        "metrics": f"{HOST}:{free_port()}",
    }
    return Settings.model_validate(values)
