"""The demo's company: its calls through a real server, and the console that shows them."""

import asyncio
import random
import secrets
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import click
import yaml

from callrouter.api.client import ask
from callrouter.bench.processes import free_port
from callrouter.demo.phones import HOST, Phone, Story, answers, busy, rings
from callrouter.errors import CallrouterError
from callrouter.operations import accounts, blocks, numbers, overrides, presence
from callrouter.operations.operation import Operation
from callrouter.sip.flow import Flow

_USUAL_PORT: Final = 8080
_INVITATION: Final = "/invitation/"
"""In the last line that the server prints: the console is there from then on."""
_PHONES: Final[tuple[tuple[str, Story, str], ...]] = (
    ("reception", answers, "127.0.0.1:5081"),
    ("li", answers, "127.0.0.1:5082"),
    ("wu", answers, "127.0.0.1:5083"),
    ("workshop", busy, "127.0.0.1:5084"),
    ("warehouse", rings, "127.0.0.1:5085"),
    ("carrier", answers, "127.0.0.1:5086"),
)
"""Name, what it does when called, and the place in the dialplan that becomes its own."""
_NUISANCE: Final = "13900139000"
_CALLS: Final = 50
_EVERY: Final = 1.1
"""Seconds from one call to the next."""


class _Call(NamedTuple):
    """A call that somebody makes. talks, waits: as for a phone."""

    number: str
    talks: float
    waits: float = 0.0
    caller: str = ""


_HABITS: Final = (
    _Call("4001", 6.0),  # sales
    _Call("4002", 1.0),  # the shop, which is closed
    _Call("4000", 1.0, caller=_NUISANCE),
    _Call("4003", 5.0),
    _Call("4004", 1.0),  # busy
    _Call("4005", 1.0, waits=1.5),  # gives up
    _Call("4006", 8.0),  # to outside, for money
    _Call("4000", 4.0),
    _Call("4005", 1.0),  # nobody answers
    _Call("4001", 3.0),
    _Call("4001", 9.0),
    _Call("4001", 1.0, waits=3.0),
    _Call("4000", 7.0),
)
"""What callers do, over and over."""
_BY_HAND: Final[tuple[tuple[Operation[Any, Any], Any], ...]] = (
    (overrides.set_override, overrides.SetOverride(schedule="shop", open=False)),
    (presence.set_presence, presence.SetPresence(extension="803", reason="vacation")),
    (blocks.add_block, blocks.AddBlock(caller="13900139001")),
    (accounts.top_up, accounts.TopUp(account="company", amount="50.00", reference="demo")),
    (numbers.change_number, numbers.ChangeNumber(number="4006", change="activate")),
    (numbers.change_number, numbers.ChangeNumber(number="4007", change="reserve")),
)
"""What somebody does at the start."""


class CompanyError(CallrouterError):
    """A server of the demo that has ended by itself."""


async def run_company() -> None:
    """Have the company called for a minute, and serve its console until CTRL-C.

    Raises CallrouterError, and CancelledError on SIGINT or SIGTERM; then nothing is left behind.
    """
    loop = asyncio.get_running_loop()
    this = asyncio.current_task()
    if this is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, this.cancel)
    bugs: asyncio.Future[None] = loop.create_future()

    def failed(error: Exception) -> None:
        if not bugs.done():
            bugs.set_exception(error)

    with TemporaryDirectory(prefix="callrouter-demo-") as name:
        async with AsyncExitStack() as closing:
            phones = [Phone(who, does, _unseen, failed) for who, does, _ in _PHONES]
            for phone in phones:
                closing.callback(phone.close)
                await phone.open()
            hook = await asyncio.start_server(_told, HOST, 0)
            closing.callback(hook.close)
            hook_port: int = hook.sockets[0].getsockname()[1]
            folder, port = Path(name), free_port()
            _lay_out(folder, port, hook_port, phones)
            server = await closing.enter_async_context(_serving(folder))
            callers = Phone("caller", None, _unseen, failed)
            closing.callback(callers.close)
            await callers.open()
            for operation, asked in _BY_HAND:
                await asyncio.to_thread(ask, folder / "callrouter.sock", operation, asked)
            click.echo("a company is called for a minute; watch it at this link. CTRL-C ends it.")
            calling = asyncio.create_task(_call_all(callers, port))
            closing.callback(calling.cancel)
            ending = asyncio.create_task(server.wait())
            closing.callback(ending.cancel)
            await asyncio.wait((bugs, ending), return_when=asyncio.FIRST_COMPLETED)
            if bugs.done():
                bugs.result()
    raise CompanyError("the server of the demo has ended by itself")


