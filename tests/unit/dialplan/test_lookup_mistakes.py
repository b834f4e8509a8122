"""Mistakes in look-ups, paces and what gateways are told: each at its place."""

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.yamlfile.reader import parse

GOOD = "http://127.0.0.1:8085/owner?caller={caller}"


def text(lookup: str = f'url: "{GOOD}"', number: str = "lookup: crm", trunk: str = "") -> str:
    return f"""\
country: CN
trunks: {{lab: {{addresses: [127.0.0.0/8]{trunk}}}}}
gateways: {{out: {{address: 192.0.2.1, diversion: true}}}}
targets: {{a: {{number: "1", via: out}}, b: {{uri: "sip:b@192.0.2.9"}}}}
lookups: {{crm: {{{lookup}}}}}
numbers: {{4000: {{{number}, route: [{{hunt: [a, b]}}]}}}}
"""


def built(**parts: str) -> Dialplan:
    return compile_dialplan(parse(text(**parts), "f"))


def mistakes(**parts: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        built(**parts)
    return [str(found).removeprefix("f:") for found in caught.value.diagnostics]


def test_times_of_a_lookup_have_defaults() -> None:
    lookup = built().numbers["4000"].lookup
    assert lookup is not None
    assert (lookup.name, lookup.url, lookup.line) == ("crm", GOOD, 5)
    times = (lookup.timeout_seconds, lookup.known_seconds, lookup.unknown_seconds)
    assert times == (2.0, 600.0, 60.0)


@pytest.mark.parametrize(
    "url",
    [
        GOOD,
        "https://crm.example/{caller}",
        "https://user:secret@[2001:db8::1]:8443/a/{caller}.json?key=1",
    ],
)
def test_url_is_http_with_the_caller_behind_the_host(url: str) -> None:
    lookup = built(lookup=f'url: "{url}"').numbers["4000"].lookup
    assert lookup is not None
    assert lookup.url == url


@pytest.mark.parametrize(
    "url",
    [
        "crm.example/{caller}",
        "ftp://crm.example/{caller}",
        "file:///etc/{caller}",
        "http:///{caller}",
        "http://crm.example:0/{caller}",
        "http://crm.example:99999/{caller}",
        "http://[::1/{caller}",
        "http://crm.example/{caller}#top",
        "http://crm.example/a b/{caller}",
        "http://crm.example/é/{caller}",
        "http://crm.example/" + "x" * 500 + "{caller}",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    (found,) = mistakes(lookup=f'url: "{url}"')
    assert found.startswith("5:22: error: expected an address such as ")


@pytest.mark.parametrize(
    "url", ["http://crm.example/", "http://{caller}.example/", "http://c.example/{caller}/{caller}"]
)
def test_caller_has_to_stand_once_behind_the_host(url: str) -> None:
    (found,) = mistakes(lookup=f'url: "{url}"')
    assert "expected '{caller}' or '{called}' once behind the host" in found


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("timeout: 31s", "expected a time from 0.1s to 30s, found '31s'"),
        ("timeout: 2", "expected a time with its unit: write 2s"),
        ("cache: 25h", "expected a time from 0s to 86400s, found '25h'"),
        ("tiemout: 2s", "did you mean 'timeout'?"),
    ],
)
def test_wrong_key_of_a_lookup_is_named(key: str, found: str) -> None:
    (mistake,) = mistakes(lookup=f'url: "{GOOD}", {key}')
    assert found in mistake


def test_lookup_that_is_not_there_is_named_with_the_nearest() -> None:
    (found,) = mistakes(number="lookup: crn")
    assert found == "6:26: error: no lookup is named 'crn'; did you mean 'crm'?"


@pytest.mark.parametrize("count", ["0", "10001", "ten", "1.5"])
def test_pace_is_a_whole_number(count: str) -> None:
    (found,) = mistakes(trunk=f", calls_per_second: {count}")
    assert "expected a count of calls from 1 to 10000" in found


def test_targets_of_a_gateway_know_what_it_is_told() -> None:
    plan = built(trunk=", calls_per_second: 10")
    assert plan.trunks["lab"].calls_per_second == 10
    targets = plan.numbers["4000"].route[0].several
    assert targets is not None
    told = [(target.diversion, target.history_info) for target in targets.hunt.targets]
    assert told == [(True, False), (False, False)]
