"""Who is heard by a UDP listener, and what strangers get: on its methods, without a socket."""

import asyncio
from typing import Final, NamedTuple

import pytest

from callrouter.errors import SipError, StrangerError
from callrouter.net.overload.source_filter import SourceFilter, SourceFilterRule
from callrouter.net.transport.core_filter import CoreFilter
from callrouter.net.transport.driver import Driver
from callrouter.net.transport.listeners import Listeners
from callrouter.net.transport.udp import UdpListener
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.stack import Stack
from callrouter.state.bans_in_memory import BanRule, Bans

CARRIER: Final = ("192.0.2.1", 5060)
TARGET: Final = ("192.0.2.77", 5060)
STRANGER: Final = ("198.51.100.7", 5060)
NOW: Final = 1_700_000_000.0
OURS: Final = "0123456789abcdef"


def request(method: str, *rows: str, to_tag: str = "", number: int = 1) -> bytes:
    """A request, as short as it may be; rows: more headers."""
    to = f"<sip:4000@192.0.2.2>{to_tag and ';tag=' + to_tag}"
    lines = (
        f"{method} sip:4000@192.0.2.2 SIP/2.0",
        f"Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx{number}",
        "From: <sip:a@198.51.100.7>;tag=1",
        f"To: {to}",
        f"Call-ID: {number}",
        f"CSeq: 1 {method}",
        "Content-Length: 0",
        *rows,
    )
    return "\r\n".join((*lines, "", "")).encode()


def response(branch: str) -> bytes:
    """A 180 to a request of ours."""
    return request("INVITE").replace(
        b"INVITE sip:4000@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx1",
        f"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 192.0.2.2;branch={branch}".encode(),
    )


class Trunk(NamedTuple):
    name: str
    packets_per_second: int = 0


class Loop(asyncio.AbstractEventLoop):
    """A clock, and timers that never run."""

    now = 1000.0

    def time(self) -> float:
        return self.now

    def call_at(self, *_: object, **__: object) -> asyncio.TimerHandle:  # type: ignore[override]
        return asyncio.TimerHandle(0.0, lambda: None, (), self)

    def _timer_handle_cancelled(self, _handle: object) -> None:
        """Nothing is to be done."""

    def get_debug(self) -> bool:
        return False


class Socket(asyncio.DatagramTransport):
    def __init__(self) -> None:
        super().__init__({"sockname": ("192.0.2.2", 5060)})
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def sendto(self, data: bytes, addr: tuple[str, int] | None = None) -> None:  # type: ignore[override]
        assert addr is not None
        self.sent.append((data, addr))

    def close(self) -> None:
        """Nothing is open."""


