import pytest

from callrouter.observe.trace.trace_entries import (
    TracedCall,
    TracedMessage,
    decode,
    encode_call,
    encode_messages,
)
from callrouter.sip.flow import Flow

UDP = Flow("UDP", "192.0.2.1", 5060, "192.0.2.9", 5062, None)
TLS = Flow("TLS", "2001:db8::1", 5061, "2001:db8::9", 40000, None)
SEEN = [(7, False, UDP, b"INVITE \xff\x00"), (8, True, TLS, b""), (9, True, UDP, b"x" * 70_000)]
MESSAGES = [
    TracedMessage(7, False, "UDP", ("192.0.2.1", 5060), ("192.0.2.9", 5062), b"INVITE \xff\x00"),
    TracedMessage(8, True, "TLS", ("2001:db8::1", 5061), ("2001:db8::9", 40000), b""),
    TracedMessage(9, True, "UDP", ("192.0.2.1", 5060), ("192.0.2.9", 5062), b"x" * 70_000),
]


def test_messages_are_read_as_they_were_seen() -> None:
    data = encode_messages(SEEN)
    read = list(decode(data, 0))
    assert [entry for entry, _ in read] == MESSAGES
    assert read[-1][1] == len(data)
    assert [entry for entry, _ in decode(data, read[0][1])] == MESSAGES[1:]


@pytest.mark.parametrize("over", [False, True])
def test_call_is_read_with_its_dialogs(over: bool) -> None:
    call = TracedCall(5, "19c-1", over, {"a\tb \udcff": "caller", "c@d": "desk"})
    assert list(decode(encode_call(call), 0)) == [(call, len(encode_call(call)))]


def test_name_of_a_party_cannot_break_the_entry() -> None:
    entry, _ = next(decode(encode_call(TracedCall(5, "c", False, {"id": "a\tb\nc"})), 0))
    assert entry == TracedCall(5, "c", False, {"id": "a\\u0009b\\u000ac"})


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_torn_last_entry_is_passed_over(cut: int) -> None:
    data = encode_messages(SEEN[:2])
    assert [entry for entry, _ in decode(data[:-cut], 0)] == MESSAGES[:1]


def test_zeros_that_a_loss_of_power_leaves_end_a_segment() -> None:
    data = encode_messages(SEEN[:1])
    assert list(decode(data + bytes(100), 0)) == [(MESSAGES[0], len(data))]


def test_credentials_of_one_message_are_masked_and_the_others_stay() -> None:
    secret = b"REGISTER sip:a SIP/2.0\r\nAuthorization: Digest response=1\r\n\r\n"
    data = encode_messages([SEEN[0], (8, False, UDP, secret)])
    read = [entry for entry, _ in decode(data, 0)]
    assert read[0] == MESSAGES[0]
    assert isinstance(read[1], TracedMessage)
    assert read[1].data == secret.replace(b"response=1", b"***")
