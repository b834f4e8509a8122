"""The kinds of value that ops write: times, addresses, URIs, names. Each check words its own error.

Validators raise ValueError with the whole sentence that the reader of the file sees.
"""

import ipaddress
import re
from typing import Annotated, Any, Final, NamedTuple

import phonenumbers
from pydantic import BeforeValidator

from callrouter.dialplan.wording import shown

_DURATION: Final = re.compile(r"([0-9]{1,6})(ms|s|m|h)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_DIAL: Final = re.compile(r"\+?[0-9*]{1,32}")
_KEY: Final = re.compile(r"\+?[0-9]{1,32}")
_WILDCARD: Final = re.compile(r"\+?[0-9]{0,32}[0-9x]{0,32}\*?")
_HOST_PORT: Final = re.compile(
    r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?|([^:\[\]]+)(?::([0-9]{1,5}))?"
)
_URI: Final = re.compile(
    r"sip:(?:(?P<user>[A-Za-z0-9\-_.!~*'()&=+$,;?/%]{1,128})@)?"
    r"(?P<place>\[[^\]]*\](?::[0-9]+)?|[^@;?<>\s\[\]]+)"
    r"(?P<parameters>(?:;[A-Za-z0-9\-_.!~*'()%\[\]/:&+$=]+)*)"
)

SIP_PORT: Final = 5060


class Address(NamedTuple):
    """An IP address without brackets, in its shortest form, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class SipPlace(NamedTuple):
    """A SIP URI as written, and where a request to it goes."""

    uri: str
    address: Address
    transport: str


def seconds(value: object, low: float, high: float) -> float:
    """Read a time such as 15s, 1m or 500ms; low and high are the limits in seconds."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        raise ValueError(f"expected a time with its unit: write {value}s")
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected a time such as 15s, 1m or 500ms, found {shown(value)}")
    length = int(found[1]) * _UNITS[found[2]]
    if not low <= length <= high:
        raise ValueError(f"expected a time from {low:g}s to {high:g}s, found {shown(value)}")
    return length


def address(value: object, default_port: int) -> Address:
    """Read an IP address with an optional port; 0 as the default makes the port obligatory."""
    wanted = 'an IP address such as "192.0.2.1:5060" or "[2001:db8::1]:5060"'
    found = _HOST_PORT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    host = found[1] or found[3]
    try:
        host = str(ipaddress.ip_address(host))
    except ValueError:
        raise ValueError(f"expected {wanted}, found {shown(value)}") from None
    port = int(found[2] or found[4] or default_port)
    if not 1 <= port <= 65535:
        raise ValueError(f"expected {wanted} with a port from 1 to 65535, found {shown(value)}")
    return Address(host, port)


def _uri(value: object) -> SipPlace:
    wanted = 'a SIP URI such as "sip:desk@192.0.2.1:5060;transport=tcp"'
    found = _URI.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    transport = "udp"
    for parameter in found["parameters"].split(";"):
        name, _, setting = parameter.partition("=")
        if name.lower() == "transport":
            transport = setting.lower()
    if transport not in {"udp", "tcp"}:
        raise ValueError(f"expected transport=udp or transport=tcp, found '{transport}'")
    return SipPlace(found[0], address(found["place"], SIP_PORT), transport)


def _network(value: object) -> str:
    wanted = 'an IP address or network such as "192.0.2.0/24"'
    if not isinstance(value, str):
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        pass
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
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    return value


def number_key(value: object) -> str:
    """Check a key under `numbers:`. Raises ValueError."""
    wanted = 'a number such as "4000", a prefix such as "0756*" or a pattern such as "4xxx"'
    text = _matching(value, _WILDCARD, wanted)
    if not text.strip("+"):
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    return text


def is_written_out(key: str) -> bool:
    """Say whether a key under `numbers:` is one number, not a prefix or pattern."""
    return _KEY.fullmatch(key) is not None


def name(value: object) -> str:
    """Check a name that ops give to something. Raises ValueError."""
    return _matching(value, _NAME, "a name of letters, digits, '_', '-' and '.'")


def _dial(value: object) -> str:
    return _matching(value, _DIAL, 'a number to dial such as "07561234567"')


def _label(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 1 <= len(value) <= 100:
        raise ValueError(f"expected a text of 1 to 100 characters, found {shown(value)}")
    return value


def _country(value: object) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        hint = ""
        if isinstance(value, str) and value.upper() in phonenumbers.SUPPORTED_REGIONS:
            hint = f"; did you mean '{value.upper()}'?"
        raise ValueError(f"expected a country such as CN, found {shown(value)}{hint}")
    return str(value)


def whole(value: object, low: int, high: int, what: str) -> int:
    """Check a whole number; what: such as `a weight`. Raises ValueError."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"expected {what} from {low} to {high}, found {shown(value)}")
    return value


def _duration(low: float, high: float) -> Any:
    return BeforeValidator(lambda value: seconds(value, low, high))


Ring = Annotated[float, _duration(1, 300)]
Progress = Annotated[float, _duration(0.1, 300)]
Total = Annotated[float, _duration(1, 3600)]
Drain = Annotated[float, _duration(0, 3600)]
Status = Annotated[int, BeforeValidator(lambda value: whole(value, 400, 699, "a SIP status"))]
Cause = Annotated[int, BeforeValidator(lambda value: whole(value, 1, 127, "a Q.850 cause"))]
Within = Annotated[float, _duration(1, 86400)]
Lines = Annotated[int, BeforeValidator(lambda value: whole(value, 1, 100000, "a count of lines"))]
Calls = Annotated[int, BeforeValidator(lambda value: whole(value, 2, 1000, "a count of calls"))]
Name = Annotated[str, BeforeValidator(name)]
Label = Annotated[str, BeforeValidator(_label)]
Dial = Annotated[str, BeforeValidator(_dial)]
NumberKey = Annotated[str, BeforeValidator(number_key)]
Country = Annotated[str, BeforeValidator(_country)]
Network = Annotated[str, BeforeValidator(_network)]
SipAddress = Annotated[Address, BeforeValidator(lambda value: address(value, SIP_PORT))]
Uri = Annotated[SipPlace, BeforeValidator(_uri)]
