"""A call-back: an agent of a queue is rung first, then who is to be called back (D3).

The number for which somebody is called back pays for it, and has it recorded where it says so: then
both are taken in to a worker as soon as they are connected.

Theory. The call is ours, and at first nobody's: its script rings the agents that the queue offers.
Who answers is its caller from then on, and hears nothing until the other one has answered: it was
offered media that flow in no direction (RFC 3725 section 4.4), and is offered the other one's now.

Rules. An attempt ends when nobody is offered any more, or when the one to be called back was not
had. Whoever hangs up meanwhile ends it, too.
"""

from math import inf
from typing import Final, NamedTuple

from callrouter.call.call import Call
from callrouter.call.flows.anchored_caller import unrecorded
from callrouter.call.flows.bridge.connect import introduce, resumed
from callrouter.call.flows.end_to_end_conversation import anchored, bridge, take_in
from callrouter.call.flows.hunt.hunt import CallerSide, Stopped, hunt
from callrouter.call.flows.offered_agents import AgentTaken, OfferedAgents
from callrouter.call.flows.own_call import becomes_caller, give_up
from callrouter.call.legs.absent_caller import introducing
from callrouter.call.legs.events import Answered, Event
from callrouter.call.services.queue_port import QueueOffered, QueueOverflowed
from callrouter.call.settle import paid_by
from callrouter.call.teardown import INCOMPATIBLE, Over
from callrouter.call.wait import attend
from callrouter.route.values.media_steps import Voice
from callrouter.route.values.plan import REFUSED, Hunt, Plan, Target, Verdict
from callrouter.route.values.refusal_reasons import NO_CREDIT

NO_AGENT: Final = "no_agent"
"""What came of an attempt in which no agent has answered."""


class CallBackOrder(NamedTuple):
    """What a call-back is asked for. queue: whose agents. wanted: rings who is to be called back.

    offer: the agent that is offered first. account: who pays, "" for nobody. voice: the media of a
    call that has to be at a worker, None for one that is end to end.
    """

    queue: str
    wanted: Hunt
    offer: QueueOffered
    account: str
    voice: Voice | None


async def call_back(call: Call, order: CallBackOrder) -> bool:
    """Ring an agent, then who is to be called back, and let both talk; True once they could.

    Raises Over when it ends before, or after.
    """
    call.plan = Plan((order.wanted,), None, (), order.voice)
    attempt = _Attempt(call, order)
    if order.account:
        await attempt.pay(order.account)
    taken = await attempt.agent()
    becomes_caller(call, taken.answered)
    call.record.extension = taken.name
    try:
        answered = await hunt(_Customer(call, order.wanted))
    except Stopped:
        answered = None
    if answered is None:
        give_up(call)
    if order.voice is not None:
        anchor = await take_in(call)
        if anchor is not None and anchor.a_session is not None and anchor.b_session is not None:
            return await anchored(call, anchor, anchor.a_session, anchor.b_session)
        if call.anchor is not None:
            unrecorded(call, call.anchor)
    return await bridge(call)


class _Attempt:
    """The part of a call-back in which agents are rung."""

    __slots__ = ("_agents", "_call", "_ended")

    def __init__(self, call: Call, order: CallBackOrder) -> None:
        self._call = call
        self._ended = False
        self._agents = OfferedAgents(call, order.queue, self._other)
        self._agents.take(order.offer)

    async def pay(self, account: str) -> None:
        """Have an account pay, before anybody is rung. Raises Over when it cannot."""
        call, number = self._call, self._call.number
        why = await paid_by(call, account, call.plan, self._next)
        if why:
            rule, place = f"account {account}", (number.file, number.line)
            broke = Verdict(rule, True, "", why, *place, result=REFUSED)
            call.record.trace = (*call.record.trace, broke)
            call.record.reason = NO_CREDIT
            give_up(call)

    async def agent(self) -> AgentTaken:
        """Wait until an agent has answered. Raises Over when none does."""
        call, agents = self._call, self._agents
        taken = await agents.go_on()
        while taken is None:
            # An agent that is offered in the place of another one lies in the inbox.
            if self._ended or (call.inbox.empty and not agents.any):
                give_up(call)
            until = agents.until
            await self._next(0.0 if until == inf else until)
            taken = await agents.go_on()
        return taken

    async def _next(self, until: float) -> Event:
        """The next event, which was dealt with; `Deadline` at a time."""
        event = await attend(self._call, until, alone=True)
        if not self._agents.take(event):
            self._other(event)
        return event

    def _other(self, event: Event) -> None:
        if isinstance(event, QueueOverflowed):
            self._ended = True
            self._call.record.reason = event.why


class _Customer(CallerSide):
    """The side of an agent that has answered, while who is to be called back is rung."""

    __slots__ = ("_told",)

    def __init__(self, call: Call, step: Hunt) -> None:
        super().__init__(call, step)
        self._told = b""

    async def prepare(self, _targets: tuple[Target, ...]) -> bool:
        """Offer who is rung what the agent has described."""
        agent = self.call.a
        self._told = resumed(agent.theirs)
        self.call.introduce(introducing(agent.dialog.remote, self._told))
        return True

    def other(self, event: Event) -> Answered | None:
        """The one to be called back may call again meanwhile."""
        if isinstance(event, QueueOverflowed):
            self.call.record.reason = event.why
            give_up(self.call)
        return None

    async def connect(self, event: Answered) -> bool:
        """Connect both. Raises Over when they cannot be."""
        call, leg, agent = self.call, event.leg, self.call.a
        call.connected(leg, event.response.status)
        leg.ack()
        call.picked_up()
        answer = await introduce(call, agent, leg.theirs)
        if answer and answer != self._told:
            answer = await introduce(call, leg, answer)
        if not answer:
            call.hung_up(None, INCOMPATIBLE)
            call.hang_up()
            raise Over
        return True
