"""The payer of a call on a clock of its own: slices, their end, answers that are late or lost."""

from decimal import Decimal
from typing import Any, Final

from callrouter.call.legs.events import Shutdown
from callrouter.call.legs.inbox import Inbox
from callrouter.call.payer import Payer
from callrouter.call.services.account_port import NO_END, Credit, NoCredit
from callrouter.call.services.record import CallRecord, LegRecord
from callrouter.net.transport.tokens_and_lag import Tokens
from callrouter.pending import Pending, Unavailable
from callrouter.route.values.plan import Refusal, Target
from callrouter.sip.flow import Flow
from callrouter.sip.stack import Stack
from callrouter.state.memory import Memory

REFUSAL: Final = Refusal(reason="no_credit", status=402, cause=21)
_SLOT_MS: Final = 10
"""A timer is as late as that at most."""


def nowhere(*_: object) -> Flow:
    raise AssertionError("nothing is sent")


class Story:
    """A call of one a minute, answered after a second, and the account that pays for it.

    answers: what the account says, one after the other; Credit by the question when there are none.
    asked: the moments that it was asked for, and when.
    """

    def __init__(self, *, go_on: bool = True, first_ms: int = 60_000) -> None:
        self.stack = Stack(Tokens(), nowhere)
        self.anchor = None
        self.record = CallRecord("one", "", 0.0)
        self.answers: list[Any] = []
        self.asked: list[tuple[int, int]] = []
        self.given_back: list[object] = []
        self.posted: list[object] = []
        self.inbox = Inbox(self.stack.timers)
        self.inbox.start(self._script())
        self.shared = Memory(lambda *_: None, 1, self).ports
        granted = Credit(first_ms if first_ms else NO_END, Decimal(1))
        call: Any = self
        self.payer = Payer(call, granted, 0, REFUSAL, go_on=go_on)

    async def _script(self) -> None:
        while True:
            self.posted.append(await self.inbox.event())

    def ms(self) -> int:
        return int(self.stack.now * 1000)

    def reserve(
        self,
        record: CallRecord,
        until_ms: int,
        reserved: Decimal,
        targets: tuple[Target, ...] = (),
        *,
        first: bool = False,
    ) -> Any:
        self.asked.append((self.ms(), until_ms))
        if self.answers:
            return self.answers.pop(0)
        return Credit(1000 + -(-(until_ms - 1000) // 60_000) * 60_000, reserved + 1)

    def unwanted(self, record: CallRecord, reserved: Decimal, answer: object) -> None:
        self.given_back.append(answer)

    def answer(self) -> None:
        self.until(1.0)
        self.record.answered_ms = 1000
        self.payer.answered()

    def until(self, seconds: float) -> None:
        due = self.stack.deadline()
        while due is not None and due <= seconds:
            self.stack.run_timers(due)
            due = self.stack.deadline()
        self.stack.run_timers(seconds)

    def end(self) -> CallRecord:
        """The call is over now."""
        self.record.ended_ms = self.ms()
        for leg in self.record.legs:
            leg.ended_ms = self.record.ended_ms
        self.payer.over()
        assert self.stack.timers.live == 0
        return self.record


def test_next_slice_is_asked_for_before_the_last_runs_out() -> None:
    story = Story()
    story.answer()
    story.until(300.0)
    asked = [(at - at % 1000, until) for at, until in story.asked]
    assert asked == [
        *((1000, 61_000), (56_000, 91_000), (116_000, 151_000)),
        *((176_000, 211_000), (236_000, 271_000), (296_000, 331_000)),
    ]
    assert story.end().ended_ms == 300_000
    assert story.posted == []


def test_refused_slice_ends_the_call_with_what_is_paid_to_the_millisecond() -> None:
    story = Story()
    story.answer()
    story.record.legs.append(LegRecord("desk", "sip:desk@192.0.2.1", 0))
    story.answers = [NoCredit(why="nothing is left")] * 2
    story.until(60.9)
    assert story.posted == []
    story.until(61.0 + _SLOT_MS / 1000)
    (end,) = story.posted
    assert isinstance(end, Shutdown)
    assert (end.cause, story.record.reason) == (21, "no_credit")
    story.until(61.5)
    record = story.end()
    assert (record.ended_ms, record.legs[0].ended_ms) == (61_000, 61_000)


def test_slice_that_is_too_dear_is_asked_for_again_by_the_block() -> None:
    story = Story()
    story.answer()
    dear = NoCredit(why="5 CNY are left")
    story.answers = [dear, Credit(63_000, Decimal(3)), Credit(65_000, Decimal(5)), dear]
    story.until(64.9)
    asked = [(at - at % 1000, until) for at, until in story.asked[1:]]
    assert asked == [(56_000, 91_000), (56_000, 61_001), (58_000, 63_001), (60_000, 65_001)]
    assert story.posted == []
    story.until(65.5)
    assert (len(story.posted), story.end().ended_ms) == (1, 65_000)


def test_leg_that_cannot_be_paid_for_ends_the_call_at_once() -> None:
    story = Story()
    story.answer()
    story.until(20.0)
    story.answers = [NoCredit(why="nothing is left")]
    story.payer.leg_answered()
    assert len(story.posted) == 1
    assert story.end().ended_ms == 20_000


def test_leg_that_is_answered_while_a_slice_is_asked_for_is_paid_for_next() -> None:
    story = Story()
    story.answer()
    slice_asked: Pending[Any] = Pending()
    story.answers = [slice_asked]
    story.until(56.5)
    story.payer.leg_answered()
    assert len(story.asked) == 2
    slice_asked.settle(Credit(121_000, Decimal(2)))
    assert story.asked[-1] == (56_500, 121_000)
    assert story.end().ended_ms == 56_500


def test_without_an_answer_the_call_goes_on_and_is_asked_again() -> None:
    story = Story()
    story.answer()
    lost: Pending[Any] = Pending()
    story.answers = [lost, Unavailable("away")]
    story.until(69.5)
    assert story.shared.failures.counts["accounts"] == 2
    assert (lost.given_up, story.posted) == (True, [])
    lost.settle(Credit(121_000, Decimal(2)))
    assert len(story.given_back) == 1
    story.until(90.0)
    assert story.posted == []
    story.answers = [NoCredit(why="nothing is left")] * 2
    story.until(200.0)
    assert len(story.posted) == 1


def test_without_an_answer_a_strict_account_ends_the_call_with_what_is_paid() -> None:
    story = Story(go_on=False)
    story.answer()
    story.answers = [Unavailable("away")]
    story.until(62.0)
    assert len(story.posted) == 1
    assert story.end().ended_ms == 61_000


def test_call_that_began_without_an_answer_is_paid_for_from_its_answer_on() -> None:
    story = Story(first_ms=0)
    story.answer()
    assert story.asked == [(1000, 1001)]
    story.until(56.5)
    assert story.asked[-1][1] == 91_000
    story.end()


def test_answer_that_comes_after_the_end_is_given_back() -> None:
    story = Story()
    story.answer()
    asked: Pending[Any] = Pending()
    story.answers = [asked]
    story.until(56.5)
    story.end()
    late = Credit(121_000, Decimal(2))
    asked.settle(late)
    assert story.given_back == [late]
    assert story.posted == []
