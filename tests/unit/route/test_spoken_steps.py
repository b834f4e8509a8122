"""Steps in which callers hear something, and what keys mean in menus."""

from pathlib import Path

import pytest
from rulebook import FRIDAY_NOON, HEAD, Rules, held, reason, why

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.route.decide.menu_choice import Chosen, choose, may_follow
from callrouter.route.rules.prompt_recipes import FromFile, FromText, FromTone, Prompts, Sound
from callrouter.route.values.decision import Decision
from callrouter.route.values.facts import Facts
from callrouter.route.values.media_steps import (
    MEDIA,
    EnterMenu,
    EnterQueue,
    Feature,
    Messages,
    Play,
    Recording,
    Survey,
    Voicemail,
    VoiceStep,
)
from callrouter.route.values.plan import Hunt
from callrouter.route.values.snapshot import NOTHING, Snapshot
from callrouter.yamlfile.reader import parse

MORE = """\
menus:
  main:
    prompt: [goodbye]
    extensions: true
    keys:
      "1": a
      "12": {hunt: [b], language: zh}
      "2": {voicemail: box}
      "3": {hunt: [a], when: {schedule: office, is: closed}}
  bare: {prompt: goodbye, extensions: false, keys: {"5": a}}
voicemail:
  box:
    greeting: goodbye
    pin_env: BOX_PIN
    email:
      to: [office@example.com]
      from: lab@example.com
      server: mail.example.com
      user: lab
      password_env: MAIL_PASSWORD
    webhook: {url: "https://example.com/hook", secret_env: HOOK_SECRET}
"""
DOWN = Snapshot(down=frozenset((MEDIA,)))
FACTS = Facts(
    trunk="lab",
    source="127.0.0.1",
    caller="13900139000",
    called="4000",
    to_user="",
    to_ext="",
    at=FRIDAY_NOON,
)


def rules(route: str, more: str = "") -> Rules:
    return Rules(f"route: [{route}]{more}", MORE)


def spoken(decision: Decision) -> list[object]:
    """The acts of the plan's steps; a hunt is what it rings first."""
    return [
        step.targets[0].name if isinstance(step, Hunt) else type(step.act)
        for step in decision.plan.steps
    ]


@pytest.mark.parametrize(
    ("step", "act", "text"),
    [
        ("{play: [goodbye, invalid_choice]}", Play, "plays goodbye, invalid_choice"),
        ("{menu: main}", EnterMenu, "menu main"),
        ("{voicemail: box}", Voicemail, "takes a message for box box"),
        ("{messages: box}", Messages, "plays the messages of box box"),
        ("{feature: {presence: away}}", Feature, "presence away"),
        ("{feature: {presence: back}}", Feature, "presence back"),
        ("{feature: {schedule: office, to: closed}}", Feature, "switches office closed"),
        ("{feature: {schedule: office, to: usual}}", Feature, "switches office back"),
    ],
)
def test_step_is_in_the_plan_and_its_verdict_says_what_it_does(
    step: str, act: type, text: str
) -> None:
    decision = rules(step, ", from: anyone").call()
    assert spoken(decision) == [act]
    assert why(decision, "step 1 of number 4000") == (True, "", f"no condition; {text}")


@pytest.mark.parametrize(
    ("priority", "skills", "text"),
    [
        (0, (), "waits in queue help (ring all)"),
        (5, ("vi", "zh"), "waits in queue help with priority 5, needs vi and zh (ring all)"),
    ],
)
def test_verdict_on_a_queue_says_before_whom_and_for_whom_a_caller_waits(
    priority: int, skills: tuple[str, ...], text: str
) -> None:
    act = EnterQueue(queue="help", priority=priority, skills=skills, about="ring all")
    assert act.text == text


def test_steps_that_ring_and_steps_that_speak_keep_their_order() -> None:
    decision = rules("{play: goodbye, answer: false}, {hunt: [a]}, {voicemail: box}").call()
    assert spoken(decision) == [Play, "a", Voicemail]
    assert [hunt.targets[0].name for hunt in decision.plan.hunts] == ["a"]


