"""Targets and gateways that no listener reaches: each call to them would fail with 503."""

from collections.abc import Collection

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.dialplan_file import GatewayEntry, TargetEntry
from callrouter.lint.findings import Findings
from callrouter.lint.routing_loops import Place

_BY_SIZE = ("udp", "tcp")


def reach(found: Findings, listen: Collection[Place]) -> None:
    """Warn of those whose transport or kind of address no listener has.

    listen: where the server listens; nothing is said when that is not known.
    """
    if not listen:
        return
    for name, raw in found.section("gateways").items():
        gateway = GatewayEntry.model_validate(raw)
        missing = lacking(gateway.transport, gateway.place, listen)
        if missing:
            message = f"no listener reaches gateway '{name}': expected {missing} in `listen`"
            found.at_value(("gateways", name, "address"), message)
    for name, raw in found.section("targets").items():
        uri = TargetEntry.model_validate(raw).uri
        missing = "" if uri is None else lacking(uri.transport, uri.address, listen)
        if missing:
            message = f"no listener reaches target '{name}': expected {missing} in `listen`"
            found.at_value(("targets", name, "uri"), message)


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
