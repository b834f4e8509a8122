"""DNS resolution of SIP names: NAPTR, SRV, A and AAAA (RFC 3263 section 4).

Theory: DNS is written by strangers, so whatever it answers becomes at most `MOST_PLACES` addresses
with ports, or nothing. Names in answers are only ever asked for again; they are never read as text.
"""

import asyncio
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver
from dns.name import Name, from_text

from callrouter.errors import CallrouterError
from callrouter.route.values.gateway_candidates import GatewayAddress, TransportAddress
from callrouter.sip.uri import usual_port

MOST_PLACES: Final = 32
_MOST_SERVICES: Final = 16
"""SRV records that are looked at, those of the lowest priority first."""
_MOST_ADDRESSES: Final = 8
"""Addresses of one of them."""
_SHARES: Final = 840
"""A weight is divided among the addresses of its name, 1 to 8 of them, without a remainder."""
_QUERY_SECONDS: Final = 5.0
_WHOLE_SECONDS: Final = 15.0

_SERVICES: Final = {b"SIP+D2U": "udp", b"SIP+D2T": "tcp", b"SIPS+D2T": "tls"}
_LABELS: Final = {"udp": ("_sip", "_udp"), "tcp": ("_sip", "_tcp"), "tls": ("_sips", "_tcp")}


class ResolveError(CallrouterError):
    """A failed resolution: DNS did not answer, or its answer is no use; the message says why."""


class ResolvedName(NamedTuple):
    """The places of a name, and for how many seconds that is true."""

    places: tuple[TransportAddress, ...]
    ttl: float


class _Service(NamedTuple):
    """A name to ask SRV records of. rank: its place in the order of preference."""

    transport: str
    name: Name
    rank: int


