"""Call-backs carried out: who was missed is noted, and called when an agent is there for it (D3).

Theory. What is to be done when is in `queues/call_back_book.py`. Here it is told what happens: the
ends of calls, who calls again, which agents the queues offer. A job that is due has a place in its
queue under the id of the call that will be begun; the first offer makes it one.

Rules. Nothing is rung before the claim of the attempt is on disk. A job that is cancelled takes its
call with it, unless both talk already.
"""

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from callrouter.call.admission.admitted_calls import Calls
from callrouter.call.call import Call
from callrouter.call.flows.call_back import NO_AGENT, CallBackOrder, call_back
from callrouter.call.legs.absent_caller import introducing_silence
from callrouter.call.legs.events import Event
from callrouter.call.services.call_events import CallEvents
from callrouter.call.services.queue_port import (
    CallQueues,
    QueueEvent,
    QueueOffered,
    QueueOverflowed,
    QueueWithdrawn,
)
from callrouter.call.services.record import CallRecord
from callrouter.call.services.shared_state import SECONDS, CallBackStore
from callrouter.metric import Rows, counter, gauge
from callrouter.pending import Later, Unavailable, wait
from callrouter.queues import call_back_book as jobs
from callrouter.queues.call_back_book import CallBackBook, CallBackJob, CallBackRule
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.callers.destinations import destination, is_emergency
from callrouter.route.callers.number_lists import Caller
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.number_rules import Number
from callrouter.route.rules.outbound_lines import Shown
from callrouter.route.rules.queue_setup import CallBackSetup
from callrouter.route.values import refusal_reasons as reasons
from callrouter.route.values.decision import OUTBOUND
from callrouter.route.values.facts import Facts
from callrouter.route.values.media_steps import Voice
from callrouter.route.values.plan import Verdict
from callrouter.route.values.seeded_random import Dice
from callrouter.route.values.snapshot import Snapshot
from callrouter.sip.stack import Stack
from callrouter.sip.timers import Timer

_LOOK_SECONDS: Final = 20.0
"""At the latest so often it is looked whether hours have begun, while somebody waits for them."""
_HOLD_SECONDS: Final = 5.0
_CLAIM_SECONDS: Final = 2.0
_INSIDE: Final = re.compile(r"[0-9]{1,5}|[A-Za-z][A-Za-z0-9._+-]{0,63}")
"""What is no telephone number, and yet somebody at the gateway that it came from."""
_NOT_MISSED: Final = frozenset(
    {
        *(reasons.UNKNOWN_TRUNK, reasons.NOT_FROM_HERE, reasons.NOT_LISTED, reasons.BLOCKED_CALLER),
        *(reasons.AUTO_BLOCKED, reasons.BLOCKED_BY_HAND, reasons.AREA_REFUSED),
        *(reasons.COUNTRY_REFUSED, reasons.FORWARDED_TOO_OFTEN, reasons.UNUSABLE_OFFER),
    }
)
"""Whoever is not to be let in is not called back either."""


class Reach(NamedTuple):
    """How a caller is reached. dialled: "" for one who may not be called back. why: that is so."""

    dialled: str
    why: str = ""


def reached_by(caller: str, setup: CallBackSetup, country: str) -> Reach:
    """What is dialled to reach a caller. country: in which it is read."""
    goal = destination(caller, country)
    if goal is None:
        return _inside(caller, country)
    if not goal.number:
        return Reach("", "it is a short number, which may cost more")
    if goal.kind:
        return Reach("", f"it costs more: {goal.kind}")
    if not setup.countries.issuperset(goal.countries):
        return Reach("", f"the rule has not its country: {' '.join(goal.countries)}")
    return Reach(goal.dialled)


def _inside(caller: str, country: str) -> Reach:
    """How somebody is reached who has no telephone number: at the gateway that they came from."""
    if not Caller(caller, country).identity:
        return Reach("", "who hides the number is not called back")
    if is_emergency(caller, country):
        return Reach("", "it is an emergency number")
    if _INSIDE.fullmatch(caller) is None:
        return Reach("", "it is no telephone number")
    return Reach(caller)


def was_missed(record: CallRecord) -> bool:
    """Say whether nobody has talked to a caller, who was let in and left no message."""
    if record.extension or record.call_back_of or record.reason in _NOT_MISSED:
        return False
    if any(leg.answered_ms is not None for leg in record.legs):
        return False
    if any(message.result == "complete" for message in record.voicemail):
        return False
    return bool(record.legs or record.queues) or record.answered_ms is None


