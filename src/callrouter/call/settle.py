"""The settling of a decision: what it needs is found out, and it is made again by the answers.

Theory. All that a decision needs is asked at once, and each answer has its own limit. Where one
changes the plan the decision is made again, and what that one needs more is asked for, until it
needs nothing. Where all answers come at once, as they do from memory, nothing waits.

Rules. Each need has an outcome without an answer: a look-up names nobody, a line counts as granted,
and an account says for itself what is so without its database.
So calls go on while the service is away, as far as the snapshot of the decision let them. Lines
that the last plan does not need are given back at once, all others when the call is over.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Protocol, TypeVar

from callrouter.call.call import Call
from callrouter.call.held_lines import give_back, not_granted
from callrouter.call.legs.reply import Wait, reply
from callrouter.call.payer import Payer
from callrouter.call.services.account_port import NO_END, Credit, NoCredit
from callrouter.call.services.shared_state import Busy, Directory, Granted, LineReservation
from callrouter.pending import Later, Pending, Unavailable
from callrouter.route.values.decision import Need, NeedCredit, NeedLines, NeedLookup
from callrouter.route.values.external_lookup import LookupAnswer
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import Plan
from callrouter.route.values.refusal_reasons import NO_CREDIT

NOTHING: Final = Decimal(0)


class Needy(Protocol):
    """A decision, or what keys of a menu have led to."""

    plan: Plan
    needs: tuple[Need, ...]


D = TypeVar("D", bound=Needy)


def ask_for_lines(call: Call, needs: tuple[Need, ...]) -> Later[Granted] | None:
    """Ask for lines where nothing else is needed, and hold them if they come at once.

    So it is with nearly all calls, and such a `LineReservation` settles the decision. Else returns
    the answer for `settle`, None when nothing was asked.
    """
    if len(needs) != 1:
        return None
    need = needs[0]
    if not isinstance(need, NeedLines):
        return None
    answer = call.shared.lines.reserve(need.holds)
    if isinstance(answer, LineReservation):
        call.lines.add(answer)
    return answer


async def settle(
    call: Call,
    facts: Facts,
    decision: D,
    again: Callable[[Facts], D],
    wait: Wait,
    directory: Directory | None = None,
    lines: Later[Granted] | None = None,
) -> D:
    """Find out what a decision by these facts needs; returns the one that needs nothing more.

    again: decides anew. directory: None where nobody is looked up. lines: what `ask_for_lines` has
    returned for it. Raises what `wait` raises.
    """
    granted: dict[str, LineReservation | None] = {}
    while True:
        asked = _asked(call, decision, granted, directory, lines)
        lines = None
        known = facts
        try:
            for question in asked:
                known = await question.settle(known, wait)
                if known.busy is not facts.busy or known.no_credit:
                    break
        finally:
            for question in asked:
                question.give_up()
        if known is facts:
            break
        held = [name for name, line in granted.items() if line is not None]
        facts = known.holding(held) if held else known
        decision = again(facts)
    needed = {hold.name for hold in decision.plan.holds}
    for reservation in set(granted.values()):
        if reservation is not None and needed.isdisjoint(hold.name for hold in reservation.holds):
            call.lines.drop(reservation)
    return decision


def _asked(
    call: Call,
    decision: Needy,
    granted: dict[str, LineReservation | None],
    directory: Directory | None,
    lines: Later[Granted] | None,
) -> "list[_LinesAsked | _CreditAsked | _LookupAsked]":
    """Ask all that a decision needs, before one answer is waited for."""
    asked: list[_LinesAsked | _CreditAsked | _LookupAsked] = []
    for need in decision.needs:
        if isinstance(need, NeedLines):
            asked.append(_LinesAsked(call, need, granted, lines))
            lines = None
        elif isinstance(need, NeedCredit):
            if not call.record.account:
                asked.append(_CreditAsked(call, need, decision.plan))
        elif directory is not None:
            asked.append(_LookupAsked(call, need, directory))
    return asked


class _LinesAsked:
    """The question for lines. granted: what there is one of already, or none is needed. answer:
    what was said to it already.
    """

    __slots__ = ("_answer", "_call", "_granted", "_holds", "_need", "_until")

    def __init__(
        self,
        call: Call,
        need: NeedLines,
        granted: dict[str, LineReservation | None],
        answer: Later[Granted] | None,
    ) -> None:
        self._call = call
        self._need = need
        self._granted = granted
        self._until = call.now + need.seconds
        self._holds = tuple(hold for hold in need.holds if hold.name not in granted)
        if answer is None and self._holds:
            answer = call.shared.lines.reserve(self._holds)
        self._answer: Later[Granted | Unavailable] | None = answer

    async def settle(self, facts: Facts, wait: Wait) -> Facts:
        """Hold what is granted; returns the facts that say what is not."""
        if self._answer is None:
            return facts
        call = self._call
        answer: Granted | Unavailable = await reply(
            call.inbox, wait, self._answer, self._until, give_back
        )
        reservation = None
        if isinstance(answer, LineReservation):
            reservation = answer
            call.lines.add(answer)
        elif isinstance(answer, Busy) and any(
            hold.name == answer.name and hold.lines for hold in self._holds
        ):
            return facts.without(self._need, answer.name)
        else:
            call.shared.failures.add("lines", not_granted(answer))
        for hold in self._holds:
            self._granted[hold.name] = reservation
        return facts

    def give_up(self) -> None:
        """It was answered, as the first of all."""


class _CreditAsked:
    """The question whether an account can pay; the first slice is reserved with it."""

    __slots__ = ("_answer", "_asked_ms", "_call", "_need", "_until")

    def __init__(self, call: Call, need: NeedCredit, plan: Plan) -> None:
        self._call = call
        self._need = need
        self._until = call.now + need.seconds
        self._asked_ms = call.ms()
        targets = tuple(target for hunt in plan.hunts for target in hunt.targets)
        call.record.account = need.account
        self._answer: Later[Credit | NoCredit | Unavailable] | None = call.shared.accounts.reserve(
            call.record, self._asked_ms, NOTHING, targets, first=True
        )

    async def settle(self, facts: Facts, wait: Wait) -> Facts:
        """Let the account pay; returns the facts that say why it cannot."""
        call, asked = self._call, self._answer
        if asked is None:
            return facts
        self._answer = None
        answer: Credit | NoCredit | Unavailable = await reply(
            call.inbox, wait, asked, self._until, self._unwanted
        )
        plans = call.record.rate_plans
        terms = None if plans is None else plans.accounts.get(self._need.account)
        if isinstance(answer, NoCredit):
            return facts.broke(self._need, answer.why)
        if isinstance(answer, Unavailable):
            call.shared.failures.add("accounts", answer.why)
            if terms is None or not terms.go_on:
                return facts.broke(self._need, "nobody can say what is left of it")
            answer = Credit(NO_END, NOTHING)
        if terms is not None and terms.limited:
            refusal = call.refusal_for(NO_CREDIT)
            call.payer = Payer(call, answer, self._asked_ms, refusal, go_on=terms.go_on)
        return facts

    def give_up(self) -> None:
        """Nobody wants to know any more."""
        asked, self._answer = self._answer, None
        if isinstance(asked, Pending):
            asked.give_up(self._unwanted)
        elif isinstance(asked, Credit):
            self._unwanted(asked)

    def _unwanted(self, answer: Credit | NoCredit | Unavailable) -> None:
        self._call.shared.accounts.unwanted(self._call.record, NOTHING, answer)


async def paid_by(call: Call, account: str, plan: Plan, wait: Wait) -> str:
    """Have an account pay for a call of our own; returns why it cannot, "" when it can.

    plan: rings the targets that may cost something. Raises what `wait` raises.
    """
    asked = _CreditAsked(call, NeedCredit(account=account, passed=()), plan)
    try:
        return (await asked.settle(call.facts, wait)).no_credit
    finally:
        asked.give_up()


class _LookupAsked:
    """The question who is responsible for the caller, or which carrier who is called is with."""

    __slots__ = ("_answer", "_call", "_need", "_until")

    def __init__(self, call: Call, need: NeedLookup, directory: Directory) -> None:
        self._call = call
        self._need = need
        self._until = call.now + need.seconds
        self._answer = directory.find(need.lookup, need.number)

    async def settle(self, facts: Facts, wait: Wait) -> Facts:
        """Return the facts with its answer."""
        need = self._need
        answer = await reply(self._call.inbox, wait, self._answer, self._until)
        if isinstance(answer, Unavailable):
            answer = LookupAnswer(named="", why=f"no answer within {need.seconds:g} s")
        return facts.answered(need, answer)

    def give_up(self) -> None:
        """Nobody wants to know any more."""
        if isinstance(self._answer, Pending):
            self._answer.give_up()
