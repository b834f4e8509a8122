"""OPTIONS pings, which ask gateways whether they are there (RFC 3261 section 11).

Theory: each place of a gateway is asked by itself, in its own rhythm. Any final answer but 503 and
408 says that somebody is there; what that means is not judged here. All of it are timers and
transactions of the stack: nothing here waits.
"""

from collections.abc import Callable, Iterable
from typing import Final

from callrouter.errors import SipError
from callrouter.route.values.gateway_candidates import Gateway, Probe, TransportAddress
from callrouter.sip.message import Response
from callrouter.sip.render import render_request
from callrouter.sip.stack import Stack
from callrouter.sip.timers import Timer
from callrouter.sip.uri import host_port

Said = Callable[[str, TransportAddress, str], None]
"""Told the gateway's name, the place, and why there was no answer; "" when there was one."""

_NOT_THERE: Final = frozenset((408, 503))
_APART_SECONDS: Final = 0.05
"""Between the first questions, so that many gateways are not asked in one burst."""

_Key = tuple[Gateway, str, str, int]


class Prober:
    """The pings of all places asked. Whoever calls `watch` does so in a step of the stack."""

    def __init__(self, stack: Stack, said: Said) -> None:
        self._stack = stack
        self._said = said
        self._probes: dict[_Key, _Asked] = {}

    def watch(self, wanted: Iterable[tuple[Gateway, TransportAddress]]) -> None:
        """Ask these from now on, and no others; who is asked already keeps its rhythm."""
        before = self._probes
        self._probes = {}
        for gateway, place in wanted:
            if gateway.probe is None:
                continue
            key = (gateway, place.transport, place.host, place.port)
            asked = before.pop(key, None)
            if asked is None:
                wait = (len(self._probes) * _APART_SECONDS) % gateway.probe.every_seconds
                asked = _Asked(self._stack, gateway, gateway.probe, place, self._said, wait)
            self._probes[key] = asked
        for asked in before.values():
            asked.stop()


class _Asked:
    """One place that is asked again and again. Implements `callrouter.sip.flow.ClientUser`."""

    def __init__(
        self,
        stack: Stack,
        gateway: Gateway,
        probe: Probe,
        place: TransportAddress,
        said: Said,
        wait_seconds: float,
    ) -> None:
        self._stack = stack
        self._gateway = gateway
        self._probe = probe
        self._place = place
        self._said = said
        self._sequence = 0
        self._call_id = stack.token()
        self._late: Timer | None = None
        self._give_up: Callable[[float], None] | None = None
        self._next = stack.timers.start(stack.now + wait_seconds, self._ask)

    def stop(self) -> None:
        """Ask no more."""
        self._next.cancel()
        self._settle()

    def on_response(self, _tx: object, response: Response) -> None:
        """A response came, perhaps a provisional one."""
        if response.status >= 200:
            there = response.status not in _NOT_THERE
            self._end("" if there else f"OPTIONS is answered {response.status}")

    def on_failure(self, _tx: object, status: int) -> None:
        """The question could not be sent, or its transaction timed out."""
        self._end("OPTIONS is not answered" if status == 408 else "OPTIONS cannot be sent")

    def _ask(self, now: float) -> None:
        stack = self._stack
        self._next = stack.timers.start(now + self._probe.every_seconds, self._ask)
        self._settle()
        transport = "UDP" if self._place.transport == "auto" else self._place.transport.upper()
        host, port = self._place.host, self._place.port
        name = self._gateway.tls_name if transport == "TLS" else ""
        try:
            flow = stack.connect(transport, host, port, name)
        except SipError:
            self._end(f"no {transport} listener can reach it")
            return
        self._sequence += 1
        goal = self._gateway.goal
        uri = f"sip:{host_port(goal.host, goal.port) if goal.port else goal.host}"
        if transport != "UDP":
            uri += f";transport={transport.lower()}"
        branch = stack.branch()
        head = (
            f"Max-Forwards: 70\r\nFrom: <sip:callrouter@{flow.sent_by}>;tag={stack.token()}\r\n"
            f"To: <{uri}>\r\nCall-ID: {self._call_id}\r\nCSeq: {self._sequence} OPTIONS\r\n"
            f"Contact: {flow.contact}\r\nAccept: application/sdp\r\n"
        )
        data = render_request("OPTIONS", uri, flow, branch, head, b"")
        late = min(self._probe.timeout_seconds, self._probe.every_seconds)
        self._late = stack.timers.start(now + late, self._on_late)
        self._give_up = stack.request(flow, branch, data, self).abandon

    def _on_late(self, now: float) -> None:
        self._late = None
        if self._give_up is not None:
            self._give_up(now)
        self._end("OPTIONS is not answered")

    def _settle(self) -> None:
        """Forget the question that waits for its answer."""
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if self._give_up is not None:
            self._give_up(self._stack.now)
            self._give_up = None

    def _end(self, why: str) -> None:
        self._give_up = None
        self._settle()
        self._said(self._gateway.name, self._place, why)
