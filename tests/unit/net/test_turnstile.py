"""How many connections peers may open: in all, and from one address."""

import pytest

from callrouter.net.limits import StreamLimits, Turnstile


def test_too_many_in_all_are_refused_until_one_has_left() -> None:
    turnstile = Turnstile(StreamLimits(connections=2))
    assert turnstile.enter("192.0.2.1")
    assert turnstile.enter("192.0.2.2")
    assert not turnstile.enter("192.0.2.3")
    turnstile.leave("192.0.2.1")
    assert turnstile.enter("192.0.2.3")
    assert (turnstile.counts.over_limit, turnstile.counts.over_source) == (1, 0)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_one_source_is_an_address_or_a_site(first: str, second: str, same: bool) -> None:
    turnstile = Turnstile(StreamLimits(per_source=1))
    assert turnstile.enter(first)
    assert turnstile.enter(second) is not same
    assert turnstile.counts.over_source == int(same)
    turnstile.leave(first)
    assert turnstile.enter(first)
