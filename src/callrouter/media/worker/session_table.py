"""Sessions of a worker, and what the pool's commands and PJSIP's events do to them.

Whatever ends a session ends here: its player, its recording, its connections and its call go
together, on every path, and `closed` is said when the last of them is gone.
"""

import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pjsua2 as pj

from callrouter.media.worker.audio_taps import AudioTaps
from callrouter.media.worker.file_players import Players
from callrouter.media.worker.pjsip_callbacks import (
    Arrived,
    Event,
    Finished,
    MediaChanged,
    PjsipCall,
    Player,
    Pressed,
    StateChanged,
    is_plain,
)
from callrouter.media.worker.pjsip_endpoint import Engine
from callrouter.media.worker.rtp_latching import Latch
from callrouter.media.worker.session import WorkerSession
from callrouter.media.worker.track_recorder import TrackRecorder

_OK: Final = 200
_UNKNOWN: Final = 404
_BUSY: Final = 486
_NOT_ACCEPTABLE: Final = 488
_REST_SECONDS: Final = 0.6
"""PJSIP frees a call's two sockets half a second after its end. It has room for 64, and aborts when
there is none: so a slot is free only when its sockets are."""

_KEYS: Final = frozenset("0123456789*#ABCD")

Say = Callable[[dict[str, Any]], None]
Fields = Mapping[str, Any]


