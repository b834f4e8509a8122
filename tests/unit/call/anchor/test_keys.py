"""Keys by INFO, and keys that come in two ways."""

import pytest

from callrouter.call.anchor.dtmf import DtmfReceiver, key_of
from callrouter.sip.message import Request


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", "Signal= *\nDuration= 250", "*"),
        ("Application/DTMF-Relay; v=1", "Duration=250\r\nsignal = d\r\n", "D"),
        ("application/dtmf-relay", "Signal=10\r\n", "*"),
        ("application/dtmf-relay", "Signal=11\r\n", "#"),
        ("application/dtmf-relay", "Signal=15", "D"),
        ("application/dtmf-relay", "Signal=16\r\n", ""),
        ("application/dtmf-relay", "Signal=123\r\n", ""),
        ("application/dtmf-relay", "XSignal=1\r\n", ""),
        ("application/dtmf", " #\r\n", "#"),
        ("application/dtmf", "11", "#"),
        ("application/dtmf", "12 3", ""),
        ("text/plain", "5", ""),
        ("application/dtmf-relay", "Signal=5\r\n" + " " * 600, ""),
    ],
)
def test_key_of_an_info(kind: str, body: str, key: str) -> None:
    headers = {"content-type": kind}
    request = Request("INFO", "sip:x@192.0.2.1", "SIP/2.0", headers, None, body.encode())
    assert key_of(request) == key


@pytest.mark.parametrize(
    ("presses", "taken"),
    [
        ([("1", "rfc4733"), ("1", "info"), ("1", "rfc4733")], "11"),
        ([("1", "info"), ("1", "rfc4733"), ("2", "info")], "12"),
        ([("1", "inband"), ("1", "rfc4733"), ("2", "rfc4733"), ("2", "inband")], "12"),
        ([("1", "inband"), ("2", "info"), ("3", "info")], "123"),
        ([("1", "rfc4733"), ("1", "inband")], "1"),
    ],
)
def test_key_that_comes_in_two_ways_counts_once(presses: list[tuple[str, str]], taken: str) -> None:
    keys = DtmfReceiver()
    for key, method in presses:
        keys.press(key, method)
    assert keys.pressed == taken
