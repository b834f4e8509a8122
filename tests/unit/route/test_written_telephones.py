"""What a text is read as that stands where a telephone number would."""

import re
from pathlib import Path

import pytest
from support.tables import each

from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.callers.number_lists import Caller, Digits, NumberList

MAN = "+8613800138000"


@each(
    ("text", "number", "dialled", "parameters"),
    [
        (MAN, MAN, MAN, {}),
        (f"{MAN};cpc=ordinary", MAN, MAN, {"cpc": "ordinary"}),
        (f"{MAN};npdi;RN=+862000000001;rn=2", MAN, MAN, {"npdi": "", "rn": "+862000000001"}),
        (f"{MAN};", MAN, MAN, {"": ""}),
        ("+86-138(0013).8000", MAN, MAN, {}),
        ("+86\u00a0138\u20100013\u200b8000", MAN, MAN, {}),
        ("\uff0b86\uff11\uff13800138000", MAN, MAN, {}),
        (f"{MAN},1", MAN, MAN, {"postd": "1"}),
        (f"{MAN}p1;postd=2", MAN, MAN, {"postd": "2"}),
        (f"{MAN} ext. 12", MAN, MAN, {"ext": "12"}),
        (f"{MAN}X12", MAN, MAN, {"ext": "12"}),
        (f"{MAN}#", MAN, MAN, {}),
        ("13800138000;phone-context=+86", MAN, "13800138000", {"phone-context": "+86"}),
        ("0013-8000;phone-context=+86-138", MAN, "00138000", {"phone-context": "+86-138"}),
        ("02012345678;phone-context=+86", "+862012345678", "02012345678", None),
        ("2025550100;phone-context=+1", "+12025550100", "2025550100", None),
        ("2025550100;phone-context=+999", "", "2025550100", None),
        ("40-00;phone-context=+1-202", "", "4000", None),
        ("4000;phone-context=+86", "", "4000", None),
        ("4000;phone-context=+", "", "4000", None),
        ("4000;phone-context=example.com", "", "4000", None),
        (f"{MAN};phone-context=+1", MAN, MAN, None),
        ("95588", "", "95588", {}),
        ("*21", "", "*21", {}),
        ("*21*4000#", "", "*21*4000#", {}),
        ("#31#13800138000", "", "#31#13800138000", {}),
        ("+4000", "", "+4000", {}),
        ("reception", "", "", {}),
        ("li.si;cpc=ordinary", "", "", {"cpc": "ordinary"}),
        ("", "", "", {}),
        ("+", "", "", {}),
        (f"{MAN}*", "", "", {}),
        (f"+{MAN}", "", "", {}),
        (f"{MAN}\x00", "", "", {}),
        ("+8613800a138000", "", "", {}),
        ("9" * 300 + "-", "", "", {}),
    ],
)
def test_text_is_read_as_what_a_telephone_would_dial(
    text: str, number: str, dialled: str, parameters: dict[str, str] | None
) -> None:
    found = numbers.telephone(text, "CN")
    assert (found.sent, found.number, found.dialled) == (text, number, dialled)
    assert parameters is None or dict(found.parameters) == parameters
    assert found.short == (dialled if not number and dialled.isdecimal() else "")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("138-0013-8000;cpc=x", MAN),
        ("40-00", "4000"),
        ("*21", "*21"),
        ("reception", ""),
        ("9" * 300, ""),
        ("", ""),
    ],
)
def test_records_have_the_number_as_it_is_compared(text: str, number: str) -> None:
    assert numbers.written(text, "CN") == numbers.written_often(text, "CN") == number


def test_country_that_nobody_names_leaves_only_what_has_a_plus() -> None:
    assert numbers.telephone(MAN, "").number == MAN
    assert numbers.telephone("13800138000", "").short == "13800138000"


@pytest.mark.parametrize(
    ("text", "plain", "extension"),
    [
        ("4000", "4000", ""),
        ("40-00;ext=1", "4000", "1"),
        ("*21", "*21", ""),
        ("reception", "reception", ""),
        ("li.si;x=y", "li.si;x=y", ""),
        ("", "", ""),
    ],
)
def test_plain_text_is_what_is_dialled(text: str, plain: str, extension: str) -> None:
    assert numbers.plain(text) == plain
    assert numbers.dialled(text) == (plain if plain[:1] in {"4", "*"} else "")
    assert numbers.extension(text) == extension


