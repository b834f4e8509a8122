"""The kinds of value that ops write: times, addresses, URIs, names. Each check words its own error.

Validators raise ValueError with the whole sentence that the reader of the file sees.
"""

import functools
import ipaddress
import re
from typing import Annotated, Any, Final, NamedTuple, TypeAlias

import phonenumbers
from pydantic import BeforeValidator, WithJsonSchema

from callrouter.route.callers import telephone_numbers as numbers
from callrouter.yamlfile.wording import shown

DURATION_TEXT: Final = "^[0-9]{1,6}(ms|s|m|h)$"
DAYS_TEXT: Final = "^[0-9]{1,4}d$"
"""As JSON Schema has a time, and days."""
_DURATION: Final = re.compile(r"([0-9]{1,6})(ms|s|m|h)")
# What people write for one: "15 s", "15sec", "2 minutes", "15".
_LOOSE_DURATION: Final = re.compile(
    r"([0-9]{1,6})\s*(|ms|msecs?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)"
)
_UNIT_OF: Final = {
    "": "s",
    "s": "s",
    "se": "s",
    "m": "m",
    "mi": "m",
    "ms": "ms",
    "h": "h",
    "hr": "h",
    "ho": "h",
}
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_DIAL: Final = re.compile(r"\+?[0-9*]{1,32}")
_KEY: Final = re.compile(r"\+?[0-9]{1,32}")
_CODE: Final = re.compile(r"[*#][0-9*#]{1,31}")
_CODE_WITH_DIGITS: Final = re.compile(r"[*#][0-9*#]{1,30}x{1,16}\*?")
_WILDCARD: Final = re.compile(r"\+?[0-9]{0,32}[0-9x]{0,32}\*?")
_HOST_PORT: Final = re.compile(
    r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?|([^:\[\]]+)(?::([0-9]{1,5}))?"
)
_HOST_NAME: Final = re.compile(r"(?=.{1,253}\Z)([A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?)+")
_URI: Final = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[A-Za-z0-9\-_.!~*'()&=+$,;?/%]{1,128})@)?"
    r"(?P<place>\[[^\]]*\](?::[0-9]+)?|[^@;?<>\s\[\]]+)"
    r"(?P<parameters>(?:;[A-Za-z0-9\-_.!~*'()%\[\]/:&+$=]+)*)"
)

_LONGEST_LABEL: Final = 63

_MAPPED_BITS: Final = 96
"""What IPv4 has in front of it when it is written as IPv6 (RFC 4291 section 2.5.5.2)."""
LONGEST_CALL_EVER: Final = 604800
"""Seconds that no call lasts longer than, whatever `longest_call` says."""
SIP_PORT: Final = 5060
SIPS_PORT: Final = 5061
_TRANSPORTS: Final = ("udp", "tcp", "tls")


class SocketAddress(NamedTuple):
    """An IP address without brackets, in its shortest form, and a port.

    Where names may stand: a DNS name in lower case, with port 0 when none is written.
    """

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host

    @property
    def named(self) -> bool:
        """Whether DNS has to say where it is."""
        return _is_dns_name(self.host)


class SipPlace(NamedTuple):
    """A SIP URI as written, and where a request to it goes; transport "": as DNS says."""

    uri: str
    address: SocketAddress
    transport: str


