"""Random spellings of numbers in a request, read and decided as the server does.

Nothing on the way is left out but the sockets: bytes, message, facts, decision.
"""

import re
from random import Random
from urllib.parse import quote

import pytest

from callrouter.call.admission.invitation import facts_of
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ParseError
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.decision import Decision
from callrouter.sip.message import Request, parse
from callrouter.yamlfile.reader import parse as parse_yaml

OURS = "02012345678"
AT = 1772769600.0

SEPARATORS = ("-", ".", "(", ")", " ", "\u00a0", "\u2010", "\u2011", "\u2013", "\u200b", "\u202d")
BEHIND = (
    *(";cpc=ordinary", ";npdi;rn=+862000000001", ";tgrp=tg1;trunk-context=example.com"),
    *(";isub=12", ";ext=7", ";phone-context=example.com", ";PHONE-CONTEXT=+86", ";x=y", ";"),
    *(",1", ",,12#", "p1", "w12", "x12", "ext12", " ext. 12", "#", "P1;cpc=test"),
)
DAMAGE = ("*", "++", "\x00", "\x07", "\t", "a", "o", "/", "!", "**", "_", "\u066a", "~", "+")
"""What no telephone dials, at any place of a number."""

ZEROS = ("00", "0000", "+00")
CODES = ("*67", "#31", "*31#", "#31#", "*67*", "**21*")
"""What is dialled in front of a number, and no network puts there."""

_BROKEN = re.compile("[ ,pwx]", re.IGNORECASE)

PLAN = f"""
country: CN
trunks:
  lab: {{{{addresses: [192.0.2.1]}}}}
  carrier: {{{{addresses: [192.0.2.2], trusted: true, caller: pai}}}}
targets: {{{{desk: {{{{uri: "sip:desk@192.0.2.3"}}}}}}}}
lists: {{{{nuisance: {{{{numbers: [{{listed}}]}}}}}}}}
block: [nuisance]
numbers:
  "{OURS}": {{{{route: [{{{{hunt: [desk]}}}}]}}}}
"""


def numbers_of(random: Random, count: int) -> list[str]:
    """Numbers in E.164: mobiles and land lines of China, and of elsewhere."""
    made: dict[str, None] = {}
    while len(made) < count:
        kind = random.random()
        if kind < 0.6:
            made[f"+86138{random.randrange(10**8):08}"] = None
        elif kind < 0.8:
            made[f"+8620{random.randrange(20000000, 90000000)}"] = None
        elif kind < 0.9:
            made[f"+1202555{random.randrange(10**4):04}"] = None
        else:
            made[f"+8428382{random.randrange(10**5):05}"] = None
    return list(made)


def forms_of(number: str) -> list[str]:
    """All that one may dial for a number in China, and with and without the +."""
    forms = [number, f"00{number[1:]}", number[1:]]
    if number.startswith("+86138"):
        forms += [number[3:], f"0{number[3:]}"]
    elif number.startswith("+86"):
        forms += [f"0{number[3:]}"]
    return forms


def spelled(random: Random, number: str) -> str:
    """The same number, written otherwise."""
    text = ""
    for digit in random.choice(forms_of(number)):
        if digit != "+" and random.random() < 0.05:
            digit = chr(ord("\uff10") + int(digit))
        text += digit
        if random.random() < 0.1:
            text += random.choice(SEPARATORS)
    return text + (random.choice(BEHIND) if random.random() < 0.6 else "")


def damaged(random: Random, number: str) -> str:
    """A text that is no number, in which one sees the number."""
    place = random.randrange(len(number) + 1)
    return number[:place] + random.choice(DAMAGE) + number[place:]


def uri(random: Random, text: str, called: bool = False) -> str:
    """A text in a SIP or a tel URI, with escapes where they must be, and some where they may."""
    keeps = ";=+*(),!~-_." if random.random() < 0.7 else ";=,"
    user = "".join(
        f"%{ord(one):02{random.choice('xX')}}"
        if one.isascii() and one not in ";=" and random.random() < 0.03
        else one
        if ord(one) > 0x7F and not one.isspace() and random.random() < 0.5
        else quote(one, safe=keeps)
        for one in text
    )
    # A tel URI has no pauses and no x, but in a From they may well stand.
    if random.random() < 0.2 and text.isascii() and not (called and _BROKEN.search(text)):
        return f"tel:{user}"
    tail = random.choice(["", ";user=phone", ";user=phone;transport=udp", ";cpc=payphone"])
    return f"{random.choice(['sip', 'SIP', 'sips'])}:{user}@192.0.2.9{tail}"


def invite(called: str, caller: str, asserted: str = "") -> Request:
    rows = "".join(f"P-Asserted-Identity: {value}\r\n" for value in asserted.split("\n") if value)
    text = (
        f"INVITE {called} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n"
        f"From: <{caller}>;tag=1\r\nTo: <{called}>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
        f"Max-Forwards: 70\r\nContact: <sip:x@192.0.2.1>\r\n{rows}Content-Length: 0\r\n\r\n"
    )
    request = parse(text.encode())
    assert isinstance(request, Request)
    return request


