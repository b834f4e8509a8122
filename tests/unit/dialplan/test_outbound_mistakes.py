"""Lines and permissions in a dialplan: mistakes by their place, and warnings."""

import pytest
from support.tables import each

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.lint.all_warnings import lint
from callrouter.yamlfile.reader import parse

PLAN = """\
country: VN
trunks: {phones: {phones: true}, carrier: {addresses: [192.0.2.0/24]}}
gateways: {one: {address: 192.0.2.1}}
outbound: {default: main, emergency: [main], permission: staff}
outbound_lines:
  main: {via: one, prefixes: [FIRST]}
  other: {via: one, prefixes: [SECOND]}
permissions: {staff: {}}
extensions: {"301": {phone: {user: u, password_env: W}, permission: staff}}
numbers: {"4000": {from: extensions, route: [{hunt: [desk]}]}}
targets: {desk: {uri: "sip:a@192.0.2.9"}}
"""


def parsed(first: str = '"801"', second: str = '"*2*"', more: tuple[str, str] = ("", "")) -> str:
    return PLAN.replace("FIRST", first).replace("SECOND", second).replace(*more)


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        compile_dialplan(parse(text, "d.yaml"))
    return [str(found) for found in raised.value.diagnostics]


@pytest.mark.parametrize("prefix", ['"801"', '"*123*"', '"#123#"', '"9"'])
def test_good_prefix_is_taken(prefix: str) -> None:
    assert compile_dialplan(parse(parsed(prefix), "d.yaml")).outbound is not None


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ('"0"', "'0' cannot choose a line: it begins numbers of other areas or countries"),
        ('"84"', "'84' cannot choose a line: +84 is the country code of VN"),
        ('"979"', "'979' cannot choose a line: +979 is the code of numbers of no country"),
        ('"11"', "'11' cannot choose a line: it begins the emergency number 112"),
        ('"301"', "'301' cannot choose a line: an extension has this number"),
        ('"*2"', "'*2*' cannot choose a line: line 'main' has '*2': they could not be told apart"),
        ('"*2*"', "'*2*' cannot choose a line: line 'main' has it already"),
        ('"*2*3"', "'*2*' cannot choose a line: line 'main' has '*2*3'"),
        ("801", "expected what is dialled in front of a number, such as"),
        ('"12a"', "expected what is dialled in front of a number, such as"),
    ],
)
def test_misplaced_prefix_is_a_mistake_with_its_place(prefix: str, said: str) -> None:
    (found,) = mistakes(parsed(prefix))
    assert said in found
    assert found.startswith(("d.yaml:6:", "d.yaml:7:"))


@each(
    ("more", "said"),
    [
        ((", emergency: [main]", ""), "the key 'emergency' is missing"),
        (("emergency: [main]", "emergency: []"), "expected at least one item"),
        (("outbound: {default: main, emergency: [main], permission: staff}\n", ""), "'outbound'"),
        (("[main], permission", "[nobody], permission"), "no line is named 'nobody'"),
        (("permission: staff}}", "permission: boss}}"), "no permission is named 'boss'"),
        (("staff: {}", "staff: {lines: [far]}"), "no line is named 'far'"),
        (("staff: {}", "staff: {kinds: [mobile]}"), "expected 'premium'"),
        (("staff: {}", "staff: {calls_per_hour: 0}"), "expected a count from 1 to 100000"),
        (("staff: {}", 'staff: {spend_per_hour: "0.0"}'), "expected an amount above 0"),
        (("staff: {}", "staff: {spend_per_day: 20}"), "expected an amount above 0"),
        (("emergency: [main]", "emergency: [main], guards: {new_country: {of: me}}"), "'company'"),
        (("emergency: [main]", "emergency: [main], guards: {short_calls: }"), "'short_calls' is"),
        (("staff: {}", "staff: {international: [XX]}"), "XX"),
        (("[main], permission", "[main], carrier_lookup: far, permission"), "no lookup is named"),
        (("[main], permission", '[main], emergency_numbers: ["1x"], permission'), "110"),
        (('"301": {', '"112": {'), "this is an emergency number, and is always called as one"),
        (("permission: staff}}", "on_no_answer: [mobile]}}"), "expected 'mobile' where"),
        (("permission: staff}}", "on_no_answer: [voicemail]}}"), "expected 'voicemail' where"),
    ],
)
def test_other_mistakes_say_what_is_expected(more: tuple[str, str], said: str) -> None:
    assert any(said in found for found in mistakes(parsed(more=more)))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("112", "a number that no owner has"),
        ("1", "a number that no owner has"),
        ("+19005551234", "a premium number, as no owner has"),
    ],
)
def test_owner_of_an_account_has_a_telephone_number(number: str, said: str) -> None:
    call = (
        f'{{account: acme, number: "{number}", via: one, caller_id: "+842812345678", prompt: low}}'
    )
    found = mistakes(parsed() + f"balance_calls: {{owner: {call}}}\n")
    assert any(f"expected a telephone number, found {said}" in one for one in found)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("", ""), []),
        (
            (', prefixes: ["*2*"]', ""),
            ["nothing chooses line 'other': it has no prefix, and is not the default"],
        ),
        (("{staff: {}}", "{staff: {}, boss: {}}"), ["no extension has permission 'boss'"]),
        (('"801"', '"3"'), ["'3' begins extension '301', which goes before it"]),
        (('"801"', '"400"'), ["'400' begins number '4000', which goes before it"]),
    ],
)
def test_line_or_permission_of_no_use_and_prefix_that_shadows_are_warnings(
    more: tuple[str, str], said: list[str]
) -> None:
    document = parse(parsed(more=more), "d.yaml")
    compile_dialplan(document)
    found = [str(one).partition("warning: ")[2] for one in lint(document)]
    assert [one for one in found if "gateway" not in one] == said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            ("{staff: {}}", "{staff: {caller_ids: {'0901234567': Viettle}}}"),
            "did you mean 'Viettel'",
        ),
        (
            ("{staff: {}}", "{staff: {caller_ids: {'0901234567': ours}}}"),
            "no carrier is named 'ours'",
        ),
        (("{staff: {}}", "{staff: {caller_ids: {'02412345678': Viettel}}}"), "d.yaml:8:36: "),
        (('{via: one, prefixes: ["801"]}', "{via: one, caller_id: '+842412345678'}"), "d.yaml:6:"),
        (("permission: staff}}", "caller_id: '024 1234 5678'}}"), "d.yaml:9:68: "),
    ],
)
def test_number_that_is_shown_is_with_a_carrier_and_not_virtual(
    more: tuple[str, str], said: str
) -> None:
    text = parsed(more=more).replace(
        "numbers: {", 'numbers: {"02412345678": {virtual: true, route: [{hunt: [desk]}]}, '
    )
    (found,) = mistakes(text)
    assert said in found


