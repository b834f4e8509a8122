import pytest
from rulebook import number

from callrouter.route.rules.number_index import Match, NumberIndex
from callrouter.route.rules.number_table import Numbers


def find(sent: str, *keys: str, country: str = "CN") -> Match:
    return NumberIndex(Numbers([number(key) for key in keys]), "CN").find(sent, country)


def key_of(match: Match) -> str | None:
    return None if match.number is None else match.number.key


SPELLINGS = ["02012345678", "+862012345678", "00862012345678"]


@pytest.mark.parametrize("sent", SPELLINGS)
@pytest.mark.parametrize("key", SPELLINGS)
def test_any_spelling_finds_any_other(sent: str, key: str) -> None:
    assert key_of(find(sent, key)) == key


@pytest.mark.parametrize(
    ("sent", "keys", "found"),
    [
        ("4000", ["4*", "4xxx", "400x", "4000"], "4000"),
        ("4001", ["4*", "4xxx", "400x", "4000"], "400x"),
        ("4101", ["4*", "4xxx", "400x", "4000"], "4xxx"),
        ("41010", ["4*", "4xxx", "400x", "4000"], "4*"),
        ("5000", ["4*", "*"], "*"),
        ("reception", ["4*", "*"], "*"),
        ("", ["4*", "*"], "*"),
        ("4000", ["4x*", "4*"], "4x*"),
        ("4000", ["4xxx", "4xxx*"], "4xxx"),
        ("4000", ["4x0x", "40xx"], "40xx"),
        ("4xy0", ["4xxx"], None),
        ("411", ["4xxx"], None),
        ("40001", ["4xxx"], None),
        ("4020", ["4x3x", "4x2x"], "4x2x"),
    ],
)
def test_most_specific_key_wins(sent: str, keys: list[str], found: str | None) -> None:
    assert key_of(find(sent, *keys)) == found
    assert key_of(find(sent, *reversed(keys))) == found


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("+867561234567", "0756*"),
        ("008675612345678", "0756*"),
        ("07561234567", "+86756*"),
        ("+8613800138000", "138*"),
        ("013800138000", "138xxxxxxxx"),
    ],
)
def test_prefix_is_compared_with_all_written_forms(sent: str, key: str) -> None:
    assert key_of(find(sent, key)) == key


def test_beaten_keys_are_named_once_each_most_specific_first() -> None:
    match = find("+867561234567", "0756*", "07*", "+86756*", "*")
    assert key_of(match) == "+86756*"
    assert [beaten.key for beaten in match.beaten] == ["0756*", "07*", "*"]


def test_national_key_is_not_met_by_the_same_digits_from_another_country() -> None:
    assert key_of(find("02838222999", "02838222999", country="VN")) is None
    assert key_of(find("02838222999", "0283*", country="VN")) is None


def test_number_of_home_is_found_from_another_country_by_its_international_form() -> None:
    assert key_of(find("+862012345678", "02012345678", country="VN")) == "02012345678"
    assert key_of(find("00862012345678", "020*", country="VN")) == "020*"


def test_short_number_is_the_same_in_every_country() -> None:
    assert key_of(find("4000", "4000", country="VN")) == "4000"
    assert key_of(find("4001", "4xxx", country="VN")) == "4xxx"


def test_forms_tell_what_was_compared() -> None:
    assert find("07561234567", "4*").forms == ["07561234567", "+867561234567"]
    assert find("0084 28 3822 2999", "4*").forms == ["0084 28 3822 2999", "+842838222999"]
    assert find("+867561234567", "4*").forms == ["+867561234567", "07561234567"]
    assert find("+867561234567").forms == ["+867561234567"]
