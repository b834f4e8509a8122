"""Blocked callers, as operators ask for them: who is blocked, to block and to release one."""

from contextlib import suppress

from callrouter.call.services.shared_state import Block
from callrouter.dialplan.areas.list_files import blocked_by_hand
from callrouter.errors import ParseError
from callrouter.operations.operation import (
    BadValueError,
    ChangeAnswer,
    ConflictError,
    Name,
    Newest,
    NotFoundError,
    OperationAnswer,
    OperationRequest,
    RunningServer,
    Seconds,
)
from callrouter.route.callers.number_lists import Caller
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.sip.uri import subscriber_in


class ListBlocks(Newest):
    """caller: only what refuses this one."""

    caller: Name | None = None


class BlockedCaller(OperationAnswer):
    """number: "" for all of them. until: Unix seconds, 0 for no end."""

    number: str
    caller: str
    until: float
    by_hand: bool


class RefusingList(OperationAnswer):
    """A list of the dialplan that refuses the caller. why: by which entry."""

    list: str
    why: str


class BlockList(OperationAnswer):
    """all: how many there are. lists: those that refuse the caller, if one was asked for."""

    blocks: list[BlockedCaller]
    all: int
    lists: list[RefusingList]


class AddBlock(OperationRequest):
    """number: None for all of them. seconds: None for ever."""

    caller: Name
    number: Name | None = None
    seconds: Seconds | None = None


class RemoveBlock(OperationRequest):
    """number: None for where all numbers refuse the caller."""

    caller: Name
    number: Name | None = None


class BlockRemoved(ChangeAnswer):
    """callers: what the blocks are kept by; first digits such as 5* are those of two kinds."""

    number: str
    callers: list[str]


class BlockAdded(BlockRemoved):
    """until: Unix seconds, 0 for no end."""

    until: float


async def list_blocks(running: RunningServer, request: ListBlocks) -> BlockList:
    """The callers that are blocked, the newest first."""
    clock = running.clock
    found = await running.answer_of("blocks", running.shared.blocks.newest(clock.now()))
    lists = list[RefusingList]()
    if request.caller is not None:
        wanted = _known(running, request.caller)
        lists = _refusing(running.dialplan(), _sent(running, request.caller))
        found = [block for block in found if _refuses(block, wanted)]
    return BlockList(
        blocks=[
            BlockedCaller(**block._asdict() | {"until": clock.wall(block.until)})
            for block in found[: request.most]
        ],
        all=len(found),
        lists=lists,
    )


async def add_block(running: RunningServer, request: AddBlock) -> BlockAdded:
    """Refuses a caller, or all whose numbers begin so, at one number or at all."""
    clock, blocks, number = running.clock, running.shared.blocks, request.number or ""
    callers = _callers(running, request.caller)
    if number and number not in running.dialplan().numbers:
        raise NotFoundError(f"the dialplan has no number {number}")
    until = clock.now() + request.seconds if request.seconds else 0.0
    for caller in callers:
        if not await running.answer_of("blocks", blocks.block(number, caller, until)):
            raise ConflictError("too many callers are blocked by hand already: use a list")
    kept = await running.kept()
    return BlockAdded(number=number, callers=list(callers), until=clock.wall(until), kept=kept)


async def remove_block(running: RunningServer, request: RemoveBlock) -> BlockRemoved:
    """Releases a caller, and forgets their calls."""
    number = request.number or ""
    released = [
        caller
        for caller in _known(running, request.caller)
        if await running.answer_of("blocks", running.shared.blocks.unblock(number, caller))
    ]
    if not released:
        where = f"at number {number}" if number else "at all numbers"
        raise NotFoundError(f"{request.caller} is not blocked {where}")
    return BlockRemoved(number=number, callers=released, kept=await running.kept())


def _callers(running: RunningServer, text: str) -> tuple[str, ...]:
    """What a block of these callers is kept by; read as in lists, or out of a URI."""
    try:
        return blocked_by_hand(subscriber_in(text), running.dialplan().country)
    except (ValueError, ParseError) as error:
        raise BadValueError(str(error), "caller", "a number or its first digits") from error


def _refuses(block: Block, wanted: tuple[str, ...]) -> bool:
    """Whether a block is of one of these, or of first digits that one of them begins with."""
    begins = block.caller.removesuffix("*")
    return block.caller in wanted or (
        block.by_hand and begins != block.caller and any(one.startswith(begins) for one in wanted)
    )


def _refusing(dialplan: Dialplan, caller: Caller) -> list[RefusingList]:
    """The lists of callers, of any number's `block`, that have this one."""
    uses = (use for number in dialplan.numbers.values() for use in number.screen.block)
    lists = {use.list.name: use.list for use in uses}
    found = ((name, one.stops(caller)) for name, one in lists.items())
    return [RefusingList(list=name, why=why) for name, why in found if why]


def _known(running: RunningServer, text: str) -> tuple[str, ...]:
    """What a block may be kept by: of those made automatically, names are some."""
    try:
        return (*_callers(running, text), text)
    except BadValueError:
        caller = _sent(running, text)
        return (caller.key, caller.sent)


def _sent(running: RunningServer, text: str) -> Caller:
    """A caller who sends this text, or has this URI."""
    with suppress(ParseError):
        text = subscriber_in(text)
    return Caller(text, running.dialplan().country)
