"""Anchored media of a call that speaks to its parties: slots of a worker, and who was told what.

Theory. At any moment the caller's media is with nobody, with us or with a target. While it is with
us, its leg to the worker is `a_session`. A target's is a `Callee` of its own when it has to
confirm, or when the worker is to be the bridge between both. What we describe to a party has one
`Identity` for as long as its dialog lasts.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from callrouter.call.anchor.dtmf import DtmfReceiver
from callrouter.call.anchor.worker_leg import MediaSession
from callrouter.call.legs.events import Progress
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.sdp_origin import Identity
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.legs.unconfirmed import Unconfirmed
from callrouter.call.services.call_events import CallEvents
from callrouter.call.services.media import Digit, MediaSlots
from callrouter.call.services.media_services import MediaServices
from callrouter.call.services.record import CallRecord
from callrouter.errors import ParseError
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.prompt_recipes import Sound
from callrouter.route.values.media_steps import Recording
from callrouter.route.values.plan import Plan
from callrouter.sip.body import SDP_ROW, warning
from callrouter.sip.offer import EVENT_PT, Origin, answer_to, offer_like
from callrouter.sip.sdp import (
    BAD_DESCRIPTION,
    CODECS,
    Audio,
    SessionDescription,
    outline,
    parse_sdp,
    unusable,
    usable_audio,
)
from callrouter.sip.stack import Stack


class Unfit(NamedTuple):
    """An offer or answer of which nothing can come. said: what it speaks of, for the record.

    row: the Warning that says why.
    """

    said: str
    row: str


class Party:
    """A party, and what it and we have described to each other. body: as it sent it last.

    unfit: what it described last, when our media cannot have its audio.
    """

    __slots__ = ("body", "described", "identity", "unfit")

    def __init__(self, token: str, host: str) -> None:
        self.identity = Identity(token, host)
        self.body = b""
        self.described: SessionDescription | None = None
        self.unfit: Unfit | None = None

    def heard(self, body: bytes) -> Audio | None:
        """Take what the party describes; None when our media cannot have its audio."""
        try:
            described = parse_sdp(body)
        except ParseError as error:
            self.unfit = Unfit(outline(body), warning(BAD_DESCRIPTION, str(error)))
            return None
        self.body = body
        self.described = described
        audio = usable_audio(described)
        self.unfit = None
        if audio is None:
            self.unfit = Unfit(outline(body), warning(*unusable(described)))
        return audio

    def offered(self, body: bytes) -> Audio | None:
        """As `heard`; but what our media cannot have is refused, so that all stays as it was."""
        before = self.body, self.described
        audio = self.heard(body)
        if audio is None:
            self.body, self.described = before
        return audio

    def answer(self, session: MediaSession) -> bytes:
        """Answer its offer with a session's address. Raises SipError 488."""
        offer, audio = self.described, session.audio
        assert offer is not None and audio is not None  # noqa: S101, PT018 - `heard` has said so
        return answer_to(
            offer, session.host, session.port, audio.codecs[0], audio.event_pt, self._origin
        )

    def offer(self, session: MediaSession) -> bytes:
        """Offer a session's address to it."""
        audio = session.audio
        codecs = tuple(CODECS) if audio is None else audio.codecs
        event_pt = EVENT_PT if audio is None else audio.event_pt
        return offer_like(
            previous=self._last(),
            host=session.host,
            port=session.port,
            codecs=codecs,
            event_pt=event_pt,
            direction="sendrecv",
            origin=self._origin,
        )

    @property
    def _origin(self) -> Origin:
        return self.identity.origin

    def _last(self) -> SessionDescription | None:
        """What was described last, by the party or to it: lines never vanish."""
        described = self.described
        if not self.identity.shown:
            return described
        try:
            shown = parse_sdp(self.identity.shown)
        except ParseError:
            return described  # nobody can say what lines it has
        return described if described and len(described.media) >= len(shown.media) else shown


class Callee:
    """A target that was offered a session of ours. keys: what it pressed."""

    __slots__ = ("keys", "party", "session")

    def __init__(self, party: Party, session: MediaSession) -> None:
        self.party = party
        self.session = session
        self.keys = DtmfReceiver()


