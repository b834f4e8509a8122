"""The stream of call events: what a subscriber hears of each kind of call, once and in order.

That no call is told in an impossible order is held by `support.told` in all tests of this folder.
"""

import pytest
from mid_dialog import SDP_ROW, Party, between, description
from spoken import KEY_ROW, SpokenRouter, compiled
from support.wire import CALLER, TARGET, Caller, Router, Target, Wire, talk_and_hang_up
from test_transfers import FOURTH, consulted, refer, replaces_of

from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.legs.uas_leg import ALeg
from callrouter.call.services.call_events import CallEvents, HoldChanged
from callrouter.call.services.record import CallRecord
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.yamlfile.reader import parse

HUNT = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32]}}
targets:
  one: {uri: "sip:one@192.0.2.3:5060"}
  two: {uri: "sip:two@192.0.2.4:5060"}
  safe: {uri: "sip:safe@192.0.2.4:5061;transport=tls"}
numbers:
  "4000": {route: [{hunt: [one, two], progress: 30s}]}
  "4001": {route: [{hunt: [one, two], strategy: parallel, progress: 30s}]}
  "4002": {route: [{hunt: [one, 'safe']}]}
"""
FEATURE = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32]}}
schedules: {office: {open: ["Mon-Fri 08:00-18:00"]}}
numbers:
  "*31": {from: anyone, route: [{feature: {schedule: office, to: closed}}]}
"""
TALK = ["started", "leg desk dialled", "leg desk answered", "answered"]
OVER = ["leg desk ended", "ended by caller"]


def hang_up(party: Party) -> None:
    assert party.leg is not None
    party.leg.hang_up()


def told(router: Router | SpokenRouter, wire: Wire) -> list[str]:
    """All that was told, once nothing is left to happen."""
    wire.run()
    assert router.noted.bugs == []
    return router.noted.told.lines


def ringing(wire: Wire, host: str) -> Party:
    """A telephone that rings."""
    party = Party(wire, host, answers=False)
    party.ringing = lambda leg: leg.ring(180, "", "", b"")
    return party


def test_answered_call_is_told_from_its_start_to_its_end() -> None:
    wire = Wire()
    router, caller = Router(wire), Caller(wire)
    Target(wire)
    caller.call(talk_and_hang_up)
    assert told(router, wire) == [
        "started",
        "leg desk dialled",
        "leg desk ringing",
        "ringing",
        "leg desk answered",
        "answered",
        *OVER,
    ]


@pytest.mark.parametrize(
    ("number", "rings_at"),
    [
        ("5003", 0.5),  # behind the greeting
        ("5009", 0.6),  # behind the notice that it is recorded
        ("5012", 0.0),
        ("5004", None),  # a greeting that answers and goes on
        ("5017", None),  # one that answers; the ringback comes behind it
    ],
)
def test_caller_who_hears_our_ringback_is_told_to_ring_once(
    number: str, rings_at: float | None
) -> None:
    wire = Wire()
    router, desk, caller = SpokenRouter(wire, compiled()), *_both(wire)
    desk.answers = False

    def ring(leg: ALeg) -> None:
        leg.ring(180, "", "", b"")
        desk.stack.timers.start(desk.stack.now + 2.0, lambda _now: desk.answer())

    desk.ringing = ring
    caller.call(number)
    wire.run(20.0)
    hang_up(caller)
    lines = told(router, wire)
    (record,) = router.noted.ended
    if rings_at is None:
        assert "ringing" not in lines
        assert record.ringing_ms is None
    else:
        assert lines.index("ringing") < lines.index("answered")
        assert record.ringing_ms is not None
        assert record.ringing_ms >= rings_at * 1000
        assert record.answered_ms is not None
        assert record.ringing_ms < record.answered_ms


def test_busy_target_and_the_next_one_are_told_in_turn() -> None:
    wire = Wire()
    router = Router(wire, HUNT)
    one, two = Party(wire, TARGET[0], answers=False), Party(wire, FOURTH)
    one.ringing = lambda leg: leg.reject(486)
    Party(wire, CALLER[0]).call("4000")
    wire.run(1.0)
    hang_up(two)
    assert told(router, wire) == [
        "started",
        "leg one dialled",
        "leg one ended",
        "leg two dialled",
        "leg two answered",
        "answered",
        "leg two ended",
        "ended by callee",
    ]


