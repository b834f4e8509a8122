"""Call-backs, as operators ask for them: who is called back, who is no more, and why."""

from callrouter.operations.operation import (
    ConflictError,
    Name,
    Newest,
    NotFoundError,
    OperationAnswer,
    OperationRequest,
    RunningServer,
)
from callrouter.queues.call_back_book import CallBackJob


class CallBackStatus(OperationAnswer):
    """Somebody who is, or was, to be called back.

    id: of the call that was missed, or its own. number: that was called, "" for none. missed_at,
    due: Unix seconds; due: of the next attempt, of the last one once it is calling or ended. state:
    waiting, calling or ended. why: it ended; before, what came of the last attempt.
    """

    id: str
    rule: str
    number: str
    caller: str
    missed_at: float
    due: float
    attempts: int
    state: str
    why: str


class CallBackList(OperationAnswer):
    """call_backs: whose call was missed last is first."""

    call_backs: list[CallBackStatus]


class AddCallBack(OperationRequest):
    """rule: of the dialplan. caller: number to be called. number: key of the dialplan that is
    shown.
    """

    rule: Name
    caller: Name
    number: Name


class OneCallBack(OperationRequest):
    """id: as the list has it."""

    id: Name


async def list_call_backs(running: RunningServer, request: Newest) -> CallBackList:
    """Who is to be called back, and who was, the last missed first."""
    jobs = await running.answer_of("call_backs", running.call_backs(request.most))
    return CallBackList(call_backs=[_status(job) for job in jobs])


async def add_call_back(running: RunningServer, request: AddCallBack) -> CallBackStatus:
    """Has somebody called back, as soon as an agent is free."""
    dialplan = running.dialplan()
    if request.rule not in dialplan.call_backs:
        raise NotFoundError(f"the dialplan has no rule of call-backs {request.rule}")
    number = dialplan.numbers.get(request.number)
    if number is None:
        raise NotFoundError(f"the dialplan has no number {request.number}")
    job = running.call_back(request.rule, request.caller, request.number, number.normal)
    if isinstance(job, str):
        raise ConflictError(f"{request.caller} is not called back: {job}")
    return _status(job)


async def cancel_call_back(running: RunningServer, request: OneCallBack) -> CallBackStatus:
    """Has somebody called back no more. An attempt that is under way ends; no conversation does."""
    job = running.cancel_call_back(request.id)
    if job is None:
        raise NotFoundError(f"nobody is to be called back as {request.id}")
    return _status(job)


def _status(job: CallBackJob) -> CallBackStatus:
    return CallBackStatus(
        id=job.id,
        rule=job.rule,
        number=job.number,
        caller=job.caller,
        missed_at=job.missed_at,
        due=job.due,
        attempts=job.attempts,
        state=job.state,
        why=job.why,
    )
