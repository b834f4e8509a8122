"""Gateways, as operators ask for them: how they are, to drain and to enable them again."""

from itertools import islice

from callrouter.operations.operation import (
    MOST,
    ChangeAnswer,
    ConflictError,
    Name,
    NotFoundError,
    NoValues,
    OperationAnswer,
    OperationRequest,
    RunningServer,
)
from callrouter.state.gateway_health import Standing, Watched, key_of
from callrouter.state.steady_clock import SteadyClock


class OneGateway(OperationRequest):
    """gateway: its name in the dialplan."""

    gateway: Name


class GatewayPlace(OperationAnswer):
    """place: transport, address and port. rests_until: Unix seconds, 0 for not."""

    place: str
    up: bool
    why: str
    rests_until: float


class ProbeCounts(OperationAnswer):
    """OPTIONS requests so far."""

    answered: int
    unanswered: int


class GatewayStatus(OperationAnswer):
    """state: up, down, resting, drained or unknown. since, probed: Unix seconds, 0 for never.

    lookup: what DNS failed with. taken, failed: calls so far. calls: now.
    """

    name: str
    state: str
    why: str
    since: float
    address: str
    places: list[GatewayPlace]
    lookup: str
    probed: float
    probes: ProbeCounts
    taken: int
    failed: int
    calls: int


class GatewayList(OperationAnswer):
    """all: how many there are."""

    gateways: list[GatewayStatus]
    all: int


class ChangedGateways(ChangeAnswer, GatewayList):
    """How they are after a change."""


async def list_gateways(running: RunningServer, _request: NoValues) -> GatewayList:
    """The gateways, and how they are."""
    return GatewayList(gateways=await _gateways(running), all=len(running.gateways.all()))


async def drain_gateway(running: RunningServer, request: OneGateway) -> ChangedGateways:
    """Gives a gateway no new calls, over restarts too; its calls go on."""
    drained = _is_drained(running, request.gateway)
    if drained:
        raise ConflictError(f"gateway {request.gateway} is drained already")
    running.gateways.drain(request.gateway)
    return await _changed(running)


async def enable_gateway(running: RunningServer, request: OneGateway) -> ChangedGateways:
    """Gives a gateway calls again."""
    if not _is_drained(running, request.gateway):
        raise ConflictError(f"gateway {request.gateway} is not drained")
    running.gateways.enable(request.gateway)
    return await _changed(running)


def _is_drained(running: RunningServer, name: str) -> bool:
    """Raises NotFoundError; one that was drained may have left the dialplan since."""
    gateways = running.dialplan().gateways
    if running.gateways.is_drained(name):
        return True
    if name not in gateways or gateways[name].of_uri:
        named = (key for key, gateway in gateways.items() if not gateway.of_uri)
        known = ", ".join(islice(named, 20)) or "none"
        raise NotFoundError(f"the dialplan has no gateway {name}; it has: {known}")
    return False


async def _changed(running: RunningServer) -> ChangedGateways:
    gateways, count = await _gateways(running), len(running.gateways.all())
    return ChangedGateways(gateways=gateways, all=count, kept=await running.kept())


async def _gateways(running: RunningServer) -> list[GatewayStatus]:
    watched = running.gateways.all()[:MOST]
    names = [f"gateway {it.gateway.name}" for it in watched]
    calls = await running.answer_of("lines", running.shared.lines.count(names))
    return [
        _gateway(it, running.clock, calls[name]) for name, it in zip(names, watched, strict=True)
    ]


def _gateway(watched: Watched, clock: SteadyClock, calls: int) -> GatewayStatus:
    return GatewayStatus(
        name=watched.gateway.name,
        state=watched.state,
        why=watched.why,
        since=clock.wall(watched.since),
        address=watched.gateway.goal.host,
        places=[_place(standing, clock) for standing in watched.standings.values()],
        lookup=watched.lookup,
        probed=clock.wall(watched.probed),
        probes=ProbeCounts(answered=watched.answered, unanswered=watched.unanswered),
        taken=watched.taken,
        failed=watched.failed,
        calls=calls,
    )


def _place(standing: Standing, clock: SteadyClock) -> GatewayPlace:
    return GatewayPlace(
        place=key_of(standing.place),
        up=not standing.silent and not standing.rests,
        why=standing.silent or (standing.tired if standing.rests else ""),
        rests_until=clock.wall(standing.rests),
    )