class AnchoredCall(Protocol):
    """The call whose media it is, as far as it matters here."""

    a: Leg
    dialplan: Dialplan
    events: CallEvents
    inbox: Inbox
    media: MediaServices
    plan: Plan
    record: CallRecord
    stack: Stack

    def ms(self) -> int:
        """Milliseconds since the call started."""

    def picked_up(self) -> None:
        """Note that the caller is answered now."""


class AnchoredMedia:
    """The media of one call.

    caller: what it and we described. a_session: the caller's, None for none. with_us: its media is
    there. b_session: the session of who the worker bridges the caller with. language: of what it
    hears. free: sessions for the targets to be rung next. callees: by leg, those rung with one.
    parted: those whose session went while they rang. visits: menus entered so far. wanted: slots
    that the caller's worker must have for it. beside: slots of the worker that its own have to be
    of, None for any worker. noticed: it was said that the call is recorded. dialled: the callee has
    got the digits behind its number. introducing: what the targets of a transfer are offered, b""
    while there is none. crossing: the caller's keys are for whom the worker bridges it with, and
    are noted nowhere.
    """

    __slots__ = (
        "_call",
        "_identities",
        "a_session",
        "b_session",
        "beside",
        "callees",
        "caller",
        "crossing",
        "dialled",
        "free",
        "introducing",
        "keys",
        "language",
        "noticed",
        "parted",
        "slots",
        "visits",
        "wanted",
        "with_us",
    )

    def __init__(self, call: AnchoredCall) -> None:
        self._call = call
        self.caller = Party(call.stack.token(), call.a.dialog.flow.local_host)
        voice = call.plan.voice
        self.language = call.dialplan.language if voice is None else voice.language
        self.slots: list[MediaSlots] = []
        self.a_session: MediaSession | None = None
        self.b_session: MediaSession | None = None
        self.free: list[MediaSession] = []
        self.callees: dict[BLeg, Callee] = {}
        self.parted: set[BLeg] = set()
        self._identities: dict[str, Identity] = {}
        self.with_us = False
        self.keys = DtmfReceiver()
        self.visits = 0
        self.wanted = 2 if self.anchored else 1
        self.noticed = False
        self.dialled = False
        self.introducing = b""
        self.beside: MediaSlots | None = None
        self.crossing = False

    @property
    def recording(self) -> Recording | None:
        """How the call is to be recorded."""
        voice = self._call.plan.voice
        return None if voice is None else voice.recording

    @property
    def anchored(self) -> bool:
        """Say whether the worker is to be the bridge between caller and target."""
        voice = self._call.plan.voice
        return voice is not None and (
            voice.recording is not None
            or bool(voice.hold_music)
            or voice.warned
            or bool(voice.digits)
        )

    def reserve(self, count: int) -> MediaSlots | None:
        """Take slots of one worker; None when no worker has so many."""
        call = self._call
        pool = call.media.pool
        post = call.inbox.post
        slots = None if pool is None else pool.reserve(count, post, self.beside)
        if slots is not None:
            self.slots.append(slots)
        return slots

    def unconfirmed(self, audio: Audio | None) -> Unconfirmed | None:
        """Begin to wait for the caller to show itself; None when there is no doubt of it.

        audio: what it described. Over a connection, and with a password, it has shown itself.
        """
        call = self._call
        a = call.a
        flow = a.dialog.flow
        trunk = call.dialplan.trunks.get(call.record.trunk)
        if a.shown or flow.reliable or (trunk is not None and trunk.guarded):
            return None
        host = "" if audio is None else audio.host
        a.unconfirmed = Unconfirmed(call.media.hosts, flow.remote_host, host)
        return a.unconfirmed

    def session(self, slots: MediaSlots, audio: Audio | None, *, trusted: bool) -> MediaSession:
        """Open a session on slots that were reserved. Raises SipError."""
        call = self._call
        trunk = call.dialplan.trunks.get(call.record.trunk)
        inband = trunk is not None and trunk.inband
        new = MediaSession(call.stack, call.inbox, slots, audio, inband=inband, trusted=trusted)
        call.events.dialog_begun(call.record, new.leg.call_id, "media")
        return new

    def next_callee(self) -> Callee | None:
        """What the next target is rung with; None for the caller's own description."""
        if self.b_session is not None:
            session = self.b_session
        elif self.free:
            session = self.free.pop()
        else:
            return None
        stack = self._call.stack
        return Callee(Party(stack.token(), session.leg.dialog.flow.local_host), session)

    def recycle(self, leg: BLeg) -> None:
        """A target is out: its session is there for the next."""
        callee = self.callees.pop(leg, None)
        self.parted.discard(leg)
        if callee is not None:
            self.take_back(callee)

    def take_back(self, callee: Callee) -> None:
        """A target that is not rung, or no more, needs no session: the next has it."""
        if callee.session is not self.b_session:
            self.free.append(callee.session)

    def sessions(self) -> list[MediaSession]:
        """All that stand."""
        found = [*self.free, *(callee.session for callee in self.callees.values())]
        if self.a_session is not None:
            found.append(self.a_session)
        if self.b_session is not None:
            found.append(self.b_session)
        return found

    def of(self, leg: Leg) -> tuple[Party, MediaSession, DtmfReceiver] | None:
        """What a party's leg stands for; None when its media is not with us."""
        if leg is self._call.a:
            return None if self.a_session is None else (self.caller, self.a_session, self.keys)
        callee = self.callees.get(leg) if isinstance(leg, BLeg) else None
        return None if callee is None else (callee.party, callee.session, callee.keys)

    def is_of_caller(self, session: str) -> bool:
        """Say whether a session is the caller's."""
        return self.a_session is not None and self.a_session.name == session

    def pressed(self, event: Digit) -> bool:
        """Take a key; False when it is a second copy."""
        if self.is_of_caller(event.session):
            if not self.keys.press(event.digit, event.method):
                return False
            if not self.crossing:
                self.note("key", event.digit)
            return True
        for callee in self.callees.values():
            if callee.session.name == event.session:
                return callee.keys.press(event.digit, event.method)
        return False

    def note(self, what: str, which: str) -> None:
        """Note in the record what the caller heard or pressed."""
        self.notes.append((self._call.ms(), what, which))

    @property
    def notes(self) -> list[tuple[int, str, str]]:
        """The record of what the caller heard and pressed."""
        record = self._call.record
        if record.heard is None:
            record.heard = []
        return record.heard

    def hush(self) -> None:
        """Stop what plays to the caller."""
        if self.a_session is not None:
            self.a_session.slots.stop(self.a_session.name)

    def sounds(self, names: Sequence[str]) -> list[Sound]:
        """The files of prompts, in the caller's language; those that there are."""
        prompts = self._call.dialplan.prompts
        found = (prompts.find(name, self.language) for name in names)
        return [sound for sound in found if sound is not None]

    def early(self, event: Progress, rows: str) -> tuple[str, bytes]:
        """The rows and the body of a target's provisional response as the caller gets them."""
        if self._call.record.answered_ms is not None:
            return "", b""  # it is for nobody: the caller was answered by us
        if event.leg in self.callees or event.leg in self.parted:
            return "", b""  # what it describes is an answer to our session, not to the caller
        return rows, self.passed(event.fork, event.response.body)

    def passed(self, fork: str, body: bytes) -> bytes:
        """A target's description as the caller gets it, in the dialog that stands for a fork.

        What we describe there later must go on from it (RFC 3264 section 8).
        """
        call = self._call
        identity = self._identities.get(fork)
        if identity is None:
            identity = Identity(call.stack.token(), call.a.dialog.flow.local_host)
            self._identities[fork] = identity
        call.a.identity = identity
        return call.a.described(body)

    def introduced(self, callee: Callee | None, host: str, body: bytes) -> tuple[Identity, bytes]:
        """Who we are to the next target, and what it is offered.

        host: our address towards it. body: what the caller described last.
        """
        if callee is not None:
            return callee.party.identity, callee.party.offer(callee.session)
        identity = Identity(self._call.stack.token(), host)
        body = self.introducing or body
        return identity, identity.show(body) if body else body

    def pick_up(self, body: bytes) -> None:
        """Answer the call ourselves."""
        call = self._call
        call.a.identity = self.caller.identity
        assert self.a_session is not None  # noqa: S101 - what answers is a session
        call.picked_up()
        call.a.answer(200, self.a_session.name, SDP_ROW, body)

    def let_go(self) -> None:
        """Give all slots back: nobody's media is with us any more."""
        for session in self.sessions():
            session.close()
        self.a_session = self.b_session = None
        self.free.clear()
        self.parted.update(self.callees)
        self.callees.clear()
        self.with_us = self.crossing = False
        for slots in self.slots:
            slots.release()
        self.slots.clear()