class _Attempt:
    """A job that has a place in a queue. name: id of its call. call: None until it is begun.

    offers: made before it was. claimed: its claim is asked for.
    """

    __slots__ = ("call", "claimed", "id", "name", "offers", "rule")

    def __init__(self, id: str, name: str, rule: CallBackRule) -> None:
        self.id = id
        self.name = name
        self.rule = rule
        self.call: Call | None = None
        self.claimed = False
        self.offers: list[QueueOffered] = []


class CallBacks:
    """All call-backs of this process. book: the jobs. ended: how many have, by why."""

    def __init__(
        self,
        stack: Stack,
        calls: Calls,
        queues: CallQueues,
        events: CallEvents,
        snapshot: Callable[[], Snapshot],
        store: CallBackStore,
    ) -> None:
        self.book = CallBackBook()
        self.store = store
        self.ended = dict.fromkeys(jobs.ENDS, 0)
        self._stack = stack
        self._calls = calls
        self._queues = queues
        self._events = events
        self._snapshot = snapshot
        self._attempts: dict[str, _Attempt] = {}
        self._watching = False
        self._timer: Timer | None = None

    # What it is run by.

    def serve(self, dialplan: Dialplan) -> None:
        """Call back by the rules of this dialplan from now on, in a step of the stack."""
        wanted = bool(dialplan.call_backs)
        if wanted:
            self.store.start(self._found)
        self._watch(wanted)
        for job in [*self.book.jobs.values()]:
            if job.rule not in dialplan.call_backs and job.state == jobs.WAITING:
                self.cancel(job.id, jobs.NO_RULE)
        self._look()

    def add(self, rule: str, caller: str, number: str, called: str) -> CallBackJob | str:
        """Call somebody back; text that says why not. In such a step.

        rule: of the dialplan. number: its key whose number is shown, called: that number.
        """
        wall = self._wall()
        return self._add(self._calls.new_id(wall), rule, number, called, caller, wall)

    def cancel(self, id: str, why: str = jobs.BY_HAND) -> bool:
        """Call somebody back no more; False when there is no such job. In such a step."""
        if not self.book.end(id, why):
            return False
        self._drop(id, why)
        self._write()
        return True

    # What happens.

    def _watch(self, wanted: bool) -> None:
        """Hear of calls while somebody may be called back."""
        if wanted == self._watching:
            return
        self._watching = wanted
        events = self._events
        if wanted:
            events.started.subscribe(self._started)
            events.answered.subscribe(self._answered)
            events.ended.subscribe(self._ended)
        else:
            events.started.unsubscribe(self._started)
            events.answered.unsubscribe(self._answered)
            events.ended.unsubscribe(self._ended)

    def _found(self, found: Sequence[CallBackJob]) -> None:
        for job in found:
            self.book.found(job)
        self._look()

    def _started(self, record: CallRecord) -> None:
        """Who calls again is called back no more."""
        if self.book.jobs and not record.call_back_of and not record.extension:
            for job in self.book.of(record.caller_number or record.caller, record.number):
                self.cancel(job.id, jobs.CALLED_AGAIN)

    def _answered(self, record: CallRecord) -> None:
        """Whom somebody talks to is called back no more."""
        if record.call_back_of:
            if self.book.end(record.call_back_of, jobs.CONNECTED):
                self._write()
        elif self.book.jobs and record.direction == OUTBOUND:
            for job in self.book.of(self._called_out(record)):
                self.cancel(job.id, jobs.CALLED)

    def _called_out(self, record: CallRecord) -> str:
        """The number that a telephone has called outside, without what chose the line."""
        dialplan = self._calls.dialplan
        dialled = numbers.without_separators(record.called)
        if dialplan.outbound is not None:
            dialled = dialplan.outbound.chosen(dialled)[1]
        return numbers.written(dialled, dialplan.country)

    def _ended(self, record: CallRecord) -> None:
        """A call is over: an attempt, or one after which somebody is to be called back."""
        if record.call_back_of:
            self._attempt_over(record)
            return
        number = self._calls.dialplan.numbers.get(record.number)
        rule = record.promised
        if not rule and number is not None and number.call_back and was_missed(record):
            rule = number.call_back
        if rule:
            # As it came where that means the same here, for so the gateway writes numbers.
            caller, country = record.caller, self._calls.dialplan.country
            if numbers.written(caller, country) != record.caller_number:
                caller = record.caller_number
            called = record.called_number or record.called
            self._add(record.id, rule, record.number, called, caller, record.started)

    def _add(
        self, id: str, rule: str, number: str, called: str, caller: str, missed_at: float
    ) -> CallBackJob | str:
        dialplan = self._calls.dialplan
        setup = dialplan.call_backs.get(rule)
        if setup is None:
            return f"the dialplan has no rule of call-backs {rule}"
        dialled, why = reached_by(caller, setup, dialplan.country)
        if why:
            return why
        job = CallBackJob(
            id=id,
            rule=rule,
            number=number,
            called=called,
            caller=numbers.written(caller, dialplan.country) or caller,
            dialled=dialled,
            missed_at=missed_at,
            due=self._wall(),
        )
        if not self.book.add(job):
            return "they are called back already"
        self._write()
        self._look()
        return job

    # When.

    def _wall(self) -> float:
        return self._calls.epoch + self._stack.now + self._snapshot().ahead

    def _open_rule(self, name: str) -> CallBackRule | None:
        """The rule of a name, None while nobody is called back by it."""
        setup = self._calls.dialplan.call_backs.get(name)
        if setup is None:
            return None
        if setup.schedule is not None:
            overrides = self._snapshot().overrides
            if not setup.schedule.hours(self._wall(), overrides).open:
                return None
        return setup.rule

    def _look(self) -> None:
        """Give all that is due a place in its queue, and wait for what is next."""
        for job in self.book.to_queue(self._wall(), self._open_rule):
            self._queue(job)
        self._write()
        self._rearm()

    def _queue(self, job: CallBackJob) -> None:
        stack, wall = self._stack, self._wall()
        rule = self._calls.dialplan.call_backs[job.rule].rule
        attempt = _Attempt(job.id, self._calls.new_id(wall), rule)
        self._attempts[job.id] = attempt
        missed = stack.now - (wall - job.missed_at)
        post = partial(self._told, attempt)
        asked = self._queues.call_back(attempt.name, rule.queue, stack.now, missed, post)
        wait(stack.timers, stack.now + SECONDS, asked, partial(self._joined, attempt))

    def _joined(self, attempt: _Attempt, answer: bool | Unavailable) -> None:
        if answer is not True:
            self._put_off(attempt)

    def _put_off(self, attempt: _Attempt) -> None:
        """A place is lost before an attempt began: take one again later."""
        if self._attempts.get(attempt.id) is attempt:
            del self._attempts[attempt.id]
            self._queues.leave(attempt.name, self._stack.now, "later")
            self.book.unqueue(attempt.id, self._wall() + attempt.rule.delay_seconds)
            self._rearm()

    def _rearm(self) -> None:
        now, wall = self._stack.now, self._wall()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.book.next_due()
        times = [] if due is None else [min(due - wall, _LOOK_SECONDS)]
        if due is not None and due <= wall:
            times = [_LOOK_SECONDS]  # it waits for its hours
        if any(attempt.claimed for attempt in self._attempts.values()):
            times.append(_HOLD_SECONDS)
        if times:
            self._timer = self._stack.timers.start(now + min(times), self._on_due)

    def _on_due(self, _now: float) -> None:
        self._timer = None
        for attempt in self._attempts.values():
            if attempt.claimed:
                self.book.held(attempt.id, self._wall())
        self._look()

    def _write(self) -> None:
        changed, self.book.changed = self.book.changed, []
        for job in changed:
            self.store.put(job)
            if job.state == jobs.ENDED:
                self.ended[job.why] += 1

    # Attempts.

    def _told(self, attempt: _Attempt, event: QueueEvent) -> None:
        """The queue has something to say to who is to be called back."""
        if attempt.call is not None:
            attempt.call.inbox.post(event)
        elif isinstance(event, QueueOffered):
            attempt.offers.append(event)
            if not attempt.claimed:
                self._claim(attempt)
        elif isinstance(event, QueueWithdrawn):
            attempt.offers = [one for one in attempt.offers if one.token != event.token]
        elif isinstance(event, QueueOverflowed) and not attempt.claimed:
            self._put_off(attempt)

    def _claim(self, attempt: _Attempt) -> None:
        """An agent is there: the attempt is claimed before anybody is rung."""
        job = None
        if self._attempts.get(attempt.id) is attempt and not self._calls.is_full:
            job = self.book.begun(attempt.id, self._wall())
        if job is None:
            self._put_off(attempt)
            return
        attempt.claimed = True
        stack = self._stack
        granted: Later[bool] = self.store.claim(job)
        done = partial(self._claimed, attempt, job)
        wait(stack.timers, stack.now + _CLAIM_SECONDS, granted, done)
        self._rearm()

    def _claimed(self, attempt: _Attempt, job: CallBackJob, answer: bool | Unavailable) -> None:
        if self._attempts.get(attempt.id) is not attempt:
            return  # cancelled meanwhile, and that is written behind the claim
        if answer is True and attempt.offers:
            self._begin(attempt, job)
            return
        del self._attempts[attempt.id]
        self._queues.leave(attempt.name, self._stack.now, "later")
        if answer is False:
            self.book.forget(attempt.id)
        else:
            self.book.undone(attempt.id, self._wall(), attempt.rule)
        self._write()
        self._rearm()

    def _begin(self, attempt: _Attempt, job: CallBackJob) -> None:
        """Begin the call of an attempt."""
        dialplan = self._calls.dialplan
        setup = dialplan.call_backs.get(job.rule)
        if setup is None:
            self.cancel(job.id, jobs.NO_RULE)
            return
        record = self._record(attempt.name, job)
        shown = job.called
        snapshot = self._snapshot()
        trace: list[Verdict] = []
        rule = setup.by.dials(job.dialled, Shown(shown or setup.by.caller_id), "", 0.0)
        hunt = rule.at(Dice(snapshot.seed), 0, snapshot, trace)
        why = f"attempt {job.attempts} of {setup.rule.attempts} to call back"
        place = setup.file, setup.line
        record.trace = (Verdict(f"call_back {job.rule}", True, job.caller, why, *place), *trace)
        at = self._calls.epoch + self._stack.now
        facts = Facts(record.trunk, "", shown, job.dialled, at=at)
        number = dialplan.numbers.get(job.number)
        account = "" if number is None else number.account
        offer = attempt.offers[0]
        order = CallBackOrder(setup.rule.queue, hunt, offer, account, _voice(number))
        told = introducing_silence(job.caller, self._stack.token())

        def script(call: Call) -> Coroutine[None, Event, bool]:
            attempt.call = call
            return call_back(call, order)

        self._calls.begin(record, facts, told, script)
        for offer in attempt.offers[1:]:
            self._told(attempt, offer)

    def _record(self, name: str, job: CallBackJob) -> CallRecord:
        """Begin the record of an attempt."""
        dialplan = self._calls.dialplan
        record = self._calls.own_record(self._wall(), OUTBOUND, name)
        record.call_back_of = job.id
        record.number = job.number
        record.rate_plans = dialplan.rate_plans
        number = dialplan.numbers.get(job.number)
        record.rate_plan = "" if number is None else number.rate_plan
        record.caller = job.called
        record.caller_number = numbers.written(job.called, dialplan.country)
        record.called = job.dialled
        record.called_number = job.caller
        return record

    def _attempt_over(self, record: CallRecord) -> None:
        job = record.call_back_of
        attempt = self._attempts.pop(job, None)
        if attempt is not None:
            self.book.failed(job, _outcome(record), self._wall(), attempt.rule)
            self._write()
        self._look()

    def _drop(self, id: str, why: str) -> None:
        """A job has ended: so does its attempt."""
        attempt = self._attempts.pop(id, None)
        if attempt is None:
            return
        if attempt.call is not None:
            attempt.call.inbox.post(QueueOverflowed(why=why))
        else:
            self._queues.leave(attempt.name, self._stack.now, why)


