import pytest
from support.tables import each

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.yamlfile.reader import parse

GOOD = """\
country: CN
trunks:
  lab: {addresses: [127.0.0.0/8]}
gateways:
  carrier: {address: "192.0.2.1:5080"}
targets:
  desk: {uri: "sip:desk@192.0.2.9"}
groups:
  sales: {hunt: [desk]}
numbers:
  "4000": {route: [{hunt: [desk]}]}
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        compile_dialplan(parse(text, "f"))
    return str(caught.value).splitlines()


def instead(old: str, new: str) -> list[str]:
    assert old in GOOD
    return mistakes(GOOD.replace(old, new))


DESK = '{uri: "sip:desk@192.0.2.9"}'
ROUTE = "{route: [{hunt: [desk]}]}"


NO_NUMBER = (
    '11:3: error: expected a number such as "4000", a prefix such as "0756*", a pattern such as '
    '"4xxx" or a code such as "*21", found \'{}\''
)


@each(
    ("old", "new", "found"),
    [
        ("country: CN\n", "", ["1:1: error: the key 'country' is missing"]),
        (
            "country: CN",
            "country: cn",
            ["1:10: error: expected a country such as CN, found 'cn'; did you mean 'CN'?"],
        ),
        ("country: CN", "country: XX", ["1:10: error: expected a country such as CN, found 'XX'"]),
        ("country: CN", "country: 86", ["1:10: error: expected a country such as CN, found '86'"]),
        (
            "trunks:",
            "timezone: Asia/Shangai\ntrunks:",
            [
                "2:11: error: expected a time zone such as Asia/Shanghai, found 'Asia/Shangai'; "
                "did you mean 'Asia/Shanghai'?"
            ],
        ),
        (
            "trunks:",
            "timezone: 8\ntrunks:",
            ["2:11: error: expected a time zone such as Asia/Shanghai, found '8'"],
        ),
        (
            "gateways:",
            "gatways:",
            ["4:1: error: unknown key 'gatways'; did you mean 'gateways'?"],
        ),
        (
            "addresses: [127.0.0.0/8]",
            "addresses: [127.0.0.1/8]",
            [
                "3:21: error: '127.0.0.1/8' is an address inside a network: "
                "write 127.0.0.0/8 for the network"
            ],
        ),
        (
            "addresses: [127.0.0.0/8]",
            "addresses: ['::ffff:192.0.2.1', '::ffff:c000:200/120', '::/0', 'fe80::1%eth0']",
            [
                "3:21: error: '::ffff:192.0.2.1' is IPv4 written as IPv6: write 192.0.2.1",
                "3:41: error: '::ffff:c000:200/120' is IPv4 written as IPv6: write 192.0.2.0/24",
                '3:72: error: expected an IP address or network such as "192.0.2.0/24", '
                "found 'fe80::1%eth0'",
            ],
        ),
        (
            "addresses: [127.0.0.0/8]",
            "addresses: [localhost, 5]",
            [
                '3:21: error: expected an IP address or network such as "192.0.2.0/24", '
                "found 'localhost'",
                '3:32: error: expected an IP address or network such as "192.0.2.0/24", '
                "found '5'",
            ],
        ),
        (
            "addresses: [127.0.0.0/8]",
            "addresses: [127.0.0.0/8, 127.0.0.0/8]",
            ["3:34: error: 127.0.0.0/8 belongs to trunk 'lab' already"],
        ),
        (
            "gateways:",
            "  far: {addresses: [127.0.0.0/8]}\ngateways:",
            ["4:21: error: 127.0.0.0/8 belongs to trunk 'lab' already"],
        ),
        (
            "addresses: [127.0.0.0/8]",
            "addresses: []",
            ["3:8: error: expected 'addresses', 'tls_peer' or 'auth', by which it is known"],
        ),
        (
            "addresses: [127.0.0.0/8]",
            "addresses: 127.0.0.0/8",
            [
                "3:20: error: expected a list such as [a, b], found '127.0.0.0/8': write "
                "[127.0.0.0/8]"
            ],
        ),
        (
            "{addresses: [127.0.0.0/8]}",
            "",
            ["3:7: error: expected a mapping of keys and values, found nothing"],
        ),
        (
            "{addresses: [127.0.0.0/8]}",
            "{addresses: [127.0.0.0/8], called: request_url}",
            [
                "3:43: error: expected 'request_uri' or 'to', found 'request_url'; "
                "did you mean 'request_uri'?"
            ],
        ),
        (
            "{addresses: [127.0.0.0/8]}",
            "{addresses: [127.0.0.0/8], called: true}",
            ["3:43: error: expected 'request_uri' or 'to', found true"],
        ),
        (
            "192.0.2.1:5080",
            "192.0.2.300",
            [
                '5:22: error: expected an IP address such as "192.0.2.1:5060" or '
                '"[2001:db8::1]:5060", or a name such as "sip.example.com", '
                "found '192.0.2.300'"
            ],
        ),
        (
            "192.0.2.1:5080",
            "192.0.2.1:99999",
            [
                '5:22: error: expected an IP address such as "192.0.2.1:5060" or '
                '"[2001:db8::1]:5060", or a name such as "sip.example.com" '
                "with a port from 1 to 65535, found '192.0.2.1:99999'"
            ],
        ),
        (
            "192.0.2.1:5080",
            "2001:db8::1",
            [
                '5:22: error: expected an IP address such as "192.0.2.1:5060" or '
                '"[2001:db8::1]:5060", or a name such as "sip.example.com", '
                "found '2001:db8::1'"
            ],
        ),
        (
            DESK,
            '{uri: "tel:desk@192.0.2.9"}',
            [
                '7:15: error: expected a SIP URI such as "sip:desk@192.0.2.1:5060;transport=tcp", '
                "found 'tel:desk@192.0.2.9'"
            ],
        ),
        (
            DESK,
            '{uri: "sip:desk@192.0.2.9;transport=sctp"}',
            ["7:15: error: expected transport=udp, =tcp or =tls, found 'sctp'"],
        ),
        (DESK, "{}", ["7:9: error: expected either 'number' with 'via', or 'uri', or 'extension'"]),
        (
            DESK,
            '{uri: "sip:a@192.0.2.9", via: carrier}',
            ["7:9: error: expected 'number' and 'via' together"],
        ),
        (
            DESK,
            '{number: "0756", via: carier}',
            ["7:31: error: no gateway is named 'carier'; did you mean 'carrier'?"],
        ),
        (
            DESK,
            "{number: 0756, via: carrier}",
            ['7:18: error: expected a number to dial such as "07561234567"; write it in quotes'],
        ),
        (
            DESK,
            '{uri: "sip:desk@192.0.2.9", ring: 25}',
            ["7:43: error: expected a time with its unit: write 25s"],
        ),
        (
            DESK,
            '{uri: "sip:desk@192.0.2.9", ring: 1e999}',
            ["7:43: error: expected a time such as 15s, 1m or 500ms, found 'inf'"],
        ),
        (
            DESK,
            '{uri: "sip:desk@192.0.2.9", ring: true}',
            ["7:43: error: expected a time such as 15s, 1m or 500ms, found true"],
        ),
        (
            DESK,
            '{uri: "sip:desk@192.0.2.9", ring: 15 s}',
            ["7:43: error: expected a time such as 15s, 1m or 500ms, found '15 s': write 15s"],
        ),
        (
            DESK,
            '{uri: "sip:desk@192.0.2.9", ring: 6m}',
            ["7:43: error: expected a time from 1s to 300s, found '6m'"],
        ),
        (
            "sales: {hunt: [desk]}",
            "sales: {hunt: [desk], stop_on: [486, '487', 200, true]}",
            [
                "9:40: error: expected a SIP status from 400 to 699, found '487' in quotes: "
                "write 487",
                "9:47: error: expected a SIP status from 400 to 699, found '200'",
                "9:52: error: expected a SIP status from 400 to 699, found true",
            ],
        ),
        (
            "sales: {hunt: [desk]}",
            "sales: {hunt: [dask, phone]}",
            [
                "9:18: error: no target is named 'dask'; did you mean 'desk'?",
                "9:24: error: no target is named 'phone'; expected one of 'desk', 'sales'",
            ],
        ),
        (
            "sales:",
            "no good:",
            ["9:3: error: expected a name of letters, digits, '_', '-' and '.', found 'no good'"],
        ),
        (
            "groups:",
            "extensions:\n  '101': {targets: [desc], name: ''}\ngroups:",
            [
                "9:21: error: no target is named 'desc'; did you mean 'desk'?",
                "9:34: error: expected a text of 1 to 100 characters, found ''",
            ],
        ),
        ('"4000"', "40x0x0y", [NO_NUMBER.format("40x0x0y")]),
        ('"4000"', "+", [NO_NUMBER.format("+")]),
        (
            '"4000":',
            '"02012345678": {route: [{hunt: [desk]}]}\n  "+862012345678":',
            ["12:3: error: '+862012345678' is the same number as '02012345678' on line 11"],
        ),
        (
            ROUTE,
            "{route: []}",
            ["11:19: error: expected at least one item, found an empty list"],
        ),
        (
            ROUTE,
            "{route: [desk]}",
            ["11:20: error: expected a mapping of keys and values, found 'desk'"],
        ),
        (
            ROUTE,
            "{route: {hunt: [desk]}}",
            ["11:19: error: expected a list such as [a, b], found a mapping"],
        ),
        (
            ROUTE,
            "{route: [{ring: 3s}]}",
            [
                "11:20: error: expected one of hunt, play, menu, queue, voicemail, call_back, "
                "messages, feature, found none"
            ],
        ),
        (
            ROUTE,
            "{route: [{hunt: 5}]}",
            [
                "11:27: error: expected a list of targets such as [reception, desk], "
                "or the name of a group"
            ],
        ),
        (
            ROUTE,
            "{route: [{hunt: []}]}",
            ["11:27: error: expected at least one item, found an empty list"],
        ),
        (
            ROUTE,
            "{route: [{hunt: [[desk]]}]}",
            ["11:28: error: expected a name of letters, digits, '_', '-' and '.', found a list"],
        ),
        (
            ROUTE,
            "{route: [{hunt: [desk], rings: 3s}]}",
            ["11:35: error: unknown key 'rings'; did you mean 'ring'?"],
        ),
        (
            ROUTE,
            "{route: [{hunt: desk}]}",
            ["11:27: error: 'desk' is a target, no group: write hunt: [desk]"],
        ),
        (
            ROUTE,
            "{route: [{hunt: sales, ring: 3s, total: 9s}]}",
            [
                "11:34: error: a group brings its own options: write 'ring' at group 'sales'",
                "11:44: error: a group brings its own options: write 'total' at group 'sales'",
            ],
        ),
        (
            ROUTE,
            "{route: [{hunt: [desk], final: 480}, {hunt: sales}]}",
            ["11:35: error: 'final' is for when nobody is left: it belongs to the last step"],
        ),
        (
            ROUTE,
            "{to_header: yes, route: [{hunt: sales}]}",
            ["11:23: error: expected 'extensions', found 'yes'"],
        ),
        (
            "numbers:",
            "reasons: {unknown_number: {status: 99, cause: 128}, other: {}}\nnumbers:",
            [
                "10:36: error: expected a SIP status from 400 to 699, found '99'",
                "10:47: error: expected a Q.850 cause from 1 to 127, found '128'",
                "10:53: error: unknown key 'other'",
            ],
        ),
        (
            "  lab: {addresses: [127.0.0.0/8]}",
            "  [lab]",
            ["3:3: error: expected a mapping of keys and values, found a list"],
        ),
        (
            "  lab: {addresses: [127.0.0.0/8]}\n",
            "",
            ["2:8: error: expected a mapping of keys and values, found nothing"],
        ),
    ],
)
def test_mistake_is_named_at_its_place_with_what_was_expected(
    old: str, new: str, found: list[str]
) -> None:
    assert instead(old, new) == [f"f:{line}" for line in found]


@pytest.mark.parametrize(
    ("text", "shown"), [("", "nothing"), ("[a]", "a list"), ("hello", "'hello'")]
)
def test_file_that_is_no_mapping_is_refused(text: str, shown: str) -> None:
    found = f"f:1:1: error: expected a mapping of keys and values, found {shown}"
    assert mistakes(text) == [found]


def test_all_mistakes_come_at_once_in_file_order() -> None:
    text = GOOD.replace("CN", "cn").replace("hunt: [desk]", "hunt: [dusk], rings: 3s")
    places = [line.split(" ")[0] for line in mistakes(text + '  "4000": {}\n')]
    assert places == ["f:1:10:", "f:9:18:", "f:9:25:", "f:11:28:", "f:11:35:", "f:12:3:"]


def test_entry_with_a_mistake_is_still_a_known_name() -> None:
    assert len(instead(DESK, "{uri: 5}")) == 1


def test_reference_to_an_empty_section_says_that_there_is_nothing() -> None:
    found = instead(f"  desk: {DESK}", "  {}")
    assert found == [
        "f:9:18: error: no target is named 'desk'; expected one of 'sales'",
        "f:11:28: error: no target is named 'desk'; expected one of 'sales'",
    ]


def test_text_that_would_break_the_line_is_escaped() -> None:
    assert instead(ROUTE, '{"a\\nb": 1, route: [{hunt: sales}]}') == [
        "f:11:12: error: unknown key 'a\\nb'"
    ]


def test_long_text_is_shortened() -> None:
    (found,) = instead("192.0.2.1:5080", "x" * 100000)
    assert found.endswith(f"found '{'x' * 57}...'")


def test_flood_of_mistakes_is_cut_off() -> None:
    found = instead("hunt: [desk]", f"hunt: [{'a, ' * 3000}desk]")
    assert len(found) == 1001
    assert found[-1].endswith("(the rest was not checked)")


def test_entry_full_of_mistakes_is_one_mistake() -> None:
    keys = ", ".join(f"k{count}: 1" for count in range(1001))
    found = instead(ROUTE, f"{{{keys}, route: [{{hunt: sales}}]}}")
    assert found == ["f:11:3: error: more than 1000 mistakes in one place"]


def test_many_known_names_are_neither_listed_nor_compared() -> None:
    extra = "".join(f'  d{count}: {{uri: "sip:192.0.2.9"}}\n' for count in range(2500))
    found = mistakes(GOOD.replace("groups:", f"{extra}groups:").replace("[desk]", "[dsk]"))
    assert {line.split("error: ")[1] for line in found} == {"no target is named 'dsk'"}
