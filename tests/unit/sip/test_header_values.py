"""Header values: addresses, Via, CSeq, parameters, comma lists."""

import pytest
from support.tables import each

from callrouter.errors import ParseError
from callrouter.sip.headers import (
    parse_address,
    parse_cseq,
    parse_params,
    parse_via,
    split_list,
    split_tokens,
    split_values,
    tag_of,
)

ADDRESSES = {
    "<sip:a@b>": ("", "sip:a@b", "", ""),
    " \t<sip:a@b> ": ("", "sip:a@b", "", ""),
    "sip:a@b": ("", "sip:a@b", "", ""),
    "sip:a@b;tag=x": ("", "sip:a@b", ";tag=x", "x"),
    "sip:a@b ;   tag    = x ; y": ("", "sip:a@b", ";   tag    = x ; y", "x"),
    "<sip:a@b;tag=uri>": ("", "sip:a@b;tag=uri", "", ""),
    "<sip:a@b;lr>;tag=x": ("", "sip:a@b;lr", ";tag=x", "x"),
    "<sip:a@b> ; TAG=x": ("", "sip:a@b", " ; TAG=x", "x"),
    "<sip:a@b>;other=1;tag=x;more": ("", "sip:a@b", ";other=1;tag=x;more", "x"),
    '<sip:a@b>;other=";tag=no";tag=x': ("", "sip:a@b", ';other=";tag=no";tag=x', "x"),
    '<sip:a@b>;other=">;tag=no";tag=x': ("", "sip:a@b", ';other=">;tag=no";tag=x', "x"),
    '<sip:a@b>;tag=x;other=">;"': ("", "sip:a@b", ';tag=x;other=">;"', "x"),
    "<sip:a@b>;xtag=no": ("", "sip:a@b", ";xtag=no", ""),
    "caller<sip:a@b>": ("caller", "sip:a@b", "", ""),
    "A B C  <sip:a@b>": ("A B C", "sip:a@b", "", ""),
    "token~` token'+_ token*%!.- <sip:a@b>": ("token~` token'+_ token*%!.-", "sip:a@b", "", ""),
    "\u0410\u043d\u043d\u0430 <sip:a@b>": ("\u0410\u043d\u043d\u0430", "sip:a@b", "", ""),
    '"A, <sip:no@no>;tag=no" <sip:a@b>;tag=x': (
        '"A, <sip:no@no>;tag=no"',
        "sip:a@b",
        ";tag=x",
        "x",
    ),
    r'"J \\\"" <sip:a@b>': (r'"J \\\""', "sip:a@b", "", ""),
    '""<sip:a@b>': ('""', "sip:a@b", "", ""),
    '"BEL:\\\x07 NUL:\\\x00" <sip:a@b>': ('"BEL:\\\x07 NUL:\\\x00"', "sip:a@b", "", ""),
    "<tel:+1-201>;tag=x": ("", "tel:+1-201", ";tag=x", "x"),
    "isbn:2983792873": ("", "isbn:2983792873", "", ""),
    "*": ("", "*", "", ""),
}
"""What is an address: display, URI, parameters, tag."""


@each("text", ADDRESSES)
def test_an_address_is_taken_apart(text: str) -> None:
    address = parse_address(text)
    assert (address.display, address.uri, address.params, address.tag) == ADDRESSES[text]


@each("text", ADDRESSES)
def test_the_tag_alone_is_the_same_as_the_address_has(text: str) -> None:
    assert tag_of(text) == ADDRESSES[text][3]


@each(
    "text",
    [
        "",
        " ",
        "<>",
        "<sip:a@b",
        "< sip:a@b>",
        "<sip:a@b >",
        "<sip:a\tb>",
        "<<sip:a@b>>",
        "sip:a@b>",
        "sip: a@b",
        "sip:a@b?Route=x",
        "sip:a@b, sip:c@d",
        "Bell, Alexander <sip:a@b>",
        'a "b" <sip:a@b>',
        '"open <sip:a@b>',
        '"open\\" <sip:a@b>',
        '"a" b <sip:a@b>',
        '"a" sip:a@b',
        '"a"',
        "a;b <sip:a@b>",
        "<sip:a@b>;tag=x, <sip:c@d>;tag=y",
        "<sip:a@b>, <sip:c@d>",
        "<sip:a@b>;tag=x y",
        "<sip:a@b>;tag=",
        "<sip:a@b>;;tag=x",
        "<sip:a@b>;",
        "<sip:a@b> garbage",
        '<sip:a@b>;x="open',
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SIP/2.0/UDP h", ("UDP", "h", 0, "", False)),
        ("SIP/2.0/UDP h:5070;branch=z9hG4bKx", ("UDP", "h", 5070, "z9hG4bKx", False)),
        ("SIP/2.0/TCP 192.0.2.1;rport;branch=x", ("TCP", "192.0.2.1", 0, "x", True)),
        ("SIP/2.0/tls h;rport=5060;received=::1", ("TLS", "h", 0, "", True)),
        ("SIP/2.0/UDP [2001:db8::1]:5060;branch=x", ("UDP", "[2001:db8::1]", 5060, "x", False)),
        ("SIP/2.0/TLS-SCTP h_1.example.com.", ("TLS-SCTP", "h_1.example.com.", 0, "", False)),
        ("SIP/2.0/UDP h : 5070 ; BRANCH = x ; RPort", ("UDP", "h", 5070, "x", True)),
        ("SIP/7.0/UDP h;branch=x", ("UDP", "h", 0, "x", False)),
        ("sip / 2.0 / udp  h", ("UDP", "h", 0, "", False)),
        ("SIP  /    2.0\t/ UDP  h   ; branch=\t x", ("UDP", "h", 0, "x", False)),
        ('SIP/2.0/UDP h;a=";rport;branch=no";branch=x', ("UDP", "h", 0, "x", False)),
        ('SIP/2.0/UDP h;a="1,2";branch=x', ("UDP", "h", 0, "x", False)),
        ("SIP/2.0/UDP h;branchy=no;xrport", ("UDP", "h", 0, "", False)),
    ],
)
def test_a_via_is_taken_apart(text: str, expected: tuple[str, str, int, str, bool]) -> None:
    via = parse_via(text)
    assert (via.transport, via.host, via.port, via.branch, via.rport) == expected
    assert (via.text, via.rest) == (text, "")


