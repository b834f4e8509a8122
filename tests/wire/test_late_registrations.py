"""REGISTERs while the registrations answer late, refuse or never do: one final response each."""

from collections.abc import Callable, Sequence
from itertools import count
from random import Random
from typing import Final

import pytest
from support.message import Message
from support.slow_state import SLOWEST, SlowState
from support.wire import left_over

from callrouter.pending import Later, Pending, Unavailable
from callrouter.register.bindings import Binding, Bindings, Change, Changed, Registrations
from callrouter.register.registrar import Registrar
from callrouter.route.rules.digest_accounts import Login
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.stack import Stack
from callrouter.state.memory import Memory

US: Final = ("192.0.2.2", 5060)
PHONE: Final = ("192.0.2.1", 5062)
CONTACT: Final = f"sip:u101@{PHONE[0]}:{PHONE[1]}"
WAITS: Final = 2.0
"""Seconds that a telephone waits (decision 25)."""


class Late:
    """Real bindings whose answers come when the test says so. asked: what is still to be done."""

    def __init__(self) -> None:
        self.bindings = Bindings(lambda *_: None)
        self.asked: list[tuple[str, Callable[[], None], Pending[object]]] = []

    def of(self, extension: str, now: float) -> Later[tuple[Binding, ...]]:
        pending = Pending[tuple[Binding, ...] | Unavailable]()
        return self._wait("of", pending, lambda: self.bindings.of(extension, now))

    def change(self, extension: str, changes: Sequence[Change], now: float) -> Later[Changed]:
        pending = Pending[Changed | Unavailable]()
        return self._wait("change", pending, lambda: self.bindings.change(extension, changes, now))

    def all(self, now: float) -> list[tuple[str, Binding]]:
        return self.bindings.all(now)

    def _wait(self, what: str, pending: Pending, do: Callable[[], object]) -> Pending:  # type: ignore[type-arg]
        self.asked.append((what, lambda: pending.settle(do()), pending))
        return pending

    @property
    def waiting(self) -> list[str]:
        return [what for what, _, _ in self.asked]

    def answer(self) -> None:
        """Give the next answer."""
        self.asked.pop(0)[1]()

    def refuse(self) -> None:
        """Have no answer."""
        self.asked.pop(0)[2].settle(Unavailable("away"))


