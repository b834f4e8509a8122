"""What an operator may write to block a caller."""

import pytest

from callrouter.dialplan.areas.list_files import blocked_by_hand


@pytest.mark.parametrize(
    ("text", "country", "keys"),
    [
        ("+8613800138000", "CN", ("+8613800138000",)),
        ("138-0013-8000", "CN", ("+8613800138000",)),
        ("4001", "CN", ("4001",)),
        ("40-01", "CN", ("4001",)),
        ("0898", "CN", ("+86898*",)),
        ("0898*", "CN", ("+86898*",)),
        ("+86898", "CN", ("+86898*",)),
        ("+1900*", "CN", ("+1900*",)),
        ("001900*", "CN", ("+1900*",)),
        ("138*", "CN", ("+86138*", "138*")),
        ("90*", "HK", ("+85290*", "90*")),
        ("0123", "HK", ("0123",)),
        ("+86 898*", "CN", ("+86898*",)),
        ("(0898) *", "CN", ("+86898*",)),
        ("\uff11\uff13\uff17\uff0a", "CN", ("+86137*", "137*")),
        ("0898;phone-context=+86", "CN", ("+86898*",)),
        ("+868613*", "CN", ("+868613*",)),
        ("86", "CN", ("86",)),
        ("084*", "VN", ("+8484*",)),
        ("1900*", "US", ("+1900*",)),
    ],
)
def test_number_short_number_and_first_digits_are_kept_as_lists_compare_them(
    text: str, country: str, keys: tuple[str, ...]
) -> None:
    assert blocked_by_hand(text, country) == keys


@pytest.mark.parametrize(
    "text", ["abc", "", "*", "+", "0", "0*", "*21", "4*1", "+86138a", "9" * 19]
)
def test_what_is_neither_says_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r'expected a number such as "\+8613800138000"'):
        blocked_by_hand(text, "CN")