def test_carrier_that_only_ported_numbers_have_is_known() -> None:
    text = (
        parsed(more=("{staff: {}}", "{staff: {caller_ids: {'0901234567': Ours}}}"))
        .replace("outbound: {", "outbound: {ported: {Ours: theirs}, ")
        .replace("targets:", 'lists: {theirs: {prefixes: ["091"]}}\ntargets:')
    )
    assert compile_dialplan(parse(text, "d.yaml")).outbound is not None


def test_recording_of_an_extension_goes_before_that_of_its_permission() -> None:
    text = parsed(more=("staff: {}", "staff: {record: {keep: 2d}}"))
    voice = compile_dialplan(parse(text, "d.yaml")).extensions["301"].voice
    assert voice is not None
    assert voice.recording is not None
    assert (voice.recording.keep_seconds, voice.recording.outgoing) == (2 * 86400.0, True)
    own = text.replace("permission: staff}}", "record: {keep: 3d, notice: false}}}")
    document = parse(own, "d.yaml")
    voice = compile_dialplan(document).extensions["301"].voice
    assert voice is not None
    assert voice.recording is not None
    assert voice.recording.keep_seconds == 3 * 86400.0
    said = [str(warning) for warning in lint(document) if "not told" in str(warning)]
    assert len(said) == 1
    assert "who is called is not told of the recording; the law of VN may ask for it" in said[0]


def test_limit_of_spending_where_nothing_costs_anything_is_warned_of() -> None:
    text = parsed().replace("staff: {}", 'staff: {spend_per_hour: "20"}')
    text = text.replace("emergency: [main]", 'emergency: [main], spend_per_day: "100"')
    found = [str(it) for it in lint(parse(text, "d.yaml")) if "rate_plan" in str(it)]
    assert [it.split(":")[1] for it in found] == ["4", "8"]
    said = "no line has a 'rate_plan': calls cost nothing, and this is never reached"
    assert all(said in it for it in found)
    charged = text.replace('{via: one, prefixes: ["801"]}', "{via: one, rate_plan: out}")
    assert not [it for it in lint(parse(charged, "d.yaml")) if "rate_plan" in str(it)]


ASKED = """\
lookups:
  crm: {url: "http://192.0.2.9/{caller}"}
  portability: {url: "http://192.0.2.9/{called}"}
"""


def test_look_up_of_carriers_is_asked_with_the_called_number_and_the_others_are_not() -> None:
    text = parsed() + ASKED
    asks = text.replace("emergency: [main]", "emergency: [main], carrier_lookup: portability")
    outbound = compile_dialplan(parse(asks, "d.yaml")).outbound
    assert outbound is not None
    assert outbound.carrier_lookup is not None
    assert outbound.carrier_lookup.of_carrier
    found = [str(it) for it in lint(parse(asks, "d.yaml"))]
    said = "no permission has 'caller_ids': no carrier is ever looked up"
    assert [it for it in found if said in it] != []
    (found_one,) = mistakes(asks.replace("carrier_lookup: portability", "carrier_lookup: crm"))
    assert "expected a look-up with '{called}' in its url" in found_one
    (found_one,) = mistakes(text.replace('"4000": {', '"4000": {lookup: portability, '))
    assert "expected a look-up with '{caller}' in its url" in found_one