class Line:
    """A registrar on a stack, one telephone, and the clock. unanswered: why, each time."""

    def __init__(self, registrations: Callable[[Stack], Registrations]) -> None:
        tokens = count(1)
        self.stack = Stack(lambda: f"{next(tokens):016x}", self._connect)
        self.stack.core = self
        self.unanswered: list[str] = []
        registrar = Registrar(self.stack, registrations(self.stack), self.unanswered.append)
        self._registrar = registrar
        self.now = 1.0

    def _connect(self, transport: str, host: str, port: int, _name: str) -> Flow:
        return Flow(transport, *US, host, port, None)

    def on_request(self, request: Request, flow: Flow) -> None:
        user = request.to().uri.partition(":")[2].partition("@")[0]
        login = Login(user=user, password="", realm="", extension=user)
        self._registrar.register(request, flow, login, self.stack.now)

    def hear(self, data: bytes) -> None:
        self.stack.receive(data, self._connect("UDP", *PHONE, ""), self.now)

    def wait(self, until: float) -> None:
        """Let time pass."""
        while (due := self.stack.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.stack.run_timers(self.now)
        self.now = until
        self.stack.run_timers(until)

    def said(self) -> list[Message]:
        """What was sent since this was asked last."""
        sent, self.stack.outgoing = self.stack.outgoing, []
        return [Message.parse(data) for _, data in sent]

    def statuses(self) -> list[int]:
        return [message.status for message in self.said()]


def register(
    number: int = 1, contact: str = f"<{CONTACT}>", expires: int = 600, user: str = "101"
) -> bytes:
    rows = f"Expires: {expires}\r\n" if contact != "*" else "Expires: 0\r\n"
    return (
        f"REGISTER sip:{US[0]} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {PHONE[0]}:{PHONE[1]};branch=z9hG4bK{user}{number};rport\r\n"
        f"From: <sip:{user}@{US[0]}>;tag=a\r\nTo: <sip:{user}@{US[0]}>\r\n"
        f"Call-ID: {user}@{PHONE[0]}\r\nCSeq: {number} REGISTER\r\nMax-Forwards: 70\r\n"
        f"Contact: {contact}\r\n{rows}Content-Length: 0\r\n\r\n"
    ).encode()


def late() -> tuple[Line, Late]:
    port = Late()
    return Line(lambda _stack: port), port


def registered(port: Late, line: Line) -> list[str]:
    return [binding.uri for binding in port.bindings.of("101", line.now)]


def test_answer_waits_for_both_questions_and_is_one() -> None:
    line, port = late()
    line.hear(register())
    assert (line.said(), port.waiting) == ([], ["of"])
    line.wait(1.5)
    port.answer()
    assert (line.said(), port.waiting, registered(port, line)) == ([], ["change"], [])
    line.wait(2.5)
    port.answer()
    (ok,) = line.said()
    assert (ok.status, ok["Contact"]) == (200, f"<{CONTACT}>;expires=600")
    assert registered(port, line) == [CONTACT]
    assert line.unanswered == []
    line.wait(60.0)
    assert line.said() == []
    assert left_over(line.stack) == {}


def test_register_that_is_sent_again_meanwhile_is_carried_out_once() -> None:
    line, port = late()
    for _ in range(3):
        line.hear(register())
    assert (line.said(), port.waiting) == ([], ["of"])
    port.answer()
    line.hear(register())
    assert (line.said(), port.waiting) == ([], ["change"])
    port.answer()
    (ok,) = line.said()
    line.hear(register())
    (again,) = line.said()
    assert again.render() == ok.render()
    assert port.waiting == []


def test_each_question_may_take_two_seconds_and_no_longer() -> None:
    for asked, answers_before in (("of", 0), ("change", 1)):
        line, port = late()
        line.hear(register())
        for _ in range(answers_before):
            line.wait(line.now + WAITS - 0.1)
            port.answer()
        began = line.now
        assert port.waiting == [asked]
        line.wait(began + WAITS - 0.1)
        assert line.said() == []
        line.wait(began + WAITS + 0.1)
        (refused,) = line.said()
        assert (refused.status, refused["Retry-After"]) == (503, "5")
        assert line.unanswered == ["no answer in time"]
        assert port.asked[0][2].given_up
        # What comes now is nobody's answer: nothing more is asked, or said.
        port.answer()
        assert (line.said(), port.waiting) == ([], [])
        line.wait(60.0)
        assert left_over(line.stack) == {}


def test_bindings_that_come_too_late_are_not_changed() -> None:
    line, port = late()
    line.hear(register())
    line.wait(WAITS + 2.0)
    assert line.statuses() == [503]
    port.answer()
    assert registered(port, line) == []
    line.hear(register(2))
    port.answer()
    port.answer()
    assert line.statuses() == [200]
    assert registered(port, line) == [CONTACT]


def test_refused_question_is_503_whichever_it_is() -> None:
    for answers_before in (0, 1):
        line, port = late()
        line.hear(register())
        for _ in range(answers_before):
            port.answer()
        port.refuse()
        (refused,) = line.said()
        assert (refused.status, refused["Retry-After"]) == (503, "5")
        assert line.unanswered == ["away"]
        assert port.waiting == []
        assert registered(port, line) == []


class Away(Late):
    """Registrations that say at once that they do not know."""

    def of(self, extension: str, now: float) -> Later[tuple[Binding, ...]]:
        return Unavailable("away")


def test_refusal_at_once_is_answered_without_a_transaction() -> None:
    line = Line(lambda _stack: Away())
    line.hear(register())
    (refused,) = line.said()
    assert (refused.status, refused["Retry-After"]) == (503, "5")
    assert (line.unanswered, left_over(line.stack)) == (["away"], {})


@pytest.mark.parametrize(
    ("second", "status"),
    [
        (register(2, expires=0), 200),
        (register(2, contact="*"), 200),
        (
            register(1, expires=300).replace(b"z9hG4bK1011", b"z9hG4bKnew"),
            500,
        ),  # its own CSeq again
    ],
)
def test_answer_to_what_touches_a_binding_goes_through_the_transaction(
    second: bytes, status: int
) -> None:
    line, port = late()
    line.hear(register())
    port.answer()
    port.answer()
    assert line.statuses() == [200]
    line.hear(second)
    port.answer()
    while port.waiting:
        port.answer()
    assert line.statuses() == [status]
    assert registered(port, line) == ([] if status == 200 else [CONTACT])


def test_too_many_contacts_are_refused_late_too_and_none_is_kept() -> None:
    line, port = late()
    contacts = ",".join(f"<sip:u{n}@192.0.2.1>" for n in range(11))
    line.hear(register(contact=contacts))
    port.answer()
    port.answer()
    assert line.statuses() == [403]
    assert registered(port, line) == []


@pytest.mark.parametrize("seed", range(40))
def test_registers_by_chance_get_one_final_response_each(seed: int) -> None:
    dice = Random(seed)
    memory = Memory(lambda *_: None, seed=1)
    states: list[SlowState] = []

    def far(stack: Stack) -> Registrations:
        states.append(SlowState(memory, stack, dice))
        return states[0].ports.registrations

    line = Line(far)
    answers: dict[str, list[int]] = {}

    def note() -> None:
        for message in line.said():
            answers.setdefault(message["Call-ID"] + message["CSeq"], []).append(message.status)

    sent: dict[str, bytes] = {}
    for step in range(60):
        user, number = f"1{dice.randrange(5):02}", step + 1
        expires = dice.choice((600, 600, 0))
        data = register(number, expires=expires, user=user)
        sent[f"{user}@{PHONE[0]}{number} REGISTER"] = data
        line.hear(data)
        note()
        line.wait(line.now + dice.uniform(0.0, SLOWEST))
        note()
    line.wait(line.now + 10.0)
    note()
    # Nothing is sent to a telephone that does not ask again, and nothing is still asked.
    assert {name: len(statuses) for name, statuses in answers.items()} == dict.fromkeys(sent, 1)
    finals = {status for statuses in answers.values() for status in statuses}
    assert finals <= {200, 500, 503}, finals
    assert len(line.unanswered) == sum(s == [503] for s in answers.values())
    line.wait(line.now + 100.0)
    assert left_over(line.stack) == {}
