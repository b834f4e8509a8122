"""Media workers on the virtual wire: they answer like real ones, and play by the virtual clock.

Theory. To a call a worker is a SIP user agent and a channel of commands. The SIP is real here; a
sound is a timer. All timers are those of callrouter's own stack, so that what a worker reports
arrives in the moment that callrouter lives in.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callrouter.call.legs.events import Asked, HungUp, Lost
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.uas_leg import ALeg
from callrouter.call.services.media import MediaEvent, MediaLost, MediaSlots, Played, Recorded
from callrouter.errors import SipError
from callrouter.simulate.silent_sounds import USUAL_SECONDS
from callrouter.simulate.virtual_network import Place, Wire
from callrouter.sip.body import SDP_ROW
from callrouter.sip.dialog import contact_uri
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.offer import Origin, answer_to
from callrouter.sip.sdp import Audio, parse_sdp, usable_audio
from callrouter.sip.stack import Stack
from callrouter.sip.timers import Timer
from callrouter.sip.uri import parse_uri

SLOTS: Final = 4
"""Of one worker."""
WORKERS: Final = "255.255.255.252"
"""The SIP address of all workers. No peer can have one of 240.0.0.0/4 (RFC 1112 section 4)."""
WORKER_HOST: Final = "192.0.2.252"
"""The address in what they describe. Nothing is sent to it."""

_FIRST_PORT: Final = 5060
_FIRST_RTP: Final = 4000


@dataclass(slots=True, kw_only=True, frozen=True)
class _Recording:
    """A file that is being written."""

    file: Path
    started: float
    limit: Timer | None


class _Session:
    """One session of a worker.

    port: where it takes media. leg: None until its INVITE has come. audio: its party's, as it was
    offered last.
    """

    def __init__(self, name: str, slots: "VirtualSlots", port: int) -> None:
        self.name = name
        self.slots = slots
        self.leg: ALeg | None = None
        self.audio: Audio | None = None
        self.playing: Timer | None = None
        self.recording: _Recording | None = None
        self.port = port
        self._origin = Origin(port, WORKER_HOST)

    async def serve(self, leg: ALeg, inbox: Inbox, offer: bytes) -> None:
        """Answer, take each further offer, until one side hangs up."""
        self.leg = leg
        leg.answer(200, "", SDP_ROW, self._answer(offer))
        while True:
            match await inbox.event():
                case Asked() as asked if asked.request.method == "INVITE":
                    leg.respond(asked.tx, 200, SDP_ROW, self._answer(asked.request.body))
                case Asked() as asked:
                    leg.respond(asked.tx, 200)
                case HungUp() | Lost():
                    self.slots.ended(self)
                    return

    def _answer(self, offer: bytes) -> bytes:
        described = parse_sdp(offer)
        self.audio = audio = usable_audio(described)
        if audio is None:
            raise SipError("no audio", 488)
        codec = audio.codecs[0]
        return answer_to(described, WORKER_HOST, self.port, codec, audio.event_pt, self._origin)


class VirtualSlots:
    """Slots of one worker; implements `callrouter.call.services.media.MediaSlots`.

    post: None once they are released or lost. bridged: the pairs of sessions that hear each other.
    """

    def __init__(
        self, worker: "VirtualWorker", count: int, post: Callable[[MediaEvent], None]
    ) -> None:
        self.host, self.port = worker.place
        self.count = count
        self.post: Callable[[MediaEvent], None] | None = post
        self.sessions: dict[str, _Session] = {}
        self.bridged: set[frozenset[str]] = set()
        self._worker = worker
        self._clock = worker.pool.clock

    def open(self, *, inband: bool = False, trusted: bool = True) -> str:
        """Name a session. Raises ValueError for more than there are slots, a bug of the call's."""
        if len(self.sessions) >= self.count:
            raise ValueError(f"{self.count} slots are reserved, and all of them are open")
        session = self._worker.open(self)
        self.sessions[session.name] = session
        return session.name

    def trust(self, session: str) -> None:
        """Who takes part in a simulation is where it says."""

    def play(self, session: str, files: Sequence[Path], *, loop: bool = False) -> None:
        """Play; `Played` is posted after the length of the files."""
        length = self._worker.pool.length
        self._play(session, 0.0 if loop else sum(length(file) for file in files))

    def tone(self, session: str, hertz: int, seconds: float) -> None:
        """Play a tone."""
        self._play(session, seconds)

    def stop(self, session: str) -> None:
        """Stop playing."""
        self._play(session, 0.0)

    def record(
        self,
        session: str,
        file: Path,
        *,
        other: str = "",
        stereo: bool = False,
        max_seconds: float = 0.0,
        silence_seconds: float = 0.0,
    ) -> None:
        """Record until it is stopped or its limit; here nobody ever falls silent."""
        standing = self._standing(session)
        if standing is not None:
            now = self._clock.now
            limit = None
            if max_seconds:
                end = now + max_seconds
                limit = self._clock.timers.start(end, lambda _: self._close(standing, "limit"))
            standing.recording = _Recording(file=file, started=now, limit=limit)

    def stop_recording(self, session: str) -> None:
        """Close the file; `Recorded` follows."""
        standing = self._standing(session)
        if standing is not None:
            self._close(standing, "stopped")

    def press(self, session: str, digit: str) -> None:
        """Send a key; here nobody listens for one."""

    def bridge(self, first: str, second: str) -> None:
        """Let two sessions hear each other."""
        if self._standing(first) is not None and self._standing(second) is not None:
            self.bridged.add(frozenset((first, second)))
            self._worker.pool.on_bridge()

    def unbridge(self, first: str, second: str) -> None:
        """Part them again."""
        self.bridged.discard(frozenset((first, second)))

    def hear(self, session: str, other: str) -> None:
        """Let a party hear another one; here nobody listens."""

    def unhear(self, session: str, other: str) -> None:
        """And no more."""

    def release(self) -> None:
        """Give the slots back; the worker ends what still stands."""
        if self.post is not None:
            self._let_go()
            self._worker.released(self)

    def lost(self) -> None:
        """The worker is gone: say so, once."""
        post = self.post
        if post is not None:
            self._let_go()
            post(MediaLost(slots=self))

    def ended(self, session: _Session) -> None:
        """Its party's INVITE is over."""
        self._play(session.name, 0.0)
        self._close(session, "closed")

    def _standing(self, session: str) -> _Session | None:
        return None if self.post is None else self.sessions.get(session)

    def _let_go(self) -> None:
        self.post = None
        for session in self.sessions.values():
            if session.playing is not None:
                session.playing.cancel()
            if session.recording is not None and session.recording.limit is not None:
                session.recording.limit.cancel()

    def _play(self, session: str, seconds: float) -> None:
        standing = self._standing(session)
        if standing is None:
            return
        if standing.playing is not None:
            standing.playing.cancel()
            standing.playing = None
        if seconds:
            played = Played(session=session)
            timers = self._clock.timers
            standing.playing = timers.start(self._clock.now + seconds, lambda _: self._say(played))

    def _close(self, session: _Session, why: str) -> None:
        recording, session.recording = session.recording, None
        if recording is None or self.post is None:
            return
        if recording.limit is not None:
            recording.limit.cancel()
        now = self._clock.now
        ms = round((now - recording.started) * 1000)
        recorded = Recorded(
            session=session.name, file=recording.file, ms=ms, complete=True, why=why, quiet=False
        )
        # Never within the command that asked for it: a worker is another process.
        self._clock.timers.start(now, lambda _: self._say(recorded))

    def _say(self, event: MediaEvent) -> None:
        if self.post is not None:
            self.post(event)


