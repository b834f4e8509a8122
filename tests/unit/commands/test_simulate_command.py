"""`callrouter simulate`: what a time line says, and what a wrong option is told."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from callrouter.cli import main

DIALPLAN: Final = """
country: CN
timezone: Asia/Shanghai
trunks: {lab: {addresses: [192.0.2.0/24]}}
targets:
  desk: {uri: "sip:desk@127.0.0.1:5081"}
  duty: {uri: "sip:duty@127.0.0.1:5082", ring: 8s}
numbers:
  "4000": {route: [{hunt: [desk, duty]}]}
  "4009": {to_header: extensions, route: [{hunt: [duty]}]}
extensions:
  "801": {targets: [desk]}
"""


@pytest.fixture
def dialplan(tmp_path: Path) -> Path:
    path = tmp_path / "dialplan.yaml"
    path.write_text(DIALPLAN, encoding="utf-8")
    return path


def played(dialplan: Path, *options: str) -> Result:
    return CliRunner().invoke(
        main, ["simulate", "--from", "13800138000", "--dialplan", str(dialplan), *options]
    )


def told(dialplan: Path, *options: str) -> list[str]:
    result = played(dialplan, *options)
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.output.splitlines()]


def as_json(dialplan: Path, *options: str) -> dict[str, Any]:
    result = played(dialplan, "--json", *options)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def test_busy_target_is_followed_by_the_next_one(dialplan: Path) -> None:
    lines = told(
        dialplan,
        *("--to", "4000"),
        *("--leg", "desk: 486 after 2s"),
        *("--leg", "duty: 183 after 3s, 200 after 6s"),
    )
    assert lines == [
        "0.0 s caller calls",
        "0.0 s desk INVITE",
        "2.0 s desk 486 Busy Here → next",
        "2.0 s duty INVITE",
        "5.0 s duty 183 Session Progress",
        "5.0 s caller gets 183 Session Progress",
        "8.0 s duty 200 OK → connected",
        "8.0 s caller gets 200 OK",
        "9.0 s caller hangs up",
        "",
        "ANSWERED by duty",
    ]


def test_silent_target_is_left_and_one_that_rings_out_too(dialplan: Path) -> None:
    lines = told(dialplan, *("--to", "4000"), *("--leg", "desk: silence"), *("--leg", "duty: 180"))
    assert lines == [
        "0.0 s caller calls",
        "0.0 s desk INVITE",
        "5.0 s desk no response in 5 s → next",
        "5.0 s duty INVITE",
        "5.0 s duty 180 Ringing",
        "5.0 s caller gets 180 Ringing",
        "13.0 s duty no answer in 8 s",
        "13.0 s caller gets 480 Temporarily Unavailable",
        "",
        "NO_ANSWER: 480 Temporarily Unavailable, cause 19, no_target_left",
    ]


def test_target_without_a_script_rings_and_answers(dialplan: Path) -> None:
    assert "5.0 s desk 200 OK → connected" in told(dialplan, "--to", "4000")


def test_caller_who_gives_up_ends_the_hunt(dialplan: Path) -> None:
    lines = told(dialplan, "--to", "4000", "--leg", "desk: 180", "--cancel", "8s")
    assert lines[-5:] == [
        "8.0 s caller gives up",
        "8.0 s desk cancelled",
        "8.0 s caller gets 487 Request Terminated",
        "",
        "CANCELLED: 487 Request Terminated, cause 16",
    ]


def test_caller_who_gives_up_in_the_moment_of_the_answer_is_connected(dialplan: Path) -> None:
    lines = told(dialplan, *("--to", "4000", "--leg", "desk: 180, 200 after 8s", "--cancel", "8s"))
    assert "8.0 s desk 200 OK → connected" in lines
    assert "8.0 s caller gives up" in lines
    assert lines[-1] == "ANSWERED by desk"


def test_to_header_rings_the_extension_it_names(dialplan: Path) -> None:
    for header in ("801", "sip:4009@192.0.2.1;ext=801"):
        found = as_json(dialplan, "--to", "4009", "--to-header", header)
        assert found["record"]["answered_by"] == "desk"
    assert as_json(dialplan, "--to", "4009")["record"]["answered_by"] == "duty"


def test_json_has_the_events_and_the_record(dialplan: Path) -> None:
    found = as_json(dialplan, "--to", "4000", "--leg", "desk: 603 after 1s")
    assert found["events"][2] == {
        "at": 1.0,
        "party": "desk",
        "event": "603 Decline",
        "effect": "",
    }
    record = found["record"]
    assert (record["number"], record["disposition"], record["status"]) == ("4000", "REJECTED", 603)
    assert [leg["result"] for leg in record["legs"]] == ["rejected"]


def test_number_the_dialplan_does_not_have_is_refused(dialplan: Path) -> None:
    lines = told(dialplan, "--to", "4999")
    assert lines[1] == "0.0 s caller gets 404 Not Found"


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--leg", "dsk: 486"), "--leg: the dialplan has no target 'dsk'; did you mean 'desk'?"),
        (("--leg", "desk: bus"), "target desk: expected"),
        (("--cancel", "8"), "--cancel: expected a time such as 15s"),
        (("--at", "Saturday"), "found 'Saturday'"),
        (("--trunk", "la"), "--trunk: the dialplan has no trunk 'la'; did you mean 'lab'?"),
        (("--to-header", "sip:"), "--to-header': not a SIP URI: 'sip:'"),
    ],
)
def test_wrong_option_says_what_was_expected(
    dialplan: Path, options: tuple[str, ...], wanted: str
) -> None:
    result = played(dialplan, "--to", "4000", *options)
    assert result.exit_code == (1 if "the dialplan has no" in wanted else 2)
    assert wanted in result.output


SPOKEN: Final = """
country: CN
trunks: {lab: {addresses: [192.0.2.0/24]}}
targets: {desk: {uri: "sip:desk@127.0.0.1:5081"}}
prompts: {short: {tone: {hertz: 440, for: 1s}}}
menus: {main: {prompt: short, keys: {"1": desk, "2": {voicemail: box}}, wait: 2s, tries: 1}}
voicemail: {box: {max: 4s, min: 1s, greeting: short}}
numbers:
  "4000": {route: [{menu: main}]}
  "4001": {route: [{hunt: [desk], confirm: "1"}]}
  "4002": {record: {notice: false}, route: [{hunt: [desk]}]}
  "4003": {survey: true, route: [{hunt: [desk]}]}
