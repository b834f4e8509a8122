"""All calls of the process: who may start one, where it is looked up, and how they are drained.

This is the stack's core: every request outside a dialog comes here first. What is no call is
answered without keeping anything: strangers, floods, probes, requests no UAS of ours can take.
"""

from collections.abc import Callable
from typing import Final

from callrouter.call.call import Call
from callrouter.call.events import Observer, Shutdown
from callrouter.call.policy import caller_uri, max_forwards
from callrouter.call.record import CallRecord
from callrouter.call.shared import Shared
from callrouter.call.story import run
from callrouter.errors import SipError
from callrouter.route.dialplan import Dialplan
from callrouter.route.engine import decide
from callrouter.route.facts import Facts
from callrouter.sip.dialog import contact_uri
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.stack import Stack
from callrouter.sip.uas import ACCEPT, ALLOW, SUPPORTED, inspect
from callrouter.sip.uri import parse_uri

_RETRY_AFTER: Final = "Retry-After: 5\r\n"


class Calls:
    """The calls in progress.

    dialplan: the version new calls are decided with. epoch: Unix time at zero of the stack's
    clock, kept right by its owner. strangers, overloaded: INVITEs turned away before they were
    calls, because nobody knows their source, and because of the limit or of draining.
    """

    __slots__ = (
        "_active",
        "_count",
        "_idle",
        "_limit",
        "_observer",
        "_shared",
        "_stack",
        "dialplan",
        "epoch",
        "overloaded",
        "strangers",
    )

    def __init__(
        self,
        stack: Stack,
        dialplan: Dialplan,
        observer: Observer,
        limit: int,
        epoch: float,
        shared: Shared,
    ) -> None:
        """limit: calls in progress at once; one more is answered 503."""
        self._stack = stack
        self._observer = observer
        self._limit = limit
        self._shared = shared
        self._active: set[Call] = set()
        self._count = 0
        self._idle: Callable[[], None] | None = None
        self.dialplan = dialplan
        self.epoch = epoch
        self.strangers = 0
        self.overloaded = 0
        stack.core = self

    @property
    def active(self) -> int:
        """Calls in progress."""
        return len(self._active)

    def drain(self, idle: Callable[[], None]) -> None:
        """Take no new calls; `idle` is called as soon as none is in progress."""
        self._idle = idle
        if not self._active:
            idle()

    def end_all(self) -> None:
        """End every call in progress now."""
        for call in list(self._active):
            call.inbox.post(Shutdown())

    def on_request(self, request: Request, flow: Flow) -> None:
        """A request outside any dialog. Raises SipError for what is to be refused statelessly."""
        trunk = self.dialplan.trunk_of(flow.remote_host)
        if trunk is None:
            self.strangers += 1
            raise SipError("no trunk has this source", 403)
        inspect(request)
        if request.method == "OPTIONS":
            self._stack.reply(request, flow, 200, f"{ALLOW}{ACCEPT}{SUPPORTED}")
        elif request.method == "INVITE":
            self._invite(trunk.name, request, flow)
        else:
            raise SipError("no such dialog", 481)

    def _invite(self, trunk: str, request: Request, flow: Flow) -> None:
        hops = max_forwards(request)
        target = contact_uri(request) or request.from_().uri
        if self._idle is not None or len(self._active) >= self._limit:
            self.overloaded += 1
            self._stack.reply(request, flow, 503, _RETRY_AFTER)
            return
        stack = self._stack
        tx = stack.accept(request, flow)
        tx.respond(100)
        now = self.epoch + stack.now
        facts = self._facts(trunk, request, flow, now)
        shared = self._shared
        decision = decide(self.dialplan, facts, shared.snapshot)
        if decision.auto_block is not None:
            shared.attempted(decision.number, decision.caller, now, decision.auto_block)
        # Sortable: calls of one millisecond count up.
        self._count = (self._count + 1) & 0xFFFF
        name = f"{int(now * 1000):x}-{self._count:04x}{stack.token()[:4]}"
        record = CallRecord(name, request.get("call-id"), now)
        record.trunk = trunk
        record.source = facts.source
        record.caller = facts.caller
        record.called = facts.called
        record.to_header = facts.to_ext or facts.to_user
        record.number = decision.number
        record.dialplan = self.dialplan.version
        record.trace = decision.trace
        call = Call(stack, tx, request, target, hops, decision.plan, record, shared, self._over)
        # From here on the call ends in `_over`, come what may; what it holds is given back there.
        self._active.add(call)
        shared.take(call.plan.holds)
        self._observer.call_started(record)
        call.inbox.start(self._run(call))

    @staticmethod
    def _facts(trunk: str, request: Request, flow: Flow, now: float) -> Facts:
        caller = caller_uri(request.from_())
        called = parse_uri(request.uri).decoded_user()
        to_user = to_ext = ""
        try:
            to = parse_uri(request.to().uri)
            to_user = to.decoded_user()
            to_ext = to.param("ext") or ""
        except SipError:
            # To may hold any URI at all (RFC 3261 section 8.1.1.2); then it names nobody of ours.
            pass
        user = caller.decoded_user() if caller is not None else ""
        return Facts(trunk, flow.remote_host, user, called, to_user, to_ext, now)

    async def _run(self, call: Call) -> None:
        """The story, and whatever it comes to: one record, and nothing left standing."""
        try:
            await run(call)
        except Exception as error:  # noqa: BLE001  # one call's bug must not hurt the others
            self._observer.call_broken(call.record, error)
            call.abort()
        finally:
            call.close()

    def _over(self, call: Call) -> None:
        self._active.discard(call)
        self._shared.give(call.plan.holds)
        self._observer.call_ended(call.record)
        if self._idle is not None and not self._active:
            self._idle()
