"""The nonces of our challenges: nothing is kept of one until it has been used with a password.

Theory. A nonce says when it was made, carries a token so that no two are alike, and a MAC over both
and the address it was given to. So nobody can make one up, and nobody can use one that another
address was given: a sender of forged addresses never has any. Of those in use the last nc is kept.
When one of them has to be forgotten for lack of room, all that are as old or older have had their
time: a count that is not known any more cannot be replayed.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

FORGED: Final = 0
"""Not ours, or given to another address."""
OLD: Final = 1
"""Ours; its time is over, or its nc was used before."""
GOOD: Final = 2

LIFETIME: Final = 300.0
KEPT: Final = 20_000
# Short, since a challenge must not be larger than the request: centiseconds, and 80 bits of MAC,
# which can only be guessed by asking us.
_TIME: Final = 9
_TOKEN: Final = 6
_MAC: Final = 20
_TICKS: Final = 100
_LENGTH: Final = _TIME + _TOKEN + _MAC


class Nonces:
    """The nonces of one process, as it makes and judges them. Times are monotonic seconds."""

    __slots__ = ("_floor", "_kept", "_secret", "_token", "_used")

    def __init__(self, secret: bytes, token: Callable[[], str], kept: int = KEPT) -> None:
        """secret: of this process alone, 16 bytes or more. token: 8 or more hex digits each."""
        self._secret = secret
        self._token = token
        self._kept = kept
        self._used: OrderedDict[str, int] = OrderedDict()
        self._floor = -1

    def make(self, source: str, now: float) -> str:
        """A nonce for a challenge to an address."""
        head = f"{int(now * _TICKS):0{_TIME}x}{self._token()[-_TOKEN:]}"
        return head + self._mac(head, source)

    def judge(self, nonce: str, count: int, source: str, now: float) -> int:
        """Whether a nonce that came from an address can be used with this nc."""
        head = nonce[: _TIME + _TOKEN]
        if len(nonce) != _LENGTH or not nonce.isascii():
            return FORGED
        if not hmac.compare_digest(self._mac(head, source), nonce[_TIME + _TOKEN :]):
            return FORGED
        made = int(head[:_TIME], 16)
        if made <= self._floor or int(now * _TICKS) - made > LIFETIME * _TICKS:
            return OLD
        return GOOD if count > self._used.get(head, 0) else OLD

    def use(self, nonce: str, count: int) -> None:
        """Note the nc of a nonce that was judged GOOD and came with the right password."""
        head = nonce[: _TIME + _TOKEN]
        used = self._used
        used[head] = count
        if len(used) > self._kept:
            dropped, _ = used.popitem(last=False)
            self._floor = max(self._floor, int(dropped[:_TIME], 16))

    def _mac(self, head: str, source: str) -> str:
        text = f"{head} {source}".encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:_MAC]
