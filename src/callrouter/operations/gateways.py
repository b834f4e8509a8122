"""Gateways, as operators ask for them: how they are, to drain and to enable them again."""

from itertools import islice
from typing import Any

from callrouter.errors import CallrouterError
from callrouter.operations.requests import MOST, DrainGateway, EnableGateway, ListGateways
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.state.gateway_health import Standing, Watched, key_of
from callrouter.state.memory import Memory
from callrouter.state.steady_clock import SteadyClock


class GatewayError(CallrouterError):
    """A name that is no gateway's, or a gateway that is as asked already."""


def answer(
    request: ListGateways | DrainGateway | EnableGateway, memory: Memory, dialplan: Dialplan
) -> dict[str, Any]:
    """Do what is asked; the answer says how the gateways are then. Raises GatewayError."""
    gateways = memory.gateways
    if isinstance(request, DrainGateway | EnableGateway):
        name = request.gateway
        drained = gateways.is_drained(name)
        # One that was drained can be enabled after it has left the dialplan, too.
        if not drained and (name not in dialplan.gateways or dialplan.gateways[name].of_uri):
            named = (key for key, gateway in dialplan.gateways.items() if not gateway.of_uri)
            known = ", ".join(islice(named, 20)) or "none"
            raise GatewayError(f"the dialplan has no gateway {name}; it has: {known}")
        if isinstance(request, EnableGateway) and not gateways.enable(name):
            raise GatewayError(f"gateway {name} is not drained")
        if isinstance(request, DrainGateway):
            if drained:
                raise GatewayError(f"gateway {name} is drained already")
            gateways.drain(name)
    lines = memory.snapshot.lines
    watched = gateways.all()
    return {
        "gateways": [
            {**_told(it, memory.clock), "calls": lines.get(f"gateway {it.gateway.name}", 0)}
            for it in watched[:MOST]
        ],
        "all": len(watched),
    }


def _told(watched: Watched, clock: SteadyClock) -> dict[str, Any]:
    return {
        "name": watched.gateway.name,
        "state": watched.state,
        "why": watched.why,
        "since": clock.wall(watched.since),
        "address": watched.gateway.goal.host,
        "places": [_place(standing, clock) for standing in watched.standings.values()],
        "lookup": watched.lookup,
        "probed": clock.wall(watched.probed),
        "probes": {"answered": watched.answered, "unanswered": watched.unanswered},
        "taken": watched.taken,
        "failed": watched.failed,
    }


def _place(standing: Standing, clock: SteadyClock) -> dict[str, Any]:
    return {
        "place": key_of(standing.place),
        "up": not standing.silent and not standing.rests,
        "why": standing.silent or (standing.tired if standing.rests else ""),
        "rests_until": clock.wall(standing.rests),
    }