@pytest.mark.parametrize(
    "first",
    [
        "SIP/2.0/UDP one;branch=x",
        'SIP/2.0/UDP one;a="1, 2";branch=x',
        "SIP / 2.0 / UDP one:5060 ; branch=x ",
    ],
)
def test_the_first_of_several_vias_in_a_row_is_the_top_one(first: str) -> None:
    via = parse_via(f"{first},SIP/2.0/TCP two;rport")
    assert (via.host, via.branch, via.rport) == ("one", "x", False)
    assert (via.text, via.rest) == (first, ",SIP/2.0/TCP two;rport")


@each(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/2.0 UDP h",
        "SIP/2,0/UDP h",
        "SAP/2.0/UDP h",
        "SIP/2.0/U P h",
        "SIP/2.0/\u00dcDP h",
        "SIP/2.0/UDP h h",
        "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP h:",
        "SIP/2.0/UDP h:65536",
        "SIP/2.0/UDP h:123456",
        "SIP/2.0/UDP h:\u0661",
        "SIP/2.0/UDP -h",
        "SIP/2.0/UDP h-",
        "SIP/2.0/UDP <h>",
        "SIP/2.0/UDP ::1",
        "SIP/2.0/UDP h;;branch=x",
        "SIP/2.0/UDP h;=x",
        "SIP/2.0/UDP h;",
        "SIP/2.0/UDP 192.0.2.15;;,;,,",
        'SIP/2.0/UDP h;a="open',
        'SIP/2.0/UDP h;a="open, SIP/2.0/UDP two',
    ],
)
def test_what_is_no_via_is_refused_however_it_is_spaced(text: str) -> None:
    for spaced in (text, text.replace("/", " /", 1)):
        with pytest.raises(ParseError):
            parse_via(spaced)


@pytest.mark.parametrize(
    ("text", "number", "method"),
    [
        ("1 INVITE", 1, "INVITE"),
        ("0009  \t INVITE", 9, "INVITE"),
        ("0 ACK", 0, "ACK"),
        ("2147483647 BYE", 2**31 - 1, "BYE"),
        ("00000000000000000001 X", 1, "X"),
        ("1 !odd-Method0_*+`.%'~", 1, "!odd-Method0_*+`.%'~"),
    ],
)
def test_a_cseq_is_taken_apart(text: str, number: int, method: str) -> None:
    assert parse_cseq(text) == (number, method)


@each(
    "text",
    [
        "",
        "INVITE",
        "1",
        "1 ",
        " 1 INVITE",
        "1INVITE",
        "-1 INVITE",
        "1.0 INVITE",
        "2147483648 INVITE",
        "36893488147419103232 INVITE",
        f"{'9' * 5000} INVITE",
        "\u0661 INVITE",
        "\u00b2 INVITE",
        "1 INV ITE",
        "1 INVITE ",
        "1 INVIT\u00c9",
        "1 INVITE\n",
    ],
)
def test_what_is_no_cseq_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_cseq(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (";a", {"a": ""}),
        (";a=1;B = 2 ; c", {"a": "1", "b": "2", "c": ""}),
        (';a="x;y=\\"z";b', {"a": '"x;y=\\"z"', "b": ""}),
        (";a=1;A=2", {"a": "1"}),
        (";received=2001:db8::1;maddr=[::1]  ", {"received": "2001:db8::1", "maddr": "[::1]"}),
    ],
)
def test_parameters_are_taken_apart(text: str, expected: dict[str, str]) -> None:
    assert parse_params(text) == expected


@pytest.mark.parametrize("text", ["a", ";", ";=1", ";a=", ";a=1 b", ";a,b", ';a="', ";a=b=c"])
def test_what_is_no_list_of_parameters_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_params(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" , ,", []),
        ("a, b ,c", ["a", "b", "c"]),
        ("<sip:a,b@c>;x, <sip:d>", ["<sip:a,b@c>;x", "<sip:d>"]),
        ('"a, b" <sip:c>, "d\\", e" <sip:f>', ['"a, b" <sip:c>', '"d\\", e" <sip:f>']),
        ('<sip:a>;x="1,2",b', ['<sip:a>;x="1,2"', "b"]),
        ('"<", b', ['"<"', "b"]),
        ("a>, <b", ["a>", "<b"]),
        ('"open, a', ['"open, a']),
    ],
)
def test_commas_part_values_but_not_inside_quotes_and_brackets(
    text: str, expected: list[str]
) -> None:
    assert split_list(text) == expected


def test_values_of_all_rows_come_in_order() -> None:
    assert split_values(["a, b", "", "<c,d>"]) == ["a", "b", "<c,d>"]
    assert split_tokens(["a;q=1, b ; x", "c"]) == ["a", "b", "c"]
