"""Targets and gateways that nothing reaches: each call to them would fail.

No listener has their transport or kind of address, or their address is that of no single host.
"""

from collections.abc import Collection
from ipaddress import ip_address

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.dialplan_file import TargetEntry
from callrouter.dialplan.grammar.trunks_gateways import GatewayEntry
from callrouter.lint.findings import Findings
from callrouter.lint.routing_loops import Place

_BY_SIZE = ("udp", "tcp")
_BROADCAST = "255.255.255.255"


def reach(found: Findings, listen: Collection[Place]) -> None:
    """Warn of those whose transport or kind of address no listener has.

    listen: where the server listens; of that nothing is said when it is not known.
    """
    for name, raw in found.section("gateways").items():
        gateway = GatewayEntry.model_validate(raw)
        at = ("gateways", name, "address")
        _reach(found, at, f"gateway '{name}'", gateway.transport, gateway.place, listen)
    for name, raw in found.section("targets").items():
        uri = TargetEntry.model_validate(raw).uri
        if uri is not None:
            at = ("targets", name, "uri")
            _reach(found, at, f"target '{name}'", uri.transport, uri.address, listen)


def _reach(
    found: Findings,
    at: tuple[str, str, str],
    named: str,
    transport: str,
    place: fields.SocketAddress,
    listen: Collection[Place],
) -> None:
    if not place.named and _is_nobodys(place.host):
        found.at_value(at, f"{place.host} of {named} is no host's address: expected one that is")
        return
    missing = lacking(transport, place, listen) if listen else ""
    if missing:
        found.at_value(at, f"no listener reaches {named}: expected {missing} in `listen`")


def _is_nobodys(host: str) -> bool:
    address = ip_address(host)
    return address.is_unspecified or address.is_multicast or host == _BROADCAST


def lacking(transport: str, place: fields.SocketAddress, listen: Collection[Place]) -> str:
    """What listener is missing, "" when one fits."""
    wanted = (transport,) if transport in {"udp", "tcp", "tls"} else _BY_SIZE
    fitting = [host for by, host, _ in listen if by in wanted]
    sixth = ":" in place.host
    # What a name stands for is not known here.
    if any(place.named or (":" in host) == sixth for host in fitting):
        return ""
    kind = "" if place.named else f" at an IPv{6 if sixth else 4} address"
    return f"one of {' or '.join(wanted)}{kind}"
