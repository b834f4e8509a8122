from callrouter.call.services.record import bounded
from callrouter.observe.trace.call_trace import CallTrace
from callrouter.observe.trace.trace_entries import TracedCall, TracedMessage

UP = TracedCall(1, "c1", False, {"a@h": "caller", "b1": "desk", "b2": "desk"})
OTHER = TracedCall(1, "c2", False, {"x@h": "caller"})


def message(call_id: str, row: str = "Call-ID: ") -> TracedMessage:
    data = f"BYE sip:x SIP/2.0\r\nTo: <sip:i:b@c>\r\n{row}{call_id}\r\n\r\n".encode()
    return TracedMessage(1, True, "UDP", ("192.0.2.1", 5060), ("192.0.2.9", 5060), data)


def told(wanted: str, *entries: TracedCall) -> CallTrace:
    trace = CallTrace(wanted)
    for entry in entries:
        trace.learn(entry)
    return trace


def test_each_leg_of_a_call_has_a_column_of_its_own() -> None:
    trace = told("c1", UP, OTHER)
    assert [trace.party(message(one)) for one in ("a@h", "b2", "b1", "x@h", "b2")] == [
        *("caller", "desk", "desk 2", "", "desk")
    ]
    assert list(trace.parties.values()) == ["caller", "desk", "desk 2"]


def test_call_id_of_a_leg_leads_to_the_call() -> None:
    trace = told("b1", UP, OTHER)
    assert trace.calls == {"b1", "c1"}
    assert trace.party(message("a@h")) == "caller"


def test_compact_and_odd_spellings_of_the_call_id_are_read() -> None:
    trace = told("c1", UP)
    for row in ("i: ", "I:", "CALL-ID : ", "call-id:\t"):
        assert trace.party(message("b1", row)) == "desk"
    assert trace.party(message("b1 ")) == "desk"


def test_call_id_of_no_call_has_its_messages() -> None:
    trace = told("r@h", UP)
    assert not trace.known
    assert trace.party(message("r@h")) == "peer"
    assert trace.party(message("a@h")) == ""


def test_long_call_id_is_found_though_records_have_its_beginning() -> None:
    long = "x" * 300
    cut = TracedCall(1, "c3", True, {bounded(long): "caller"})
    for wanted in ("c3", long):
        trace = told(wanted, cut)
        assert trace.over
        assert trace.party(message(long)) == "caller"
        assert any(name in message(long).data for name in trace.names())


def test_leg_that_went_to_another_call_is_over_when_both_are() -> None:
    far = TracedCall(2, "c2", False, {"b1": "transferred"})
    trace = told("b1", UP, far)
    assert trace.calls == {"b1", "c1", "c2"}
    trace.learn(TracedCall(3, "c1", True, UP.dialogs))
    assert not trace.over
    trace.learn(TracedCall(4, "c2", True, far.dialogs))
    assert trace.over
