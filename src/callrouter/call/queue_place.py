"""The place of a call in a queue: taken, and given back however the wait ends (D1)."""

from callrouter.call.call import Call
from callrouter.call.legs.reply import Wait, reply
from callrouter.call.services.record import QueueRecord
from callrouter.call.services.shared_state import SECONDS
from callrouter.pending import Later, Unavailable
from callrouter.route.values.media_steps import EnterQueue, VoiceStep
from callrouter.route.values.plan import Hunt


class PutInQueue(Exception):  # noqa: N818 - it is no error: the caller goes on there
    """A caller was put into a queue by who talked to it, and has a place there.

    act: the step. behind: the steps that the route has after it.
    """

    def __init__(self, act: EnterQueue, behind: tuple[Hunt | VoiceStep, ...]) -> None:
        super().__init__()
        self.act = act
        self.behind = behind


async def take_place(call: Call, step: EnterQueue, asking: Wait) -> str:
    """Have a place in a queue; returns what came of it when there is none, "" when there is one.

    asking: awaits the next event while the queues are asked. Raises Over.
    """
    record = QueueRecord(queue=step.queue, joined_ms=call.ms())
    call.record.queues += (record,)
    queues, name = call.shared.queues, call.record.id
    asked = queues.join(name, step.queue, call.now, step.priority, step.skills, call.inbox.post)
    joined: bool | Unavailable | None = None
    try:
        joined = await ask_queues(call, asked, asking)
    finally:
        if joined is None:
            leave_place(call)
    if joined is not True:
        record.outcome = "full" if joined is False else "unavailable"
        leave_place(call)
    return record.outcome


def leave_place(call: Call) -> QueueRecord:
    """A caller waits no more, however that came about; the record of where it waited last."""
    record = call.record.queues[-1]  # it may have been moved
    if not record.outcome:
        record.outcome = "ended" if call.record.hung_up_by == "callrouter" else "abandoned"
    record.left_ms = call.ms()
    if record.outcome != "answered":
        call.withdraw("")
        call.shared.queues.leave(call.record.id, call.now, record.outcome)
    return record


async def ask_queues(call: Call, asked: Later[bool], asking: Wait) -> bool | Unavailable:
    """Wait for an answer of the queues, but not for long. asking: awaits events. Raises Over."""
    answer = await reply(call.inbox, asking, asked, call.now + SECONDS)
    if isinstance(answer, Unavailable):
        call.shared.failures.add("queues", answer.why)
    return answer
