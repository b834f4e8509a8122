"""All calls of the process: who may start one, where it is looked up, and how they are drained.

This is the stack's core: every request outside a dialog comes here first. What is no call is
answered without keeping anything: strangers, floods, probes, requests no UAS of ours can take.
"""

from collections.abc import Callable, Coroutine
from typing import Final, Protocol

from callrouter.call.admission.conversations import Talks
from callrouter.call.admission.invitation import Invitation, facts_of, invitation_of
from callrouter.call.admission.protection_space import RequestOrigin
from callrouter.call.anchored_media import Unfit
from callrouter.call.call import Call
from callrouter.call.flows.call_flow import run
from callrouter.call.legs.absent_caller import OwnLeg
from callrouter.call.legs.events import Event, RecordAsked, Replacing, Shutdown
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.pair import replaced_leg
from callrouter.call.legs.uas_leg import ALeg
from callrouter.call.services.call_events import CallBroken, CallEvents
from callrouter.call.services.media_services import MediaServices
from callrouter.call.services.record import CallRecord, bounded
from callrouter.call.services.shared_state import Directory, Shared
from callrouter.call.teardown import RETRY_AFTER, Over
from callrouter.errors import SipError, StrangerError
from callrouter.metric import Rows, gauge
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.number_rules import Trunk
from callrouter.route.values.decision import INBOUND, INTERNAL, Decision
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import Plan
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.server_tx import ServerTransaction
from callrouter.sip.stack import Stack
from callrouter.sip.uas import ACCEPT, ALLOW, ALLOW_OUTSIDE, SUPPORTED, RefusedError, inspect
from callrouter.sip.uri import is_sips

BY_HAND: Final = "ended_by_hand"
"""The reason of a call that somebody who runs callrouter has ended."""
_HOPS: Final = 70
"""Max-Forwards of a call that begins here (RFC 3261 section 8.1.1.6)."""
_OUTSIDE: Final = {
    "REFER": (603, ""),
    "MESSAGE": (405, ALLOW_OUTSIDE),
}
"""Who asks for these outside a dialog would have us call or write to others."""


class Entrance(Protocol):
    """The authenticator of requests whose address does not say by whom they come."""

    def enter(
        self,
        request: Request,
        flow: Flow,
        trunk: Trunk | None,
        dialplan: Dialplan,
        now: float,
        at: float,
    ) -> RequestOrigin | None:
        """Return whose it is, None when it was answered. Raises SipError to refuse it."""

    def told(self, contact: str) -> bool:
        """Say whether this is the user of a Contact that we registered with a gateway."""


