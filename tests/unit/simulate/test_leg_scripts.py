"""What ops write about a target, and what they are told when it cannot be read."""

import pytest

from callrouter.simulate.target_script import ScriptedResponse, read_legs, read_script


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("486 after 2s", (ScriptedResponse(486, 2.0),)),
        (
            " 180 after 500ms,200 after 1m ",
            (ScriptedResponse(180, 0.5), ScriptedResponse(200, 60.0)),
        ),
        ("503", (ScriptedResponse(503, 0.0),)),
        ("183 after 3s, 180 after 3s", (ScriptedResponse(183, 3.0), ScriptedResponse(180, 3.0))),
        ("silence", ()),
    ],
)
def test_script_is_read_as_steps_from_the_invite_on(
    text: str, steps: tuple[ScriptedResponse, ...]
) -> None:
    assert read_script(text) == steps


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected"),
        ("busy", 'expected "486 after 2s"'),
        ("100 after 1s", "expected"),
        ("700 after 1s", "expected"),
        ("486 after", "expected"),
        ("486 after 2", "expected a time such as 15s"),
        ("486 after 2h", "expected a time"),
        ("200 after 3s, 180 after 2s", "times count from the INVITE"),
        ("486 after 1s, 200 after 2s", "nothing comes after a final response such as 486"),
        ("silence, 200 after 2s", "expected"),
    ],
)
def test_script_that_cannot_be_meant_is_an_error_that_says_why(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_script(text)


def test_target_may_have_a_colon_in_its_name() -> None:
    assert read_legs(["a -> 192.0.2.3:5060: silence"]) == {"a -> 192.0.2.3:5060": ()}


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["486 after 2s"], "expected a target and what it does"),
        ([": 486"], "expected a target and what it does"),
        (["a: 486", "a: 200"], "target a has two scripts"),
        (["a: busy"], "target a: expected"),
    ],
)
def test_leg_without_a_target_or_with_two_scripts_is_an_error(texts: list[str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_legs(texts)
