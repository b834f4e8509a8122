"""Who was missed, and who may be called back."""

import pytest

from callrouter.call.admission.call_back_service import reached_by, was_missed
from callrouter.call.services.record import CallRecord, KeptRecord, LegRecord, QueueRecord
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.route.values import refusal_reasons as reasons
from callrouter.yamlfile.reader import parse

SETUP = compile_dialplan(
    parse(
        """
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
gateways: {out: {address: 127.0.0.9}}
targets: {desk: {uri: "sip:desk@127.0.0.1"}}
extensions: {"301": {targets: [desk]}}
queues: {support: {agents: ["301"]}}
call_backs: {missed: {queue: support, via: out, countries: [VN]}}
numbers: {"4303": {call_back: missed, route: [{hunt: [desk]}]}}
""",
        "plan.yaml",
    )
).call_backs["missed"]


@pytest.mark.parametrize(
    ("caller", "dialled", "why"),
    [
        ("13800138000", "13800138000", ""),
        ("+8613800138000", "+8613800138000", ""),
        ("+84912345678", "+84912345678", ""),
        ("+12125550123", "", "the rule has not its country: US"),
        ("+88212345678", "", "it costs more: satellite"),
        ("+97912345678", "", "no telephone number"),
        ("10086", "", "short number"),
        ("110", "", "short number"),
        ("1001", "1001", ""),
        ("sipp", "sipp", ""),
        ("Anonymous", "", "hides"),
        ("anonymous@nowhere", "", "no telephone number"),
        ("", "", "hides"),
        ("00" * 20, "", "no telephone number"),
    ],
)
def test_only_whom_a_call_back_costs_little_is_called_back(
    caller: str, dialled: str, why: str
) -> None:
    found = reached_by(caller, SETUP, "CN")
    assert found.dialled == dialled
    assert why in found.why
    assert bool(found.dialled) != bool(found.why)


def leg(*, answered: bool) -> LegRecord:
    made = LegRecord("desk", "sip:desk@127.0.0.1", 0)
    made.answered_ms = 5 if answered else None
    return made


def test_missed_is_who_was_let_in_and_talked_to_nobody() -> None:
    made = CallRecord("a", "", 0.0)
    assert was_missed(made)
    made.legs = [leg(answered=False)]
    assert was_missed(made)
    made.reason = reasons.QUEUE_TIMEOUT
    made.answered_ms = 3  # by us, to wait
    made.queues = (QueueRecord(queue="support", joined_ms=0),)
    assert was_missed(made)


def test_who_talked_left_a_message_or_was_not_let_in_was_not_missed() -> None:
    talked, told, blocked, inside, heard = (CallRecord(str(at), "", 0.0) for at in range(5))
    talked.legs = [leg(answered=False), leg(answered=True)]
    told.voicemail = (KeptRecord(id="m", of="sales", ms=4000, result="complete"),)
    blocked.reason = reasons.BLOCKED_CALLER
    inside.extension = "301"
    heard.answered_ms = 5  # an announcement, and nothing else
    assert [was_missed(it) for it in (talked, told, blocked, inside, heard)] == [False] * 5