class Behind:
    """A core as the calls are: strangers are StrangerErrors, or asked for a password."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.heard: list[str] = []
        self.passwords = False

    def on_request(self, message: Request, flow: Flow) -> None:
        self.heard.append(message.method)
        if flow.remote_host == CARRIER[0]:
            raise SipError("nobody is here", 480)
        if not self.passwords:
            raise StrangerError
        if message.get("authorization") != "right":
            raise SipError("a password is needed", 401)
        self.stack.accept(message, flow).respond(200)


class Net:
    """One listener, with all behind it."""

    def __init__(self, rule: SourceFilterRule | None = None, *, anybody: bool = False) -> None:
        self.loop = Loop()
        self.listeners = Listeners()
        self.bugs: list[Exception] = []
        tokens = iter(range(1, 1_000_000))
        self.stack = Stack(
            lambda: f"{next(tokens):016x}",
            lambda _t, host, port, _n: self.listener.flow(host, port),
        )
        self.driver = Driver(self.loop, self.stack, self.bugs.append)
        self.bans = Bans(lambda _kind, _key, _value: None)
        self.bans.rule = BanRule(wrongs=3, within=60, seconds=600)
        self.strangers = SourceFilter(
            rule or SourceFilterRule(), self.stack, self.bans, lambda: NOW
        )
        self.trunks = {CARRIER[0]: Trunk("carrier")}
        self.behind = Behind(self.stack)
        self.behind.passwords = anybody
        self.strangers.welcome(
            lambda host, _names: self.trunks.get(host), anybody=lambda _host: anybody
        )
        self.stack.core = CoreFilter(self.behind, self.listeners, self.stack, self.strangers)
        self.socket = Socket()
        self.listener = UdpListener(self.driver, None, self.strangers)
        self.listener.connection_made(self.socket)
        self.counts = self.strangers.counts

    def hear(self, data: bytes, place: tuple[str, int] = STRANGER) -> list[str]:
        """Let a datagram come; the first lines of what was sent for it."""
        self.listener.datagram_received(data, place)
        sent, self.socket.sent = self.socket.sent, []
        assert self.bugs == []
        return [said.split(b"\r\n")[0].decode() for said, _ in sent]


def test_trunk_is_answered_and_a_stranger_gets_nothing() -> None:
    net = Net()
    assert net.hear(request("INVITE"), CARRIER) == ["SIP/2.0 480 Temporarily Unavailable"]
    for number, method in enumerate(("INVITE", "OPTIONS", "REGISTER", "BYE", "ACK", "NOTIFY")):
        assert net.hear(request(method, number=number)) == []
        assert net.hear(request(method, to_tag="77", number=number)) == []
    assert net.counts.unknown == 12
    assert net.behind.heard == ["INVITE"]


@pytest.mark.parametrize("data", [b"\r\n\r\n\r\n", b"\0" * 1400, b"x" * 65_507, b"SIP/2.0 200 OK"])
def test_strangers_garbage_is_not_even_read(data: bytes) -> None:
    net = Net()
    assert net.hear(data) == []
    assert net.stack.malformed == 0
    assert net.counts.unknown == 1


def test_strangers_leave_nothing_behind() -> None:
    net = Net()
    for number in range(5_000):
        place = (f"198.51.{number % 100}.{number % 251}", 1024 + number)
        assert net.hear(request("INVITE", number=number), place) == []
    assert (net.stack.servers, len(net.listener._flows), len(net.bans)) == ({}, 0, 0)


def test_whom_we_send_to_is_heard_from_then_on() -> None:
    net = Net()
    net.driver.step(
        lambda: net.stack.send(net.stack.connect("UDP", *TARGET), b"OPTIONS sip:x SIP/2.0\r\n\r\n")
    )
    net.hear(b"what is no SIP", TARGET)
    assert net.stack.malformed == 1
    net.listener.forget()
    net.hear(b"what is no SIP", TARGET)
    assert (net.stack.malformed, net.counts.unknown) == (1, 1)


@pytest.mark.parametrize("spelling", ["Via: SIP", "v: SIP", "VIA :  SIP"])
def test_response_to_a_request_of_ours_is_heard_from_anywhere(spelling: str) -> None:
    net = Net()
    net.stack.clients["z9hG4bK" + OURS] = object()
    data = response("z9hG4bK" + OURS).replace(b"Via: SIP", spelling.encode(), 1)
    net.hear(data)
    assert (net.stack.stray, net.counts.unknown) == (1, 0)
    net.hear(response("z9hG4bK" + OURS[::-1]), TARGET)
    assert net.counts.unknown == 1


@pytest.mark.parametrize("row", ["To: ", "t: ", "to :", "To: Bob "])
def test_request_inside_a_dialog_of_ours_is_heard_from_anywhere(row: str) -> None:
    class User:
        call_id = "1"
        acks = 0

        def on_request(self, tx: object, message: Request) -> None:
            raise AssertionError

        def on_ack(self, message: Request) -> None:
            self.acks += 1

    net, user = Net(), User()
    net.stack.dialogs[OURS] = user
    data = request("ACK", to_tag=OURS).replace(b"\r\nTo: ", f"\r\n{row}".encode())
    net.hear(data)
    assert (user.acks, net.counts.unknown) == (1, 0)
    net.hear(request("ACK", to_tag=OURS + "0"), TARGET)
    assert net.counts.unknown == 1


def test_strangers_are_refused_where_the_settings_say_so_as_often_as_their_bucket_allows() -> None:
    net = Net(SourceFilterRule(answered=True, packets_per_second=5))
    row = "X: " + "x" * 200
    answers = [net.hear(request("OPTIONS", row, number=number)) for number in range(9)]
    assert answers == [["SIP/2.0 403 Forbidden"]] * 5 + [[]] * 4
    assert net.counts.over_source == 3
    # The third of those that came too soon was one wrong too many.
    net.loop.now += 10
    assert net.hear(request("OPTIONS", row, number=10)) == []
    assert (net.counts.banned, net.bans.made) == (2, 1)


def test_all_strangers_together_have_a_bucket_too() -> None:
    net = Net(SourceFilterRule(answered=True, all_packets_per_second=10))
    row = "X: " + "x" * 200
    answers = [
        net.hear(request("OPTIONS", row, number=number), (f"203.0.{number}.1", 5060))
        for number in range(50)
    ]
    assert sum(map(len, answers)) == 10
    assert net.counts.over_all == 40


def test_answer_to_a_stranger_is_never_larger_than_its_request() -> None:
    net = Net(SourceFilterRule(answered=True))
    short = request("OPTIONS")
    long = request("OPTIONS", "X: " + "x" * 200)
    said = []
    for data in (short, long):
        net.listener.datagram_received(data, STRANGER)
        said += [(len(answer), len(data)) for answer, _ in net.socket.sent]
        net.socket.sent.clear()
    assert all(answer <= asked for answer, asked in said)
    assert len(said) + net.counts.large == 2
    assert said


def test_who_may_come_from_anywhere_is_asked_once_each_and_known_when_the_password_is_right() -> (
    None
):
    net = Net(SourceFilterRule(packets_per_second=3), anybody=True)
    row = "X: " + "x" * 200
    assert net.hear(request("OPTIONS", row, number=1)) == []
    assert net.hear(request("REGISTER", row, number=2)) == ["SIP/2.0 401 Unauthorized"]
    right = request("REGISTER", "Authorization: right", number=3)
    assert net.hear(right) == ["SIP/2.0 200 OK"]
    # As often as it likes from now on, and its retransmissions too.
    for number in range(3, 30):
        said = net.hear(request("REGISTER", "Authorization: right", number=number))
        assert said == ["SIP/2.0 200 OK"]
    assert net.counts.over_source == 0


def test_scanner_gets_nothing_even_from_a_trunks_address_which_is_never_banned() -> None:
    net = Net(anybody=True)
    for number in range(5):
        agent = "User-Agent: FRIENDLY-scanner/1.8"
        assert net.hear(request("INVITE", agent, number=number), CARRIER) == []
    assert (net.counts.scanners, net.bans.made) == (5, 0)
    for number in range(5):
        assert net.hear(request("INVITE", "User-Agent: sipcli/v1.8", number=number)) == []
    assert (net.counts.scanners, net.counts.banned, net.bans.made) == (8, 2, 1)
    said = net.hear(request("INVITE", "User-Agent: Yealink", number=9), CARRIER)
    assert said == ["SIP/2.0 480 Temporarily Unavailable"]


def test_trunk_that_sends_more_than_it_may_loses_the_rest_and_nobody_else_does() -> None:
    net = Net()
    other = ("192.0.2.9", 5060)
    net.trunks[CARRIER[0]] = Trunk("carrier", packets_per_second=4)
    net.trunks[other[0]] = Trunk("other")
    said = [net.hear(request("INVITE", number=number), CARRIER) for number in range(10)]
    assert [len(answer) for answer in said] == [1] * 4 + [0] * 6
    assert net.counts.over_trunk == 6
    # Not even when we call it ourselves.
    net.listener.flow(*CARRIER)
    assert net.hear(request("INVITE", number=11), CARRIER) == []
    net.loop.now += 0.5
    assert len(net.hear(request("INVITE", number=12), CARRIER)) == 1
    net.hear(request("INVITE", number=13), other)
    assert net.behind.heard == ["INVITE"] * 6


def test_ban_by_hand_is_for_the_next_message_already() -> None:
    net = Net()
    net.bans.changed = net.listener.forget
    net.listener.flow(*TARGET)
    net.stack.dialogs[OURS] = object()  # type: ignore[assignment]
    net.bans.add(TARGET[0], 0.0)
    assert net.hear(request("BYE", to_tag=OURS), TARGET) == []
    assert net.counts.banned == 1
    net.bans.add(CARRIER[0], 0.0)
    assert net.hear(request("INVITE"), CARRIER) != []


def test_sixth_addresses_are_known_like_the_others() -> None:
    net = Net()
    net.trunks["2001:db8::1"] = Trunk("carrier")
    far = ("2001:db8::1", 5060, 0, 0)
    for number in range(3):
        net.listener.datagram_received(request("INVITE", number=number), far)
    assert net.behind.heard == ["INVITE"] * 3
    assert len(net.listener._flows) == 1


def test_datagram_over_the_limit_is_not_read_whoever_sends_it() -> None:
    net = Net(SourceFilterRule(message_size=2048))
    large = request("INVITE", "X: " + "x" * 2048)
    assert net.hear(large, CARRIER) == []
    assert (net.counts.over_size, net.behind.heard) == (1, [])
