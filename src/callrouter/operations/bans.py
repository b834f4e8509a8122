"""Bans, as operators ask for them: who is banned, to ban and to hear an address again."""

from itertools import chain, islice
from typing import Final

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
from callrouter.state.bans_in_memory import Ban, banned_as

_WRONG: Final = "wrong passwords: only who was let in before"


class BannedAddress(OperationAnswer):
    """until: Unix seconds, 0 for no end."""

    address: str
    until: float
    why: str
    by_hand: bool


class BannedAddresses(OperationAnswer):
    """all: how many there are."""

    bans: list[BannedAddress]
    all: int


class AddBan(OperationRequest):
    """seconds: None for ever."""

    address: Name
    seconds: Seconds | None = None


class RemoveBan(OperationRequest):
    """address: any of its /64, if it is of IPv6."""

    address: Name


class BanRemoved(ChangeAnswer):
    """address: of IPv6 the first of its /64."""

    address: str


class BanAdded(BanRemoved):
    """until: Unix seconds, 0 for no end."""

    until: float


async def list_bans(running: RunningServer, request: Newest) -> BannedAddresses:
    """The addresses that are not heard, the newest first."""
    bans, clock = running.bans, running.clock
    now = clock.now()
    throttled = [
        Ban(source, until + clock.zero, _WRONG, by_hand=False)
        for source, until in running.throttle.throttled(now - clock.zero)
    ]
    return BannedAddresses(
        bans=[
            BannedAddress(**ban._asdict() | {"until": clock.wall(ban.until)})
            for ban in islice(chain(throttled, bans.newest(now)), request.most)
        ],
        all=len(throttled) + sum(1 for _ in bans.newest(now)),
    )


async def add_ban(running: RunningServer, request: AddBan) -> BanAdded:
    """Hears an IP address no more; of IPv6 its /64."""
    address, clock = _address(request.address), running.clock
    trunk = running.dialplan().trunk_of(address)
    if trunk is not None:
        raise ConflictError(
            f"{address} belongs to trunk {trunk.name}: take it out of its addresses instead"
        )
    until = clock.now() + request.seconds if request.seconds else 0.0
    if not running.bans.add(address, until):
        raise ConflictError("too many addresses are banned by hand already: use a firewall")
    return BanAdded(address=address, until=clock.wall(until), kept=await running.kept())


async def remove_ban(running: RunningServer, request: RemoveBan) -> BanRemoved:
    """Hears an IP address again, and forgets what it did."""
    address = _address(request.address)
    now, throttle = running.clock.now() - running.clock.zero, running.throttle
    throttled = [it for it, _ in throttle.throttled(now) if banned_as(it) == address]
    for source in throttled:
        throttle.lift(source)
    if not running.bans.remove(address) and not throttled:
        raise NotFoundError(f"{address} is not banned")
    return BanRemoved(address=address, kept=await running.kept())


def _address(text: str) -> str:
    try:
        return banned_as(text)
    except ValueError:
        raise BadValueError(f"{text} is not an IP address", "address", "an IP address") from None
