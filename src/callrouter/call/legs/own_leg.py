"""The caller's leg of a call that we begin ourselves: nobody's, until somebody has answered it."""

from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.leg import Leg
from callrouter.sip.dialog import Dialog
from callrouter.sip.flow import Flow
from callrouter.sip.stack import Stack


class OwnLeg(Leg):
    """Stands where a caller would. Nothing is sent by it, and nothing comes."""

    def __init__(self, stack: Stack, inbox: Inbox) -> None:
        flow = Flow("UDP", "127.0.0.1", 0, "127.0.0.1", 0, None)
        super().__init__(
            stack, inbox, Dialog(stack.token(), stack.token(), flow), 0, b"", ours=False
        )

    def reject(self, status: int, _extra: str = "") -> None:
        """Nobody was had."""
        self.refused = status
        self._end()

    def hang_up(self, _reason: str = "") -> None:
        """It is over."""
        self._end()
