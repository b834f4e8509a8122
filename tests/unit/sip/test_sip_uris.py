"""SIP and tel URIs: taken apart, refused, and never more than they say."""

import pytest
from support.tables import each

from callrouter.errors import ParseError
from callrouter.sip.uri import equivalent, host_port, parse_uri, subscriber_in

LONG = "x" * 200

URIS = {
    "sip:h": ("sip", "", "h", 0, "", ""),
    "sip:u@h": ("sip", "u", "h", 0, "", ""),
    "SIPS:u@h:5061;transport=tcp": ("sips", "u", "h", 5061, ";transport=tcp", ""),
    "sip:u:secret@h": ("sip", "u", "h", 0, "", ""),
    "sip:u@[2001:db8::1]:5070;lr": ("sip", "u", "2001:db8::1", 5070, ";lr", ""),
    "sip:u@h;a;b=1?Route=%3Csip:x%3E&y=z": ("sip", "u", "h", 0, ";a;b=1", "Route=%3Csip:x%3E&y=z"),
    "sip:sip%3Auser%40example.com@h;o=1": ("sip", "sip%3Auser%40example.com", "h", 0, ";o=1", ""),
    "sip:user;par=u%40example.net@h": ("sip", "user;par=u%40example.net", "h", 0, "", ""),
    "sip:1_odd~(to-be!sure)&isn't+it$/crazy?,/;;*@h": (
        "sip",
        "1_odd~(to-be!sure)&isn't+it$/crazy?,/;;*",
        "h",
        0,
        "",
        "",
    ),
    "sip:+1-201@h_1.example.com.;user=phone": (
        "sip",
        "+1-201",
        "h_1.example.com.",
        0,
        ";user=phone",
        "",
    ),
    f"sip:{LONG}@h": ("sip", LONG, "h", 0, "", ""),
    "tel:+86-756-1234567;phone-context=x": (
        "tel",
        "+86-756-1234567",
        "",
        0,
        ";phone-context=x",
        "",
    ),
    "TEL:*21#": ("tel", "*21#", "", 0, "", ""),
}
"""What is a URI: scheme, user, host, port, parameters, headers."""


@pytest.mark.parametrize("text", URIS)
def test_a_uri_is_taken_apart(text: str) -> None:
    uri = parse_uri(text)
    assert (uri.scheme, uri.user, uri.host, uri.port, uri.params, uri.headers) == URIS[text]


@each(
    "text",
    [
        "",
        "sip:",
        "sip:@h",
        "sip:u@",
        "sip:u@h@h",
        "sip:u@h:65536",
        "sip:u@h:123456",
        "sip:u@h:x",
        "sip:u@h:",
        "sip:u@h ",
        " sip:u@h",
        "sip:u@h\n",
        "sip:u u@h",
        "sip:u\\@h",
        "sip:u\0@h",
        "sip:u\x1b[2J@h",
        "sip:u\x7f@h",
        'sip:"u"@h',
        "<sip:u@h>",
        "sip:u@<h>",
        "sip:u@h;x=\x00y",
        "sip:u@h?x=\x07y",
        "sip:u@-h",
        "sip:u@h-",
        "sip:u@::1",
        "sip:u@[::1",
        "sip:u@[]",
        "sip:u@\u4f8b",
        "tel:",
        "tel:hello",
        "tel:1 2",
        "tel:1?x=y",
        "no scheme",
        "4000",
        ":x",
        "1sip:u@h",
    ],
)
def test_what_is_no_uri_is_refused_with_400(text: str) -> None:
    # Long ones are not cached, and must not be judged otherwise.
    for uri in (text, f"{text};{LONG}" if text.startswith("sip:u") else text):
        with pytest.raises(ParseError) as caught:
            parse_uri(uri)
        assert caught.value.status == 400


