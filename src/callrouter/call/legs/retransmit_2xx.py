"""Retransmission of the 2xx to an INVITE until its ACK (RFC 3261 section 13.3.1.4)."""

from typing import Protocol

from callrouter.sip.message import Request
from callrouter.sip.server_tx import ServerTransaction
from callrouter.sip.stack import Stack
from callrouter.sip.timers import T1, T2, TIMEOUT, Timer


class Sender(Protocol):
    """A leg, as far as it sends again."""

    stack: Stack

    def unacknowledged(self) -> None:
        """A 2xx of ours was never acknowledged."""


class AckUser(Protocol):
    """The user of the ACK to a 2xx that answered a re-INVITE."""

    def on_acknowledged(self, request: Request) -> None:
        """The ACK has come, with its body."""

    def on_abandoned(self) -> None:
        """It will never come: the party is gone."""


class Reliable2xx:
    """A 2xx to an INVITE, sent again until its ACK comes (RFC 3261 section 13.3.1.4)."""

    __slots__ = ("_data", "_interval", "_leg", "_stop_at", "_timer", "_tx", "waiting")

    def __init__(
        self, leg: Sender, tx: ServerTransaction, data: bytes, waiting: AckUser | None
    ) -> None:
        self._leg = leg
        self._tx = tx
        self._data = data
        self.waiting = waiting
        self._interval = T1
        now = leg.stack.now
        self._stop_at = now + TIMEOUT
        self._timer: Timer = leg.stack.timers.start(now + T1, self._on_timer)

    def stop(self) -> None:
        """The ACK came, or nobody waits for it any more."""
        self._timer.cancel()

    def abandon(self) -> None:
        """The dialog ends without the ACK."""
        self._timer.cancel()
        if self.waiting is not None:
            self.waiting.on_abandoned()

    def _on_timer(self, now: float) -> None:
        if now >= self._stop_at:
            self.abandon()
            self._leg.unacknowledged()
            return
        stack = self._leg.stack
        stack.resend(self._tx.flow, self._data)
        self._interval = min(self._interval * 2, T2)
        self._timer = stack.timers.start(min(now + self._interval, self._stop_at), self._on_timer)