def seconds(value: object, low: float, high: float) -> float:
    """Read a time such as 15s, 1m or 500ms; low and high are the limits in seconds."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        raise ValueError(f"expected a time with its unit: write {value}s")
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        meant = _LOOSE_DURATION.fullmatch(value.strip().lower()) if isinstance(value, str) else None
        hint = "" if meant is None else f": write {meant[1]}{_UNIT_OF[meant[2][:2]]}"
        raise ValueError(f"expected a time such as 15s, 1m or 500ms, found {shown(value)}{hint}")
    length = int(found[1]) * _UNITS[found[2]]
    if not low <= length <= high:
        raise ValueError(f"expected a time from {low:g}s to {high:g}s, found {shown(value)}")
    return length


def address(value: object, default_port: int, *, named: bool = False) -> SocketAddress:
    """Read an IP address with an optional port; 0 as the default makes the port obligatory.

    named: a DNS name will do, too.
    """
    wanted = 'an IP address such as "192.0.2.1:5060" or "[2001:db8::1]:5060"'
    if named:
        wanted += ', or a name such as "sip.example.com"'
    found = _HOST_PORT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    host = found[1] or found[3]
    try:
        host = str(ipaddress.ip_address(host))
    except ValueError:
        if not named or not _is_dns_name(host):
            raise ValueError(f"expected {wanted}, found {shown(value)}") from None
        host = host.lower().rstrip(".")
        if found[4] is None:
            return SocketAddress(host, 0)
    port = int(found[2] or found[4] or default_port)
    if not 1 <= port <= 65535:
        raise ValueError(f"expected {wanted} with a port from 1 to 65535, found {shown(value)}")
    return SocketAddress(host, port)


def _is_dns_name(host: str) -> bool:
    """Say whether a host is written like a name and not like an address that has a mistake."""
    labels = host.removesuffix(".").split(".")
    return (
        _HOST_NAME.fullmatch(host) is not None
        and len(labels) > 1
        and all(1 <= len(label) <= _LONGEST_LABEL for label in labels)
        and any(letter.isalpha() for letter in labels[-1])
    )


def _uri(value: object) -> SipPlace:
    wanted = 'a SIP URI such as "sip:desk@192.0.2.1:5060;transport=tcp"'
    found = _URI.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    secure = found["scheme"] == "sips"
    transport = "tls" if secure else "udp"
    told = secure
    for parameter in found["parameters"].split(";"):
        name, _, setting = parameter.partition("=")
        if name.lower() == "transport":
            transport = setting.lower()
            told = True
    if transport not in _TRANSPORTS:
        raise ValueError(f"expected transport=udp, =tcp or =tls, found '{transport}'")
    if secure and transport != "tls":
        raise ValueError(f"a sips URI goes by TLS: leave out transport={transport}")
    place = address(found["place"], usual_port(transport), named=True)
    return SipPlace(found[0], place, transport if told or place.port else "")


def usual_port(transport: str) -> int:
    """Return the port where none is written."""
    return SIPS_PORT if transport == "tls" else SIP_PORT


def host_name(value: object) -> str:
    """Check the name of a host, or an IP address, as a certificate has it. Raises ValueError."""
    wanted = 'a name such as "sip.example.com"'
    if not isinstance(value, str):
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return _matching(value, _HOST_NAME, wanted).lower().rstrip(".")


def _gateway_address(value: object) -> SocketAddress:
    """Read where a gateway is; port 0 when none is written: its transport says which it is."""
    found = address(value, SIP_PORT, named=True)
    written = isinstance(value, str) and _HOST_PORT.fullmatch(value)
    return found if written and (written[2] or written[4]) else SocketAddress(found.host, 0)


def _network(value: object) -> str:
    wanted = 'an IP address or network such as "192.0.2.0/24"'
    if not isinstance(value, str) or "%" in value:  # a scope is of this machine, not of a peer
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        pass
    else:
        mapped = getattr(network.network_address, "ipv4_mapped", None)
        if mapped is not None and network.prefixlen >= _MAPPED_BITS:
            length = network.prefixlen - _MAPPED_BITS
            write = mapped if length == mapped.max_prefixlen else f"{mapped}/{length}"
            raise ValueError(f"{shown(value)} is IPv4 written as IPv6: write {write}")
        return str(network)
    try:
        meant = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"expected {wanted}, found {shown(value)}") from None
    raise ValueError(
        f"{shown(value)} is an address inside a network: write {meant} for the network"
    )


def _matching(value: object, pattern: re.Pattern[str], wanted: str) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        # YAML has dropped a leading 0 or +, so what was meant cannot be told from the value.
        raise ValueError(f"expected {wanted}; write it in quotes")
    return matched(value, pattern, wanted)


def matched(value: object, pattern: re.Pattern[str], wanted: str) -> str:
    """Check that a value is a text of a pattern. Raises ValueError."""
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    return value


def number_key(value: object) -> str:
    """Check a key under `numbers:`. Raises ValueError."""
    wanted = (
        'a number such as "4000", a prefix such as "0756*", a pattern such as "4xxx" or a code '
        'such as "*21"'
    )
    if isinstance(value, str) and (_CODE.fullmatch(value) or _CODE_WITH_DIGITS.fullmatch(value)):
        return value
    text = _matching(value, _WILDCARD, wanted)
    if not text.strip("+"):
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    return text


def is_written_out(key: str) -> bool:
    """Say whether a key under `numbers:` is one number, not a prefix or pattern."""
    return _KEY.fullmatch(key) is not None or _CODE.fullmatch(key) is not None


def name(value: object) -> str:
    """Check a name that ops give to something. Raises ValueError."""
    return _matching(value, _NAME, "a name of letters, digits, '_', '-' and '.'")


def _dial(value: object) -> str:
    digits = numbers.without_separators(value) if isinstance(value, str) else ""
    if _DIAL.fullmatch(digits) is not None:
        return digits
    return _matching(value, _DIAL, 'a number to dial such as "07561234567"')


def is_label(value: object) -> bool:
    """Say whether a value can be the name of something in words."""
    return isinstance(value, str) and value.isprintable() and 1 <= len(value) <= 100


def _label(value: object) -> str:
    if not isinstance(value, str) or not is_label(value):
        raise ValueError(f"expected a text of 1 to 100 characters, found {shown(value)}")
    return value


def country_hint(value: object) -> str:
    """Ask whether the code of a country was meant; "" for what is no country's name."""
    if not isinstance(value, str):
        return ""
    code = value.upper()
    if code not in phonenumbers.SUPPORTED_REGIONS:
        code = _country_codes().get("".join(filter(str.isalnum, value.lower())), "")
    return f"; did you mean '{code}'?" if code else ""