async def _call_all(callers: Phone, port: int) -> None:
    """Make the calls, one after the other has begun."""
    chance = random.Random(1)
    for index in range(_CALLS):
        call = _HABITS[index % len(_HABITS)]
        caller = call.caller or f"138{chance.randrange(10**8):08}"
        callers.call(call.number, port, caller, call.talks, call.waits)
        await asyncio.sleep(_EVERY)
    click.echo("all have called; the console stays. CTRL-C ends it.")


@asynccontextmanager
async def _serving(folder: Path) -> AsyncIterator[Process]:
    """The server, whose console answers; what it prints is shown. Raises CompanyError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callrouter", "serve", "--config", str(folder / "callrouter.yaml")),
        cwd=folder,
        stdin=DEVNULL,
        stdout=PIPE,
        start_new_session=True,  # CTRL-C is for the demo, which ends the server last
    )
    try:
        if process.stdout is not None:
            line = b""
            while _INVITATION not in line.decode():
                line = await process.stdout.readline()
                if not line:
                    raise CompanyError("the server of the demo did not start")
                click.echo(line.decode(), nl=False)
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The endpoint of the webhooks: takes each event, and says so."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
            await reader.readexactly(int(length or b"0"))
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
    writer.close()


def _lay_out(folder: Path, port: int, hook_port: int, phones: list[Phone]) -> None:
    """Write the company's files, with the ports of its phones and of the server."""
    ours = files("callrouter.demo")
    text = (ours / "company.yaml").read_text(encoding="utf-8")
    for phone, (_, _, place) in zip(phones, _PHONES, strict=True):
        text = text.replace(place, f"{HOST}:{phone.port}")
    (folder / "dialplan.yaml").write_text(text, encoding="utf-8")
    plans = (ours / "plans.yaml").read_text(encoding="utf-8")
    (folder / "plans.yaml").write_text(plans, encoding="utf-8")
    secret = folder / "webhook-secret"
    secret.touch(mode=0o600)
    secret.write_text(f"whsec_{b64encode(secrets.token_bytes(32)).decode()}\n", encoding="ascii")
    endpoint = {
        "name": "crm",
        "url": f"http://{HOST}:{hook_port}/",
        "secret_file": secret.name,
        "allow_private": True,
    }
    settings = {
        "listen": [f"udp:{HOST}:{port}"],
        "dialplan": "dialplan.yaml",
        "records": {"database": "sqlite:///callrouter.db", "spool": "spool"},
        "state": "sqlite:///state.db",
        "control": "callrouter.sock",
        "metrics": f"{HOST}:{free_port()}",
        "log": {"level": "error", "format": "text"},
        "limits": {"drain": "1s"},
        "trace": {"keep": "20MB", "folder": "trace"},
        "web": {"listen": f"{HOST}:{_console_port()}", "database": "sqlite:///web.db"},
        "webhooks": [endpoint],
    }
    written = yaml.safe_dump(settings, sort_keys=False)
    (folder / "callrouter.yaml").write_text(written, encoding="utf-8")


def _console_port() -> int:
    """The usual port when it is free, else any that is."""
    try:
        socket.create_server((HOST, _USUAL_PORT)).close()
    except OSError:
        return free_port()
    return _USUAL_PORT


def _unseen(_phone: Phone, _sent: bool, _flow: Flow, _data: bytes) -> None:
    """Nobody draws these messages: the console does."""