def test_only_target_rings_as_long_as_without_a_step_that_speaks() -> None:
    decision = rules("{hunt: [a]}, {voicemail: box}").call()
    assert decision.plan.hunts[0].targets[0].ring_seconds == 55.0


def test_step_that_speaks_after_some_results_only() -> None:
    decision = rules("{hunt: [a]}, {voicemail: box, on: [busy, no_answer]}").call()
    step = decision.plan.steps[1]
    assert isinstance(step, VoiceStep)
    assert step.on == {"busy", "no_answer"}
    told = "no condition; takes a message for box box if busy or no_answer before"
    assert why(decision, "step 2 of number 4000") == (True, "", told)


def test_step_for_the_unreachable_is_the_first_when_all_before_is_down() -> None:
    step = "{hunt: [d]}, {voicemail: box, on: [unreachable]}"
    decision = rules(step).call(snapshot=Snapshot(down=frozenset(("one",))))
    (first,) = decision.plan.steps
    assert isinstance(first, VoiceStep)
    assert first.on == frozenset()


def test_step_that_speaks_is_passed_over_while_the_media_pool_is_down() -> None:
    decision = rules("{play: goodbye}, {hunt: [a]}").call(snapshot=DOWN)
    assert spoken(decision) == ["a"]
    told = "no condition; the media pool is down"
    assert why(decision, "step 1 of number 4000") == (False, "", told)


def test_number_that_only_speaks_rings_its_backup_while_the_media_pool_is_down() -> None:
    assert spoken(rules("{menu: main}", ", backup: [b]").call(snapshot=DOWN)) == ["b"]
    refused = reason(rules("{menu: main}").call(snapshot=DOWN))
    assert refused is not None
    assert refused[0] == "no_target_left"


def test_what_a_number_says_of_media_goes_with_its_plan() -> None:
    more = ", language: zh, record: {notice: goodbye, quota: 5h}"
    more += ", survey: {prompt: goodbye, keys: '123', thanks: goodbye}"
    hunt = "{hunt: [a], greet: {prompts: goodbye, repeat: true}, confirm: '1'}"
    plan = rules(hunt, more).call().plan
    assert plan.voice is not None
    assert plan.voice.language == "zh"
    assert isinstance(plan.voice.recording, Recording)
    assert isinstance(plan.voice.survey, Survey)
    (ringing,) = plan.hunts
    assert ringing.greeting is not None
    assert (ringing.greeting.prompts, ringing.greeting.repeat) == (("goodbye",), True)
    assert ringing.confirm is not None
    assert ringing.confirm.key == "1"


# Menus.


def chosen(keys: str, menu: str = "main", snapshot: Snapshot = NOTHING) -> Chosen | None:
    dialplan = rules("{menu: main}, {menu: bare}, {messages: box}").dialplan
    return choose(dialplan, FACTS, snapshot, "4000", dialplan.menus[menu], keys)


def led(found: Chosen | None) -> list[object]:
    """Where keys have led."""
    assert found is not None
    return spoken(Decision("4000", found.plan, found.trace))


def test_key_leads_to_its_step_and_may_change_the_language() -> None:
    one, twelve, two = chosen("1"), chosen("12"), chosen("2")
    assert (led(one), led(twelve), led(two)) == (["a"], ["b"], [Voicemail])
    assert one is not None
    assert twelve is not None
    assert (one.language, twelve.language) == ("", "zh")
    assert [verdict.rule for verdict in one.trace] == ["key 1 of menu main"]


def test_key_whose_condition_does_not_hold_leads_nowhere() -> None:
    found = chosen("3")
    assert led(found) == []
    assert found is not None
    assert [verdict.matched for verdict in found.trace] == [False]


def test_extension_that_is_dialled_rings_and_takes_its_line() -> None:
    found = chosen("101")
    assert led(found) == ["c"]
    assert found is not None
    assert held(found.plan) == ("extension 101",)
    assert found.trace[0].why == "is an extension"


