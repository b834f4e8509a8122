"""Accounts of a dialplan: what cannot stand together, and the compiled whole."""

from ipaddress import ip_network

from callrouter.dialplan.check.validation import Checker
from callrouter.dialplan.grammar.dialplan_file import DialplanFile
from callrouter.dialplan.grammar.login_credentials import RegisterEntry, account_of
from callrouter.dialplan.grammar.trunks_gateways import GatewayEntry, TrunkEntry
from callrouter.route.rules.digest_accounts import Access, Enrolment


def check_accounts(checker: Checker) -> None:
    """Note the mistakes of all accounts together."""
    users: dict[str, str] = {}
    phones_trunk = ""
    for name, trunk in checker.trunks.items():
        path = ("trunks", name)
        if trunk.phones:
            if phones_trunk:
                message = f"trunk '{phones_trunk}' takes the calls of telephones already"
                checker.mistakes.at_key((*path, "phones"), message)
            phones_trunk = phones_trunk or name
        if trunk.auth is not None and roams(trunk):
            if trunk.auth.realm is not None:
                message = "a trunk without addresses is challenged with the dialplan's 'realm'"
                checker.mistakes.at_value((*path, "auth", "realm"), message)
            _claim(checker, users, trunk.auth.user, f"trunk '{name}'", (*path, "auth", "user"))
    for name, extension in checker.extensions.items():
        if extension.phone is not None:
            path = ("extensions", name)
            owner = f"extension '{name}'"
            _claim(checker, users, extension.phone.user, owner, (*path, "phone", "user"))
    _check_gateways(checker)
    _check_registered(checker)
    for name, target in checker.targets.items():
        called = target.extension
        if called in checker.extensions and checker.extensions[called].phone is None:
            message = f"extension '{called}' has no 'phone' that could register"
            checker.mistakes.at_value(("targets", name, "extension"), message)


def _check_gateways(checker: Checker) -> None:
    for name, gateway in checker.gateways.items():
        if gateway.auth is not None and gateway.auth.without_qop:
            message = (
                "a gateway's challenge says whether it wants qop: this is of trunks and phones"
            )
            checker.mistakes.at_value(("gateways", name, "auth", "without_qop"), message)
        if gateway.register_ is not None and gateway.register_.user is None and not gateway.auth:
            message = "expected 'user', or 'auth' at the gateway"
            checker.mistakes.at_value(("gateways", name, "register"), message)


def _check_registered(checker: Checker) -> None:
    """Check the trunks whose calls come by a registration of ours."""
    owners: dict[str, str] = {}
    for name, trunk in checker.trunks.items():
        path = ("trunks", name, "registered")
        via = trunk.registered
        if via is None:
            continue
        if via in checker.gateways and checker.gateways[via].register_ is None:
            checker.mistakes.at_value(path, f"gateway '{via}' has no 'register'")
        first = owners.setdefault(via, name)
        if first != name:
            message = f"the calls of that registration come in by trunk '{first}' already"
            checker.mistakes.at_value(path, message)


def _claim(
    checker: Checker, users: dict[str, str], user: str, owner: str, path: tuple[str, ...]
) -> None:
    first = users.setdefault(user, owner)
    if first != owner:
        checker.mistakes.at_value(path, f"user '{user}' belongs to {first} already")


def roams(trunk: TrunkEntry) -> bool:
    """Say whether a trunk is known by its credentials alone."""
    return trunk.auth is not None and not trunk.addresses and not trunk.tls_peer


def houses_telephones(trunk: TrunkEntry, checker: Checker) -> bool:
    """Say whether telephones that are bound to addresses may be at those of a trunk."""
    bound = [
        ip_network(network)
        for extension in checker.extensions.values()
        if extension.phone is not None
        for network in extension.phone.addresses
    ]
    return any(
        one.version == other.version and one.overlaps(other)
        for one in map(ip_network, trunk.addresses)
        for other in bound
    )


def access_of(checker: Checker, head: DialplanFile, file: str) -> Access:
    """Return the compiled accounts of a file without mistakes."""
    trunks = checker.trunks
    return Access(
        realm=head.realm,
        trunks={
            name: account_of(trunk.auth, trunk.auth.realm or head.realm, file)
            for name, trunk in trunks.items()
            if trunk.auth is not None
        },
        phones={
            name: account_of(extension.phone, head.realm, file)
            for name, extension in checker.extensions.items()
            if extension.phone is not None
        },
        gateways={
            name: account_of(gateway.auth, gateway.auth.realm or "", file)
            for name, gateway in checker.gateways.items()
            if gateway.auth is not None
        },
        roaming=frozenset(name for name, trunk in trunks.items() if roams(trunk)),
        phones_trunk=next((name for name, trunk in trunks.items() if trunk.phones), ""),
        enrolments={
            name: _enrolment(gateway, gateway.register_)
            for name, gateway in checker.gateways.items()
            if gateway.register_ is not None
        },
        registered={trunk.registered: name for name, trunk in trunks.items() if trunk.registered},
        algorithms=tuple(head.algorithms),
    )


def _enrolment(gateway: GatewayEntry, entry: RegisterEntry) -> Enrolment:
    user = entry.user or (gateway.auth.user if gateway.auth is not None else "")
    return Enrolment(user=user, domain=entry.domain or "", seconds=int(entry.expires))
