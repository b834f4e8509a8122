"""Masking of telephone numbers for those who may see that there are calls, but not whose."""

import re
from ipaddress import ip_interface
from typing import Any, Final

_NUMBER: Final = re.compile(
    r"(?<![0-9])(\+?[0-9]{2})(?:[-. ()]{0,2}[0-9*#]){3,}[-. ()]{0,2}([0-9*#]{2})(?![0-9])", re.ASCII
)
_ADDRESS: Final = re.compile(
    r"(?:(?<![\w.])[0-9]+(?:\.[0-9]+){3}"
    r"|(?<![\w.:])[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*[0-9a-f:])(?:/[0-9]+)?",
    re.ASCII | re.IGNORECASE,
)
"""What may be an IP address or a network."""
_OURS: Final = frozenset(("id", "call", "dialplan", "rate_plan", "file", "started", "cost"))
"""What no peer's number is in, and must stay as it is to be found by."""
_GONE: Final = frozenset(("call_id", "source", "to_header", "uri"))
"""What has numbers and addresses in it that no mask is sure of."""


def masked_number(text: str) -> str:
    """The text with dots in the middle of each number of seven digits or more, however written."""
    return _NUMBER.sub(r"\1···\2", text)


def masked_values(value: Any) -> Any:
    """Plain values, as of a record, with their numbers masked, and dots for IP addresses."""
    if isinstance(value, str):
        return masked_number(_ADDRESS.sub(_hidden, value))
    if isinstance(value, list):
        return [masked_values(one) for one in value]
    if isinstance(value, dict):
        return {name: _masked(name, one) for name, one in value.items()}
    return value


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, dict | list):
        return masked_values(value)
    return value if name in _OURS else "" if name in _GONE else masked_values(value)


def _hidden(found: "re.Match[str]") -> str:
    try:
        ip_interface(found[0])
    except ValueError:  # a time of day, a version
        return found[0]
    return "···"
