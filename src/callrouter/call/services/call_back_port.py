"""The port of call-backs: where jobs are written down, so that none is lost and none done twice.

Rules. What is put is written in the order in which it was put. An attempt begins only when its
claim was granted, which is so for one process of all that have the same jobs.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from callrouter.pending import Later
from callrouter.queues.call_backs import CallBackJob


class CallBackStore(Protocol):
    """The jobs on disk. Nobody waits for it but who claims a job, or asks for the list."""

    def start(self, found: Callable[[Sequence[CallBackJob]], None]) -> None:
        """Begin, if that was not done. found: told of jobs that somebody else has left."""

    def put(self, job: CallBackJob) -> None:
        """Write down a job as it is now."""

    def claim(self, job: CallBackJob) -> Later[bool]:
        """Write down that an attempt begins; False when the job is another one by now."""

    def newest(self, most: int) -> Later[Sequence[CallBackJob]]:
        """The jobs whose calls were missed last, those that have ended too."""