def test_slower_target_of_two_is_over_before_the_caller_is_answered() -> None:
    wire = Wire()
    router = Router(wire, HUNT)
    ringing(wire, TARGET[0])
    two, caller = Party(wire, FOURTH, answers=False), Party(wire, CALLER[0])
    caller.call("4001")
    wire.run(1.0)
    two.answer()
    wire.run(2.0)
    hang_up(caller)
    assert told(router, wire) == [
        "started",
        "leg one dialled",
        "leg two dialled",
        "leg one ringing",
        "ringing",
        "leg two answered",
        "leg one ended",
        "answered",
        "leg two ended",
        "ended by caller",
    ]


def test_cancelled_call_ends_its_leg_and_then_itself() -> None:
    wire = Wire()
    router, caller = Router(wire), Party(wire, CALLER[0])
    ringing(wire, TARGET[0])
    caller.call("4000")
    wire.run(1.0)
    assert isinstance(caller.leg, BLeg)
    caller.leg.cancel()
    assert told(router, wire) == [
        "started",
        "leg desk dialled",
        "leg desk ringing",
        "ringing",
        "leg desk ended",
        "ended by caller",
    ]


def test_refused_call_starts_and_ends() -> None:
    wire = Wire()
    router = Router(wire)
    Party(wire, CALLER[0]).call("4999")
    assert told(router, wire) == ["started", "ended by callrouter"]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_hold_and_its_end_are_told_once_each(method: str, direction: str) -> None:
    wire, router, caller, desk = between()
    desk.body = description(desk.host, f"a={direction.replace('sendonly', 'recvonly')}\r\n")
    for body in (direction, direction, "sendrecv", "sendrecv"):
        caller.ask(method, SDP_ROW, description(caller.host, f"a={body}\r\n"))
        wire.run(wire.now + 2.0)
        desk.body = description(desk.host)
    hang_up(caller)
    assert told(router, wire) == [*TALK, "held by caller", "held no more by caller", *OVER]


def test_hold_without_an_address_is_one_too() -> None:
    wire, router, caller, desk = between()
    desk.ask("INVITE", SDP_ROW, description("0.0.0.0"))
    wire.run(2.0)
    hang_up(caller)
    assert told(router, wire) == [*TALK, "held by callee", *OVER]


def test_party_on_hold_that_holds_too_and_resumes_is_still_held() -> None:
    wire, router, caller, desk = between()
    for holder, held, direction, answer in (
        (caller, desk, "sendonly", "recvonly"),
        (desk, caller, "inactive", "inactive"),
        (desk, caller, "sendrecv", "sendonly"),
        (caller, desk, "sendrecv", "sendrecv"),
    ):
        held.body = description(held.host, f"a={answer}\r\n")
        holder.ask("INVITE", SDP_ROW, description(holder.host, f"a={direction}\r\n"))
        wire.run(wire.now + 2.0)
    hang_up(caller)
    assert told(router, wire) == [
        *TALK,
        "held by caller",
        "held by callee",
        "held no more by callee",
        "held no more by caller",
        *OVER,
    ]


def test_hold_that_is_refused_is_none() -> None:
    wire, router, caller, desk = between()
    desk.refuses = "INVITE"
    caller.ask("INVITE", SDP_ROW, description(caller.host, "a=sendonly\r\n"))
    wire.run(2.0)
    hang_up(caller)
    assert told(router, wire) == [*TALK, *OVER]


def test_answer_in_an_ack_holds_too() -> None:
    wire, router, caller, desk = between()
    desk.late = description(desk.host)
    caller.late = description(caller.host, "a=sendonly\r\n")
    caller.ask("INVITE")
    wire.run(2.0)
    hang_up(caller)
    assert told(router, wire) == [*TALK, "held by caller", *OVER]


def test_hold_through_the_worker_is_told_with_and_without_music() -> None:
    for number, begins in (("5009", "leg a answered"), ("5012", "leg a answered")):
        wire = Wire()
        router = SpokenRouter(wire, compiled())
        Party(wire, TARGET[0])
        caller = Party(wire, CALLER[0])
        caller.call(number)
        wire.run(10.0)
        for direction in ("sendonly", "sendrecv"):
            caller.ask("INVITE", SDP_ROW, description(caller.host, f"a={direction}\r\n"))
            wire.run(wire.now + 2.0)
        hang_up(caller)
        lines = told(router, wire)
        held = lines.index("held by caller")
        assert begins in lines[:held]
        assert lines[held : held + 2] == ["held by caller", "held no more by caller"]


def test_transfer_is_told_when_the_new_party_talks() -> None:
    wire, router, caller, desk = between()
    Party(wire, FOURTH)
    desk.ask("REFER", refer("4001"))
    wire.run(7.0)
    hang_up(caller)
    assert told(router, wire) == [
        *TALK,
        "leg other dialled",
        "leg other answered",
        "moved",
        "leg desk ended",
        "moved",
        "transferred by callee",
        "leg other ended",
        "ended by caller",
    ]