class VirtualWorker:
    """One worker: a stack at a place of its own. held: the slots that are reserved."""

    def __init__(self, pool: "VirtualPool", stack: Stack, place: Place) -> None:
        self.pool = pool
        self.stack = stack
        self.place = place
        self.held: set[VirtualSlots] = set()
        self._sessions: dict[str, _Session] = {}
        self._numbers = itertools.count()
        stack.core = self

    @property
    def free(self) -> int:
        """Slots that nobody has."""
        return SLOTS - sum(slots.count for slots in self.held)

    def open(self, slots: VirtualSlots) -> _Session:
        """Expect the INVITE of a session."""
        number = next(self._numbers)
        session = _Session(f"{self.place[1]}-{number}", slots, _FIRST_RTP + 2 * number)
        self._sessions[session.name] = session
        return session

    def released(self, slots: VirtualSlots) -> None:
        """A call needs these no more."""
        self.held.discard(slots)
        self.stack.now = self.pool.clock.now
        for session in slots.sessions.values():
            del self._sessions[session.name]
            if session.leg is not None:
                session.leg.hang_up()

    def on_request(self, request: Request, flow: Flow) -> None:
        """The INVITE of a session. Raises SipError for one that nobody has opened."""
        session = self._sessions.get(parse_uri(request.uri).decoded_user())
        if session is None or session.leg is not None:
            raise SipError("no such session", 404)
        tx = self.stack.accept(request, flow)
        inbox = Inbox(self.stack.timers)
        leg = ALeg(self.stack, inbox, tx, request, contact_uri(request))
        inbox.start(session.serve(leg, inbox, request.body))


class VirtualPool:
    """All workers; implements `callrouter.call.services.media.MediaPool`.

    clock: callrouter's own stack. sounds: milliseconds by path; any other file is as long as a
    sound usually is. on_bridge: told whenever two sessions are bridged.
    """

    def __init__(self, wire: Wire, clock: Stack, sounds: Mapping[Path, int]) -> None:
        self.clock = clock
        self.on_bridge: Callable[[], None] = lambda: None
        self._wire = wire
        self._sounds = sounds
        self.ports = itertools.count(_FIRST_PORT)
        self.places: set[Place] = set()
        self.worker = self._start()

    def reserve(
        self, count: int, post: Callable[[MediaEvent], None], beside: MediaSlots | None = None
    ) -> VirtualSlots | None:
        """Take slots of the worker; None when it has not as many. There is one worker."""
        if isinstance(beside, VirtualSlots) and beside.post is None:
            return None
        if self.worker.free < count:
            return None
        slots = VirtualSlots(self.worker, count, post)
        self.worker.held.add(slots)
        return slots

    def length(self, file: Path) -> float:
        """Return how long a file is, seconds."""
        ms = self._sounds.get(file)
        return USUAL_SECONDS if ms is None else ms / 1000

    def lose(self) -> None:
        """Kill the worker; another one stands at another place at once."""
        lost = self.worker
        self._wire.remove(lost.place)
        self.worker = self._start()
        for slots in list(lost.held):
            slots.lost()

    def _start(self) -> VirtualWorker:
        place = (WORKERS, next(self.ports))
        self.places.add(place)
        return VirtualWorker(self, self._wire.stack(place), place)
