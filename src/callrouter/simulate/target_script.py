"""Scripts of the targets that are rung, as ops write them: `180 after 1s, 486 after 3s`.

Who has answered can press keys and hang up: `200 after 2s, key 1 after 4s, bye after 9s`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from callrouter.call.legs.events import Asked, Cancelled, Deadline, HungUp, Lost
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.uas_leg import ALeg
from callrouter.dialplan.grammar.field_types import seconds
from callrouter.sip.body import SDP_ROW
from callrouter.sip.dialog import contact_uri
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, Response
from callrouter.sip.stack import Stack
from callrouter.yamlfile.wording import shown

SDP: Final = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\n"
)
KEY_ROW: Final = "Content-Type: application/dtmf-relay\r\n"

_STEP: Final = re.compile(r"([1-6][0-9]{2}|bye|key\s+[0-9*#])(?:\s+after\s+(\S+))?")
_KEY: Final = re.compile(r"([0-9*#])\s+after\s+(\S+)")
_HOUR: Final = 3600.0
_WANTED: Final = (
    '"486 after 2s", "180 after 1s, 200 after 6s", "200 after 2s, key 1 after 4s, bye after 9s" '
    'or "silence"'
)


class ScriptedResponse(NamedTuple):
    """A response. after: seconds from the INVITE."""

    status: int
    after: float


class Press(NamedTuple):
    """A key. after: seconds from the INVITE."""

    key: str
    after: float


class Leave(NamedTuple):
    """A BYE. after: seconds from the INVITE."""

    after: float


Script = tuple[ScriptedResponse | Press | Leave, ...]
"""What one target does, in order; nothing at all is silence."""

DEFAULT: Final[Script] = (ScriptedResponse(180, 0.1), ScriptedResponse(200, 5.0))
"""What a target without a script does."""


def read_script(text: str) -> Script:
    """Read what one target does. Raises ValueError with what was expected."""
    text = text.strip()
    if text == "silence":
        return ()
    steps: list[ScriptedResponse | Press | Leave] = []
    before = ""
    answered = over = False
    for part in text.split(","):
        found = _STEP.fullmatch(part.strip())
        if found is None or found[1] == "100":
            raise ValueError(f"expected {_WANTED}, found {shown(text)}")
        what = found[1]
        after = seconds(found[2], 0, _HOUR) if found[2] else steps[-1].after if answered else 0.0
        if steps and after < steps[-1].after:
            raise ValueError(
                f"times count from the INVITE, so {what} cannot come {after:g}s after it when"
                f" {before} comes {steps[-1].after:g}s after it"
            )
        if over or (answered and what.isdecimal()):
            raise ValueError(f"nothing comes after a final response such as {before}")
        if not answered and not what.isdecimal():
            raise ValueError(f"'{what}' needs an answer before it, such as 200 after 2s")
        steps.append(_step(what, after))
        before = what
        answered = answered or what.startswith("2")
        over = what == "bye" or (what.isdecimal() and int(what) >= 300)
    return tuple(steps)


def _step(what: str, after: float) -> ScriptedResponse | Press | Leave:
    if what == "bye":
        return Leave(after)
    return ScriptedResponse(int(what), after) if what.isdecimal() else Press(what[-1], after)


def read_press(text: str) -> Press:
    """Read a key of the caller, such as `2 after 3s`. Raises ValueError."""
    found = _KEY.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'expected a key and when, such as "2 after 3s", found {shown(text)}')
    return Press(found[1], seconds(found[2], 0, _HOUR))


def read_presses(texts: Iterable[str]) -> list[Press]:
    """Read the keys of a caller. Raises ValueError."""
    return [read_press(text) for text in texts]


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
                _act(leg, step)
                step = next(steps, None)
            match await inbox.event(start + step.after if step is not None else 0.0):
                case Cancelled():
                    leg.reject(487)
                    return
                case HungUp() | Lost():
                    return
                case Asked() as asked:
                    body = SDP if asked.request.method == "INVITE" else b""
                    leg.respond(asked.tx, 200, SDP_ROW if body else "", body)
                case Deadline():
                    pass


class _Unheeded:
    """Sends a request whose answer changes nothing."""

    def on_response(self, _tx: object, _response: Response) -> None:
        pass

    def on_failure(self, _tx: object, _status: int) -> None:
        pass


def _act(leg: ALeg, step: ScriptedResponse | Press | Leave) -> None:
    if isinstance(step, Press):
        leg.ask("INFO", KEY_ROW, key_body(step.key), _Unheeded())
    elif isinstance(step, Leave):
        leg.hang_up()
    else:
        _respond(leg, step.status)


def key_body(key: str) -> bytes:
    """The body of an INFO that carries a key."""
    return f"Signal={key}\r\nDuration=160\r\n".encode()


def _respond(leg: ALeg, status: int) -> None:
    if status < 200:
        early = status == 183
        leg.ring(status, "", SDP_ROW if early else "", SDP if early else b"")
    elif status < 300:
        leg.answer(status, "", SDP_ROW, SDP)
    else:
        leg.reject(status)
