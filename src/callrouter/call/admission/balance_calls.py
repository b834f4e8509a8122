"""Calls to the owners of accounts whose balance is low: they hear a prompt (E3)."""

from collections.abc import Callable, Coroutine

from callrouter.call.admission.admitted_calls import Calls
from callrouter.call.call import Call
from callrouter.call.flows.announce import announce
from callrouter.call.legs.absent_caller import introducing_silence
from callrouter.call.legs.events import Event
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.rules.outbound_lines import BalanceCall, Shown
from callrouter.route.values.decision import OUTBOUND
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import Verdict
from callrouter.route.values.seeded_random import Dice
from callrouter.route.values.snapshot import Snapshot
from callrouter.sip.stack import Stack


def call_owners(
    calls: Calls, stack: Stack, snapshot: Snapshot, account: str, heard: Callable[[], None]
) -> None:
    """Call all who are to hear that the balance of an account is low, in a step of the stack.

    heard: called when one has heard it.
    """
    for rule in calls.dialplan.balance_calls:
        if rule.account == account and not calls.is_full:
            _call_owner(calls, stack, snapshot, rule, heard)


def _call_owner(
    calls: Calls, stack: Stack, snapshot: Snapshot, rule: BalanceCall, heard: Callable[[], None]
) -> None:
    dialplan, by = calls.dialplan, rule.by
    at = calls.epoch + stack.now
    record = calls.own_record(at + snapshot.ahead, OUTBOUND)
    record.caller = by.caller_id
    record.caller_number = numbers.written(by.caller_id, dialplan.country)
    record.called = rule.number
    record.called_number = numbers.written(rule.number, dialplan.country)
    trace: list[Verdict] = []
    hunt = by.dials(rule.number, Shown(by.caller_id), "", 0.0).at(
        Dice(snapshot.seed), 0, snapshot, trace
    )
    why = f"the balance of account {rule.account} is low"
    told = Verdict(f"balance_call {rule.name}", True, rule.number, why, by.file, by.line)
    record.trace = (told, *trace)
    facts = Facts(record.trunk, "", by.caller_id, rule.number, at=at)

    def script(call: Call) -> Coroutine[None, Event, bool]:
        return announce(call, hunt, (rule.prompt, rule.prompt), heard)

    calls.begin(record, facts, introducing_silence(rule.number, stack.token()), script)
