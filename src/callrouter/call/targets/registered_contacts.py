"""The registered telephones of an extension, as targets to ring (RFC 5626)."""

from typing import Protocol

from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.reply import Wait, reply
from callrouter.call.services.shared_state import SECONDS, Shared
from callrouter.call.targets.next_hop import NextHop
from callrouter.errors import SipError
from callrouter.pending import Unavailable
from callrouter.register.bindings import Binding
from callrouter.route.values.plan import Target
from callrouter.sip.stack import Stack
from callrouter.sip.uri import parse_uri, usual_port


class Ringer(Protocol):
    """A call, as far as it is needed here. at: steady time. phones: those found, by their keys."""

    shared: Shared
    inbox: Inbox
    phones: dict[str, Binding]

    @property
    def at(self) -> float:
        """The time of this step."""

    @property
    def now(self) -> float:
        """The clock of this step."""


async def with_phones(targets: tuple[Target, ...], call: Ringer, wait: Wait) -> tuple[Target, ...]:
    """Put each telephone that is registered now in the place of its extension.

    An extension that has none stays: it is noted as not reachable when it is rung. Raises what
    `wait` raises.
    """
    for target in targets:
        if target.extension:
            break
    else:
        return targets
    until = call.now + SECONDS
    registrations = call.shared.registrations
    asked = [
        registrations.of(target.extension, call.at) if target.extension else ()
        for target in targets
    ]
    found: list[Target] = []
    for target, question in zip(targets, asked, strict=True):
        phones = await reply(call.inbox, wait, question, until)
        if isinstance(phones, Unavailable):
            call.shared.failures.add("registrations", phones.why)
            phones = ()
        reachable = [phone for phone in phones if phone.reachable]
        for phone in reachable:
            call.phones[f"{target.extension} {phone.key}"] = phone
            made = target.copied()
            made.contact, made.uri = phone.key, phone.uri
            found.append(made)
        if not reachable:
            found.append(target)
    return tuple(found)


def hop_to_phone(call: Ringer, stack: Stack, target: Target, *, secure: bool) -> NextHop:
    """Find the way to one telephone.

    secure: the caller asked for TLS on every hop. Raises SipError 480 when it is not registered any
    more, or not by TLS.
    """
    binding = call.phones.get(f"{target.extension} {target.contact}")
    if binding is None or binding.expires <= call.at or binding.flow is None:
        raise SipError("no telephone is registered", 480)
    flow = binding.flow
    if not flow.open:
        raise SipError("no telephone is registered", 480)
    if secure and flow.transport != "TLS":
        raise SipError("the telephone is not reached by TLS", 480)
    if not binding.pinned and not binding.path:
        uri = parse_uri(binding.uri)
        transport = uri.transport or flow.transport
        flow = stack.connect(transport, uri.host, uri.port or usual_port(transport))
    routes = "".join(f"Route: {route}\r\n" for route in binding.path)
    return NextHop(binding.uri, flow, routes=routes, pinned=binding.pinned, host=binding.domain)
