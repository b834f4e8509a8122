"""A stack with the calls behind it: what anybody on the wire can reach, and a way to reach it."""

from typing import Final

from callrouter.sip.flow import Flow
from support.rig import Driven, Sent
from support.wire import Router, Wire, hear

US: Final = ("127.0.0.1", 5060)
SENDER: Final = ("127.0.0.2", 40000)
TARGET: Final = ("127.0.0.3", 5060)
DIALPLAN: Final = """
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {desk: {uri: "sip:desk@127.0.0.3:5060"}}
numbers: {"4000": {route: [{hunt: [desk]}]}}
"""


class Edge(Driven):
    """A stack with the real core behind it. noted: its calls, and bugs, of which there are none."""

    def __init__(self) -> None:
        router = Router(Wire(), DIALPLAN)
        self.now = 1.0
        self.stack = router.stack
        self.noted = router.noted
        self.calls = router.calls

    def hear(
        self, data: bytes, transport: str = "UDP", source: tuple[str, int] = SENDER
    ) -> list[Sent]:
        """Bytes come, as a datagram or on a new stream; returns what is sent because of them."""
        flow = Flow(transport, *US, *source, None)
        hear(self.stack, data, flow, self.now)
        return self._take()

    def wait(self, seconds: float) -> list[Sent]:
        """Time passes; returns what is sent meanwhile."""
        return self.run(self.now + seconds)
