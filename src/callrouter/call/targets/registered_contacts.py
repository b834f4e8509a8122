"""The registered telephones of an extension, as targets to ring (RFC 5626)."""

from typing import Protocol

from callrouter.call.services.state import Shared
from callrouter.call.targets.next_hop import NextHop
from callrouter.errors import SipError
from callrouter.register.bindings import Bindings
from callrouter.route.values.plan import Target
from callrouter.sip.stack import Stack
from callrouter.sip.uri import parse_uri, usual_port


class Ringer(Protocol):
    """A call, as far as it is needed here. at: Unix seconds."""

    shared: Shared

    @property
    def at(self) -> float:
        """The time of this step."""


def with_phones(targets: tuple[Target, ...], call: Ringer) -> tuple[Target, ...]:
    """Put each telephone that is registered now in the place of its extension.

    An extension that has none stays: it is noted as not reachable when it is rung.
    """
    for target in targets:
        if target.extension:
            break
    else:
        return targets
    found: list[Target] = []
    for target in targets:
        phones = call.shared.bindings.of(target.extension, call.at) if target.extension else []
        reachable = [phone for phone in phones if phone.reachable]
        for phone in reachable:
            made = target.copied()
            made.contact, made.uri = phone.key, phone.uri
            found.append(made)
        if not reachable:
            found.append(target)
    return tuple(found)


def way_to_phone(
    stack: Stack, bindings: Bindings, target: Target, now: float, *, secure: bool
) -> NextHop:
    """Find the way to one telephone.

    now: Unix seconds. secure: the caller asked for TLS on every hop. Raises SipError 480 when it is
    not registered, or not by TLS.
    """
    binding = bindings.find(target.extension, target.contact, now)
    if binding is None or binding.flow is None or not binding.flow.open:
        raise SipError("no telephone is registered", 480)
    flow = binding.flow
    if secure and flow.transport != "TLS":
        raise SipError("the telephone is not reached by TLS", 480)
    if not binding.pinned and not binding.path:
        uri = parse_uri(binding.uri)
        transport = (uri.param("transport") or flow.transport).upper()
        flow = stack.connect(transport, uri.host, uri.port or usual_port(transport))
    routes = "".join(f"Route: {route}\r\n" for route in binding.path)
    return NextHop(binding.uri, flow, routes=routes, pinned=binding.pinned, host=binding.domain)