"""


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    path = tmp_path / "spoken.yaml"
    path.write_text(SPOKEN, encoding="utf-8")
    return path


def test_caller_who_presses_a_key_is_connected_and_hangs_up(spoken: Path) -> None:
    lines = told(spoken, "--to", "4000", "--press", "1 after 1500ms", "--leg", "desk: 200 after 1s")
    assert lines == [
        "0.0 s caller calls",
        "0.0 s caller gets 200 OK",
        "0.0 s caller enters menu main",
        "0.0 s caller hears short",
        "1.5 s caller presses 1",
        "1.5 s desk INVITE",
        "1.5 s caller hears ringback",
        "2.5 s desk 200 OK → connected",
        "3.5 s caller hangs up",
        "",
        "ANSWERED by desk",
    ]


def test_message_is_told_with_its_length(spoken: Path) -> None:
    lines = told(spoken, "--to", "4000", "--press", "2 after 500ms")
    assert lines[-2:] == ["ANSWERED by callrouter", "message for box box: 4.0 s, complete"]
    found = as_json(spoken, "--to", "4000", "--press", "2 after 500ms")["record"]
    assert found["voicemail"] == [{"of": "box", "ms": 4000, "result": "complete"}]
    assert found["heard"][2] == {"at_ms": 500, "what": "key", "which": "2"}


def test_target_that_confirms_is_connected(spoken: Path) -> None:
    lines = told(spoken, "--to", "4001", "--leg", "desk: 200 after 1s, key 1 after 3s")
    assert lines[2:6] == [
        "1.0 s desk 200 OK → has to confirm",
        "3.0 s desk presses 1",
        "3.0 s desk has confirmed → connected",
        "3.0 s caller gets 200 OK",
    ]


def test_target_that_does_not_confirm_is_left(spoken: Path) -> None:
    lines = told(spoken, "--to", "4001", "--leg", "desk: 200 after 1s")
    assert "14.0 s desk has not confirmed" in lines
    assert lines[-1].startswith("NO_ANSWER")


def test_recorded_call_is_hung_up_a_second_after_the_answer(spoken: Path) -> None:
    lines = told(spoken, "--to", "4002", "--leg", "desk: 200 after 1s")
    assert lines[-4:] == [
        "2.0 s caller hangs up",
        "",
        "ANSWERED by desk",
        "recording of 4002: 1.0 s, complete",
    ]


def test_caller_is_asked_when_the_target_has_hung_up(spoken: Path) -> None:
    legs = ("--leg", "desk: 200 after 1s, bye after 3s", "--press", "4 after 5s")
    assert "5.0 s caller answers 4" in told(spoken, "--to", "4003", *legs)


def test_without_media_the_route_goes_on(spoken: Path) -> None:
    assert told(spoken, "--to", "4000", "--no-media")[-1].startswith("REJECTED: 480")
    assert told(spoken, "--to", "4002", "--no-media")[-1] == "recording of 4002: 0.0 s, failed"
