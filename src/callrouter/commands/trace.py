"""`callrouter trace`: the SIP messages of one call, as ladder, as text or as a capture file."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

import click
from rich.console import Console
from rich.text import Text

from callrouter.commands.moments import on_clocks
from callrouter.commands.options import config_option
from callrouter.errors import CommandError
from callrouter.observe.trace.call_trace import CallTrace
from callrouter.observe.trace.ladder import Ladder, LadderStep, style_of, words
from callrouter.observe.trace.pcap import FILE_HEAD, packet
from callrouter.observe.trace.trace_entries import TracedMessage
from callrouter.printable import brief, printable
from callrouter.private import is_claimed, new_file
from callrouter.settings.settings_file import load_settings
from callrouter.sip.uri import host_port
from callrouter.storage.trace_reader import TraceReader

_US: Final = "callrouter"
_COLUMN: Final = 30
"""Characters from party to party where there is no terminal to fit."""
_SECOND: Final = 1_000_000_000
_LOOK_SECONDS: Final = 0.2
_QUIET_SECONDS: Final = 1.0
"""For so long nothing more comes of a call that is over: its last answers were on their way."""

Show = Callable[[list[TracedMessage]], None]


@click.command()
@click.argument("id")
@click.option(
    "--format",
    "form",
    type=click.Choice(["ladder", "text", "pcap"]),
    default="ladder",
    show_default=True,
    help="Drawn, the messages themselves, or a capture file for tshark and sngrep.",
)
@click.option("--output", type=click.Path(path_type=Path), help="The file; otherwise shown.")
@click.option("--follow", is_flag=True, help="What comes, too, until the call is over.")
@config_option
def trace(id: str, form: str, output: Path | None, follow: bool, config: Path) -> None:
    """Show the SIP messages of the call with this ID, or with this Call-ID in one of its legs."""
    if form == "pcap" and output is None and sys.stdout.isatty():
        raise click.UsageError("a capture is no text for a terminal: use --output, or a pipe")
    settings = load_settings(config).trace
    if settings is None:
        raise CommandError(f"no trace is kept: there is no 'trace' in {config}")
    call = CallTrace(id)
    reader = TraceReader(settings.folder, call)
    messages = reader.history()
    with ExitStack() as stack:
        out = sys.stdout.buffer if output is None else stack.enter_context(_opened(output))
        show = _shower(form, call, out)
        show(messages)
        out.flush()
        if follow:
            _follow(reader, call, settings.folder, show, out)


def _opened(path: Path) -> IO[bytes]:
    """Begin a file for whoever asked alone; one that is there already is left alone."""
    try:
        return new_file(path)
    except FileExistsError as error:
        raise CommandError(f"{path} is there already") from error


def _follow(reader: TraceReader, call: CallTrace, folder: Path, show: Show, out: IO[bytes]) -> None:
    """Show what comes, until the call is over, the server has stopped, or whoever reads (SIGINT)
    has enough.
    """
    last = time.monotonic()
    try:
        while not call.over or time.monotonic() - last < _QUIET_SECONDS:
            stopped = not is_claimed(folder)
            messages = reader.news()
            if messages:
                show(messages)
                out.flush()
                last = time.monotonic()
            elif stopped:
                click.echo("the server has stopped", err=True)
                return
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        return


def _shower(form: str, call: CallTrace, out: IO[bytes]) -> Show:
    """What shows messages in a format."""
    if form == "ladder":
        return _LadderShower(call, out)
    if form == "pcap":
        out.write(FILE_HEAD)
        return lambda messages: out.writelines(map(packet, messages))
    return lambda messages: out.writelines(_as_text(call, one).encode() for one in messages)


def _as_text(call: CallTrace, message: TracedMessage) -> str:
    """A message as it is, below a line that says when it passed, and from whom to whom."""
    party, peer, us = call.party(message), host_port(*message.remote), host_port(*message.local)
    ends = f"{_US} {us} -> {party} {peer}" if message.sent else f"{party} {peer} -> {_US} {us}"
    at = on_clocks(message.at / _SECOND, "microseconds")
    lines = message.data.decode(errors="surrogateescape").replace("\r\n", "\n").split("\n")
    shown = "\n".join(map(printable, lines))
    return f"--- {at} {message.transport} {ends}\n{shown.rstrip()}\n\n"


class _LadderShower:
    """A ladder that grows: whoever comes into the call gets a column from then on."""

    def __init__(self, call: CallTrace, out: IO[bytes]) -> None:
        self._call = call
        self._out = out
        self._console = Console(highlight=False)
        self._tty = out is sys.stdout.buffer and self._console.is_terminal
        self._began = 0
        self._introduced: set[str] = set()
        self._ladder = Ladder([_US, _US + " "], 0)

    def __call__(self, messages: list[TracedMessage]) -> None:
        """Draw messages."""
        if messages and not self._began:
            self._began = messages[0].at
            at = on_clocks(self._began / _SECOND, "milliseconds")
            self._line(Text(f"{brief(self._call.wanted)}, from {at}", style="bold"))
        self._meet(messages)
        for message in messages:
            party = self._call.party(message)
            ends = (_US, party) if message.sent else (party, _US)
            text, status = words(message.data)
            step = LadderStep((message.at - self._began) / _SECOND, *ends, text)
            self._line(self._ladder.line(step, style_of(status)))

    def _meet(self, messages: list[TracedMessage]) -> None:
        """Say who is who, of those that came first in these messages, and give them columns."""
        ids = {party: call_id for call_id, party in self._call.parties.items()}
        before = len(self._introduced)
        for message in messages:
            party = self._call.party(message)
            if party not in self._introduced:
                self._introduced.add(party)
                place = f"{message.transport} {host_port(*message.remote)}"
                ours = host_port(*message.local)
                said = f"{party}: {place}, with {_US} {ours}, Call-ID {printable(ids[party])}"
                self._line(Text(said))
        if len(self._introduced) > before:
            columns = list(self._call.parties.values())
            columns.insert(1, _US)
            least = 0 if self._tty else _COLUMN * len(columns)
            self._ladder = Ladder(columns, max(self._console.width, least))
            self._line(Text())
            self._line(self._ladder.head())

    def _line(self, line: Text) -> None:
        if self._tty:
            self._console.print(line, soft_wrap=True)
        else:
            self._out.write(f"{line.plain.rstrip()}\n".encode())
