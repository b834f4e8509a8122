"""Gateways and groups of them made into candidates for targets."""

from collections.abc import Iterable

from callrouter.dialplan.check.validation import Checker
from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.dialplan_file import TargetEntry
from callrouter.dialplan.grammar.trunks_gateways import GatewayEntry
from callrouter.route.values import gateway_candidates as route
from callrouter.route.values.plan import Target


def check_groups(checker: Checker) -> None:
    """Check that no gateway is in a group twice, and no group is named as one."""
    for name, raw in checker.entries("gateway_groups").items():
        path = ("gateway_groups", name)
        if name in checker.names("gateways"):
            message = f"a gateway is named '{name}' too: in 'via' they could not be told apart"
            checker.mistakes.at_key(path, message)
        listed = raw.get("gateways") if isinstance(raw, dict) else None
        seen = set()
        for index, member in enumerate(listed if isinstance(listed, list) else ()):
            named = member.get("name") if isinstance(member, dict) else None
            if not isinstance(named, str):
                continue
            if named in seen:
                at = (*path, "gateways", index, "name")
                checker.mistakes.at_value(at, f"gateway '{named}' is in this group already")
            seen.add(named)


def compiled(name: str, entry: GatewayEntry) -> route.Gateway:
    """Build a gateway as it is probed and looked up."""
    host, port = entry.address
    named = entry.address.named
    told = "transport" in entry.model_fields_set or bool(port) or not named
    probe = entry.probe
    rest = entry.rest
    return route.Gateway(
        name,
        route.GatewayAddress(
            host, port if named else entry.place.port, entry.transport if told else ""
        ),
        named,
        tls_name_of(entry),
        None
        if probe is None
        else route.Probe(probe.every, probe.timeout, probe.down_after, probe.up_after),
        None if rest is None else route.Rest(rest.failures, rest.for_),
        diversion=entry.diversion,
        history_info=entry.history_info,
        login="" if entry.auth is None else name,
    )


def tls_name_of(entry: GatewayEntry) -> str:
    """Return whom its certificate has to name, "" for its IP address (RFC 5922 section 4)."""
    return entry.tls_name or (entry.address.host if entry.address.named else "")


class CandidateBuilder:
    """Builder of the candidates for the targets of a file without mistakes.

    hosts: the DNS names in targets' URIs, and those that redirections may lead to, as gateways
    that are named as the URI says.
    """

    def __init__(self, checker: Checker) -> None:
        self._gateways = checker.gateways
        self._groups = checker.gateway_groups
        self._built = {name: compiled(name, entry) for name, entry in self._gateways.items()}
        self.hosts: dict[str, route.Gateway] = {}

    @property
    def gateways(self) -> dict[str, route.Gateway]:
        """All gateways, by name."""
        return self._built

    def candidates(self, target: TargetEntry, bare: Target) -> tuple[route.GatewayCandidate, ...]:
        """Return the gateways to a target; none when there is one, which is always the same.

        bare: the target with its times, and where its URI says it is.
        """
        if target.uri is not None:
            _, (host, port), transport = target.uri
            if not target.uri.address.named:
                return ()
            name = self._look_up(route.GatewayAddress(host, port, transport))
            bare.tls_name = bare.tls_name or host
            bare.transport = transport or "udp"
            return (route.GatewayCandidate(target=bare, gateway=name, named=True),)
        if target.via in self._groups:
            return tuple(
                route.GatewayCandidate(
                    target=self.dialled(bare, target, member.name),
                    gateway=member.name,
                    named=self._built[member.name].named,
                    priority=member.priority,
                    weight=member.weight,
                )
                for member in self._groups[target.via].gateways
            )
        if target.via is None or not self._built[target.via].named:
            return ()
        return (route.GatewayCandidate(target=bare, gateway=target.via, named=True),)

    def follow(self, hosts: Iterable[str]) -> None:
        """Have those of these hosts looked up that are names: a redirection may lead there."""
        for host in hosts:
            if fields.SocketAddress(host, 0).named:
                for goal in route.redirect_goals(host):
                    self._look_up(goal)

    def _look_up(self, goal: route.GatewayAddress) -> str:
        name = route.name_of(goal)
        self.hosts[name] = route.Gateway(name, goal, True, of_uri=True)
        return name

    def dialled(self, bare: Target, target: TargetEntry, via: str) -> Target:
        """Return a target as it is dialled by a gateway."""
        gateway = self._gateways[via]
        made = bare.copied()
        made.uri, (made.host, made.port), made.transport = self.place(target, via)
        made.tls_name = tls_name_of(gateway)
        made.diversion = gateway.diversion
        made.history_info = gateway.history_info
        made.login = "" if gateway.auth is None else via
        made.gateway = via
        return made

    def place(self, target: TargetEntry, via: str) -> fields.SipPlace:
        """Return what a number is dialled as, by a gateway or the first one of a group."""
        if via in self._groups:
            via = self._groups[via].gateways[0].name
        gateway = self._gateways[via]
        named = gateway.transport in {"tcp", "tls"}
        parameter = f";transport={gateway.transport}" if named else ""
        # A name without port is written so: with one, SRV records would not count (RFC 3263 4.2).
        address = gateway.address if gateway.address.named else gateway.place
        return fields.SipPlace(
            f"sip:{target.number}@{address}{parameter}", gateway.place, gateway.transport
        )
