"""Our registration with a gateway, on a clock and with answers of the test's own."""

import itertools

import pytest

from callrouter.errors import SipError
from callrouter.register.register_client import (
    FAILED,
    LONGEST_WAIT,
    REGISTERED,
    SHORTEST_WAIT,
    CarrierAccount,
    Registration,
    Spot,
)
from callrouter.route.rules.digest_accounts import Login
from callrouter.route.values.gateway_candidates import Gateway, GatewayAddress
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, parse
from callrouter.sip.stack import Stack

GATEWAY = ("192.0.2.9", 5060)
OTHER = ("192.0.2.10", 5060)
SPOT = Spot("UDP", *GATEWAY)
PEER = Gateway("carrier", GatewayAddress(*GATEWAY, "udp"), named=False)
CHALLENGE = 'WWW-Authenticate: Digest realm="{}", nonce="{}", qop="auth", algorithm=MD5{}\r\n'


class Line:
    """A stack whose clock and peer are the test."""

    def __init__(self) -> None:
        tokens = itertools.count(1)
        self.stack = Stack(lambda: f"{next(tokens):016x}", self._connect)
        self.way = True
        self.found: Spot | None = SPOT

    def _connect(self, transport: str, host: str, port: int, _name: str) -> Flow:
        if not self.way:
            raise SipError("no way", 503)
        return Flow(transport, "192.0.2.1", 5060, host, port, None)

    def registration(self, login: Login | None = None, seconds: int = 600) -> Registration:
        hosts = frozenset({GATEWAY[0], OTHER[0]})
        uri = "sip:carrier.example"
        account = CarrierAccount(
            gateway="carrier",
            user="u",
            domain="carrier.example",
            uri=uri,
            contact="tok",
            seconds=seconds,
            peer=PEER,
            hosts=hosts,
        )
        made = Registration(self.stack, account, lambda: self.found, login, lambda: 0.5)
        self.stack.run_timers(self.stack.now)
        return made

    def pass_time(self, seconds: float) -> None:
        self.stack.run_timers(self.stack.now + seconds)

    def sent(self) -> tuple[Request, Flow]:
        """The only new request; what is sent again is dropped."""
        outgoing, self.stack.outgoing = self.stack.outgoing, []
        fresh = {data: flow for flow, data in outgoing}
        assert len(fresh) == 1, fresh
        data, flow = fresh.popitem()
        message = parse(data)
        assert isinstance(message, Request)
        return message, flow

    def quiet(self) -> bool:
        return not self.stack.outgoing

    def answer(self, request: Request, status: int, rows: str = "") -> None:
        head = "".join(
            f"{name}: {request.get(name.lower())}\r\n"
            for name in ("Via", "From", "Call-ID", "CSeq")
        )
        text = f"SIP/2.0 {status} Said\r\n{head}To: {request.get('to')};tag=g\r\n{rows}\r\n"
        flow = Flow("UDP", "192.0.2.1", 5060, *GATEWAY, None)
        self.stack.receive(text.encode(), flow, self.stack.now)


@pytest.fixture
def line() -> Line:
    return Line()


def test_registers_at_once_and_again_before_it_expires(line: Line) -> None:
    registration = line.registration()
    request, _ = line.sent()
    assert request.uri == "sip:carrier.example"
    assert request.get("contact") == "<sip:tok@192.0.2.1:5060>"
    assert request.get("expires") == "600"
    line.answer(request, 200, "Contact: <sip:tok@192.0.2.1:5060>;expires=100\r\n")
    assert registration.standing == REGISTERED
    assert registration.left == 100
    line.pass_time(70)
    assert line.quiet()
    line.pass_time(11)
    again, _ = line.sent()
    assert again.get("call-id") == request.get("call-id")
    assert again.cseq()[0] == request.cseq()[0] + 1


def test_challenge_is_answered_and_refreshes_carry_the_next_count(line: Line) -> None:
    registration = line.registration(Login(user="u", password="p", realm="r"))
    first, _ = line.sent()
    line.answer(first, 401, CHALLENGE.format("r", "n", ""))
    proven, _ = line.sent()
    assert "nc=00000001" in proven.get("authorization")
    line.answer(proven, 200)
    assert registration.standing == REGISTERED
    line.pass_time(500)
    assert "nc=00000002" in line.sent()[0].get("authorization")