def test_transfer_that_fails_is_none_and_says_who_is_left() -> None:
    wire, router, caller, desk = between()
    Party(wire, FOURTH)
    caller.refuses = "INVITE"
    desk.ask("REFER", refer("4001"))
    wire.run(4.0)
    hang_up(caller)
    assert told(router, wire) == [
        *TALK,
        "leg other dialled",
        "leg other answered",
        "moved",
        "leg other ended",
        "moved",
        *OVER,
    ]


def test_attended_transfer_ends_one_call_and_goes_on_in_the_other() -> None:
    wire, router, caller, _, line, other = consulted(", transfer: both")
    before = len(router.noted.told.lines)
    line.ask("REFER", refer("4000", f"?Replaces={replaces_of(caller).replace(';', '%3B')}"))
    wire.run(8.0)
    hang_up(other)
    lines = told(router, wire)[before:]
    assert lines == [
        "leg transferred answered",
        "leg desk ended",
        "ended by caller",
        "moved",
        "transferred by caller",
        "leg other ended",
        "leg transferred ended",
        "ended by callee",
    ]


def test_no_event_is_made_of_a_transfer_that_nobody_listens_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire, router, caller, _, line, other = consulted(", transfer: both")
    events = router.noted.events
    for topic in events.topics:
        if topic not in (events.broken, events.ended):
            topic.subscribers = ()
    for kind in ("call.LegChanged", "call.CallMoved", "flows.transfer.refer.CallTransferred"):
        monkeypatch.setattr(f"callrouter.call.{kind}", None)
    line.ask("REFER", refer("4000", f"?Replaces={replaces_of(caller).replace(';', '%3B')}"))
    wire.run(8.0)
    hang_up(other)
    wire.run()
    assert router.noted.bugs == []
    talked = [[leg.result for leg in record.legs] for record in router.noted.ended]
    assert talked == [["answered"], ["answered", "answered"]]


def test_no_event_is_made_of_a_transfer_that_fails_and_nobody_listens_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire, router, caller, desk = between()
    Party(wire, FOURTH)
    caller.refuses = "INVITE"
    router.noted.events.leg.subscribers = ()
    monkeypatch.setattr("callrouter.call.call.LegChanged", None)
    desk.ask("REFER", refer("4001"))
    wire.run(4.0)
    hang_up(caller)
    wire.run()
    assert router.noted.bugs == []


def test_party_whose_place_is_taken_is_told_as_a_move() -> None:
    wire, router, caller, desk, line, _ = consulted()
    before = len(router.noted.told.lines)
    line.call("4000", f"Replaces: {replaces_of(caller)}\r\n")
    wire.run(4.0)
    assert router.noted.told.lines[before:] == ["moved"]
    hang_up(desk)
    wire.run(5.0)
    assert router.noted.told.lines[before + 1 :] == ["leg desk ended", "ended by callee"]


def dialogs(router: Router | SpokenRouter) -> list[tuple[str, str]]:
    """The Call-IDs that are told from now on, and with whom each is."""
    begun: list[tuple[str, str]] = []
    router.noted.events.dialog.subscribe(lambda event: begun.append((event.call_id, event.party)))
    return begun


def test_call_id_of_who_comes_by_a_transfer_or_by_replaces_is_told() -> None:
    wire, router, caller, desk, line, other = consulted(", transfer: both")
    begun = dialogs(router)
    line.ask("REFER", refer("4000", f"?Replaces={replaces_of(caller).replace(';', '%3B')}"))
    wire.run(8.0)
    assert desk.leg is not None
    assert begun == [(desk.leg.call_id, "transferred")]
    hang_up(other)
    wire, router, caller, desk, line, _ = consulted()
    begun = dialogs(router)
    line.call("4000", f"Replaces: {replaces_of(caller)}\r\n")
    wire.run(4.0)
    assert line.leg is not None
    assert begun == [(line.leg.call_id, "replacing")]
    hang_up(desk)
    told(router, wire)


def test_call_ids_of_targets_and_of_sessions_at_the_worker_are_told() -> None:
    wire = Wire()
    router = SpokenRouter(wire, compiled())
    begun = dialogs(router)
    target = Party(wire, TARGET[0])
    caller = Party(wire, CALLER[0])
    caller.call("5009")
    wire.run(10.0)
    assert target.leg is not None
    assert (target.leg.call_id, "a") in begun
    assert [party for _, party in begun].count("media") == 2
    assert len({call_id for call_id, _ in begun}) == 3
    hang_up(caller)
    told(router, wire)


