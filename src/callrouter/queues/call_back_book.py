"""Call-backs: who is to be called back, when it is tried, and what came of it (D3).

Theory. A machine without clock and output, as the distribution is: each method is something that
has happened, at a time `now`, and leaves in `changed` the jobs that are to be written down. Times
are those of the clock on the wall, Unix seconds, for jobs outlive the process.

A job that is due takes a place among those who wait for an agent, by the time of the missed call.
Only when an agent is there for it an attempt begins; so no more are under way than agents are free.

Rules.

- One who has a job already at a number gets no second one; one who calls again has none any more.
- An attempt is counted when it begins, in the same write by which it is claimed. Who claims a job
  holds it for a while, and says again and again that it still does. A job whose holder is gone is
  taken up again, as if that attempt had not been.
- Whatever ends a job, it ends once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from callrouter.serializable import Serializable

WAITING: Final = "waiting"
CALLING: Final = "calling"
ENDED: Final = "ended"

# Why a job ended.
CONNECTED: Final = "connected"
CALLED_AGAIN: Final = "called_again"
CALLED: Final = "called"
BY_HAND: Final = "cancelled"
USED_UP: Final = "attempts_used"
TOO_LATE: Final = "too_late"
NO_RULE: Final = "no_rule"
ENDS: Final = (CONNECTED, CALLED_AGAIN, CALLED, BY_HAND, USED_UP, TOO_LATE, NO_RULE)

LEASE_SECONDS: Final = 15.0
"""How long a job is held that its holder says nothing of."""


@dataclass(slots=True, kw_only=True)
class CallBackRule(Serializable):
    """How callers are called back. queue: whose agents are rung first. attempts: at most.

    delay_seconds: from the end of one to the next. within_seconds: after the missed call none
    begins any more.
    """

    name: str
    queue: str
    attempts: int
    delay_seconds: float
    within_seconds: float


@dataclass(slots=True, kw_only=True, frozen=True)
class CallBackJob:
    """Somebody who is to be called back.

    id: that of the call that was missed, or one of its own. rule: by its name. number: the
    dialplan's key that was called, called: as it was dialled; both "" for none. caller: as calls
    are compared, dialled: what is dialled to reach it. missed_at: what its place counts from. due:
    of the next attempt. attempts: begun so far. state: one of STATES. why: it ended, one of ENDS;
    before, how the last attempt went. lease: until then it is held by who makes an attempt.
    """

    id: str
    rule: str
    number: str
    called: str
    caller: str
    dialled: str
    missed_at: float
    due: float
    attempts: int = 0
    state: str = WAITING
    why: str = ""
    lease: float = 0.0


class CallBackBook:
    """The jobs that have not ended, by id. changed: those to be written down; taken by the owner.

    queued: those that have a place among who waits.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, CallBackJob] = {}
        self.changed: list[CallBackJob] = []
        self.queued: set[str] = set()

    def add(self, job: CallBackJob) -> bool:
        """Somebody is to be called back; False who is already."""
        if job.id in self.jobs or self.of(job.caller, job.number):
            return False
        self.jobs[job.id] = job
        self.changed.append(job)
        return True

    def found(self, job: CallBackJob) -> None:
        """Somebody else, or an earlier process, has written down a job."""
        if job.id not in self.jobs:
            self.jobs[job.id] = job

    def forget(self, id: str) -> None:
        """Somebody else has a job now, or has ended it."""
        self.jobs.pop(id, None)
        self.queued.discard(id)

    def of(self, caller: str, number: str | None = None) -> list[CallBackJob]:
        """The jobs for a caller; of one number, or of all."""
        return [
            job
            for job in self.jobs.values()
            if job.caller == caller and (number is None or job.number == number)
        ]

    def to_queue(
        self, now: float, rules: Callable[[str], CallBackRule | None]
    ) -> list[CallBackJob]:
        """The jobs that take a place now, the first missed first; what is too late ends.

        rules: the rule of a name while it may be called back by it, None when it may not now.
        """
        taken = []
        for job in sorted(self.jobs.values(), key=lambda one: one.missed_at):
            if job.state != WAITING or job.id in self.queued or job.due > now:
                continue
            rule = rules(job.rule)
            if rule is not None and now > job.missed_at + rule.within_seconds:
                self.end(job.id, TOO_LATE)
            elif rule is not None:
                self.queued.add(job.id)
                taken.append(job)
        return taken

    def unqueue(self, id: str, until: float) -> None:
        """A job has lost its place before an attempt began, and takes one again at a time."""
        self.queued.discard(id)
        job = self.jobs.get(id)
        if job is not None and job.state == WAITING and job.due < until:
            self.jobs[id] = replace(job, due=until)

    def begun(self, id: str, now: float) -> CallBackJob | None:
        """An attempt is about to begin: the job as it is to be claimed; None when it has ended."""
        job = self.jobs.get(id)
        if job is None or job.state != WAITING:
            return None
        job = replace(job, state=CALLING, attempts=job.attempts + 1, lease=now + LEASE_SECONDS)
        self.jobs[id] = job
        return job

    def held(self, id: str, now: float) -> None:
        """An attempt is still under way."""
        job = self.jobs.get(id)
        if job is not None and job.state == CALLING:
            self._put(replace(job, lease=now + LEASE_SECONDS))

    def undone(self, id: str, now: float, rule: CallBackRule) -> None:
        """An attempt came to nothing before anybody was rung, and is not counted."""
        job = self.jobs.get(id)
        if job is not None and job.state == CALLING:
            self.queued.discard(id)
            due = now + rule.delay_seconds
            self._put(replace(job, state=WAITING, attempts=job.attempts - 1, due=due, lease=0.0))

    def failed(self, id: str, why: str, now: float, rule: CallBackRule) -> None:
        """An attempt is over, and the caller was not connected. why: as `CallBackJob` has it."""
        job = self.jobs.get(id)
        if job is None or job.state != CALLING:
            return
        self.queued.discard(id)
        if job.attempts >= rule.attempts:
            self.end(id, USED_UP)
            return
        due = now + rule.delay_seconds
        self._put(replace(job, state=WAITING, why=why, due=due, lease=0.0))

    def end(self, id: str, why: str) -> bool:
        """A job is over; False when it was before. why: one of ENDS."""
        job = self.jobs.pop(id, None)
        self.queued.discard(id)
        if job is None:
            return False
        self.changed.append(replace(job, state=ENDED, why=why, lease=0.0))
        return True

    def next_due(self) -> float | None:
        """When the next job is due that has no place yet; None for none. What is due may be past:
        it waits for its hours, or for its rule.
        """
        dues = [
            job.due
            for job in self.jobs.values()
            if job.state == WAITING and job.id not in self.queued
        ]
        return min(dues) if dues else None

    def _put(self, job: CallBackJob) -> None:
        self.jobs[job.id] = job
        self.changed.append(job)


def taken_up(job: CallBackJob, now: float) -> CallBackJob:
    """A job whose holder is gone, as it is tried again: that attempt does not count."""
    return replace(job, state=WAITING, attempts=max(0, job.attempts - 1), due=now, lease=0.0)