@pytest.mark.parametrize("realm", ["evil", "r"])
def test_other_realm_or_a_second_challenge_fails(line: Line, realm: str) -> None:
    registration = line.registration(Login(user="u", password="p", realm="r"))
    first, _ = line.sent()
    line.answer(first, 401, CHALLENGE.format(realm, "n", ""))
    if realm == "r":
        line.answer(line.sent()[0], 401, CHALLENGE.format(realm, "n2", ""))
    assert registration.standing == FAILED
    assert registration.why == "answered 401"
    assert line.quiet()


def test_back_off_doubles_to_half_an_hour(line: Line) -> None:
    registration = line.registration()
    waits = []
    for _ in range(9):
        request, _ = line.sent()
        line.answer(request, 503)
        assert registration.standing == FAILED
        began = line.stack.now
        while line.quiet():
            line.pass_time(1.0)
        waits.append(line.stack.now - began)
    assert waits[0] == pytest.approx(SHORTEST_WAIT, abs=1.1)
    assert waits[1] == pytest.approx(2 * SHORTEST_WAIT, abs=1.1)
    assert waits[-1] == pytest.approx(LONGEST_WAIT, abs=1.1)


def test_retry_after_is_waited_for(line: Line) -> None:
    line.registration()
    line.answer(line.sent()[0], 503, "Retry-After: 100 (soon)\r\n")
    line.pass_time(99)
    assert line.quiet()
    line.pass_time(1.5)
    line.sent()


def test_silence_and_no_way_are_failures(line: Line) -> None:
    registration = line.registration()
    for _ in range(40):
        line.pass_time(1.0)
    assert (registration.standing, registration.why) == (FAILED, "not answered")
    other = Line()
    other.way = False
    assert other.registration().why == "no way"
    other.way, other.found = True, None
    assert other.registration().why == "its name is not known to DNS"


def test_too_short_is_asked_for_longer_once(line: Line) -> None:
    registration = line.registration(seconds=60)
    line.answer(line.sent()[0], 423, "Min-Expires: 1800\r\n")
    longer, _ = line.sent()
    assert longer.get("expires") == "1800"
    line.answer(longer, 423, "Min-Expires: 1800\r\n")
    assert registration.standing == FAILED


def test_redirection_is_followed_once_and_only_to_gateways_of_the_dialplan(line: Line) -> None:
    registration = line.registration()
    line.answer(line.sent()[0], 302, "Contact: <sip:192.0.2.10>\r\n")
    moved, flow = line.sent()
    assert flow.address == OTHER
    line.answer(moved, 302, "Contact: <sip:192.0.2.9>\r\n")
    assert registration.why == "answered 302"
    other = Line()
    foreign = other.registration()
    other.answer(other.sent()[0], 302, "Contact: <sip:198.51.100.1>\r\n")
    assert foreign.why == "answered 302"
    assert other.quiet()


def test_stop_takes_it_back_and_nothing_follows(line: Line) -> None:
    registration = line.registration()
    line.answer(line.sent()[0], 200)
    registration.stop()
    gone, _ = line.sent()
    assert gone.get("expires") == "0"
    line.answer(gone, 503)
    line.pass_time(10_000)
    assert line.quiet()
    assert line.stack.deadline() is None


def test_nothing_granted_is_a_failure(line: Line) -> None:
    registration = line.registration()
    line.answer(line.sent()[0], 200, "Contact: <sip:tok@192.0.2.1:5060>;expires=0\r\n")
    assert registration.why == "not granted"


def test_failed_refresh_leaves_what_still_holds(line: Line) -> None:
    registration = line.registration()
    line.answer(line.sent()[0], 200)
    line.pass_time(470)
    line.answer(line.sent()[0], 503)
    assert registration.standing == REGISTERED
    assert registration.why == "answered 503"
    line.pass_time(131)
    assert registration.standing == FAILED
