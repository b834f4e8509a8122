"""Bans, as operators ask for them: who is banned, to ban and to hear an address again."""

from itertools import islice
from typing import Any

from callrouter.errors import CallrouterError
from callrouter.operations.requests import AddBan, ListBans, RemoveBan
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.state.bans import banned_as
from callrouter.state.memory import Memory


class BanError(CallrouterError):
    """An address that cannot be banned, or was not."""


def answer(
    request: ListBans | AddBan | RemoveBan, memory: Memory, dialplan: Dialplan
) -> dict[str, Any]:
    """Do what is asked. Raises BanError."""
    bans, clock = memory.bans, memory.clock
    now = clock.now()
    if isinstance(request, ListBans):
        listed = [
            ban._asdict() | {"until": clock.wall(ban.until)}
            for ban in islice(bans.newest(now), request.most)
        ]
        return {"bans": listed, "all": sum(1 for _ in bans.newest(now))}
    try:
        address = banned_as(request.address)
    except ValueError:
        raise BanError(f"{request.address} is not an IP address") from None
    if isinstance(request, RemoveBan):
        if not bans.remove(address):
            raise BanError(f"{address} is not banned")
        return {"address": address}
    trunk = dialplan.trunk_of(address)
    if trunk is not None:
        raise BanError(
            f"{address} belongs to trunk {trunk.name}: take it out of its addresses instead"
        )
    until = now + request.seconds if request.seconds else 0.0
    if not bans.add(address, until):
        raise BanError("too many addresses are banned by hand already: use a firewall")
    return {"address": address, "until": clock.wall(until)}
