"""Short cuts of reading numbers, held against the numbering plans of ten countries."""

from random import Random

import phonenumbers
import pytest

from callrouter.route.callers import telephone_numbers as numbers

COUNTRIES = ("CN", "VN", "DE", "FR", "IN", "HU", "TH", "SG", "HK", "SE")


@pytest.mark.parametrize("country", COUNTRIES)
def test_short_cuts_say_what_the_numbering_plan_says(country: str) -> None:
    random = Random(country)
    known = phonenumbers.PhoneMetadata.metadata_for_region(country)
    assert known is not None
    code, trunk = str(numbers.country_code(country)), known.national_prefix or ""
    examples = [known.fixed_line.example_number, known.mobile.example_number]
    told = 0
    for _ in range(400):
        tail = random.choice([*examples, str(random.randrange(10 ** random.randrange(3, 13)))])
        front = random.choice(["", "+" + code, "00" + code, code, trunk, code + trunk, code + code])
        text = front + tail[: random.randrange(2, len(tail) + 4)]
        phone = numbers.read(text, country)
        written = "" if phone is None else numbers.international(phone)
        usual = numbers.usual(text, country)
        assert usual in {"", written}, text
        assert not numbers.is_none(text, country) or phone is None, text
        told += bool(usual) or numbers.is_none(text, country)
    assert told > 100
