import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from support.observed import answered, refused

from callrouter.call.services.call_events import CallEvents, LegChanged
from callrouter.call.services.record import CallRecord, KeptRecord, QueueRecord
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.observe.cdr.rows import encode
from callrouter.route.values.plan import Verdict
from callrouter.storage.background_writer import Telling
from callrouter.storage.outbox import OutboxEvent
from callrouter.webhooks.call_object import (
    Owners,
    ToldCall,
    call_object,
    kind_of,
    of_record,
    of_row,
)
from callrouter.webhooks.call_teller import CallTeller, Cancellable, lost_call_told
from callrouter.webhooks.event_catalogue import EventData
from callrouter.yamlfile.reader import parse

DIALPLAN: Final = compile_dialplan(
    parse(
        """
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
gateways: {out: {address: 192.0.2.1}}
targets:
  first: {uri: "sip:1@192.0.2.9"}
  mobile: {number: "13800138000", via: out}
extensions:
  "101":
    targets: [first]
    mobile: mobile
    on_no_answer: [mobile]
  "102": {phone: {user: "102", password_env: P}}
outbound: {emergency: [main]}
outbound_lines: {main: {via: out, caller_id: "+862012345678"}}
lists: {partners: {numbers: ["075612345"]}}
numbers:
  "4000": {name: Head office, crm: {create: both, source: Web}, route: [{hunt: [first]}]}
  "4001": {crm: {create: inbound, except: [partners]}, route: [{hunt: [first]}]}
  "02012345678": {name: Sales, crm: {create: outbound}, route: [{hunt: [first]}]}
""",
        "dialplan.yaml",
    )
)


def lost(record: CallRecord) -> dict[str, dict[str, Any]]:
    """The events of a call's end by kind, each as its model says."""
    found = {}
    for event in lost_call_told(DIALPLAN, encode(record)):
        EventData.model_validate_json(event.data)
        found[event.kind] = json.loads(event.data)["call"]
        assert "." not in event.id
    return found


def test_end_of_a_call_has_what_its_record_has():
    record = answered()
    record.heard = [(61_000, "survey", "4"), (61_200, "survey", "5")]
    record.recordings = (
        KeptRecord(id="r1", of="4000", ms=900, result="complete"),
        KeptRecord(id="", of="4000", ms=0, result="full"),
    )
    record.queues = (QueueRecord(queue="support", joined_ms=10),)
    (call,) = lost(record).values()
    assert (call["number"], call["owner"], call["target"]) == (
        {"key": "4000", "name": "Head office", "kind": ""},
        "101",
        "first",
    )
    assert (call["survey"], call["recordings"], call["queue"]) == ("5", ["r1"], "support")
    assert (call["create"], call["source"], call["cost"]) == (True, "Web", None)
    assert (call["started"], call["answered_at"]) == (1_700_000_000.0, 1_700_000_001.5)


def test_call_in_progress_says_nothing_of_its_end():
    record = answered()
    values = of_record(record)
    told = ToldCall(values, DIALPLAN, Owners(DIALPLAN))
    now, then = call_object(told, values), call_object(told, of_row(encode(record)))
    assert (now["disposition"], now["status"], now["ended_at"]) == ("", 0, None)
    assert (then["disposition"], then["status"]) == ("ANSWERED", 200)
    assert now.keys() == then.keys()


@pytest.mark.parametrize(
    ("of", "kinds"),
    [
        ({"answered_ms": None, "talked": False}, {"call.missed", "call.ended"}),
        ({"answered_ms": 100, "talked": False}, {"call.missed", "call.ended"}),
        ({"answered_ms": 100, "talked": True}, {"call.ended"}),
        ({"answered_ms": None, "talked": False, "direction": "internal"}, {"call.ended"}),
        ({"answered_ms": None, "talked": False, "number": ""}, {"call.ended"}),
        (
            {"answered_ms": None, "talked": False, "reason": "blocked_by_hand"},
            {"call.blocked", "call.ended"},
        ),
    ],
)
def test_call_is_missed_by_whom_nobody_was_talked_to(of: dict[str, Any], kinds: set[str]):
    record = answered()
    if not of.pop("talked"):
        record.legs[0].answered_ms = None
    for name, value in of.items():
        setattr(record, name, value)
    assert lost(record).keys() == kinds


def test_number_that_only_plays_something_is_missed_by_nobody():
    record = answered()
    record.legs = []
    assert lost(record).keys() == {"call.ended"}


def test_refused_call_of_no_number_is_told_without_one():
    (call,) = lost(refused()).values()
    assert (call["number"], call["target"], call["create"]) == (None, "", False)


def test_exception_makes_no_lead_and_outbound_calls_are_of_the_number_of_their_line():
    partner = answered()
    partner.number, partner.caller_number = "4001", "+8675612345"
    (call,) = lost(partner).values()
    assert (call["excluded"], call["create"]) == (True, False)
    out = answered()
    out.number, out.line, out.direction, out.extension = "", "main", "outbound", "102"
    (call,) = lost(out).values()
    assert (call["number"]["name"], call["create"], call["owner"]) == ("Sales", True, "102")


def test_owner_is_the_extension_that_a_target_rings_for():
    owners = Owners(DIALPLAN)
    assert [owners.of(name) for name in ("first", "mobile", "phones 102", "nobody")] == [
        *("101", "101", "102", "")
    ]
    assert owners.of("transferred", "first") == "101"
    assert owners.of("phones 9", "102") == "102"


def test_kind_of_a_number_is_told_by_its_digits():
    numbers = ("+8613800138000", "+862012345678", "+864008001234", "4000", "+448081570000")
    assert [kind_of(number) for number in numbers] == [
        "mobile",
        "fixed",
        "shared_cost",
        "",
        "toll_free",
    ]


def outgoing() -> CallRecord:
    record = answered()
    record.number, record.line, record.direction, record.extension = "", "main", "outbound", "102"
    return record


def name_of(told: ToldCall) -> str:
    return "" if told.number is None else told.number["name"]


def test_outgoing_call_is_about_the_number_that_is_shown():
    record = outgoing()
    rule = "caller_ids of permission sales"
    record.trace = (Verdict(rule, True, "4000", "by chance", "dialplan.yaml", 1),)
    told = ToldCall(of_record(record), DIALPLAN, Owners(DIALPLAN))
    assert (told.shown, name_of(told), told.leads) == ("4000", "Head office", True)
    record.number = "4001"
    assert name_of(ToldCall(of_record(record), DIALPLAN, Owners(DIALPLAN))) == ""


def test_number_that_a_look_up_has_led_to_is_the_one_once_it_is_dialled():
    told: list[OutboxEvent] = []

    class Writer:
        def put_told(self, record: CallRecord, telling: Telling) -> None:
            told.extend(telling(encode(record)))

        def tell(self, event: OutboxEvent) -> None:
            told.append(event)

    events = CallEvents(_raised)
    CallTeller(Writer(), lambda: DIALPLAN, _never).subscribe(events)
    record = outgoing()
    events.started.tell(record)
    record.legs[0].caller_id = "4000"
    events.leg.tell(LegChanged(record, record.legs[0]))
    events.ended.tell(record)
    assert [(it.kind, it.number) for it in told] == [
        ("call.started", "02012345678"),
        ("call.ended", "4000"),
    ]


def _raised(error: Exception) -> None:
    raise error


def _never(_seconds: float, _do: Callable[[], None]) -> Cancellable:
    raise AssertionError("nothing is to come later")
