"""Bans: when wrongs come to one, how long it holds, and that the tables are bounded."""

import pytest

from callrouter.state import bans_in_memory as module
from callrouter.state.bans_in_memory import BanRule, Bans, banned_as

NOW = 1_700_000_000.0
RULE = BanRule(wrongs=3, within=60.0, seconds=600.0)
SCANNER = "198.51.100.7"


class Journal:
    """Keeps the last value of each key, as the state's file does."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], tuple[object, ...]] = {}

    def __call__(self, kind: str, key: tuple[str, ...], value: tuple[object, ...] | None) -> None:
        assert kind == "ban"
        if value is None:
            del self.values[key]
        else:
            self.values[key] = value


def made(journal: Journal | None = None) -> Bans:
    bans = Bans(journal or Journal())
    bans.rule = RULE
    return bans


def test_third_wrong_within_a_minute_bans_for_ten() -> None:
    bans = made()
    for second in (0, 20):
        bans.wrong(SCANNER, "a scanner", NOW + second)
        assert not bans.holds(SCANNER, NOW + second)
    bans.wrong(SCANNER, "a scanner", NOW + 40)
    assert bans.holds(SCANNER, NOW + 40)
    assert bans.holds(SCANNER, NOW + 639)
    assert not bans.holds(SCANNER, NOW + 640)
    assert not bans.holds("198.51.100.8", NOW + 40)
    assert bans.made == 1


def test_wrongs_that_are_far_apart_ban_nobody() -> None:
    bans = made()
    for minute in range(10):
        bans.wrong(SCANNER, "a scanner", NOW + 61 * (minute // 2))
    assert len(bans) == 0


def test_ban_by_hand_holds_until_removed_and_its_wrongs_are_forgotten() -> None:
    told = []
    bans = made()
    bans.changed = lambda: told.append(1)
    bans.wrong(SCANNER, "a scanner", NOW)
    bans.wrong(SCANNER, "a scanner", NOW)
    assert bans.add(SCANNER, 0.0)
    assert told == [1]
    assert bans.holds(SCANNER, NOW + 10 * RULE.seconds)
    assert bans.remove(SCANNER)
    assert not bans.remove(SCANNER)
    bans.wrong(SCANNER, "a scanner", NOW)
    assert not bans.holds(SCANNER, NOW)


def test_wrongs_do_not_shorten_a_ban_by_hand() -> None:
    bans = made()
    bans.add(SCANNER, 0.0)
    for _ in range(10):
        bans.wrong(SCANNER, "a scanner", NOW)
    assert bans.holds(SCANNER, NOW + 10 * RULE.seconds)


def test_bans_are_the_same_after_a_restart() -> None:
    journal = Journal()
    bans = made(journal)
    bans.add(SCANNER, 0.0)
    bans.add("2001:db8::", NOW + 5)
    for _ in range(3):
        bans.wrong("203.0.113.1", "too many requests", NOW)
    bans.remove(SCANNER)
    later = made()
    for key, value in journal.values.items():
        later.restore(key, value)
    assert list(later.newest(NOW)) == list(bans.newest(NOW))
    assert [ban.address for ban in later.newest(NOW)] == ["203.0.113.1", "2001:db8::"]


@pytest.mark.parametrize("value", [(), ("soon", "", True), (1.0, "a scanner", "yes")])
def test_state_that_is_no_ban_is_refused(value: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="no such ban"):
        made().restore((SCANNER,), value)


def test_what_is_over_is_forgotten_and_the_journal_told() -> None:
    journal = Journal()
    bans = made(journal)
    bans.add(SCANNER, NOW + 5)
    bans.expire(NOW + 4)
    assert len(bans) == 1
    bans.expire(NOW + 5)
    assert (len(bans), journal.values) == (0, {})


def test_flood_drops_the_oldest_bans_and_none_made_by_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    bans = made()
    bans.add(SCANNER, 0.0)
    for number in range(100):
        for _ in range(3):
            bans.wrong(f"203.0.113.{number}", "too many requests", NOW)
    assert len(bans) == 11
    assert bans.holds(SCANNER, NOW)
    assert bans.holds("203.0.113.99", NOW)
    assert not bans.holds("203.0.113.0", NOW)


def test_many_bans_by_hand_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BY_HAND", 2)
    bans = made()
    assert [bans.add(f"203.0.113.{last}", 0.0) for last in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::"),
        ("fe80::1%eth0", "fe80::"),
    ],
)
def test_site_is_banned_as_one(host: str, address: str) -> None:
    assert banned_as(host) == address


@pytest.mark.parametrize("host", ["", "198.51.100", "a.b.c.d", "300.1.1.1", "example.net", "::g"])
def test_what_is_no_address_cannot_be_banned(host: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        banned_as(host)
