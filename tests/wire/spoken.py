"""Calls that are spoken to, on the virtual wire: callrouter with workers, and parties of chance."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from support.wire import (
    ROUTER,
    Books,
    Noted,
    Wire,
    _forget,
    concluded,
    core,
    placed,
    ports_of,
)

from callrouter.call.legs.events import (
    Acknowledged,
    Answered,
    Asked,
    Cancelled,
    Deadline,
    Failed,
    HungUp,
    Lost,
)
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.legs.uas_leg import ALeg
from callrouter.call.services.archive import VoicemailMessage
from callrouter.call.services.media_services import MediaServices
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ParseError
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.simulate.silent_sounds import SilentSounds
from callrouter.simulate.virtual_archive import VirtualArchive
from callrouter.simulate.virtual_workers import VirtualPool
from callrouter.sip.dialog import contact_uri
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, Response
from callrouter.sip.sdp import MIRRORED, SessionDescription, answers, parse_sdp
from callrouter.state.memory import Memory
from callrouter.yamlfile.reader import parse as parse_yaml

SDP_ROW: Final = "Content-Type: application/sdp\r\n"
KEY_ROW: Final = "Content-Type: application/dtmf-relay\r\n"
DIALPLAN: Final = Path(__file__).with_name("spoken.yaml")
_FOLDER: Final = Path(__file__).parents[2] / "dialplans"
"""Where the music is."""


class SpokenRouter:
    """callrouter's core between the two, with workers and an archive."""

    def __init__(
        self, wire: Wire, dialplan: Dialplan, *, media: bool = True, far: Random | None = None
    ) -> None:
        self.stack = wire.stack(ROUTER)
        self.noted = Noted()
        self.shared = Memory(_forget, seed=1)
        sounds = SilentSounds(dialplan)
        dialplan.prompts = sounds.prompts
        self.pool = VirtualPool(wire, self.stack, sounds.lengths)
        kept = [
            VoicemailMessage(str(n), "1", 0.0, 700, Path(f"m{n}.wav"), heard=n > 1)
            for n in range(3)
        ]
        self.archive = VirtualArchive(self.stack, dialplan, kept)
        services = MediaServices(self.pool if media else None, self.archive if media else None)
        ports = ports_of(self.shared, self.stack, far)
        self.calls = core(self.stack, self.noted, dialplan, ports, Books({}), services)
        queues = self.shared.queues
        queues.start(self.stack, self.noted.events)
        queues.serve(dialplan.queues, dialplan.agents)


@cache
def compiled() -> Dialplan:
    text = DIALPLAN.read_text(encoding="utf-8")
    return compile_dialplan(parse_yaml(text, str(_FOLDER / "spoken.yaml")))


@dataclass
class Voice:
    """What one party describes of itself in one dialog. video: a second line; port 0 refuses."""

    host: str
    number: int
    version: int = 0
    port: int = 4000
    direction: str = "sendrecv"
    formats: str = "0 8 101"
    video: bool = False
    last: bytes = b""
    offered: bytes = b""
    theirs: SessionDescription | None = None
    faults: list[str] = field(default_factory=list)

    def describe(self) -> bytes:
        """An offer, or what was described before when nothing has changed."""
        events = "a=rtpmap:101 telephone-event/8000\r\n" if "101" in self.formats else ""
        rest = (
            f"s=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
            f"m=audio {self.port} RTP/AVP {self.formats}\r\n"
            f"{events}a={self.direction}\r\n"
        )
        before = 0 if self.theirs is None else len(self.theirs.media)
        if self.video or before > 1:
            # A line never vanishes; one that nobody wants any more has port 0.
            port = self.port + 2 if self.video else 0
            rest += f"m=video {port} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
        return self._whole(rest)

    def answer(self, body: bytes) -> bytes:
        """An answer to an offer: the same lines."""
        offer = self.hear(body)
        rest = f"s=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
        taken = False
        for media in offer.media:
            if media.kind == "audio" and media.port and not taken:
                taken = True
                direction = MIRRORED[media.direction]
                if self.direction == "sendonly" and direction == "sendrecv":
                    direction = "sendonly"
                rest += f"m=audio {self.port} RTP/AVP {media.formats[0]}\r\na={direction}\r\n"
            else:
                rest += f"m={media.kind} 0 {media.proto} {media.formats[0]}\r\n"
        return self._whole(rest)

    def hear(self, body: bytes) -> SessionDescription:
        """Take an offer of the other side, or its answer."""
        try:
            found = parse_sdp(body)
        except ParseError as error:
            self.faults.append(f"unreadable: {error}: {body!r}")
            found = SessionDescription()
        if self.theirs is not None and len(found.media) < len(self.theirs.media):
            self.faults.append(f"lines have vanished: {body!r}")
        self.theirs = found
        return found

    def answered(self, body: bytes) -> None:
        """What we offered last is answered so."""
        found = self.hear(body)
        if not answers(parse_sdp(self.offered), found):
            self.faults.append(f"no answer to {self.offered!r}: {body!r}")

    def _whole(self, rest: str) -> bytes:
        body = rest.encode()
        if body != self.last:
            self.version += 1
            self.last = body
        return f"v=0\r\no=p {self.number} {self.version} IN IP4 {self.host}\r\n".encode() + body