def _voice(number: Number | None) -> Voice | None:
    """The media of a call-back: recorded as its number says, by the agent and not by the customer.

    None for what goes end to end.
    """
    voice = None if number is None else number.voice
    if voice is None or not (voice.recording is not None or voice.warned):
        return None
    recording = voice.recording
    if recording is not None:
        recording = replace(recording, outgoing=True)
    return replace(voice, recording=recording, survey=None)


def _outcome(record: CallRecord) -> str:
    """What came of an attempt that has connected nobody."""
    if record.reason == reasons.NO_CREDIT:
        return reasons.NO_CREDIT
    if not record.extension:
        return NO_AGENT
    last = record.legs[-1]
    return "agent_left" if record.hung_up_by == "caller" else last.result


METRICS: Final[Rows[CallBacks]] = (
    gauge(
        "callrouter_call_backs",
        "This many callers are to be called back now: waiting for an agent, their hours or the "
        "next attempt, or being called.",
        lambda it: {
            state: sum(job.state == state for job in [*it.book.jobs.values()])
            for state in (jobs.WAITING, jobs.CALLING)
        },
        "state",
    ),
    counter(
        "callrouter_call_backs_ended",
        "Each caller who is called back no more adds one, by why; docs/queues.md says what they "
        "mean.",
        lambda it: it.ended,
        "why",
    ),
)
