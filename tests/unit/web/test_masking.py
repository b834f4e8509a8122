"""Numbers are masked for those who may see that there are calls, but not whose."""

import pytest

from callrouter.web.core.masking import masked_number, masked_values


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+8613800138000", "+86···00"),
        ("13800138000 is in no list", "13···00 is in no list"),
        ("138-0013-8000", "13···00"),
        ("+86 (138) 0013.8000", "+86···00"),
        ("u13800138000x", "u13···00x"),
        ("4000", "4000"),
        ("+1234", "+1234"),
        ("number 7000 at 10:30", "number 7000 at 10:30"),
        ("0812345678*1#", "08···1#"),
    ],
)
def test_number_in_any_spelling_is_masked_and_a_short_one_is_not(text: str, shown: str) -> None:
    assert masked_number(text) == shown


def test_what_a_call_is_found_by_stays_and_what_hides_numbers_goes() -> None:
    record = {
        "id": "1a22d41c1ab-00011223344",
        "call_id": "13800138000@192.0.2.1",
        "call": {"caller": "13800138000", "since": 1_796_055_613.8},
        "legs": [{"target": "desk", "uri": "sip:13800138000@192.0.2.2"}],
    }
    assert masked_values(record) == {
        "id": "1a22d41c1ab-00011223344",
        "call_id": "",
        "call": {"caller": "13···00", "since": 1_796_055_613.8},
        "legs": [{"target": "desk", "uri": ""}],
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("127.0.0.1", "···"),
        ("the source address is in 192.168.100.0/24", "the source address is in ···"),
        ("udp:192.0.2.7:5060", "udp:···:5060"),
        ("2001:db8::7 is in 2001:db8::/32", "··· is in ···"),
        ("[::ffff:192.0.2.7]:5061", "[···]:5061"),
        ("open until 17:30:00", "open until 17:30:00"),
        ("release 1.2.3", "release 1.2.3"),
    ],
)
def test_addresses_in_what_rules_said_are_hidden(text: str, shown: str) -> None:
    assert masked_values({"why": text}) == {"why": shown}
