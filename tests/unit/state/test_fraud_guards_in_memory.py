"""What guards against fraud find, whom they bar, and what of it is taken over."""

import pytest

from callrouter.route.values.fraud_guards import (
    COMPANY,
    EXTENSION,
    LONGEST_WITHIN,
    NEW_COUNTRY,
    SHORT_CALLS,
    Alarm,
    FraudGuards,
    WatchedCall,
)
from callrouter.state import fraud_guards_in_memory
from callrouter.state.fraud_guards_in_memory import GuardsInMemory
from callrouter.state.journal import Key, Value

NOW = 1_772_769_600.0


class Notes:
    """Guards, the last value of each key that they told their journal, and their alarms."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, Key], tuple[object, ...]] = {}
        self.alarms: list[Alarm] = []
        self.guards = GuardsInMemory(self._told)
        self.guards.noted = self.alarms.append

    def _told(self, kind: str, key: Key, value: Value) -> None:
        if value is None:
            self.kept.pop((kind, key), None)
        else:
            self.kept[kind, key] = value

    def again(self) -> "Notes":
        after = Notes()
        for (kind, key), value in self.kept.items():
            after.guards.restore(kind, key, value)
        return after

    def found(self) -> list[tuple[str, str, str, int, bool]]:
        found = [(it.kind, it.what, it.first_of, it.calls, it.barred) for it in self.alarms]
        self.alarms.clear()
        return found


def watched(guards: FraudGuards, *countries: str, number: str = "+84901234567") -> WatchedCall:
    return WatchedCall(number, countries, number[:-4], guards, False)


def test_first_call_to_a_country_is_found_once_for_each_extension() -> None:
    notes = Notes()
    goes = watched(FraudGuards(new_country=EXTENSION), "VN")
    for extension, first_of in (("101", COMPANY), ("102", EXTENSION)):
        for call in ("a/1", "b/1"):
            notes.guards.began(extension, call, NOW, goes)
        assert [it.call for it in notes.alarms] == ["a/1"]
        assert notes.found() == [(NEW_COUNTRY, "VN", first_of, 0, False)]
    after = notes.again()
    after.guards.began("101", "c/1", NOW, goes)
    assert (after.found(), dict(after.guards.barred)) == ([], {})


def test_first_call_of_the_company_bars_who_made_it_and_lifting_survives_a_restart() -> None:
    notes = Notes()
    guards = FraudGuards(new_country=COMPANY, bars=frozenset((NEW_COUNTRY,)))
    goes = watched(guards, "GB", "JE")
    notes.guards.began("101", "a/1", NOW, goes)
    notes.guards.began("102", "b/1", NOW, goes)
    assert notes.found() == [(NEW_COUNTRY, "GB, JE", COMPANY, 0, True)]
    after = notes.again()
    assert dict(after.guards.barred) == {"101": ("the first call to GB, JE", NOW)}
    assert after.guards.lift("101")
    assert not after.guards.lift("101")
    assert notes.guards.alarms == {NEW_COUNTRY: 1, SHORT_CALLS: 0}


def test_short_calls_to_one_range_are_found_and_count_anew_then() -> None:
    guards = FraudGuards(short_calls=2, short_seconds=15, within_seconds=60)
    goes = watched(guards, "VN")
    notes = Notes()
    for at, talked in ((0, 14), (30, 15), (70, 3)):  # one too long, the first too long ago
        notes.guards.ended("101", "a/1", NOW + at, talked, goes)
    assert notes.found() == []
    other = watched(guards, "VN", number="+84911234567")
    notes.guards.ended("101", "a/1", NOW + 71, 1, other)
    notes.guards.ended("102", "a/1", NOW + 71, 1, goes)
    notes = notes.again()
    notes.guards.ended("101", "a/1", NOW + 80, 1, goes)
    assert notes.found() == [(SHORT_CALLS, "+8490123", "", 2, False)]
    notes.guards.ended("101", "a/1", NOW + 81, 1, goes)
    assert notes.found() == []
    notes.guards.expire(NOW + 81 + LONGEST_WITHIN)
    assert notes.kept == {}


def test_what_no_guard_is_for_is_not_kept() -> None:
    notes = Notes()
    for guards in (None, FraudGuards()):
        goes = WatchedCall("+84901234567", ("VN",), "+8490123", guards, True)
        notes.guards.began("101", "a/1", NOW, goes)
        notes.guards.ended("101", "a/1", NOW, 1, goes)
    assert (notes.kept, notes.alarms) == ({}, [])


def test_countries_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fraud_guards_in_memory, "MOST", 4)
    notes = Notes()
    for country in ("VN", "HK", "TH"):
        notes.guards.began("101", "a/1", NOW, watched(FraudGuards(new_country=COMPANY), country))
    assert len(notes.kept) == 4


def test_what_no_guard_told_is_refused() -> None:
    with pytest.raises(TypeError):
        Notes().guards.restore("country", ("101", "VN"), ("yesterday",))
