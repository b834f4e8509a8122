"""Call queues in a dialplan: what they mean, what a step says of them, and what is none."""

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.queues.queue_rules import QueueAgent, QueueRule, RetryDelays
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.queue_setup import AgentTelephones, QueueAnnouncements
from callrouter.route.values.facts import Facts
from callrouter.route.values.media_steps import MEDIA, EnterQueue, VoiceStep
from callrouter.route.values.snapshot import Snapshot
from callrouter.yamlfile.reader import parse

HEAD = """
country: CN
trunks: {lab: {addresses: [127.0.0.1]}, inside: {phones: true}}
targets:
  desk: {uri: "sip:desk@192.0.2.9"}
  at_303: {extension: "303"}
extensions:
  "301": {targets: [desk]}
  "302": {targets: [desk, at_303], phone: {user: "302", password_env: P}}
  "303": {phone: {user: "303", password_env: P}}
prompts: {wait: {text: Please wait.}}
"""


def plan(queue: str, step: str = "support") -> Dialplan:
    text = (
        f"{HEAD}queues: {{support: {queue}}}\n"
        f'numbers: {{"4000": {{route: [{{queue: {step}}}, {{hunt: [desk]}}]}}}}\n'
    )
    return compile_dialplan(parse(text, "plan.yaml"))


def mistake(queue: str, step: str = "support") -> str:
    with pytest.raises(ConfigError) as caught:
        plan(queue, step)
    (found,) = caught.value.diagnostics
    return found.message


def test_queue_is_usually_the_longest_idle_and_waits_without_limit() -> None:
    queue = plan('{agents: ["301", "303"]}').queues["support"]
    assert queue.rule == QueueRule(
        name="support", agents=(QueueAgent(name="301"), QueueAgent(name="303"))
    )
    assert (queue.music, queue.announcements, queue.keys) == ("", None, None)


def test_queue_says_all_it_can() -> None:
    queue = plan(
        '{agents: ["301", {extension: "302", skills: [vi, billing]}], strategy: skills, ring: 5s, '
        "wrap_up: 30s, max_wait: 5m, max_length: 20, after_no_answer: 2s, after_busy: 3s, "
        "after_reject: 4s, away_after: 3, weight: 7, service_level: 30s, "
        "announce: {every: 10s, prompts: wait, position: true, wait: true}, "
        "keys: {'1': desk}}"
    ).queues["support"]
    assert queue.rule == QueueRule(
        name="support",
        agents=(
            QueueAgent(name="301"),
            QueueAgent(name="302", skills=frozenset({"vi", "billing"})),
        ),
        strategy="skills",
        ring_seconds=5.0,
        wrap_up_seconds=30.0,
        max_wait_seconds=300.0,
        max_length=20,
        retry=RetryDelays(no_answer=2.0, busy=3.0, reject=4.0),
        away_after=3,
        weight=7,
        answer_within_seconds=30.0,
    )
    assert queue.announcements == QueueAnnouncements(
        every_seconds=10.0, prompts=("wait",), position=True, wait=True
    )
    assert queue.keys is not None
    assert list(queue.keys.choices) == ["1"]


def test_agents_are_known_by_all_that_rings_their_telephones() -> None:
    agents = plan('{agents: ["301", "302", "303"]}').agents
    assert agents["301"] == AgentTelephones(
        extension="301", targets=frozenset({"desk", "phones 301"}), registers=False
    )
    assert agents["303"] == AgentTelephones(
        extension="303", targets=frozenset({"at_303", "phones 303"}), registers=True
    )
    assert not agents["302"].registers  # its desk rings without


@pytest.mark.parametrize(
    ("queue", "step", "said"),
    [
        ("{agents: []}", "support", "expected at least one item"),
        ('{agents: ["309"]}', "support", "no extension is named '309'"),
        ('{agents: ["301", {extension: "301"}]}', "support", "'301' is an agent of it already"),
        ('{agents: ["301"], max_length: 0}', "support", "a count of callers from 1 to 10000"),
        ('{agents: ["301"], ring: 0s}', "support", "from 1s to 300s"),
        ('{agents: ["301"], strategy: fewest}', "support", "longest_idle"),
        ('{agents: ["301"], music: nothing}', "support", "no music file is named 'nothing'"),
        ('{agents: ["301"]}', "sales", "no queue is named 'sales'"),
        ('{agents: ["301"]}', "{name: support, priority: 101}", "a priority from 0 to 100"),
        ('{agents: ["301"], keys: {"12": desk}}', "support", 'one key such as "1"'),
    ],
)
def test_mistake_says_what_was_expected(queue: str, step: str, said: str) -> None:
    assert said in mistake(queue, step)


def test_hunt_options_do_not_belong_to_a_queue() -> None:
    text = (
        f'{HEAD}queues: {{support: {{agents: ["301"]}}}}\n'
        'numbers: {"4000": {route: [{queue: support, ring: 3s}]}}\n'
    )
    with pytest.raises(ConfigError, match="'ring' belongs to a hunt"):
        compile_dialplan(parse(text, "plan.yaml"))


def test_queue_is_taken_though_there_is_no_media_for_music() -> None:
    dialplan = plan('{agents: ["301"]}')
    facts = Facts(trunk="lab", source="", caller="1", called="4000", to_user="", to_ext="", at=0.0)
    steps = decide(dialplan, facts, Snapshot(down=frozenset({MEDIA}))).plan.steps
    assert isinstance(steps[0], VoiceStep)
    assert isinstance(steps[0].act, EnterQueue)


def test_verdict_says_what_the_queue_is() -> None:
    dialplan = plan(
        '{agents: ["301", "303"], max_wait: 20s, max_length: 5}',
        "{name: support, priority: 5, skills: [vi]}",
    )
    facts = Facts(trunk="lab", source="", caller="1", called="4000", to_user="", to_ext="", at=0.0)
    decision = decide(dialplan, facts)
    step, _ = decision.plan.steps
    assert isinstance(step, VoiceStep)
    assert isinstance(step.act, EnterQueue)
    assert (step.act.queue, step.act.priority, step.act.skills) == ("support", 5, ("vi",))
    assert decision.trace[-2].why == (
        "no condition; waits in queue support with priority 5, needs vi "
        "(2 agents, longest idle for 15 s, waits 20 s at most, 5 callers at most)"
    )