class _LateAnswer:
    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def on_abandoned(self) -> None:
        pass

    def on_acknowledged(self, request: Request) -> None:
        self._voice.answered(request.body)


class Asker:
    """Asks in a dialog: a re-INVITE, perhaps without an offer, an UPDATE, or an INFO with a key."""

    def __init__(self, leg: Leg, voice: Voice, method: str, extra: str, body: bytes) -> None:
        self._leg = leg
        self._voice = voice
        self._method = method
        self._body = body
        self._offers = method == "INVITE" or (method == "UPDATE" and bool(body))
        self._cseq = leg.ask(method, extra, body, self)

    def on_response(self, _tx: object, response: Response) -> None:
        if response.status < 200 or not self._offers:
            return
        concluded(self._leg, response)
        taken = response.status < 300
        if taken and self._body:
            self._voice.offered = self._body
            self._voice.answered(response.body)
        if taken and self._method == "INVITE":
            late = not self._body
            answer = self._voice.answer(response.body) if late else b""
            self._leg.send_ack(self._cseq, SDP_ROW if late else "", answer)
            self._offers = False  # a repeated 2xx needs no second look

    def on_failure(self, _tx: object, _status: int) -> None:
        if self._offers:
            self._leg.unanswered()


@dataclass(frozen=True)
class Habits:
    """What a party likes to do. keys: what it presses, in order, then anything."""

    keys: str = ""
    talks: float = 3.0
    busy: float = 0.5


class Party:
    """One end whose every move is drawn."""

    def __init__(self, wire: Wire, address: tuple[str, int], dice: Random, habits: Habits) -> None:
        self.stack = wire.stack(address)
        self.stack.core = self
        self.host = address[0]
        self.dice = dice
        self.habits = habits
        self.voices: list[Voice] = []

    def voice(self) -> Voice:
        """A description for another dialog."""
        voice = Voice(self.host, 100 + len(self.voices))
        self.voices.append(voice)
        return voice

    def moment(self, most: float) -> float:
        """Some time from now."""
        return self.stack.now + self.dice.uniform(0.001, most)

    def act(self, leg: Leg, voice: Voice, keys: list[str], *, early: bool) -> None:
        """Do something in the dialog."""
        dice = self.dice
        move = dice.random()
        if not leg.reachable():
            return
        if move < 0.6:
            key = keys.pop(0) if keys else dice.choice("0123456789*#")
            Asker(leg, voice, "INFO", KEY_ROW, f"Signal={key}\r\nDuration=160\r\n".encode())
        elif early or not leg.may_offer():
            Asker(leg, voice, "UPDATE" if move < 0.8 else "INFO", "", b"")
        else:
            voice.direction = dice.choice(("sendrecv", "sendonly", "inactive", "sendrecv"))
            voice.port = dice.choice((4000, 4000, 4010))
            late = move > 0.93
            method = "UPDATE" if move < 0.7 else "INVITE"
            body = b"" if late and method == "INVITE" else voice.describe()
            Asker(leg, voice, method, SDP_ROW if body else "", body)

    async def talk(self, leg: Leg, inbox: Inbox, voice: Voice) -> None:
        """Talk, press keys, renegotiate, hang up or wait to be hung up on."""
        keys = list(self.habits.keys)
        end = self.moment(self.habits.talks)
        while True:
            until = min(end, self.moment(self.habits.busy))
            match await inbox.event(until):
                case Deadline():
                    if self.stack.now >= end:
                        leg.hang_up()
                        return
                    self.act(leg, voice, keys, early=False)
                case Acknowledged() as acknowledged:
                    voice.answered(acknowledged.request.body)
                case Asked() as asked:
                    self.take(asked, voice)
                case HungUp() | Lost():
                    return

    def take(self, asked: Asked, voice: Voice) -> None:
        """Answer what the other side asks."""
        leg, request = asked.leg, asked.request
        if request.method not in {"INVITE", "UPDATE"}:
            leg.respond(asked.tx, 200)
        elif self.dice.random() < 0.15:
            leg.respond(asked.tx, 488)
        elif request.body:
            leg.respond(asked.tx, 200, SDP_ROW, voice.answer(request.body))
        elif request.method == "INVITE":
            voice.offered = voice.describe()
            leg.respond(asked.tx, 200, SDP_ROW, voice.offered, _LateAnswer(voice))
        else:
            leg.respond(asked.tx, 200)


