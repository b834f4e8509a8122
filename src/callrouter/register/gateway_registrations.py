"""All our registrations with gateways: as many as the dialplan that serves has."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from callrouter.metric import Rows, gauge
from callrouter.register.register_client import (
    FAILED,
    REGISTERED,
    CarrierAccount,
    Registration,
    Spot,
)
from callrouter.route.rules.digest_accounts import Access, Enrolment, Login
from callrouter.route.values.gateway_candidates import Gateway, TransportAddress
from callrouter.sip.stack import Stack
from callrouter.sip.uri import host_port, usual_port


class GatewayRegistrations:
    """The keeper of our registrations with gateways.

    Whoever calls it does so in a step of the stack.

    places: where gateways with DNS names are, by gateway. The user of a Contact of ours is a token
    that nobody else has, so a call to it comes from whom we told it.
    """

    __slots__ = ("_by_contact", "_chance", "_kept", "_places", "_stack")

    def __init__(
        self,
        stack: Stack,
        places: Mapping[str, Sequence[TransportAddress]],
        chance: Callable[[], float],
    ) -> None:
        """chance: from 0 to 1, each time another."""
        self._stack = stack
        self._places = places
        self._chance = chance
        self._kept: dict[str, Registration] = {}
        self._by_contact: dict[str, str] = {}

    def serve(self, gateways: Mapping[str, Gateway], access: Access) -> None:
        """Be registered as this dialplan says; what is the same goes on as it is."""
        before = self._kept
        self._kept = {}
        hosts = frozenset(gateway.goal.host for gateway in gateways.values())
        for name, enrolment in access.enrolments.items():
            gateway, login = gateways[name], access.logins.gateways.get(name)
            old = before.pop(name, None)
            contact = self._stack.token() if old is None else old.account.contact
            account = _account(gateway, enrolment, contact, hosts)
            if old is not None and old.account == account and _same(old.login, login):
                self._kept[name] = old
                continue
            if old is not None:
                old.stop()
            find = partial(self._spot, gateway)
            self._kept[name] = Registration(self._stack, account, find, login, self._chance)
        for gone in before.values():
            gone.stop()
        self._by_contact = {it.account.contact: name for name, it in self._kept.items()}

    def stop(self) -> None:
        """Take all registrations back."""
        for registration in self._kept.values():
            registration.stop()

    def resume(self, gateways: Mapping[str, Gateway], access: Access) -> None:
        """Be registered anew, after `stop`."""
        self._kept = {}
        self.serve(gateways, access)

    def all(self) -> list[Registration]:
        """Every one of them."""
        return list(self._kept.values())

    def count(self, standing: str) -> int:
        """How many stand so."""
        return sum(it.standing == standing for it in self.all())

    def gateway_of(self, contact: str) -> str:
        """The gateway that was told this user of a Contact of ours, "" for none."""
        return self._by_contact.get(contact, "")

    def _spot(self, gateway: Gateway) -> Spot | None:
        goal = gateway.goal
        host, port, transport = goal.host, goal.port, goal.transport
        if gateway.named:
            places = self._places.get(gateway.name, ())
            if not places:
                return None
            transport, host, port = places[0].transport, places[0].host, places[0].port
        transport = "UDP" if transport in {"", "auto"} else transport.upper()
        name = gateway.tls_name if transport == "TLS" else ""
        return Spot(transport, host, port or usual_port(transport), name)


def _account(
    gateway: Gateway, enrolment: Enrolment, contact: str, hosts: frozenset[str]
) -> CarrierAccount:
    goal = gateway.goal
    usual = host_port(goal.host, goal.port) if goal.port else goal.host
    domain = enrolment.domain or usual
    parameter = f";transport={goal.transport}" if goal.transport in {"tcp", "tls"} else ""
    uri = f"sip:{domain}{parameter}"
    return CarrierAccount(
        gateway=gateway.name,
        user=enrolment.user,
        domain=domain,
        uri=uri,
        contact=contact,
        seconds=enrolment.seconds,
        peer=gateway,
        hosts=hosts,
    )


def _same(one: Login | None, other: Login | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.user, one.password, one.realm) == (other.user, other.password, other.realm)


METRICS: Final[Rows[GatewayRegistrations]] = (
    gauge(
        "callrouter_registrations",
        "This many of our registrations with gateways hold now; a gateway without one may send "
        "us no calls.",
        lambda it: it.count(REGISTERED),
    ),
    gauge(
        "callrouter_registrations_failed",
        "This many of our registrations with gateways do not hold and are tried again; it "
        "should be 0.",
        lambda it: it.count(FAILED),
    ),
)
