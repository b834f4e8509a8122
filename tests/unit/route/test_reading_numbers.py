import pytest

from callrouter.route.callers import telephone_numbers as numbers


@pytest.mark.parametrize(
    "text",
    ["02012345678", "+862012345678", "00862012345678", "862012345678", "+86 (20) 1234-5678"],
)
def test_all_spellings_of_a_land_line_are_one_number(text: str) -> None:
    assert numbers.normalise(text, "CN") == "+862012345678"


@pytest.mark.parametrize("text", ["13800138000", "013800138000", "+8613800138000"])
def test_mobile_is_the_same_with_and_without_leading_0(text: str) -> None:
    assert numbers.normalise(text, "CN") == "+8613800138000"


@pytest.mark.parametrize(
    "text",
    ["4000", "101", "95588", "1000001", "reception", "", "+", "+8", "0", "9" * 40, "0" * 20, "4x"],
)
def test_text_that_is_no_phone_number_stays_as_it_is(text: str) -> None:
    assert numbers.normalise(text, "CN") == text


def test_bare_number_of_a_possible_length_that_does_not_exist_stays_as_it_is() -> None:
    assert numbers.read("12345678", "CN") is None


def test_number_with_national_prefix_counts_by_its_length_alone() -> None:
    assert numbers.normalise("02012345678", "CN") == "+862012345678"


def test_country_decides_what_a_national_number_means() -> None:
    assert numbers.normalise("02838222999", "VN") == "+842838222999"


@pytest.mark.parametrize(
    ("text", "written"),
    [("+867561234567", "07561234567"), ("+8613800138000", "13800138000")],
)
def test_national_form_is_as_dialled_at_home(text: str, written: str) -> None:
    phone = numbers.read(text, "CN")
    assert phone is not None
    assert numbers.national(phone) == written


@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        ("0084838222999", "CN", "+84838222999"),
        ("00", "CN", ""),
        ("846913998", "VN", "+84846913998"),
    ],
)
def test_text_that_could_be_several_numbers_is_no_usual_spelling(
    text: str, country: str, e164: str
) -> None:
    assert numbers.usual(text, country) == ""
    assert numbers.e164(text, country) == e164


def test_country_code_is_the_one_dialled() -> None:
    assert numbers.country_code("CN") == 86
