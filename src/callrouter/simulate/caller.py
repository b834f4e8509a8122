"""The caller of a simulated call: one INVITE, perhaps a CANCEL, keys, and a BYE once connected."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from urllib.parse import quote

from callrouter.route.values.facts import Facts
from callrouter.simulate.target_script import KEY_ROW, SDP, Press, key_body
from callrouter.sip.body import SDP_ROW
from callrouter.sip.dialog import Dialog
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, Response
from callrouter.sip.render import cancel_of, render_request
from callrouter.sip.server_tx import ServerTransaction
from callrouter.sip.stack import Stack

TALKS: Final = 1.0
"""Seconds from the connection with a target to the caller's BYE."""
LISTENS: Final = 60.0
"""Seconds from the answer after which the caller hangs up on callrouter, unless it is said when."""

_UNESCAPED: Final = "-_.!~*'()&=+$,;?/"  # besides letters and digits, RFC 3261 section 25.1


class SimulatedCaller:
    """Caller of one simulated call."""

    def __init__(
        self,
        stack: Stack,
        flow: Flow,
        facts: Facts,
        cancel_after: float | None,
        presses: Sequence[Press] = (),
        connected: Callable[[], float | None] = lambda: 0.0,
    ) -> None:
        """Send the INVITE.

        cancel_after: when to give up, or to hang up on callrouter, seconds; None waits for the end.
        presses: keys to press. connected: until when the target has something to do with whom the
        caller talks; None while that is callrouter itself, or a target that is going to hang up.
        """
        self._stack = stack
        self._ringing = True
        self._talking = False
        self._over = False
        self._connected = connected
        self._presses = tuple(presses)
        self._waits = cancel_after is not None
        self._cseq = 1
        host = flow.remote_host
        uri = _uri(facts.called, host)
        dialog = Dialog(stack.token(), stack.token(), flow)
        dialog.local = f"<{_uri(facts.caller, flow.local_host)}>;tag={dialog.local_tag}"
        to_user = facts.to_user or facts.called
        extension = f";ext={quote(facts.to_ext, safe='')}" if facts.to_ext else ""
        dialog.remote = f"<{_uri(to_user, host)}{extension}>"
        dialog.target = uri
        stack.dialogs[dialog.local_tag] = self
        self._dialog = dialog
        self._branch = stack.branch()
        head = (
            f"Max-Forwards: 70\r\nFrom: {dialog.local}\r\nTo: {dialog.remote}\r\n"
            f"Call-ID: {dialog.call_id}\r\nCSeq: 1 INVITE\r\nContact: {flow.contact}\r\n{SDP_ROW}"
        )
        self._invite = render_request("INVITE", uri, flow, self._branch, head, SDP)
        stack.request(flow, self._branch, self._invite, self, invite=True)
        if cancel_after is not None:
            stack.timers.start(cancel_after, self._give_up)
        for press in presses:
            stack.timers.start(press.after, partial(self._press, press.key))

    @property
    def call_id(self) -> str:
        """The dialog's Call-ID."""
        return self._dialog.call_id

    def on_response(self, _tx: object, response: Response) -> None:
        """A response to the INVITE, or to what was asked inside the call."""
        if not self._ringing or response.status == 100 or response.cseq()[1] != "INVITE":
            return
        dialog = self._dialog
        if response.status < 300:
            dialog.remote = response.get("to")
            dialog.remote_tag = response.to_tag()
            dialog.refresh_target(response)
        if response.status < 200:
            return
        self._ringing = False
        if response.status < 300:
            ack = dialog.request("ACK", self._stack.branch(), 1, "", b"")
            self._stack.send(dialog.flow, ack)
            if not self._waits:
                self._stack.timers.start(self._stack.now + LISTENS, self._hang_up)
            self.listen()
        else:
            self._over = True

    def listen(self) -> None:
        """Whom the caller hears may be another one now."""
        until = None if self._ringing or self._talking or self._over else self._connected()
        if until is not None:
            self._talking = True
            last = max(self._stack.now, until, *(press.after for press in self._presses))
            self._stack.timers.start(last + TALKS, self._hang_up)

    def on_failure(self, _tx: object, _status: int) -> None:
        """Nobody answered at all."""
        self._ringing = False

    def on_request(self, tx: ServerTransaction, request: Request) -> None:
        """A request inside the call: a BYE, a key of the target, or another description."""
        if request.method == "BYE":
            self._over = True
            tx.respond(200)
        elif request.method == "INVITE":
            tx.respond(200, f"Contact: {self._dialog.contact}\r\n{SDP_ROW}", SDP)
            self.listen()
        else:
            tx.respond(200)

    def on_ack(self, request: Request) -> None:
        """Nothing of ours is ever acknowledged."""

    def _give_up(self, now: float) -> None:
        if self._ringing:
            flow = self._dialog.flow
            self._stack.cancel(flow, self._branch, cancel_of(self._invite, ""))
        elif not self._talking:
            self._hang_up(now)

    def _hang_up(self, _now: float) -> None:
        if not self._over:
            self._over = True
            self._ask("BYE", "", b"")

    def _press(self, key: str, _now: float) -> None:
        # Without a dialog there is nobody yet who could hear it.
        if self._dialog.remote_tag and not self._over:
            self._ask("INFO", KEY_ROW, key_body(key))

    def _ask(self, method: str, extra: str, body: bytes) -> None:
        self._cseq += 1
        branch = self._stack.branch()
        data = self._dialog.request(method, branch, self._cseq, extra, body)
        self._stack.request(self._dialog.flow, branch, data, self)


def _uri(user: str, host: str) -> str:
    place = f"[{host}]" if ":" in host else host
    return f"sip:{quote(user, safe=_UNESCAPED)}@{place}" if user else f"sip:{place}"