@pytest.mark.parametrize(
    "snapshot",
    [Snapshot(away={"101": "on leave"}), Snapshot(lines={"extension 101": 1})],
    ids=["away", "busy"],
)
def test_extension_that_nobody_answers_at_leads_nowhere_and_holds_nothing(
    snapshot: Snapshot,
) -> None:
    found = chosen("101", snapshot=snapshot)
    assert led(found) == []
    assert found is not None
    assert held(found.plan) == ()


@pytest.mark.parametrize(("keys", "menu"), [("9", "main"), ("101", "bare"), ("1", "bare")])
def test_keys_that_are_no_choice_lead_nowhere(keys: str, menu: str) -> None:
    assert chosen(keys, menu) is None


@pytest.mark.parametrize(
    ("keys", "menu", "more"),
    [
        ("1", "main", True),  # 12, and 101
        ("10", "main", True),
        ("12", "main", False),
        ("2", "main", False),
        ("101", "main", False),
        ("1", "bare", False),
        ("", "bare", True),
    ],
)
def test_whether_more_keys_may_follow(keys: str, menu: str, more: bool) -> None:
    dialplan = rules("{menu: main}, {menu: bare}, {messages: box}").dialplan
    assert may_follow(dialplan, dialplan.menus[menu], keys) is more


# What a version brings with it.


def test_prompt_is_found_in_its_language_or_in_the_usual_one() -> None:
    sounds = {("hello", code): Sound(path=Path(f"{code}.wav"), ms=900) for code in ("en", "zh")}
    prompts = Prompts(sounds, {}, "en")
    assert prompts.find("hello") is sounds["hello", "en"]
    assert prompts.find("hello", "zh") is sounds["hello", "zh"]
    assert prompts.find("nobody") is None


def test_box_has_what_the_dialplan_says_of_it() -> None:
    box = rules("{messages: box}, {menu: main}, {menu: bare}").dialplan.boxes["box"]
    assert box.pin is not None
    assert box.mail is not None
    assert box.webhook is not None
    assert (box.pin.env, box.mail.to) == ("BOX_PIN", ("office@example.com",))
    assert (box.webhook.url, box.webhook.secret.env) == ("https://example.com/hook", "HOOK_SECRET")


def test_version_has_the_recipes_of_its_own_prompts() -> None:
    text = "prompts: {hello: {text: Hello, language: en}, tone: {tone: {hertz: 440, for: 1s}}}\n"
    dialplan = Rules("route: [{play: [hello, tone]}]", text).dialplan
    made = {recipe.name: recipe.source for recipe in dialplan.recipes}
    hello, tone = made["hello"], made["tone"]
    assert isinstance(hello, FromText)
    assert (hello.text, hello.language) == ("Hello", "en")
    assert isinstance(tone, FromTone)
    assert (tone.hertz, tone.seconds) == (440, 1.0)


def test_recipe_of_a_file_knows_its_content(tmp_path: Path) -> None:
    file = tmp_path / "hello.wav"
    file.write_bytes(b"RIFF")
    text = f"{HEAD}prompts: {{hello: {{file: hello.wav}}}}\n"
    text += "numbers: {4000: {route: [{play: hello}]}}\n"
    (recipe,) = compile_dialplan(parse(text, str(tmp_path / "d.yaml"))).recipes
    assert isinstance(recipe.source, FromFile)
    assert Path(recipe.source.path) == file
    assert recipe.source.digest
    assert not recipe.source.music


def test_certificate_tells_the_trunk_before_the_address() -> None:
    text = HEAD.replace(
        "trunks:\n", "trunks:\n  named: {tls_peer: [sip.example.com], called: to}\n"
    )
    text += "numbers: {4000: {route: [{hunt: [a]}]}}\n"
    dialplan = compile_dialplan(parse(text, "d.yaml"))
    by_name = dialplan.trunk_of("127.0.0.1", ("other.example.com", "sip.example.com"))
    assert by_name is not None
    assert by_name.name == "named"
    by_address = dialplan.trunk_of("127.0.0.1", ("other.example.com",))
    assert by_address is not None
    assert by_address.name == "lab"
    assert dialplan.called_by(Facts("named", "", "", "4000", "4001")) == "4001"
    assert dialplan.called_by(Facts("lab", "", "", "4000", "4001")) == "4000"