class SessionTable:
    """Sessions by name. say: sends a report to the pool."""

    def __init__(self, engine: Engine, say: Say) -> None:
        self._engine = engine
        self._say = say
        self._players = Players(engine.events)
        self._taps = AudioTaps()
        self._sessions: dict[str, WorkerSession] = {}
        # Every call that PJSIP has, with its session or None for those that are refused.
        self._calls: dict[PjsipCall, WorkerSession | None] = {}
        # Calls that are over. pjsua2 hangs up what has the number of an object that it destroys,
        # and that may be another call by now: so none goes while its number is in use.
        self._spent: list[PjsipCall] = []
        self._writing: list[TrackRecorder] = []
        self._commands: dict[str, Callable[[WorkerSession, Fields], None]] = {
            "trust": lambda session, _: session.trust(),
            "play": self._play,
            "tone": self._tone,
            "stop": lambda session, _: self._drop(session),
            "record": self._record,
            "stop_recording": lambda session, _: self._end_recording(session, "stopped"),
            "press": lambda session, fields: session.press(fields["digit"]),
            "bridge": lambda session, fields: session.bridge(self._other(fields)),
            "unbridge": lambda session, fields: session.unbridge(self._other(fields)),
            "hear": lambda session, fields: session.hear(self._other(fields)),
            "unhear": lambda session, fields: session.unhear(self._other(fields)),
            "close": lambda session, _: self._end(session),
        }

    def counts(self) -> dict[str, int]:
        """What is alive now, for `beat`."""
        return {
            "calls": len(self._calls),
            "players": len(self._players),
            "recorders": sum(recording.recorders for recording in self._writing),
            "sessions": len(self._sessions),
            "ports": self._engine.ports() - self._taps.idle,
        }

    def is_empty(self) -> bool:
        """There is no session and no call."""
        return not (self._sessions or self._calls)

    # The pool's commands.

    def obey(self, do: str, fields: Fields) -> None:
        """Do one command.

        Raises ValueError, KeyError, TypeError for one that makes no sense, OSError and pj.Error for
        one that cannot be done.
        """
        name = fields["session"]
        if do == "open":
            if name in self._sessions:
                raise ValueError(f"session {name} is open already")
            self._sessions[name] = WorkerSession(
                name,
                silence=self._engine.silence,
                taps=self._taps if fields["inband"] else None,
                latch=Latch(self._engine.rtp_host),
                trusted=fields["trusted"],
            )
            return
        self._commands[do](self._session(name), fields)

    def _session(self, name: str) -> WorkerSession:
        session = self._sessions.get(name)
        if session is None or session.ending:
            raise ValueError(f"there is no session {name}")
        return session

    def _other(self, fields: Fields) -> WorkerSession:
        return self._session(fields["other"])

    def _play(self, session: WorkerSession, fields: Fields) -> None:
        player = self._players.files(fields["files"], loop=bool(fields["loop"]))
        self._drop(session)
        session.give(player)

    def _tone(self, session: WorkerSession, fields: Fields) -> None:
        player = self._players.tone(fields["hertz"], fields["seconds"])
        self._drop(session)
        session.give(player)

    def _record(self, session: WorkerSession, fields: Fields) -> None:
        if session.recording is not None:
            raise ValueError(f"session {session.name} is being recorded already")
        other = self._other(fields) if fields["other"] else None
        recording = TrackRecorder(
            session.name,
            Path(fields["file"]),
            other=other.name if other else "",
            stereo=bool(fields["stereo"]) and other is not None,
            max_seconds=fields["max_seconds"],
            silence_seconds=fields["silence_seconds"],
        )
        session.recording = recording
        session.feed(recording, second=False)
        if other is not None:
            other.feed(recording, second=True)
        self._writing.append(recording)
        self._begin_recording(session)

    # PJSIP's events.

    def see(self, event: Event) -> None:
        """Take one event."""
        match event:
            case Arrived():
                self._arrive(event.call, event.request)
            case StateChanged() | MediaChanged():
                if event.call.lives:
                    self._change(event)
                else:
                    self._gone(event.call)
            case Pressed():
                self._press(self._calls.get(event.call), event.digit, event.method)
            case Finished():
                self._finish(event.player)

    def _arrive(self, call: PjsipCall, request: str) -> None:
        """Answer an INVITE: the user of its Request-URI names the session."""
        if not call.lives:
            # It was cancelled before we came to it.
            return
        head, _, offer = request.partition("\r\n\r\n")
        uri = head.split(" ", 2)[1]
        session = self._sessions.get(uri.partition(":")[2].partition("@")[0])
        status = _OK
        if session is None or session.ending:
            session, status = None, _UNKNOWN
        elif session.call is not None:
            session, status = None, _BUSY
        elif offer and not is_plain(offer):
            session, status = None, _NOT_ACCEPTABLE
        else:
            session.call = call
            call.agreed = partial(session.latch.described, call)
        self._calls[call] = session
        answer = pj.CallOpParam()
        answer.statusCode = status
        try:
            call.answer(answer)
        except pj.Error:
            # Its offer cannot be answered, or no port is free for its media.
            hang_up(call, _NOT_ACCEPTABLE)

    def _change(self, event: StateChanged | MediaChanged) -> None:
        """Connect what can be connected now."""
        session = self._calls.get(event.call)
        if session is None or session.ending:
            return
        try:
            if isinstance(event, MediaChanged) and event.error is not None:
                raise event.error
            session.connect()
            self._begin_recording(session)
        except (pj.Error, OSError) as error:
            self._fail(session, error)

    def _look(self, session: WorkerSession, now: float) -> None:
        """See whose media come, and to whom it may be sent."""
        if (session.latch.settled and session.trusted) or session.audio() is None:
            return
        try:
            if not session.latch.settled:
                session.latch.look(session.call, now)
            if not session.trusted:
                session.doubt(now)
        except (pj.Error, OSError) as error:
            self._fail(session, error)

    def _fail(self, session: WorkerSession, error: Exception) -> None:
        """What it needs cannot be had: this call ends, the others go on. stderr is in the log."""
        why = error.reason if isinstance(error, pj.Error) else error
        sys.stderr.write(f"session {session.name} cannot be connected: {why}\n")
        sys.stderr.flush()
        self._end(session)

    def _gone(self, call: PjsipCall) -> None:
        """A call is over: PJSIP has let go of it, and so may we."""
        session = self._calls.pop(call, None)
        self._spent.append(call)
        if session is not None:
            session.call = None
            session.rests_until = time.monotonic() + _REST_SECONDS
            self._end(session)

    def _press(self, session: WorkerSession | None, digit: str, method: str) -> None:
        if session is None or session.ending or digit not in _KEYS:
            return
        if method != "inband":
            # A phone that has better ways may send the tones too: the same key twice.
            session.deaf()
        self._say({"do": "digit", "session": session.name, "digit": digit, "method": method})

    def _finish(self, player: Player) -> None:
        for session in self._sessions.values():
            if session.player is player:
                self._drop(session)
                self._say({"do": "played", "session": session.name})
                return

    # The worker's clock.

    def tick(self, now: float) -> None:
        """Do what is due: at least every 20 ms."""
        for session in list(self._sessions.values()):
            self._look(session, now)
            for key in session.pressed():
                self._press(session, key, "inband")
            recording = session.recording
            if recording is not None and recording.began:
                other = self._sessions.get(recording.other)
                level = max(session.level(), other.level() if other else 0)
                if why := recording.due(level, now):
                    self._end_recording(session, why)
        for recording in [one for one in self._writing if one.why and one.step(now)]:
            self._writing.remove(recording)
            self._say(recording.report())
        for session in [one for one in self._sessions.values() if one.ending]:
            self._close(session, now)
        self._players.sweep(now)
        self._spent = [call for call in self._spent if call.isActive()]

    # Ends.

    def end_all(self) -> None:
        """End every session."""
        for session in list(self._sessions.values()):
            self._end(session)

    def _end(self, session: WorkerSession) -> None:
        if session.ending:
            return
        self._drop(session)
        self._end_recording(session, "closed")
        session.part()
        if session.call is not None:
            hang_up(session.call)

    def _close(self, session: WorkerSession, now: float) -> None:
        """Forget a session of which nothing is left."""
        if now < session.rests_until or session.call in self._calls:
            return
        if all(one.session != session.name for one in self._writing):
            del self._sessions[session.name]
            self._say({"do": "closed", "session": session.name})

    def _drop(self, session: WorkerSession) -> None:
        player = session.take()
        if player is not None:
            self._players.drop(player)

    def _begin_recording(self, session: WorkerSession) -> None:
        """Begin the recording that waits for this session's media, if it flows now."""
        recording = session.recording
        if recording is None or recording.began or session.audio() is None:
            return
        try:
            recording.begin(self._engine.silence)
        except pj.Error as error:
            self._end_recording(session, "failed", error.reason)
            return
        except OSError as error:
            self._end_recording(session, "failed", error.strerror or str(error))
            return
        session.connect()
        other = self._sessions.get(recording.other)
        if other is not None:
            other.connect()

    def _end_recording(self, session: WorkerSession, why: str, fault: str = "") -> None:
        recording, session.recording = session.recording, None
        if recording is not None:
            for one in self._sessions.values():
                one.starve(recording)
            recording.end(why, fault)


def hang_up(call: PjsipCall, status: int = 0) -> None:
    """End a call in the way that its state asks for."""
    if call.lives:
        how = pj.CallOpParam()
        how.statusCode = status
        try:
            call.hangup(how)
        except pj.Error:
            # It is ending already; its last state will be told.
            return