@functools.cache
def _country_codes() -> dict[str, str]:
    """Return the codes of countries by what else they are called: their name, CHN, UK."""
    # Here, because only a mistake needs it.
    import holidays.registry  # noqa: PLC0415

    codes = {}
    for module, (name, code, *others) in holidays.registry.COUNTRIES.items():
        for word in (module.replace("_", ""), name.lower(), *map(str.lower, others)):
            codes[word] = code
    codes |= {"uk": "GB", "greatbritain": "GB", "england": "GB", "america": "US"}
    return codes | {"中国": "CN", "中國": "CN", "việtnam": "VN"}


def _country(value: object) -> str:
    if not isinstance(value, str) or value not in phonenumbers.SUPPORTED_REGIONS:
        hint = country_hint(value)
        raise ValueError(f"expected a country such as CN, found {shown(value)}{hint}")
    return value


def whole(value: object, low: int, high: int, what: str) -> int:
    """Check a whole number; what: such as `a weight`. Raises ValueError."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        hint = ""
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
            hint = f" in quotes: write {int(value)}" if low <= int(value) <= high else ""
        raise ValueError(f"expected {what} from {low} to {high}, found {shown(value)}{hint}")
    return value


def duration(low: float, high: float) -> Any:
    """The kind of a time between limits in seconds, to annotate a float with."""
    return BeforeValidator(
        lambda value: seconds(value, low, high),
        json_schema_input_type=Annotated[str, text(DURATION_TEXT)],
    )


def text(pattern: str) -> WithJsonSchema:
    """What a text has to match, in JSON Schema; it may let through what is then refused."""
    return WithJsonSchema({"type": "string", "pattern": pattern})


def between(low: int, high: int) -> WithJsonSchema:
    """The limits of a whole number, in JSON Schema."""
    return WithJsonSchema({"type": "integer", "minimum": low, "maximum": high})


def _count(low: int, high: int, what: str) -> Any:
    return BeforeValidator(
        lambda value: whole(value, low, high, what),
        json_schema_input_type=Annotated[int, between(low, high)],
    )


DATE_TEXT: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
NAME_TEXT: Final = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
NAMED: TypeAlias = Annotated[str, text(NAME_TEXT)]
"""What stands for a name in the short form of something."""
ANY_TEXT: Final = WithJsonSchema({"type": "string", "minLength": 1})


Ring = Annotated[float, duration(1, 300)]
Progress = Annotated[float, duration(0.1, 300)]
Total = Annotated[float, duration(1, 3600)]
Drain = Annotated[float, duration(0, 3600)]
LongestCall = Annotated[float, duration(1, LONGEST_CALL_EVER)]
Status = Annotated[int, _count(400, 699, "a SIP status")]
Cause = Annotated[int, _count(1, 127, "a Q.850 cause")]
Within = Annotated[float, duration(1, 86400)]
Lines = Annotated[int, _count(1, 100000, "a count of lines")]
Calls = Annotated[int, _count(2, 1000, "a count of calls")]
Name = Annotated[str, BeforeValidator(name), text(NAME_TEXT)]
Label = Annotated[
    str,
    BeforeValidator(_label),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 100}),
]
Dial = Annotated[str, BeforeValidator(_dial), text("^[^A-Za-z#;,/]+$")]
NumberKey = Annotated[
    str,
    BeforeValidator(number_key),
    text(r"^(\+?[0-9]{0,32}[0-9x]{0,32}\*?|[*#][0-9*#]{1,31}|[*#][0-9*#]{1,30}x{1,16}\*?)$"),
]
Country = Annotated[
    str,
    BeforeValidator(_country),
    WithJsonSchema({"type": "string", "enum": sorted(phonenumbers.SUPPORTED_REGIONS)}),
]
Network = Annotated[str, BeforeValidator(_network), text("^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$")]
SipAddress = Annotated[
    SocketAddress,
    BeforeValidator(_gateway_address),
    text(r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?$"),
]
HostName = Annotated[str, BeforeValidator(host_name), text("^[A-Za-z0-9.:-]{1,253}$")]
Uri = Annotated[SipPlace, BeforeValidator(_uri), text("^sips?:")]
