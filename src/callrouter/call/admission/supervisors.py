"""Supervisors that are rung: by hand, one of our extensions is let hear a conversation (D7)."""

from collections.abc import Coroutine

from callrouter.call.admission.admitted_calls import Calls
from callrouter.call.admission.conversations import is_party
from callrouter.call.call import Call
from callrouter.call.flows.supervise import Supervision, supervise_called
from callrouter.call.legs.absent_caller import introducing_silence
from callrouter.call.legs.events import Event
from callrouter.route.values.decision import INTERNAL
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import Verdict
from callrouter.route.values.seeded_random import Dice
from callrouter.route.values.snapshot import Snapshot
from callrouter.sip.stack import Stack


def ring_supervisor(
    calls: Calls, stack: Stack, snapshot: Snapshot, call: str, by: str, mode: str
) -> str:
    """Ring an extension, which hears a conversation once it has answered; returns why not.

    In a step of the stack. call: the id of the conversation's record. mode: one of MODES.
    """
    dialplan = calls.dialplan
    extension = dialplan.extensions.get(by)
    heard = calls.in_progress.get(call)
    talk = calls.talks.named(call)
    if extension is None:
        return f"the dialplan has no extension {by}"
    if talk is None or heard is None:
        return f"nobody talks in a call with the id {call}"
    if is_party(heard, by):
        return f"extension {by} talks in call {call} itself"
    if calls.is_full:
        return "no call may begin now"
    at = calls.epoch + stack.now
    record = calls.own_record(at + snapshot.ahead, INTERNAL)
    record.extension = record.caller = by
    record.called = heard.record.called
    trace: list[Verdict] = []
    hunt = extension.rule.at(Dice(snapshot.seed), 0, snapshot, trace)
    why = f"is rung to hear call {call}"
    rung = Verdict(extension.hold, True, by, why, extension.file, extension.line)
    record.trace = (rung, *trace)
    facts = Facts(record.trunk, "", by, record.called, at=at, extension=by)
    told = introducing_silence(heard.record.caller, stack.token())
    order = Supervision(by, talk, mode)

    def script(own: Call) -> Coroutine[None, Event, bool]:
        return supervise_called(own, hunt, order)

    calls.begin(record, facts, told, script)
    return ""
