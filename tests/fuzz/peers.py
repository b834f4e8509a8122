"""Callers and targets of the lab as text, who say the right thing at the right time."""

import itertools
from collections.abc import Sequence
from random import Random
from typing import Final

from support.message import SDP, Message
from support.mutations import mutate, splice

Place = tuple[str, int]

US: Final = ("127.0.0.1", 5060)
CALLER: Final = ("127.0.0.1", 40000)
KEPT: Final = 64
"""How much of what was said is remembered."""

_ECHOED: Final = frozenset(("Via", "Record-Route", "From", "Call-ID", "CSeq"))
STATUSES: Final = (100, 180, 180, 183, 200, 200, 200, 302, 404, 486, 487, 503, 603)


def invite(number: str, token: str) -> bytes:
    """A new call to a number. token: like no other's."""
    rows = [
        ("Via", f"SIP/2.0/UDP 127.0.0.1:40000;branch=z9hG4bK{token};rport"),
        ("Max-Forwards", "70"),
        ("From", f'"Caller" <sip:1001@127.0.0.1>;tag=a{token}'),
        ("To", f"<sip:{number}@127.0.0.1>"),
        ("Call-ID", f"{token}@127.0.0.1"),
        ("CSeq", "1 INVITE"),
        ("Contact", "<sip:1001@127.0.0.1:40000>"),
        ("Content-Type", "application/sdp"),
    ]
    return Message(f"INVITE sip:{number}@127.0.0.1 SIP/2.0", rows, SDP).render()


def answer(request: Message, status: int, tag: str) -> bytes:
    """A target's answer; it contacts itself."""
    rows = [(name, value) for name, value in request.rows if name in _ECHOED]
    to = request["To"]
    rows.append(("To", to if ";tag=" in to or status == 100 else f"{to};tag={tag}"))
    rows.append(("Contact", f"<{request.uri}>"))
    body = SDP if status in {183, 200} and request.method == "INVITE" else ""
    if body:
        rows.append(("Content-Type", "application/sdp"))
    return Message(f"SIP/2.0 {status} Said", rows, body).render()


def inside(method: str, request: Message, response: Message, cseq: int, token: str) -> bytes:
    """A caller's request in the dialog that an answer of ours opened.

    A CANCEL, and the ACK to a refusal, have the branch of the INVITE instead of the token.
    """
    own = method == "CANCEL" or (method == "ACK" and response.status >= 300)
    branch = request.branch if own else f"z9hG4bK{token}"
    rows = [
        ("Via", f"SIP/2.0/UDP 127.0.0.1:40000;branch={branch};rport"),
        ("Max-Forwards", "70"),
        ("From", request["From"]),
        ("To", request["To"] if method == "CANCEL" else response["To"]),
        ("Call-ID", request["Call-ID"]),
        ("CSeq", f"{cseq} {method}"),
        ("Contact", "<sip:1001@127.0.0.1:40000>"),
    ]
    body = SDP if method in {"INVITE", "UPDATE"} else ""
    if body:
        rows.append(("Content-Type", "application/sdp"))
    uri = request.uri if method == "CANCEL" else response.contact or request.uri
    return Message(f"{method} {uri} SIP/2.0", rows, body).render()


def from_target(ours: Message, answered: Message, method: str, cseq: int, token: str) -> bytes:
    """A target's request in the dialog that our INVITE opened."""
    rows = [
        ("Via", f"SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK{token}"),
        ("Max-Forwards", "70"),
        ("From", answered["To"]),
        ("To", answered["From"]),
        ("Call-ID", ours["Call-ID"]),
        ("CSeq", f"{cseq} {method}"),
    ]
    return Message(f"{method} {ours.contact} SIP/2.0", rows, "").render()


class Peers:
    """Hears all that callrouter sends and thinks up what could come next.

    ready: what a peer could say now, with the address it would come from; the newest at the end.
    """

    def __init__(self, dice: Random, numbers: Sequence[str]) -> None:
        self._dice = dice
        self._numbers = numbers
        self._tokens = itertools.count(1)
        self._invites: dict[str, Message] = {}
        self.ready: list[tuple[bytes, Place]] = []

    def call(self) -> None:
        """Somebody calls."""
        data = invite(self._dice.choice(self._numbers), self._token())
        message = Message.parse(data)
        self._invites[message["Call-ID"]] = message
        if len(self._invites) > KEPT:
            del self._invites[next(iter(self._invites))]
        self._say(data, CALLER)

    def next(self, torture: Sequence[bytes]) -> tuple[bytes, Place]:
        """What comes now: something that could be said, damaged or not, or something else."""
        dice = self._dice
        if dice.random() < 0.05 or not self.ready:
            self.call()
        choice = dice.random()
        data, address = self.ready[-1 - min(int(dice.expovariate(0.4)), len(self.ready) - 1)]
        if choice < 0.10:
            data = mutate(dice.choice(torture), dice)
        elif choice < 0.12:
            data = dice.randbytes(dice.randrange(600))
        elif choice < 0.15:
            data = splice(data, dice.choice(self.ready)[0], dice)
        elif choice < 0.17:
            data = mutate(data.replace(b"INVITE", b"OPTIONS"), dice)
        elif choice < 0.70:
            data = mutate(data, dice)
        return data, address

    def forget(self) -> None:
        """All calls are over."""
        self._invites.clear()
        self.ready.clear()

    def heard(self, data: bytes, address: Place) -> None:
        """Callrouter said something to somebody."""
        try:
            message = Message.parse(data)
            if message.status:
                self._caller_heard(message)
            else:
                self._target_heard(message, address)
        except (UnicodeDecodeError, IndexError, ValueError):
            return  # it repeats what a damaged message said

    def _target_heard(self, message: Message, address: Place) -> None:
        dice = self._dice
        if message.method == "ACK":
            return
        invited = message.method == "INVITE"
        status = dice.choice(STATUSES) if invited else 200
        said = answer(message, status, dice.choice(("one", "one", "two")))
        self._say(said, address)
        if status == 200 and invited:
            method = dice.choice(("BYE", "INFO", "UPDATE"))
            cseq = dice.randrange(1, 9)
            accepted = Message.parse(said)
            self._say(from_target(message, accepted, method, cseq, self._token()), address)

    def _caller_heard(self, message: Message) -> None:
        dice = self._dice
        request = self._invites.get(message["Call-ID"])
        if request is None or message.method != "INVITE":
            return
        if message.status >= 200:
            self._say(inside("ACK", request, message, message.cseq, self._token()), CALLER)
        if 200 <= message.status < 300:
            method = dice.choice(("BYE", "BYE", "INVITE", "UPDATE", "INFO", "OPTIONS"))
            cseq = dice.randrange(1, 9)
            self._say(inside(method, request, message, cseq, self._token()), CALLER)
        elif 100 < message.status < 200 and dice.random() < 0.3:
            self._say(inside("CANCEL", request, message, request.cseq, ""), CALLER)

    def _say(self, data: bytes, address: Place) -> None:
        self.ready.append((data, address))
        del self.ready[:-KEPT]

    def _token(self) -> str:
        return f"{next(self._tokens):x}"
