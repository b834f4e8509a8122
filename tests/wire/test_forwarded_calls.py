"""Diversion and History-Info: what a gateway is told of a call that goes on to it."""

import pytest
from support.message import SDP, Message
from support.wire import CALLER, ROUTER, TARGET, Router, Wire

from callrouter.route.values.plan import Verdict
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.stack import Stack

DIALPLAN = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32]}, by_to: {addresses: [192.0.2.4/32], called: to}}
gateways:
  both: {address: 192.0.2.3, diversion: true, history_info: true}
  one: {address: 192.0.2.3, diversion: true}
  none: {address: 192.0.2.3}
targets:
  first: {number: "1", via: both}
  second: {number: "2", via: both}
  only: {number: "3", via: one}
  plain: {number: "4", via: none}
  uri: {uri: "sip:uri@192.0.2.3"}
schedules: {never: {open: ["Mon-Sun 00:00-00:01"]}}
numbers:
  "4000": {route: [{hunt: [first, second], ring: 5s}]}
  "4001": {route: [{when: {schedule: never, is: closed}, hunt: [first, second], ring: 5s}]}
  "4002": {route: [{hunt: [only]}]}
  "4003": {route: [{hunt: [plain]}]}
  "4004": {route: [{hunt: [uri]}]}
  "4005": {route: [{hunt: [first, second], strategy: parallel}]}