@pytest.mark.parametrize(
    "text",
    [
        "mailto:a@b",
        "http://h/",
        "isbn:2983792873",
        "soap.beep://192.0.2.103:3002",
        "nobodyKnowsThisScheme:totallyopaquecontent",
        "sipx:u@h",
        "name:John_Smith",
    ],
)
def test_another_scheme_is_refused_with_416(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_uri(text)
    assert caught.value.status == 416


def test_a_parameter_is_found_whatever_its_case_and_only_as_a_whole() -> None:
    uri = parse_uri("sip:u@h;Transport=TCP;lr;empty=;transport=udp;xlr2=1")
    assert uri.param("transport") == "TCP"
    assert (uri.param("lr"), uri.param("empty")) == ("", "")
    assert (uri.param("xlr"), uri.param("r"), parse_uri("sip:h").param("lr")) == (None, None, None)


@pytest.mark.parametrize(
    ("user", "decoded"),
    [
        ("4000", "4000"),
        ("%34%30%30%30", "4000"),
        ("%2534000", "%34000"),
        ("sips%3Auser%40example.com", "sips:user@example.com"),
        ("a%00b", "a\0b"),
        ("a%0d%0ab", "a\r\nb"),
        ("%zz%4", "%zz%4"),
        ("%ff", "\ufffd"),
        ("\udcff%41", "\udcffA"),
    ],
)
def test_escapes_in_the_user_part_are_decoded_once(user: str, decoded: str) -> None:
    uri = parse_uri(f"sip:{user}@h")
    assert (uri.user, uri.decoded_user()) == (user, decoded)


def test_an_ipv6_address_stands_in_brackets_before_a_port() -> None:
    assert host_port("192.0.2.1", 5060) == "192.0.2.1:5060"
    assert host_port("2001:db8::1", 5060) == "[2001:db8::1]:5060"


@each(
    ("one", "other", "same"),
    [
        # The examples of RFC 3261 section 19.1.4.
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp", True),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", True),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on", True),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", True),
        ("sip:b@b.com;transport=tcp?to=a%40b.com", "sip:b@b.com;transport=tcp?to=a%40b.com", True),
        ("sip:a@a.com?subject=x&priority=urgent", "sip:a@a.com?priority=urgent&subject=x", True),
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", False),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", False),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", False),
        *[(f"sip:a@b;{name}=1", "sip:a@b", False) for name in ("user", "ttl", "method", "maddr")],
        ("sip:a@b;x=1;y=2", "sip:a@b;y=2;X=1", True),
        ("sip:a@b", "sips:a@b", False),
        ("sip:a%40b@c", "sip:a%40b@c", True),
        ("sip:a%3bb@c", "sip:a%3Bb@c", True),
        ("sip:a;b@c", "sip:a%3Bb@c", False),
        ("sip:%2b1@c", "sip:+1@c", False),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0::1]", True),
        ("tel:+1-201-555-0123", "tel:+12015550123", True),
        ("tel:4000;phone-context=a.b", "tel:4000;Phone-Context=A.B", True),
        ("tel:4000;phone-context=a.b", "tel:4000", False),
        ("tel:4000", "sip:4000@a", False),
    ],
)
def test_uris_are_compared_part_by_part(one: str, other: str, same: bool) -> None:
    first, second = parse_uri(one), parse_uri(other)
    assert equivalent(first, second) is equivalent(second, first) is same
    assert equivalent(first, first)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("tel:+86-138-0013-8000", "+86-138-0013-8000"),
        (" TEL:4000;phone-context=example.com ", "4000;phone-context=example.com"),
        ("sip:+8613800138000@example.com;user=phone", "+8613800138000"),
        ("sips:%2B8613800138000;cpc=x@[2001:db8::1]:5061", "+8613800138000;cpc=x"),
        ("sip:alice@example.com", "alice"),
        ("sip:example.com", "sip:example.com"),
        ("13800138000", "13800138000"),
        ("", ""),
        ("alice:x", "alice:x"),
    ],
)
def test_what_a_typed_uri_says_of_a_number(typed: str, number: str) -> None:
    assert subscriber_in(typed) == number


@pytest.mark.parametrize("typed", ["tel:", "tel:moon", "sip:a b@c", "sip:a@", "sip:@c"])
def test_typed_uri_that_is_none_is_an_error(typed: str) -> None:
    with pytest.raises(ParseError):
        subscriber_in(typed)