class Resolver:
    """A DNS resolver. servers: (IP address, port) of those to ask, none for the system's.

    transports: those that we can send by, in the order they are preferred. sixth: IPv6 is spoken.
    """

    def __init__(
        self, servers: Sequence[tuple[str, int]], transports: Iterable[str], *, sixth: bool
    ) -> None:
        self._transports = tuple(transports)
        self._kinds = ("A", "AAAA") if sixth else ("A",)
        try:
            self._dns = dns.asyncresolver.Resolver(configure=not servers)
        except dns.resolver.NoResolverConfiguration:
            self._dns = dns.asyncresolver.Resolver(configure=False)
        if servers:
            self._dns.nameservers = [
                dns.nameserver.Do53Nameserver(host, port) for host, port in servers
            ]

    async def find(self, goal: GatewayAddress) -> ResolvedName:
        """Look a goal up. Raises ResolveError when nothing usable is known of it."""
        try:
            async with asyncio.timeout(_WHOLE_SECONDS):
                return await self._find(goal)
        except TimeoutError:
            raise ResolveError("DNS took too long") from None

    async def _find(self, goal: GatewayAddress) -> ResolvedName:
        name = from_text(goal.host)
        transport = goal.transport or "udp"
        if goal.port:
            hosts, ttl = await self._addresses(name)
            return _found([TransportAddress(transport, host, goal.port) for host in hosts], ttl)
        services, least = await self._services(goal, name)
        places: list[TransportAddress] = []
        known = False
        for service in services:
            records, ttl = await self._ask(service.name, "SRV")
            if records:
                known = True
                more, ttl = await self._served(service, records, ttl, goal.transport)
                places += more
                least = min(least, ttl)
        if known:
            return _found(places, least)
        hosts, ttl = await self._addresses(name)
        port = usual_port(transport)
        return _found([TransportAddress(transport, host, port) for host in hosts], min(least, ttl))

    async def _services(self, goal: GatewayAddress, name: Name) -> tuple[list[_Service], float]:
        """Return what to ask SRV records of: as is written, as NAPTR says, or all we speak."""
        ttl = float("inf")
        if not goal.transport:
            records, seconds = await self._ask(name, "NAPTR")
            offered = sorted(records, key=lambda it: (it.order, it.preference))
            usable = [
                _Service(transport, it.replacement, rank)
                for rank, it in enumerate(offered)
                if it.flags.lower() == b"s"
                and not it.regexp
                and (transport := _SERVICES.get(it.service.upper(), "")) in self._transports
            ]
            if usable:
                return usable[:_MOST_SERVICES], seconds
        named = "udp" if goal.transport == "auto" else goal.transport
        wanted = (named,) if named else self._transports
        return [
            _Service(transport, Name((*map(str.encode, _LABELS[transport]), *name.labels)), rank)
            for rank, transport in enumerate(wanted)
        ], ttl

    async def _served(
        self, service: _Service, records: list[Any], ttl: float, written: str
    ) -> tuple[list[TransportAddress], float]:
        """Return the addresses behind SRV records; a host that is not found is left out."""
        usable = sorted(
            (it for it in records if it.port and len(it.target.labels) > 1),
            key=lambda it: (it.priority, -it.weight, it.target, it.port),
        )[:_MOST_SERVICES]
        asked = await asyncio.gather(
            *(self._addresses(it.target) for it in usable), return_exceptions=True
        )
        places: list[TransportAddress] = []
        for it, answer in zip(usable, asked, strict=True):
            if isinstance(answer, ResolveError):
                continue
            if isinstance(answer, BaseException):
                raise answer
            hosts, seconds = answer
            ttl = min(ttl, seconds)
            # What is preferred by NAPTR comes before all of the next, whatever its priorities.
            priority = (service.rank << 16) + it.priority
            weight = it.weight * _SHARES // max(len(hosts), 1)
            transport = "auto" if written == "auto" else service.transport
            places += [
                TransportAddress(transport, host, it.port, priority, weight) for host in hosts
            ]
        return places, ttl

    async def _addresses(self, name: Name) -> tuple[list[str], float]:
        """Return the addresses of a host that something can be sent to."""
        hosts: list[str] = []
        ttl = float("inf")
        error = ResolveError(f"DNS has no address of {name}")
        for kind in self._kinds:
            try:
                records, seconds = await self._ask(name, kind)
            except ResolveError as failed:
                error = failed
                continue
            found = sorted(it.address for it in records)
            hosts += [host for host in found if _is_usable(host)][:_MOST_ADDRESSES]
            ttl = min(ttl, seconds) if records else ttl
        if not hosts:
            raise error
        return hosts[:_MOST_ADDRESSES], ttl

    async def _ask(self, name: Name, kind: str) -> tuple[list[Any], float]:
        """Return the records of a kind and their seconds to live; none when there are none.

        Raises ResolveError when DNS did not answer, or said that it cannot.
        """
        try:
            answer = await self._dns.resolve(
                name, kind, raise_on_no_answer=False, lifetime=_QUERY_SECONDS, search=False
            )
        except dns.resolver.NXDOMAIN:
            return [], float("inf")
        except (dns.exception.DNSException, OSError) as failed:
            what = type(failed).__name__ if isinstance(failed, dns.exception.DNSException) else ""
            raise ResolveError(f"{kind} of {name}: {what or failed}") from failed
        if answer.rrset is None:
            return [], float("inf")
        return list(answer.rrset), float(answer.chaining_result.minimum_ttl)


def _found(places: list[TransportAddress], ttl: float) -> ResolvedName:
    if not places:
        raise ResolveError("DNS says that nobody is there")
    kept = sorted(places, key=lambda place: place.priority)[:MOST_PLACES]
    return ResolvedName(tuple(dict.fromkeys(kept)), ttl)


def _is_usable(host: str) -> bool:
    """Private addresses will do: who writes a name into a dialplan may mean its own network."""
    address = ipaddress.ip_address(host)
    return not (address.is_multicast or address.is_unspecified or address.is_reserved)
