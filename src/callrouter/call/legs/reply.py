"""The wait of a script for the answer of a service, or for the end of its time."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TypeVar

from callrouter.call.legs.events import Deadline, Event, Replied
from callrouter.call.legs.inbox import Inbox
from callrouter.pending import LATE, Later, Pending, Unavailable, drop

T = TypeVar("T")

Wait = Callable[[float], Coroutine[None, Event, Event]]
"""Waits for the next event of a call until a time, as `Inbox.next`, and deals with all that is none
of the asker's affair; raises what ends the script."""


async def reply(
    inbox: Inbox,
    wait: Wait,
    asked: Later[T],
    until: float,
    unwanted: Callable[[T | Unavailable], None] = drop,
) -> T | Unavailable:
    """The answer of a service, `Unavailable` when it has not come in time.

    unwanted: takes it when the script ended meanwhile, or when it comes too late.
    """
    if not isinstance(asked, Pending):
        return asked
    asked.then(partial(inbox.post, Replied()))
    taken: T | Unavailable | None = None
    try:
        while asked.answer is None and not isinstance(await wait(until), Deadline):
            pass
        taken = asked.answer
    finally:
        if taken is None:
            asked.give_up(unwanted)
    return LATE if taken is None else taken
