"""What an operator may write to block a caller."""

import pytest
from support.tables import each

from callrouter.dialplan.areas.list_files import blocked_by_hand


@each(
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
    "text", ["abc", "", "*", "+", "0", "0*", "*21", "4*1", "+86138a", "9" * 19, "-1", " -0898*"]
)
def test_what_is_neither_says_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r'expected a number such as "\+8613800138000"'):
        blocked_by_hand(text, "CN")


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("000898", "+0898"),
        ("+0898", "+0898"),
        ("00008613800138000", "+008613800138000"),
        ("0000", "+00"),
        ("00*", "+00"),
        ("+999123*", "+999123"),
    ],
)
def test_first_digits_that_no_country_has_are_refused(text: str, begins: str) -> None:
    with pytest.raises(ValueError, match=r'expected a number such as "\+8613800138000"') as caught:
        blocked_by_hand(text, "CN")
    assert str(caught.value).endswith(f"found '{text}': no country has the code of {begins}")


@pytest.mark.parametrize(
    ("text", "country", "said"),
    [("8613*", "CN", "+8613* or +868613*"), ("84 *", "VN", "+84* or +8484*")],
)
def test_first_digits_with_the_own_code_but_no_plus_are_asked_about(
    text: str, country: str, said: str
) -> None:
    with pytest.raises(ValueError, match="which may mean either") as caught:
        blocked_by_hand(text, country)
    assert str(caught.value) == f"expected {said}, found '{text}', which may mean either"