class Calls:
    """The calls in progress.

    in_progress: by the ids of their records, the newest last. dialplan: the version new calls are
    decided with. epoch: Unix time at zero of the stack's clock, kept right by its owner. strangers,
    overloaded: INVITEs turned away before they were calls, because nobody knows their source, and
    because of a limit or of draining. talks: who talks in them. refuses: says of a new call whether
    there is no room for it, beside the limit of calls.
    """

    __slots__ = (
        "_authentication",
        "_count",
        "_directory",
        "_events",
        "_idle",
        "_limit",
        "_media",
        "_shared",
        "_stack",
        "dialplan",
        "epoch",
        "in_progress",
        "overloaded",
        "refuses",
        "strangers",
        "talks",
    )

    def __init__(
        self,
        stack: Stack,
        dialplan: Dialplan,
        events: CallEvents,
        limit: int,
        epoch: float,
        shared: Shared,
        directory: Directory,
        media: MediaServices,
        authentication: Entrance | None = None,
    ) -> None:
        """limit: calls in progress at once; one more is answered 503.

        authentication: asks for passwords; None asks nobody.
        """
        self._authentication = authentication
        self._stack = stack
        self._events = events
        self._limit = limit
        self._shared = shared
        self._directory = directory
        self._media = media
        self.in_progress: dict[str, Call] = {}
        self._count = 0
        self._idle: Callable[[], None] | None = None
        self.dialplan = dialplan
        self.epoch = epoch
        self.strangers = 0
        self.overloaded = 0
        self.refuses: Callable[[], bool] = lambda: False
        self.talks = media.talks = Talks(self.in_progress)
        stack.core = self

    @property
    def active(self) -> int:
        """Calls in progress."""
        return len(self.in_progress)

    def drain(self, idle: Callable[[], None]) -> None:
        """Take no new calls; `idle` is called as soon as none is in progress."""
        self._idle = idle
        if not self.in_progress:
            idle()

    def resume(self) -> None:
        """Take new calls again, after `drain`."""
        self._idle = None

    def end_all(self) -> None:
        """End every call in progress now."""
        for call in list(self.in_progress.values()):
            call.inbox.post(Shutdown())

    def end(self, id: str) -> bool:
        """End a call in progress by hand; False when there is none of that id."""
        call = self.in_progress.get(id)
        if call is not None:
            call.inbox.post(Shutdown(reason=BY_HAND))
        return call is not None

    def record(self, id: str, on: bool) -> str:
        """Begin or end the recording of a call; returns why not, "" when it was asked for."""
        call = self.in_progress.get(id)
        if call is None:
            return f"no call in progress has the id {id}"
        anchor = call.anchor
        if anchor is None or anchor.b_session is None or anchor.recording is None:
            return "it is not a call that can be recorded: its number has no 'record'"
        call.inbox.post(RecordAsked(on=on))
        return ""

    def on_request(self, request: Request, flow: Flow) -> None:
        """A request outside any dialog. Raises SipError for what is to be refused statelessly."""
        trunk = self.dialplan.trunk_of(flow.remote_host, flow.peers)
        extension = ""
        if trunk is None or trunk.guarded or trunk.houses or request.method == "REGISTER":
            origin = self._let_in(trunk, request, flow)
            if origin is None:
                return
            trunk, extension = origin
        if flow.transport != "TLS" and is_sips(request.uri):
            raise SipError("asked for TLS on every hop, and came without", 403)
        inspect(request)
        if request.method == "OPTIONS":
            self._stack.reply(request, flow, 200, f"{ALLOW}{ACCEPT}{SUPPORTED}")
        elif request.method == "INVITE":
            self._invite(trunk, extension, request, flow)
        else:
            status, rows = _OUTSIDE.get(request.method, (481, ""))
            raise RefusedError("only inside a dialog", status, rows)

    def _let_in(self, trunk: Trunk | None, request: Request, flow: Flow) -> RequestOrigin | None:
        """Ask who it is, where the address does not say it or not all of it."""
        authentication = self._authentication
        may_begin = request.method in {"INVITE", "REGISTER"}
        if trunk is None and not (authentication and may_begin and self.dialplan.access.open):
            self.strangers += 1
            raise StrangerError
        if authentication is None:
            return None if trunk is None else RequestOrigin(trunk)
        now = self._stack.now
        return authentication.enter(request, flow, trunk, self.dialplan, now, self.epoch + now)

    def new_id(self, wall: float) -> str:
        """The id of a call that begins at a time of the clock on the wall.

        Sortable: calls of one millisecond count up.
        """
        self._count = (self._count + 1) & 0xFFFF
        # Compiled, formats inside an f-string cost five times as much.
        began, count = format(int(wall * 1000), "x"), format(self._count, "04x")
        return f"{began}-{count}{self._stack.token()[:4]}"

    def own_record(self, wall: float, direction: str, name: str = "") -> CallRecord:
        """Begin the record of a call of our own, at a time of the clock on the wall.

        name: its id, "" for a new one.
        """
        record = CallRecord(name or self.new_id(wall), "", wall)
        record.direction = direction
        record.trunk = self.dialplan.access.phones_trunk
        record.dialplan = self.dialplan.version
        record.began = self._stack.now
        return record

    def begin(
        self,
        record: CallRecord,
        facts: Facts,
        told: Request,
        script: Callable[[Call], Coroutine[None, Event, bool]],
    ) -> None:
        """Begin a call of our own. told: what who is rung for it is told, as an INVITE."""
        stack = self._stack
        inbox = Inbox(stack.timers)
        call = Call(
            stack=stack,
            inbox=inbox,
            a=OwnLeg(stack, inbox),
            invite=told,
            hops=_HOPS,
            plan=Plan((), None),
            record=record,
            shared=self._shared,
            on_over=self._over,
            events=self._events,
            dialplan=self.dialplan,
            facts=facts,
            media=self._media,
        )
        self.in_progress[record.id] = call
        self._events.started.tell(record)
        inbox.start(self._run(call, None, None, script(call)))

    @property
    def is_full(self) -> bool:
        """No call may begin now."""
        return self._idle is not None or len(self.in_progress) >= self._limit

    def _invite(self, trunk: Trunk, extension: str, request: Request, flow: Flow) -> None:
        if "replaces" not in request.headers and (self.is_full or self.refuses()):
            self.overloaded += 1
            self._stack.reply(request, flow, 503, RETRY_AFTER)
            return
        invitation = invitation_of(request, trunk.peer)
        if invitation.replaces is None:
            self._begin(trunk, extension, request, flow, invitation)
        else:
            self._replace(trunk, request, flow, invitation.contact, invitation.replaces)

    def _begin(
        self, trunk: Trunk, extension: str, request: Request, flow: Flow, invitation: Invitation
    ) -> None:
        """Decide what becomes of a call, and begin it."""
        stack = self._stack
        tx = stack.accept(request, flow)
        tx.respond(100)
        now = self.epoch + stack.now
        facts = facts_of(trunk, request, flow.remote_host, now, extension)
        shared = self._shared
        dialplan = self.dialplan
        authentication = self._authentication
        if (
            authentication is not None
            and dialplan.access.enrolments
            and authentication.told(facts.called)
        ):
            facts.called = facts.to_user  # it asks for the Contact of a registration of ours
        snapshot = shared.snapshot()
        decision = decide(dialplan, facts, snapshot)
        if decision.counts:
            shared.lines.arrived(trunk.hold, now, trunk.calls_per_second)
        if decision.auto_block is not None:
            shared.blocks.attempted(decision.number, decision.caller, now, decision.auto_block)
        wall = now + snapshot.ahead
        name = self.new_id(wall)
        record = _record(name, request, facts, decision, wall, trunk.country)
        record.dialplan = dialplan.version
        if dialplan.rate_plans is not None:
            record.rate_plans = dialplan.rate_plans
            number = dialplan.numbers.get(decision.number)
            record.rate_plan = "" if number is None else number.rate_plan
        record.began = stack.now
        call = self._made(
            trunk=trunk,
            tx=tx,
            request=request,
            invitation=invitation,
            plan=decision.plan,
            record=record,
            facts=facts,
        )
        # From here on the call ends in `_over`, come what may.
        self.in_progress[name] = call
        self._events.started.tell(record)
        call.inbox.start(self._run(call, decision, invitation.unfit))

    def _made(
        self,
        trunk: Trunk,
        tx: ServerTransaction,
        request: Request,
        invitation: Invitation,
        plan: Plan,
        record: CallRecord,
        facts: Facts,
    ) -> Call:
        stack = self._stack
        inbox = Inbox(stack.timers)
        a = ALeg(stack, inbox, tx, request, invitation.contact)
        a.meet(trunk.peer, request)
        call = Call(
            stack=stack,
            inbox=inbox,
            a=a,
            invite=request,
            hops=invitation.hops,
            plan=plan,
            record=record,
            shared=self._shared,
            on_over=self._over,
            events=self._events,
            dialplan=self.dialplan,
            facts=facts,
            media=self._media,
        )
        if trunk.guarded:
            # A telephone is reached where it came from: its Contact may be behind NAT.
            a.dialog.pinned = trunk.name == self.dialplan.access.phones_trunk
        return call

    def _replace(
        self, trunk: Trunk, request: Request, flow: Flow, contact: str, replaces: str
    ) -> None:
        """An INVITE for a party's place in a call (RFC 3891). Raises SipError 403, 481."""
        leg = replaced_leg(self._stack, replaces)
        if leg is None or leg.inbox is None:
            raise SipError("no such dialog to be replaced", 481)
        other = leg.dialog.flow
        if self.dialplan.trunk_of(other.remote_host, other.peers) is not trunk:
            raise SipError("only the trunk that has the call may replace a party of it", 403)
        tx = self._stack.accept(request, flow)
        tx.respond(100)
        new = ALeg(self._stack, leg.inbox, tx, request, contact)
        new.meet(trunk.peer, request)
        leg.inbox.post(Replacing(leg, new, request))

    async def _run(
        self,
        call: Call,
        decision: Decision | None,
        unfit: Unfit | None,
        ours: Coroutine[None, Event, bool] | None = None,
    ) -> None:
        """The story, and whatever it comes to: one record, and nothing left standing.

        ours: the script of a call that nobody has made, and nothing was decided about.
        """
        try:
            if decision is None:
                if ours is not None:
                    await ours
            elif unfit is not None and call.plan.steps:
                call.refuse_offer(unfit)
            else:
                await run(call, decision, self._directory)
        except Over:
            pass
        except Exception as error:  # noqa: BLE001  # one call's bug must not hurt the others
            self._events.broken.tell(CallBroken(call.record, error, call.ms()))
            call.abort()
        finally:
            call.close()

    def _over(self, call: Call) -> None:
        del self.in_progress[call.record.id]
        self._events.ended.tell(call.record)
        if self._idle is not None and not self.in_progress:
            self._idle()


def _record(
    name: str, request: Request, facts: Facts, decision: Decision, now: float, country: str
) -> CallRecord:
    """Begin the record of a call with what came in and what was decided."""
    record = CallRecord(name, bounded(request.get("call-id")), now)
    record.trunk = facts.trunk
    record.extension = facts.extension
    record.direction = decision.direction or (INTERNAL if facts.extension else INBOUND)
    record.line = decision.line
    record.source = facts.source
    record.caller = bounded(facts.caller)
    record.called = bounded(facts.called)
    record.caller_number = numbers.written(facts.caller, country)
    record.called_number = numbers.written_often(facts.called, country)
    record.to_header = bounded(facts.to_ext or facts.to_user)
    record.number = bounded(decision.number)
    record.trace = decision.trace
    return record


METRICS: Final[Rows[Calls]] = (
    gauge(
        "callrouter_active_calls",
        "This many calls are in progress now, from their INVITE on; at limits.calls new ones "
        "are refused.",
        lambda it: it.active,
    ),
)