def test_menu_and_voicemail_tell_of_the_message_before_the_end() -> None:
    wire = Wire()
    router = SpokenRouter(wire, compiled())
    caller = Party(wire, CALLER[0])
    caller.call("5005")
    wire.run(2.0)
    caller.ask("INFO", KEY_ROW, b"Signal=3\r\nDuration=160\r\n")
    wire.run(30.0)
    lines = told(router, wire)
    assert lines[:2] == ["started", "answered"]
    assert lines[2:] == ["message box complete", "ended by callrouter"]


def test_feature_code_is_told_when_it_is_carried_out() -> None:
    wire = Wire()
    router = SpokenRouter(wire, compile_dialplan(parse(FEATURE, "feature.yaml")))
    Party(wire, CALLER[0]).call("*31")
    lines = told(router, wire)
    switched = "switched schedule office closed"
    assert lines == ["started", switched, "answered", "ended by callrouter"]


FORWARD = """\
country: CN
trunks: {lab: {addresses: [192.0.2.1/32]}}
targets: {a: {uri: "sip:a@192.0.2.9"}}
extensions:
  "1001": {targets: [a], forward: {busy: "1002"}}
  "1002": {targets: [a]}
numbers:
  "*72*x*": {from: anyone, route: [{feature: {forward: all}}]}
  "*73": {from: anyone, route: [{feature: {forward: none}}]}
  "*78": {from: anyone, route: [{feature: {presence: do_not_disturb}}]}
"""


@pytest.mark.parametrize(
    ("called", "switched", "heard"),
    [
        ("*72*1002%23", ["switched forward all of 1001 1002"], "forward_on"),
        ("*72*1001%23", [], "invalid_choice"),
        ("*72*13800138000", [], "invalid_choice"),
        ("*73", ["switched forwards of 1001 none"], "forward_off"),
        ("*78", ["switched presence of 1001 away"], "presence_away"),
    ],
)
def test_codes_for_the_own_extension_are_told_and_heard(
    called: str, switched: list[str], heard: str
) -> None:
    wire = Wire()
    router = SpokenRouter(wire, compile_dialplan(parse(FORWARD, "feature.yaml")))
    caller = Party(wire, CALLER[0])
    caller.user = "1001"
    caller.call(called)
    assert told(router, wire) == ["started", *switched, "answered", "ended by callrouter"]
    (record,) = router.noted.ended
    assert [which for _, what, which in record.heard or () if what == "played"] == [heard]
    if not switched:
        assert record.trace[-1].why.startswith("is not switched: ")


def test_recording_is_told_when_it_has_ended() -> None:
    wire = Wire()
    router, desk, caller = SpokenRouter(wire, compiled()), *_both(wire)
    caller.call("5009")
    wire.run(20.0)
    assert caller.outcome == "answered"
    hang_up(desk)
    assert told(router, wire)[-3:] == ["recorded 5009 complete", "leg a ended", "ended by callee"]


def _both(wire: Wire) -> tuple[Party, Party]:
    return Party(wire, TARGET[0]), Party(wire, CALLER[0])


def test_bug_of_one_subscriber_costs_the_others_and_the_call_nothing() -> None:
    wire = Wire()
    router, caller = Router(wire), Caller(wire)
    Target(wire)
    heard: list[CallRecord] = []

    def broken(_event: object) -> None:
        raise RuntimeError("a bug")

    events = router.noted.events
    topics = [events.started, events.leg, events.ringing, events.answered, events.ended]
    for topic in topics:
        topic.subscribe(broken)
    events.ended.subscribe(heard.append)
    caller.call(talk_and_hang_up)
    wire.run()
    assert caller.outcome == "answered"
    assert heard == router.noted.ended
    assert [str(bug) for bug in router.noted.bugs] == ["a bug"] * 8


def test_who_unsubscribes_while_it_is_told_hears_no_more_and_the_others_do() -> None:
    bugs: list[Exception] = []
    held = CallEvents(bugs.append).held
    heard: list[str] = []

    def once(_event: HoldChanged) -> None:
        heard.append("once")
        held.unsubscribe(once)

    held.subscribe(once)
    held.subscribe(lambda _event: heard.append("always"))
    for _ in range(2):
        held.tell(HoldChanged(CallRecord("1", "1@a", 0.0), "caller", on=True, ms=5))
    assert (heard, bugs) == (["once", "always", "always"], [])
