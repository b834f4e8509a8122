"""Metrics of gateways for Prometheus: their state, their probes, and the legs they were given.

Their names are those of the dialplan, so there are never many.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from callrouter.call.services.record import LegRecord


class GatewayFigures(NamedTuple):
    """The figures of one gateway. answered, unanswered: probes so far."""

    name: str
    up: bool
    answered: int
    unanswered: int


class GatewayLegs:
    """Legs that ended, by gateway and final status."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int], int] = {}

    def add(self, leg: LegRecord) -> None:
        """Count a leg that went out by a gateway."""
        key = (leg.gateway, leg.status)
        self._counts[key] = self._counts.get(key, 0) + 1

    def family(self) -> Metric:
        """All counts, in a scrape's thread."""
        legs = CounterMetricFamily(
            "callrouter_gateway_legs",
            "Each leg that went out by a gateway and ended counts one, by its final SIP status (0: "
            "none came); many 5xx say that it takes no calls.",
            labels=("gateway", "code"),
        )
        for (gateway, status), count in list(self._counts.items()):
            legs.add_metric((gateway, str(status)), count)
        return legs


def families(figures: Iterable[GatewayFigures]) -> Iterator[Metric]:
    """The state and the probes of each gateway."""
    up = GaugeMetricFamily(
        "callrouter_gateway_up",
        "A gateway has 1 while calls are given to it, else 0; `callrouter gateways` says why.",
        labels=("gateway",),
    )
    probes = CounterMetricFamily(
        "callrouter_gateway_probes",
        "Each probe of a gateway counts one, by its result; several unanswered ones in a row take "
        "it out of use.",
        labels=("gateway", "result"),
    )
    for it in figures:
        up.add_metric((it.name,), float(it.up))
        probes.add_metric((it.name, "answered"), it.answered)
        probes.add_metric((it.name, "unanswered"), it.unanswered)
    yield up
    yield probes
