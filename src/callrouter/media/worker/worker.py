"""Media worker: a process with PJSIP in it, a socket to the pool, and a loop that serves both.

Theory. `Engine` is PJSIP; what it has to say lies in a queue of events. `SessionTable` has the
sessions. The loop lets PJSIP work for some milliseconds, then takes its events, then the pool's
commands, then the calls that came in. In this order a command never meets a port of the bridge that
has gone, and an INVITE finds the session that was opened just before it.

Rules. All of this is one thread. Nothing waits but PJSIP itself, and nothing is done in a callback.
"""

import os
import socket
import time
from collections.abc import Mapping
from typing import Any, Final

import pjsua2 as pj

from callrouter.media.protocol import BEAT_SECONDS, LineBuffer, encode
from callrouter.media.worker import confinement as limits
from callrouter.media.worker.pjsip_callbacks import Arrived
from callrouter.media.worker.pjsip_endpoint import Engine
from callrouter.media.worker.session_table import SessionTable

_STEP_MS: Final = 10
"""How long PJSIP may wait for a packet, and so a command for its turn."""

_IDLE_STEP_MS: Final = 40
"""The same while there is no session: the INVITE of a new one is a packet, and ends the wait."""

_QUIT_SECONDS: Final = 1.0
"""For BYEs to be answered and recordings to be finished."""

_STDOUT: Final = 1
_STDERR: Final = 2

_UNREAD: Final = 1024 * 1024
"""Bytes that the pool may leave unread before it is taken for dead."""


class Worker:
    """Media worker. channel: the socket to the pool."""

    def __init__(self, config: Mapping[str, Any], channel: socket.socket) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._lines = LineBuffer()
        self._unsent = bytearray()
        self._quitting = 0.0
        self._engine = Engine(config)
        self._signalling = [(host, port) for host, port in config["signalling"]]
        self._sessions = SessionTable(self._engine, self._say)
        self._statm = os.open("/proc/self/statm", os.O_RDONLY)
        self._page = os.sysconf("SC_PAGE_SIZE")

    def run(self) -> None:
        """Serve until the pool says quit or its end of the channel is closed."""
        slots = self._engine.measure()
        # Each INVITE of a stranger costs PJSIP two sockets, and it ends when it has no more.
        self._engine.take_only(self._signalling)
        # So far stdout was nowhere: what PJSIP wrote there, at start and when it was full, is no
        # fault. From here on it writes faults only.
        os.dup2(_STDERR, _STDOUT)
        self._say({"do": "ready", "sip_port": self._engine.port, "slots": slots})
        beat = 0.0
        while True:
            now = time.monotonic()
            if now >= beat:
                beat = now + BEAT_SECONDS
                self._say({"do": "beat", **self._sessions.counts(), "rss": self._rss()})
            self._turn(now)
            self._flush()
            if self._quitting and (now > self._quitting or self._is_empty()):
                return

    def _turn(self, now: float) -> None:
        self._engine.endpoint.libHandleEvents(_IDLE_STEP_MS if self._is_empty() else _STEP_MS)
        arrived = self._see()
        self._obey()
        for event in arrived:
            self._sessions.see(event)
        # None of these is a call: those come while PJSIP handles events. Media flow by now.
        self._see()
        self._sessions.tick(now)

    def _see(self) -> list[Arrived]:
        """Take all events but the calls that came in: these are handed back."""
        arrived = []
        events = self._engine.events
        while events:
            event = events.popleft()
            if isinstance(event, Arrived):
                arrived.append(event)
            else:
                self._sessions.see(event)
        return arrived

    def _is_empty(self) -> bool:
        return self._sessions.is_empty() and not self._unsent

    def _rss(self) -> int:
        """Bytes of this process that are in memory (proc(5))."""
        return int(os.pread(self._statm, 128, 0).split()[1]) * self._page

    # The channel.

    def _obey(self) -> None:
        while True:
            try:
                data = self._channel.recv(65536)
            except BlockingIOError:
                return
            except ConnectionResetError:
                data = b""
            if not data:
                self._quit()
                return
            for message in self._lines.feed(data):
                self._command(message)

    def _command(self, message: dict[str, Any]) -> None:
        answer = {"ack": message["id"]}
        try:
            if message["do"] == "quit":
                self._quit()
            else:
                self._sessions.obey(message["do"], message)
        except pj.Error as error:
            answer["error"] = error.reason
        except (KeyError, TypeError, ValueError, OSError) as error:
            answer["error"] = f"{type(error).__name__}: {error}"
        self._say(answer)

    def _quit(self) -> None:
        if not self._quitting:
            self._quitting = time.monotonic() + _QUIT_SECONDS
            self._sessions.end_all()

    def _say(self, message: dict[str, Any]) -> None:
        self._unsent += encode(message)

    def _flush(self) -> None:
        while self._unsent:
            try:
                sent = self._channel.send(self._unsent)
            except BlockingIOError:
                if len(self._unsent) > _UNREAD:
                    self._quit()
                return
            except (BrokenPipeError, ConnectionResetError):
                self._unsent.clear()
                self._quit()
                return
            del self._unsent[:sent]


def work(config: Mapping[str, Any], channel: socket.socket) -> None:
    """Be a worker, in a process that is good for nothing else. config: see `protocol`."""
    limits.confine(config)
    Worker(config, channel).run()