@each(
    ("text", "meant"),
    [
        (f"{MAN}*", [MAN]),
        (f"+{MAN}", [MAN]),
        ("+86138\x000013a8000", [MAN]),
        ("12025550100", ["+12025550100"]),
        (f"x{MAN}b12", [MAN]),
        ("*31*13800138000", [MAN]),
        ("00008613800138000", [MAN]),
        ("0000013800138000", [MAN]),
        (f"{'00' * 9}13800138000", [MAN]),
        ("86008613800138000", [MAN]),
        ("+00008613800138000", [MAN]),
        ("*6713800138000", [MAN]),
        ("#3113800138000", [MAN]),
        ("*6700008613800138000", [MAN]),
        ("*6712025550100", ["+12025550100"]),
        ("*13800138000", [MAN]),  # and not 800138000 behind *13
        ("95588*", ["95588"]),
        ("4001x", []),
        ("alice", []),
        ("1" * 40, []),
    ],
)
def test_number_that_a_text_may_mean_is_found(text: str, meant: list[str]) -> None:
    assert numbers.disguised(text, "CN") == meant


@pytest.mark.parametrize(
    ("sent", "key", "identity", "digits", "withheld"),
    [
        (MAN, MAN, MAN, MAN[1:], False),
        (f"{MAN};cpc=x", MAN, MAN, MAN[1:], False),
        ("40-01", "4001", "4001", "4001", False),
        ("12025550100", "12025550100", "12025550100", "12025550100", False),
        (f"{MAN}*", MAN, "", "", True),
        ("95588*", "95588", "", "", True),
        ("alice", "alice", "alice", "", True),
        ("alice;x=y", "alice", "alice", "", True),
        ("Anonymous", "", "", "", True),
        ("", "", "", "", True),
        ("\x01", "", "", "", True),
    ],
)
def test_caller_is_known_by_its_number(
    sent: str, key: str, identity: str, digits: str, withheld: bool
) -> None:
    caller = Caller(sent, "CN")
    assert (caller.key, caller.identity) == (key, identity)
    assert (caller.digits, caller.withheld) == (digits, withheld)


def test_list_stops_what_may_mean_its_numbers_and_lets_nothing_in_by_it() -> None:
    full = Digits({13: [8613800138000]})
    listed = NumberList(
        name="bad",
        full=full,
        beginnings=Digits({5: [86898]}),
        short_full=Digits({5: [95588]}),
        short_beginnings=Digits({2: [55]}),
    )
    for sent in (f"{MAN}*", "+86898\x017654321", "95588*"):
        caller = Caller(sent, "CN")
        assert listed.stops(caller).startswith("is no number, and may mean ")
        assert not listed.find(caller)
    for sent in ("+8613900139000*", "alice", "", "5501*", "+95589"):
        assert not listed.stops(Caller(sent, "CN"))
    assert listed.stops(Caller(MAN, "CN")) == "is in the list"


@pytest.mark.parametrize(
    ("begins", "some"),
    [("8", True), ("21", True), ("210", False), ("86898", True), ("0898", False), ("00", False)],
)
def test_numbers_begin_with_the_code_of_a_country(begins: str, some: bool) -> None:
    assert numbers.some_country_has(begins) is some


def test_table_of_the_documents_says_how_texts_are_read() -> None:
    text = (Path(__file__).parents[3] / "docs" / "dialplan.md").read_text(encoding="utf-8")
    table = text.partition("| sent | read as |")[2].partition("\n\n")[0]
    rows = [re.findall("`([^`]+)`", cell) for cell in table.split("|")]
    compared = 0
    for sent, read in zip(rows[4::3], rows[5::3], strict=True):
        for index, one in enumerate(sent):
            found = numbers.telephone(one, "CN")
            wanted = read[index] if len(read) == len(sent) else "".join(read)
            assert (found.number or found.dialled) == wanted, one
            compared += 1
    assert compared > 30
