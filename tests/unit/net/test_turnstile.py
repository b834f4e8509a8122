"""How many connections peers may open: in all, and from one address."""

import resource

import pytest

from callrouter.net.transport.connection_limits import StreamLimits, Turnstile


def test_too_many_in_all_are_refused_until_one_has_left() -> None:
    turnstile = Turnstile(StreamLimits(connections=2))
    assert turnstile.enter("192.0.2.1", known=True)
    assert turnstile.enter("192.0.2.2", known=True)
    assert not turnstile.enter("192.0.2.3", known=True)
    turnstile.leave("192.0.2.1")
    assert turnstile.enter("192.0.2.3", known=True)
    assert (turnstile.counts.over_limit, turnstile.counts.over_source) == (1, 0)


def test_strangers_cannot_take_what_is_kept_for_trunks() -> None:
    turnstile = Turnstile(StreamLimits(connections=10, for_trunks=20))
    let_in = [turnstile.enter(f"198.51.100.{number}", known=False) for number in range(12)]
    assert let_in == [True] * 8 + [False] * 4
    assert [turnstile.enter("192.0.2.1", known=True) for _ in range(3)] == [True, True, False]
    turnstile.leave("198.51.100.1")
    assert not turnstile.enter("198.51.100.9", known=False), "it is a trunk's room now"
    assert turnstile.enter("192.0.2.1", known=True)
    assert turnstile.counts.over_limit == 6


def test_room_is_no_larger_than_the_file_descriptors_allow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (522, 522))
    turnstile = Turnstile(StreamLimits(for_trunks=20))
    strangers = [turnstile.enter("198.51.100.1", known=False) for _ in range(9)]
    assert strangers == [True] * 8 + [False]
    assert [turnstile.enter("192.0.2.1", known=True) for _ in range(3)] == [True, True, False]


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
    assert turnstile.enter(first, known=True)
    assert turnstile.enter(second, known=True) is not same
    assert turnstile.counts.over_source == int(same)
    turnstile.leave(first)
    assert turnstile.enter(first, known=True)
