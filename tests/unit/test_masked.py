"""No password leaves in an error, however its URL is mistyped; SIP URIs stay readable."""

import pytest

from callrouter.errors import masked


@pytest.mark.parametrize(
    "text",
    [
        "postgres//u:s3cret@h/db",
        "postgres:/u:s3cret@h/db",
        "postgresql:u:s3cret@h/db",
        "postgresql://u:s3cret@h/db",
        "postgresql://sip:s3cret@h/db",
        "postgresql://u:s3cret@t@[::1/db",
        "postgresql://u@tenant:s3cret@h/db",
        "redis://:s3cret@h",
        "u:s3cret@h",
        "expected a database, found 'postgres;//us!er:s3cret<@h/db'",
        "sip:u:s3cret@h",
        "host=h password=s3cret",
    ],
)
def test_password_is_masked_wherever_it_stands(text: str) -> None:
    assert "s3cret" not in masked(text)
    assert "***" in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "a.yaml:12:3: error: found 'x@y'",
        "found 'sip:alice@192.0.2.1:5060'",
        "SIPS:alice@example.net;transport=tcp",
        "{uri:sip:+861390@[2001:db8::1]:5060}",
        "udp:127.0.0.1:5060",
        "http://127.0.0.1:9090/metrics",
    ],
)
def test_text_without_a_password_stays_as_it_is(text: str) -> None:
    assert masked(text) == text