class Server:
    """A dialplan that blocks a thousand callers."""

    def __init__(self, listed: list[str]) -> None:
        quoted = ", ".join(f'"{number}"' for number in listed)
        self.plan: Dialplan = compile_dialplan(
            parse_yaml(PLAN.format(listed=quoted), "dialplan.yaml")
        )

    def decide(self, request: Request, trunk: str = "lab") -> Decision:
        return decide(self.plan, facts_of(self.plan.trunks[trunk], request, "192.0.2.1", AT))


def reason(decision: Decision) -> str:
    return decision.plan.final.reason if decision.plan.final is not None else ""


def asserting(random: Random, caller: str) -> tuple[str, str]:
    """A number in the From of anybody's call, or in P-Asserted-Identity beside a name."""
    if random.random() < 0.5:
        return uri(random, caller), ""
    values = [f"<{uri(random, caller)}>"]
    if random.random() < 0.5:
        values.insert(random.randrange(2), '"Li" <sip:li.si@ims.example.com>')
    return "sip:anonymous@anonymous.invalid", random.choice([", ", "\n"]).join(values)


def test_no_spelling_of_a_listed_number_passes_and_no_other_number_is_refused(full: bool) -> None:
    random = Random(9)
    known = numbers_of(random, 2000)
    listed, others = known[:1000], known[1000:]
    server = Server(listed)
    for _ in range(100_000 if full else 4000):
        number = random.choice(listed if random.random() < 0.5 else others)
        blocked = number in listed
        way = random.random()
        called = uri(random, spelled(random, f"+86{OURS[1:]}"), called=True)
        if way < 0.7:
            text = spelled(random, number)
        elif way < 0.85:
            text = damaged(random, number)
        else:  # another number
            digit = random.randrange(5, len(number))
            number = f"{number[:digit]}{random.randrange(10)}{number[digit + 1 :]}"
            text = spelled(random, number)
            blocked = number in listed
        caller, asserted = asserting(random, text)
        decision = server.decide(invite(called, caller, asserted), "carrier" if asserted else "lab")
        assert decision.number == OURS, called
        assert reason(decision) == ("blocked_caller" if blocked else ""), (number, text, caller)


def test_what_is_dialled_too_much_in_front_hides_no_listed_number(full: bool) -> None:
    random = Random(11)
    known = numbers_of(random, 2000)
    listed = known[:1000]
    server = Server(listed)
    called = f"sip:{OURS}@192.0.2.9"
    for _ in range(20_000 if full else 2000):
        number = random.choice(known)
        if random.random() < 0.5:
            text = random.choice(ZEROS) + f"00{number[1:]}"
        else:
            text = random.choice(CODES) + random.choice(forms_of(number))
        decision = server.decide(invite(called, uri(random, text)))
        blocked = "blocked_caller" if number in listed else ""
        assert reason(decision) == blocked, (number, text)


def test_no_other_number_is_called_by_a_spelling(full: bool) -> None:
    random = Random(10)
    server = Server([])
    ours = f"+86{OURS[1:]}"
    for _ in range(20_000 if full else 1000):
        number = random.choice(numbers_of(random, 1))
        if random.random() < 0.5:
            digit = random.randrange(5, len(ours))
            number = f"{ours[:digit]}{random.randrange(10)}{ours[digit + 1 :]}"
        called = uri(random, spelled(random, number), called=True)
        decision = server.decide(invite(called, "sip:+8613900139000@192.0.2.9"))
        assert (decision.number == OURS) == (number == ours), called
        rubbish = uri(random, damaged(random, ours))
        try:
            decision = server.decide(invite(rubbish, "sip:+8613900139000@192.0.2.9"))
        except ParseError:  # no URI at all: the call is answered with 400
            continue
        assert (decision.number, reason(decision)) == ("", "unknown_number"), rubbish


@pytest.mark.parametrize(
    ("called", "is_ours"),
    [
        ("tel:020-1234-5678", True),
        ("tel:(020)12345678", True),
        ("tel:1234-5678;phone-context=+86-20", True),
        ("tel:020-1234-5678;phone-context=+86", True),
        ("tel:12345678;phone-context=example.com", False),
        ("sip:1234-5678;phone-context=+8620@192.0.2.9;user=phone", True),
        ("sip:12345678@192.0.2.9;user=phone;phone-context=+8620", True),
        ("sip:12345678@192.0.2.9;user=phone", False),
        ("sip:+862012345678;npdi;rn=+862000000001@192.0.2.9;user=phone", True),
        ("sip:reception@192.0.2.9", False),
    ],
)
def test_context_says_whose_a_local_number_is(called: str, is_ours: bool) -> None:
    decision = Server([]).decide(invite(called, "sip:sipp@192.0.2.9"))
    assert (decision.number == OURS) == is_ours
