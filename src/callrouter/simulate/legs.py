"""What the targets do when they are rung, as ops write it: `180 after 1s, 486 after 3s`."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from callrouter.call.a_leg import ALeg
from callrouter.call.events import Asked, Cancelled, Deadline, HungUp, Lost
from callrouter.call.inbox import Inbox
from callrouter.dialplan.fields import seconds
from callrouter.dialplan.wording import shown
from callrouter.sip.dialog import contact_uri
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.stack import Stack

SDP: Final = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\n"
)
SDP_ROW: Final = "Content-Type: application/sdp\r\n"

_STEP: Final = re.compile(r"([1-6][0-9]{2})(?:\s+after\s+(\S+))?")
_HOUR: Final = 3600.0
_WANTED: Final = '"486 after 2s", "180 after 1s, 200 after 6s" or "silence"'


class Step(NamedTuple):
    """A response. after: seconds from the INVITE."""

    status: int
    after: float


Script = tuple[Step, ...]
"""The responses of one target in order; none at all is silence."""

DEFAULT: Final[Script] = (Step(180, 0.1), Step(200, 5.0))
"""What a target without a script does."""


def read_script(text: str) -> Script:
    """Read what one target does. Raises ValueError with what was expected."""
    text = text.strip()
    if text == "silence":
        return ()
    steps: list[Step] = []
    for part in text.split(","):
        found = _STEP.fullmatch(part.strip())
        if found is None or found[1] == "100":
            raise ValueError(f"expected {_WANTED}, found {shown(text)}")
        step = Step(int(found[1]), seconds(found[2], 0, _HOUR) if found[2] else 0.0)
        if steps and step.after < steps[-1].after:
            raise ValueError(
                f"times count from the INVITE, so {step.status} cannot come"
                f" {step.after:g}s after it when {steps[-1].status} comes"
                f" {steps[-1].after:g}s after it"
            )
        if steps and steps[-1].status >= 200:
            raise ValueError(f"nothing comes after a final response such as {steps[-1].status}")
        steps.append(step)
    return tuple(steps)


def read_legs(texts: Iterable[str]) -> dict[str, Script]:
    """Read scripts such as `uas_5081: 486 after 2s`. Raises ValueError."""
    scripts: dict[str, Script] = {}
    for text in texts:
        name, colon, rest = text.rpartition(":")  # a redirected target has one in its name
        name = name.strip()
        if not colon or not name:
            raise ValueError(
                f'expected a target and what it does, such as "uas_5081: 486 after 2s", '
                f"found {shown(text)}"
            )
        if name in scripts:
            raise ValueError(f"target {name} has two scripts")
        try:
            scripts[name] = read_script(rest)
        except ValueError as error:
            raise ValueError(f"target {name}: {error}") from error
    return scripts


class Legs:
    """All targets, at one place, each leg played by its script.

    names: the target of each leg, by its Call-ID, in the order they were dialled.
    """

    def __init__(
        self, stack: Stack, scripts: Mapping[str, Script], dialled: Callable[[int], str]
    ) -> None:
        """dialled: the target of the first leg, of the second, and so on, counted from 0."""
        self.stack = stack
        self.names: dict[str, str] = {}
        self._scripts = scripts
        self._dialled = dialled
        stack.core = self

    def on_request(self, request: Request, flow: Flow) -> None:
        """An INVITE, or once more the INVITE that a silent target never answers."""
        call_id = request.get("call-id")
        if call_id in self.names:
            return
        name = self.names[call_id] = self._dialled(len(self.names))
        script = self._scripts.get(name, DEFAULT)
        if not script:
            return
        tx = self.stack.accept(request, flow)
        inbox = Inbox(self.stack.timers)
        leg = ALeg(self.stack, inbox, tx, request, contact_uri(request))
        inbox.start(self._play(leg, inbox, script))

    async def _play(self, leg: ALeg, inbox: Inbox, script: Script) -> None:
        start = self.stack.now
        steps = iter(script)
        step = next(steps, None)
        while True:
            while step is not None and start + step.after <= self.stack.now:
                _respond(leg, step.status)
                step = next(steps, None)
            match await inbox.next(start + step.after if step is not None else 0.0):
                case Cancelled():
                    leg.reject(487)
                    return
                case HungUp() | Lost():
                    return
                case Asked() as asked:
                    asked.leg.respond(asked.tx, 488)
                case Deadline():
                    pass


def _respond(leg: ALeg, status: int) -> None:
    if status < 200:
        early = status == 183
        leg.ring(status, "", SDP_ROW if early else "", SDP if early else b"")
    elif status < 300:
        leg.answer(status, "", SDP_ROW, SDP)
    else:
        leg.reject(status)
