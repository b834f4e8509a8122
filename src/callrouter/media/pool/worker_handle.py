"""Worker, seen from the pool: its channel, its slots and whether it is alive."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from callrouter.call.services.media import MediaEvent
from callrouter.media.pool.reservation import Reservation
from callrouter.media.pool.worker_reports import Ack, Beat, Ready, SaysRecorded, SessionReport, read
from callrouter.media.protocol import HUNG_SECONDS, LineBuffer, encode

STARTING: Final = "starting"
SERVING: Final = "serving"
RETIRING: Final = "retiring"
"""Takes no more calls and quits after the last."""
ENDING: Final = "ending"
"""Was told to quit, or is lost; its process is not gone yet."""

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 15.0
_QUIT_SECONDS: Final = 3.0
_READ_BYTES: Final = 65536
_CLOSE_SECONDS: Final = 40.0
"""For a session to be closed: more than the 32 s that a BYE may wait for its answer."""
_LEAKS: Final = 3
"""Beats in a row that show a leak. No session may begin meanwhile: what the last one had rests for
half a second after it, and each beat might see that of another."""
_RSS_BYTES: Final = 160 * 1024 * 1024
"""What a worker may grow to. A busy one has 30 MB, after 10,000 calls too: 5 of them are what PJSIP
keeps of ended transactions for their 32 s."""


class Owner(Protocol):
    """Owner of a worker: the pool."""

    def ready(self, link: "WorkerHandle") -> None:
        """It can take calls."""

    def freed(self, link: "WorkerHandle") -> None:
        """Slots came back."""

    def leaks(self, link: "WorkerHandle", why: str) -> None:
        """It should be replaced when its calls are over."""

    def lost(self, link: "WorkerHandle", why: str) -> None:
        """It is of no use any more. why: died, hung, or broken when it talks nonsense."""

    def gone(self, link: "WorkerHandle") -> None:
        """Its process is no more."""

    def refused_command(self, link: "WorkerHandle", do: str, error: str) -> None:
        """It could not do a command."""

    def not_written(self, link: "WorkerHandle", file: str, fault: str) -> None:
        """It could not write a file, or not all of it."""

    def acknowledged(self, seconds: float) -> None:
        """It did a command, so long after it was sent."""

    def step(self, act: Callable[[], None]) -> None:
        """Post an event; what a script raises on it ends here."""


class WorkerHandle:
    """Handle of a worker. name, index: unique among all, and among those alive.

    slots: how many it has, 0 until it is ready. used: how many are reserved, or belong to a session
    that is still being closed. pid: 0 until the nursery has told it. beat: its last.
    """

    def __init__(self, name: str, index: int, channel: socket.socket, owner: Owner) -> None:
        self.name = name
        self.index = index
        self.state = STARTING
        self.host = HOST
        self.port = 0
        self.slots = 0
        self.used = 0
        self.pid = 0
        self.beat: Beat | None = None
        self._owner = owner
        self._channel = channel
        self._lines = LineBuffer()
        self._loop = asyncio.get_running_loop()
        self.born = self._heard = self._loop.time()
        self._due = self.born + START_SECONDS
        self._unsent = b""
        self._count = 0
        self._pending: dict[int, _Command] = {}
        self._sessions: dict[str, Reservation] = {}
        self._held: dict[Reservation, None] = {}
        self._closing: dict[str, float] = {}
        self._leaking = 0
        self._pidfd = -1
        channel.setblocking(False)
        self._loop.add_reader(channel, self._on_readable)

    @property
    def free(self) -> int:
        """Slots that nobody has reserved."""
        return self.slots - self.used

    # What the pool does.

    def reserve(self, count: int, post: Callable[[MediaEvent], None]) -> Reservation:
        """Take slots; there must be as many."""
        slots = Reservation(self, count, post)
        self._held[slots] = None
        self.used += count
        return slots

    def retire(self) -> None:
        """Take no more calls, and quit after the last."""
        self.state = RETIRING
        self._quit_if_empty()

    def quit(self) -> None:
        """End all and exit."""
        if self.state != ENDING:
            self.command("quit", "")
            self.state = ENDING
            self._due = self._loop.time() + _QUIT_SECONDS

    def check(self, now: float) -> None:
        """See whether it hangs."""
        if self.state == STARTING:
            if now > self._due:
                self._owner.lost(self, "hung")
        elif self.state == ENDING:
            if now > self._due:
                self.kill()
        elif now - self._heard > HUNG_SECONDS or self._waits_too_long(now):
            self._owner.lost(self, "hung")
        elif self.state == SERVING and self._closes_too_long(now):
            self._owner.leaks(self, "sessions")

    def lose(self) -> None:
        """Kill it and say to all who hold slots of it that they are lost."""
        self.state = ENDING
        self._due = self._loop.time()
        self.kill()
        self._close_channel()
        self._pending.clear()
        self._sessions.clear()
        self._closing.clear()
        held = list(self._held)
        self._held.clear()
        self.used = 0
        for slots in held:
            self._owner.step(slots.lost)

    def kill(self) -> None:
        """End the process now; when its pid is not known yet, `started` comes to it."""
        if self._pidfd >= 0:
            with suppress(ProcessLookupError):  # it is gone; the loop will hear of it
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def abandon(self) -> None:
        """Forget the process: nobody can tell any more when it ends."""
        self._close_channel()
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def started(self, pid: int) -> None:
        """The nursery has forked it."""
        self.pid = pid
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._owner.gone(self)
            return
        self._loop.add_reader(self._pidfd, self._owner.gone, self)
        if self.state == ENDING:
            self.kill()

    @property
    def is_traced(self) -> bool:
        """Its process is known, so that its end will be seen."""
        return self._pidfd >= 0

    def status(self) -> dict[str, Any]:
        """How it is, for operators."""
        beat = self.beat.model_dump(exclude={"do"}) if self.beat is not None else {}
        return {
            "name": self.name,
            "state": self.state,
            "pid": self.pid,
            "port": self.port,
            "slots": self.slots,
            "used": self.used,
            "seconds": round(self._loop.time() - self.born, 1),
            **beat,
        }

    # What its slots do.

    def command(self, do: str, session: str, **fields: Any) -> None:
        """Send a command; it has to be acknowledged in time."""
        if self.state == ENDING:
            return
        self._count += 1
        self._pending[self._count] = _Command(
            do=do, session=session, file=fields.get("file", ""), sent=self._loop.time()
        )
        self._send(encode({"do": do, "id": self._count, "session": session, **fields}))

    def opened(self, session: str, slots: Reservation) -> None:
        """A session begins."""
        self._sessions[session] = slots
        self._leaking = 0

    def given_back(self, slots: Reservation) -> None:
        """The call needs the slots no more."""
        if slots not in self._held:  # a call lets go of what it is about to lose
            return
        del self._held[slots]
        self.used -= slots.count - len(slots.sessions)
        for session in slots.sessions:
            self.command("close", session)
            self._closing[session] = self._loop.time()
        self._after_freeing()

    # What it says.

    def hear_rest(self) -> None:
        """Take what a worker said before its end, up to the end of the channel."""
        while self._channel.fileno() >= 0 and self._on_readable():
            pass

    def _on_readable(self) -> bool:
        """Take some of what it says; False when there was nothing."""
        try:
            data = self._channel.recv(_READ_BYTES)
        except BlockingIOError:
            return False
        except ConnectionError:
            data = b""
        if data:
            self._take(data)
        elif self.state == ENDING:
            self._close_channel()
        else:
            self._owner.lost(self, "died")
        return True

    def _take(self, data: bytes) -> None:
        self._heard = self._loop.time()
        try:
            for message in self._lines.feed(data):
                self._hear(read(message))
        except ValueError:
            if self.state != ENDING:
                self._owner.lost(self, "broken")

    def _hear(self, report: Ready | Beat | SessionReport | Ack) -> None:
        if isinstance(report, Ack):
            self._acknowledged(report)
        elif isinstance(report, Beat):
            self._beats(report)
        elif isinstance(report, Ready):
            if self.state == STARTING:
                self.port = report.sip_port
                self.slots = report.slots
                self.state = SERVING
                self._owner.ready(self)
        else:
            slots = self._sessions.get(report.session)
            if isinstance(report, SaysRecorded) and report.fault:
                self._owner.not_written(self, report.file, report.fault)
            if slots is not None:
                self._owner.step(lambda: slots.says(report))
                if report.do == "closed":
                    self._closed(report.session, slots)

    def _acknowledged(self, ack: Ack) -> None:
        command = self._pending.pop(ack.ack, None)
        if command is None:
            return
        self._owner.acknowledged(self._heard - command.sent)
        slots = self._sessions.get(command.session)
        if slots is not None:
            slots.acknowledged(command.do, command.session)
        if not ack.error or command.do == "close":  # it ends already; `closed` will come
            return
        if slots is None:  # it has ended, which the call did not know yet
            return
        if slots in self._held:  # who has let go of them does not miss it
            self._owner.refused_command(self, command.do, ack.error)
        if command.do == "open":
            slots.sessions.discard(command.session)
            self._closed(command.session, slots)
        else:
            self._owner.step(lambda: slots.refused(command.do, command.session, command.file))

    def _closed(self, session: str, slots: Reservation) -> None:
        self._sessions.pop(session, None)
        self._closing.pop(session, None)
        if slots not in self._held:
            self.used -= 1
            self._after_freeing()

    def _beats(self, beat: Beat) -> None:
        self.beat = beat
        if self.state != SERVING:
            return
        if beat.rss > _RSS_BYTES:
            self._owner.leaks(self, "memory")
            return
        self._leaking = 0 if self._sessions or beat.empty else self._leaking + 1
        if self._leaking >= _LEAKS:
            self._owner.leaks(self, "sessions")

    def _after_freeing(self) -> None:
        self._owner.freed(self)
        self._quit_if_empty()

    def _quit_if_empty(self) -> None:
        if self.state == RETIRING and not self._held:
            self.quit()

    def _waits_too_long(self, now: float) -> bool:
        oldest = next(iter(self._pending.values()), None)
        return oldest is not None and now - oldest.sent > HUNG_SECONDS

    def _closes_too_long(self, now: float) -> bool:
        return now - next(iter(self._closing.values()), now) > _CLOSE_SECONDS

    def _send(self, data: bytes) -> None:
        if self._unsent:
            self._unsent += data
            return
        rest = self._write(data)
        if rest:
            self._unsent = rest
            self._loop.add_writer(self._channel, self._on_writable)

    def _on_writable(self) -> None:
        self._unsent = self._write(self._unsent)
        if not self._unsent:
            self._loop.remove_writer(self._channel)

    def _write(self, data: bytes) -> bytes:
        """Give what could not be written now; when the worker is gone the reader hears of it."""
        try:
            return data[self._channel.send(data) :]
        except BlockingIOError:
            return data
        except ConnectionError:
            return b""

    def _close_channel(self) -> None:
        if self._channel.fileno() >= 0:
            self._loop.remove_reader(self._channel)
            self._loop.remove_writer(self._channel)
            self._channel.close()


@dataclass(slots=True, kw_only=True)
class _Command:
    """A command that is not acknowledged yet. file: of `record`. sent: seconds of the loop."""

    do: str
    session: str
    file: str
    sent: float
