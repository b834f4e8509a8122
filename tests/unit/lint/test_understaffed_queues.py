"""Warnings of queues that cannot serve all who come."""

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.lint.all_warnings import lint
from callrouter.yamlfile.reader import parse

HEAD = """\
country: CN
trunks: {lab: {addresses: [192.0.2.0/24]}}
targets: {desk: {uri: "sip:desk@192.0.2.9"}}
extensions: {"301": {targets: [desk]}}
"""


@pytest.mark.parametrize(
    ("queue", "step", "warnings"),
    [
        ('{agents: ["301"], wrap_up: 10s, max_wait: 10s}', "support", []),
        ('{agents: ["301"], wrap_up: 10s}', "support", []),
        (
            '{agents: ["301"], wrap_up: 30s, max_wait: 20s}',
            "support",
            [
                "an agent rests for longer than callers wait, which is 20s: who comes when all "
                "have just hung up is never served"
            ],
        ),
        (
            '{agents: ["301"], ring: 30s, max_wait: 20s}',
            "support",
            ["callers wait 20s at most, so no second agent is ever rung"],
        ),
        (
            '{agents: [{extension: "301", skills: [vi]}]}',
            "{name: support, skills: [vi, billing]}",
            [
                "no agent of queue 'support' has 'billing' and 'vi' together: these callers are "
                "never served"
            ],
        ),
        (
            '{agents: [{extension: "301", skills: [vi, zh]}]}',
            "{name: support, skills: [vi]}",
            [],
        ),
    ],
)
def test_warning_says_who_is_never_served(queue: str, step: str, warnings: list[str]) -> None:
    text = f'{HEAD}queues: {{support: {queue}}}\nnumbers: {{"1": {{route: [{{queue: {step}}}]}}}}\n'
    document = parse(text, "plan.yaml")
    compile_dialplan(document)
    assert [found.message for found in lint(document)] == warnings


def test_queue_that_nothing_leads_to_is_odd() -> None:
    queues = 'queues: {support: {agents: ["301"]}}'
    text = f'{HEAD}{queues}\nnumbers: {{"1": {{route: [{{hunt: [desk]}}]}}}}\n'
    found = [one.message for one in lint(parse(text, "plan.yaml"))]
    assert found == ["no step leads to queue 'support'"]


@pytest.mark.parametrize(
    ("when", "agents", "warnings"),
    [
        ("{queue: support}", '"301"', []),
        (
            "{queue: support}",
            '"302", "303"',
            [
                "from Mon 00:00 on no agent of queue 'support' is within its hours, and callers "
                "wait for nobody"
            ],
        ),
        ("{queue: support}", '"301", "302"', []),
        ("{queue: support, when: {schedule: office}}", '"302", "303"', []),
        (
            "{queue: support, when: {schedule: office}}",
            '"303"',
            [
                "from Mon 08:30 on no agent of queue 'support' is within its hours, and callers "
                "wait for nobody"
            ],
        ),
        ("{queue: support, when: {schedule: late, is: closed}}", '"302", "303", "304"', []),
    ],
)
def test_warning_says_from_when_on_nobody_is_on_duty(
    when: str, agents: str, warnings: list[str]
) -> None:
    text = f"""{HEAD.replace('{"301": {targets: [desk]}}', '{"301": {targets: [desk]}, ' + MORE)}
schedules:
  office: {{open: ["Mon-Fri 08:30-17:30"]}}
  early: {{open: ["Mon-Fri 08:00-12:00"]}}
  late: {{open: ["Mon-Fri 12:00-18:00"]}}
  night: {{open: ["Mon-Sun 00:00-24:00"]}}
queues: {{support: {{agents: [{agents}]}}}}
numbers: {{"1": {{route: [{when}, {{hunt: [desk]}}]}}}}
"""
    document = parse(text, "plan.yaml")
    compile_dialplan(document)
    found = [one.message for one in lint(document)]
    assert [it for it in found if "within its hours" in it] == warnings


MORE = (
    '"302": {targets: [desk], schedule: early}, "303": {targets: [desk], schedule: late}, '
    '"304": {targets: [desk], schedule: night}}'
)