class Caller(Party):
    """Calls once."""

    def call(self, number: str, patience: float) -> None:
        """patience: how long it waits for an answer, seconds; 0 for ever."""
        dice = self.dice
        voice = self.voice()
        voice.video = dice.random() < 0.2
        voice.formats = dice.choice(("0 8 101", "0 8 101", "8", "18", "96 0 101"))
        body = b"" if dice.random() < 0.15 else voice.describe()
        voice.offered = body
        inbox = Inbox(self.stack.timers)
        leg = placed(self.stack, inbox, number, body, user="101")
        inbox.start(self._wait(leg, inbox, voice, patience))

    async def _wait(self, leg: BLeg, inbox: Inbox, voice: Voice, patience: float) -> None:
        gives_up = self.moment(patience) if patience else self.stack.now + 300.0
        keys = list(self.habits.keys)
        while True:
            until = min(gives_up, self.moment(2.0))
            match await inbox.event(until):
                case Deadline():
                    if self.stack.now >= gives_up:
                        leg.cancel()
                        return
                    if leg.reachable() and self.dice.random() < 0.3:
                        self.act(leg, voice, keys, early=True)
                case Asked() as asked:
                    self.take(asked, voice)
                case Answered() as answered:
                    body = answered.response.body
                    if not leg.late:
                        voice.answered(body)
                        leg.ack()
                    else:
                        leg.ack(SDP_ROW, voice.answer(body))
                    await self.talk(leg, inbox, voice)
                    return
                case Failed():
                    return


class Callee(Party):
    """One end that is called."""

    def on_request(self, request: Request, flow: Flow) -> None:
        tx = self.stack.accept(request, flow)
        inbox = Inbox(self.stack.timers)
        leg = ALeg(self.stack, inbox, tx, request, contact_uri(request))
        inbox.start(self.called(leg, inbox, request))

    async def called(self, leg: ALeg, inbox: Inbox, request: Request) -> None:
        """Do what this one does with a call."""
        raise NotImplementedError

    async def waits(self, leg: ALeg, inbox: Inbox, voice: Voice, until: float) -> bool:
        """Let it ring; False when the caller has gone meanwhile."""
        while True:
            match await inbox.event(until):
                case Deadline():
                    return True
                case Cancelled():
                    leg.reject(487)
                    return False
                case Asked() as asked:
                    self.take(asked, voice)
                case HungUp() | Lost():
                    return False


class Place(Callee):
    """All targets. Who is talked to may ask for somebody else."""

    def act(self, leg: Leg, voice: Voice, keys: list[str], *, early: bool) -> None:
        if self.dice.random() < 0.1 and leg.reachable():
            number = self.dice.choice((*compiled().numbers, "nobody"))
            Asker(leg, voice, "REFER", f"Refer-To: <sip:{number}@{ROUTER[0]}>\r\n", b"")
        else:
            super().act(leg, voice, keys, early=early)

    async def called(self, leg: ALeg, inbox: Inbox, request: Request) -> None:
        dice = self.dice
        voice = self.voice()
        body = voice.answer(request.body) if request.body else voice.describe()
        if not request.body:
            voice.offered = body
        move = dice.choice(("answer", "answer", "answer", "answer", "refuse", "silent"))
        for status in dice.choices((180, 183, 180), k=dice.randrange(3)):
            media = status == 183 and dice.random() < 0.7 and bool(request.body)
            leg.ring(status, "", SDP_ROW if media else "", body if media else b"")
        until = self.stack.now + 70.0 if move == "silent" else self.moment(4.0)
        if not await self.waits(leg, inbox, voice, until):
            return
        if move == "answer":
            silent = bool(request.body) and dice.random() < 0.03
            leg.answer(200, "", SDP_ROW, b"" if silent else body)
            await self.talk(leg, inbox, voice)
        else:
            leg.reject(dice.choice((404, 486, 480, 500, 503, 600, 603)))