"""
US = "192.0.2.2:5060"


class Gateway:
    """Answers each INVITE with the next of some statuses and keeps what it was sent."""

    def __init__(self, stack: Stack, *statuses: int) -> None:
        self.stack = stack
        self.invites: list[Request] = []
        self._statuses = list(statuses)
        stack.core = self

    def on_request(self, request: Request, flow: Flow) -> None:
        self.invites.append(request)
        tx = self.stack.accept(request, flow)
        tx.respond(self._statuses.pop(0))


def forwarded(called: str, *statuses: int, rows: tuple[str, ...] = ()) -> tuple[Gateway, Router]:
    """Place a call with more header rows; every target answers with one of some statuses."""
    wire = Wire()
    router = Router(wire, DIALPLAN)
    gateway = Gateway(wire.stack(TARGET), *statuses)
    phone = wire.stack(CALLER)
    usual = [
        ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport"),
        *(("From", "<sip:+8613800138000@192.0.2.1>;tag=1"), ("To", f"<sip:{called}@192.0.2.2>")),
        *(("Call-ID", "c"), ("CSeq", "1 INVITE"), ("Contact", "<sip:192.0.2.1>")),
        *(("Max-Forwards", "70"), ("Content-Type", "application/sdp")),
    ]
    more = [(name, value) for name, _, value in (row.partition(": ") for row in rows)]
    invite = Message(f"INVITE sip:{called}@192.0.2.2 SIP/2.0", [*usual, *more], SDP)
    phone.outgoing.append((Flow("UDP", *CALLER, *ROUTER, None), invite.render()))
    wire.run()
    assert router.noted.bugs == []
    return gateway, router


def diversion(request: Request) -> list[str]:
    return request.rows("diversion")


def history(request: Request) -> list[str]:
    return request.get("history-info").split(", ") if request.get("history-info") else []


def test_first_target_is_told_of_an_unconditional_diversion() -> None:
    gateway, _ = forwarded("4000", 486, 486)
    first = gateway.invites[0]
    assert diversion(first) == [f"<sip:4000@{US}>;reason=unconditional;counter=1"]
    assert history(first) == [
        f"<sip:4000@{US}>;index=1",
        "<sip:1@192.0.2.3:5060;cause=302>;index=1.1;mp=1",
    ]


@pytest.mark.parametrize(
    ("status", "reason", "cause"),
    [
        (486, "user-busy", 486),
        (600, "user-busy", 486),
        (408, "unavailable", 503),
        (503, "unavailable", 503),
        (302, "unavailable", 503),
        (488, "unknown", 404),
    ],
)
def test_next_target_is_told_what_became_of_the_one_before(
    status: int, reason: str, cause: int
) -> None:
    gateway, _ = forwarded("4000", status, 486)
    second = gateway.invites[1]
    assert diversion(second) == [f"<sip:4000@{US}>;reason={reason};counter=1"]
    assert history(second)[1] == f"<sip:2@192.0.2.3:5060;cause={cause}>;index=1.2;mp=1"


def test_target_after_one_that_rang_in_vain_is_told_no_answer() -> None:
    gateway, _ = forwarded("4000", 180, 486)
    assert diversion(gateway.invites[1]) == [f"<sip:4000@{US}>;reason=no-answer;counter=1"]
    assert ";cause=408>" in history(gateway.invites[1])[1]


def test_time_of_day_is_the_reason_of_the_first_target_only() -> None:
    gateway, _ = forwarded("4001", 486, 486)
    reasons = [diversion(invite)[0].split(";")[1] for invite in gateway.invites]
    assert reasons == ["reason=time-of-day", "reason=user-busy"]
    assert ";cause=404>" in history(gateway.invites[0])[1]


def test_targets_that_ring_together_have_an_index_each() -> None:
    gateway, _ = forwarded("4005", 486, 486)
    assert [history(invite)[1].partition(">")[2] for invite in gateway.invites] == [
        ";index=1.1;mp=1",
        ";index=1.2;mp=1",
    ]


@pytest.mark.parametrize("called", ["4003", "4004"])
def test_nobody_is_told_who_is_not_configured_to_be(called: str) -> None:
    incoming = ("Diversion: <sip:1@192.0.2.1>", "History-Info: <sip:1@192.0.2.1>;index=1")
    gateway, _ = forwarded(called, 486, rows=incoming)
    assert diversion(gateway.invites[0]) == []
    assert history(gateway.invites[0]) == []


def test_gateway_with_diversion_alone_gets_no_history() -> None:
    gateway, _ = forwarded("4002", 486)
    assert len(diversion(gateway.invites[0])) == 1
    assert history(gateway.invites[0]) == []


def test_diversions_before_are_built_anew_below_ours() -> None:
    rows = (
        'Diversion: "Evil" <sip:2000@192.0.2.1:5070;user=phone?X=y>;counter=2;reason=User-Busy;'
        'x=injected;privacy=full;screen=yes, tel:+8620;reason="follow-me"',
        "Diversion: <sip:3000@192.0.2.1>;reason=made-up",
    )
    gateway, _ = forwarded("4000", 486, 486, rows=rows)
    assert diversion(gateway.invites[0]) == [
        f"<sip:4000@{US}>;reason=unconditional;counter=1",
        "<sip:anonymous@anonymous.invalid>;reason=user-busy;counter=2;privacy=full;screen=yes",
        "<tel:+8620>;reason=follow-me;counter=1",
        "<sip:3000@192.0.2.1>;reason=unknown;counter=1",
    ]


@pytest.mark.parametrize(
    "value",
    [
        "nonsense",
        "<>",
        "<http://192.0.2.1/>",
        "<sip:192.0.2.1>",
        "<sip:1@192.0.2.1>;counter=0",
        "<sip:1@192.0.2.1>;counter=-1",
        "<sip:1@192.0.2.1>;counter=1000",
        "<sip:1@192.0.2.1>;=",
        f"<sip:{'1' * 200}@192.0.2.1>",
        f"<tel:+{'1' * 200}>",
    ],
)
def test_diversion_that_is_none_is_left_out(value: str) -> None:
    gateway, _ = forwarded("4000", 486, 486, rows=(f"Diversion: {value}",))
    assert diversion(gateway.invites[0]) == [f"<sip:4000@{US}>;reason=unconditional;counter=1"]


def test_user_with_odd_characters_is_escaped_again() -> None:
    rows = ("Diversion: <sip:a%0d%0aX;b@192.0.2.1>",)
    gateway, _ = forwarded("4000", 486, 486, rows=rows)
    assert diversion(gateway.invites[0])[1] == (
        "<sip:a%0D%0AX;b@192.0.2.1>;reason=unknown;counter=1"
    )


def test_history_goes_on_from_its_last_entry_when_that_is_the_called_number() -> None:
    rows = (
        "History-Info: <sip:2000@192.0.2.1>;index=1",
        "History-Info: <sip:4000@192.0.2.2;cause=486?Reason=SIP%3Bcause%3D486&X=y>;index=1.1;mp=1"
        ";evil=1",
    )
    gateway, _ = forwarded("4000", 486, 486, rows=rows)
    assert history(gateway.invites[0]) == [
        "<sip:2000@192.0.2.1>;index=1",
        "<sip:4000@192.0.2.2;cause=486?Reason=SIP%3Bcause%3D486>;index=1.1;mp=1",
        "<sip:1@192.0.2.3:5060;cause=302>;index=1.1.1;mp=1.1",
    ]


def test_gap_in_the_history_is_marked_by_a_zero() -> None:
    rows = ("History-Info: <sip:2000@192.0.2.1>;index=1.1.2",)
    gateway, _ = forwarded("4000", 486, 486, rows=rows)
    assert history(gateway.invites[0])[1:] == [
        f"<sip:4000@{US}>;index=1.1.2.0",
        "<sip:1@192.0.2.3:5060;cause=302>;index=1.1.2.0.1;mp=1.1.2.0",
    ]


@pytest.mark.parametrize(
    "rows",
    [
        ("Privacy: id;history", "History-Info: <sip:2000@192.0.2.1>;index=1"),
        ("History-Info: <sip:2000@192.0.2.1?Privacy=history>;index=1",),
    ],
)
def test_history_of_who_wants_privacy_has_no_name(rows: tuple[str, ...]) -> None:
    gateway, _ = forwarded("4000", 486, 486, rows=rows)
    assert history(gateway.invites[0])[0] == "<sip:anonymous@anonymous.invalid>;index=1"


@pytest.mark.parametrize("value", ["x", "<sip:1@192.0.2.1>", "<sip:1@192.0.2.1>;index=1.", "<a:b>"])
def test_history_that_is_none_is_left_out(value: str) -> None:
    gateway, _ = forwarded("4000", 486, 486, rows=(f"History-Info: {value}",))
    assert history(gateway.invites[0])[0] == f"<sip:4000@{US}>;index=1"


@pytest.mark.parametrize(
    ("rows", "times"),
    [
        (("Diversion: <sip:1@192.0.2.1>;counter=9",), 9),
        (("Diversion: <sip:1@192.0.2.1>;counter=10",), 10),
        (("Diversion: <sip:1@192.0.2.1>;counter=4, <sip:2@192.0.2.1>;counter=6",), 10),
        (("Diversion: nonsense",) * 10, 10),
        (("Diversion: <sip:1@192.0.2.1>",) * 12, 12),
        (("History-Info: <sip:1@192.0.2.1;cause=302>;index=1",) * 10, 10),
        (("History-Info: <sip:1@192.0.2.1>;index=1",) * 12, 0),
        (("Diversion: <sip:1@192.0.2.1>;counter=999",), 99),
    ],
)
def test_chain_of_ten_stops_with_a_refusal(rows: tuple[str, ...], times: int) -> None:
    gateway, router = forwarded("4000", 486, 486, rows=rows)
    (record,) = router.noted.ended
    loops: list[Verdict] = [verdict for verdict in record.trace if verdict.rule == "diversions"]
    if times < 10:
        assert gateway.invites
        assert loops == []
    else:
        assert (record.status, record.reason) == (482, "forwarded_too_often")
        assert gateway.invites == []
        assert loops[0].value == str(times)


@pytest.mark.parametrize("told", ["diversion: true", "history_info: true"])
def test_call_that_is_forwarded_to_ourselves_stops_after_ten_times(told: str) -> None:
    circle = f"""
country: CN
trunks: {{lab: {{addresses: [192.0.2.1/32, 192.0.2.2/32]}}}}
gateways: {{us: {{address: 192.0.2.2, {told}}}}}
targets: {{again: {{number: "4000", via: us}}}}
numbers: {{"4000": {{route: [{{hunt: [again]}}]}}}}
"""
    wire = Wire()
    router = Router(wire, circle)
    phone = wire.stack(CALLER)
    rows = [
        ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport"),
        *(("From", "<sip:1@192.0.2.1>;tag=1"), ("To", "<sip:4000@192.0.2.2>")),
        *(("Call-ID", "c"), ("CSeq", "1 INVITE"), ("Contact", "<sip:192.0.2.1>")),
        *(("Max-Forwards", "70"), ("Content-Type", "application/sdp")),
    ]
    invite = Message("INVITE sip:4000@192.0.2.2 SIP/2.0", rows, SDP)
    phone.outgoing.append((Flow("UDP", *CALLER, *ROUTER, None), invite.render()))
    wire.run()
    assert len(router.noted.started) == 11
    refused = router.noted.ended[0]
    assert (refused.status, refused.reason) == (482, "forwarded_too_often")
    assert {record.status for record in router.noted.ended} == {482}
