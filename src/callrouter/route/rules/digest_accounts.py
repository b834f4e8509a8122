"""Digest accounts as compiled, and logins once passwords are read.

Passwords are no part of a compiled dialplan: they are read where it serves, and read again with
each reload.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mypy_extensions import mypyc_attr

from callrouter.route.rules.mailboxes import Secret
from callrouter.route.rules.prefix_table import Networks
from callrouter.serializable import Serializable


@dataclass(slots=True, kw_only=True)
class DigestAccount(Serializable):
    """A user with the place of the password. realm: "" for any.

    networks: from where it may be used, none for any address. without_qop: see Login.
    """

    user: str
    secret: Secret
    realm: str
    networks: tuple[str, ...] = ()
    without_qop: bool = False


@dataclass(slots=True, kw_only=True)
class Login(Serializable):
    """A user with the password. realm: "" for any. trunk, extension: whose, "" for not one.

    without_qop: its credentials need no qop.
    """

    user: str
    password: str
    realm: str
    trunk: str = ""
    extension: str = ""
    without_qop: bool = False


@mypyc_attr(allow_interpreted_subclasses=True)
class Logins(Serializable):
    """All logins.

    anywhere: by user, those that may come from any address. trunks: of trunks that have addresses,
    by trunk. gateways: by gateway.
    """

    __slots__ = ("anywhere", "gateways", "trunks")

    def __init__(
        self,
        anywhere: Mapping[str, Login] | None = None,
        trunks: Mapping[str, Login] | None = None,
        gateways: Mapping[str, Login] | None = None,
    ) -> None:
        self.anywhere: Mapping[str, Login] = {} if anywhere is None else anywhere
        self.trunks: Mapping[str, Login] = {} if trunks is None else trunks
        self.gateways: Mapping[str, Login] = {} if gateways is None else gateways


@dataclass(slots=True, kw_only=True)
class Enrolment(Serializable):
    """A registration of ours with a gateway.

    user, domain: of its address of record; domain "" for the gateway's address. seconds: for how
    long it is asked for.
    """

    user: str
    domain: str
    seconds: int


@dataclass(slots=True, kw_only=True)
class Access(Serializable):
    """The accounts of a dialplan.

    realm: that of telephones and of trunks without addresses. trunks, gateways: by name. phones: by
    extension. roaming: the trunks known by their credentials alone. phones_trunk: the one that
    calls of telephones come in by, "" for none. enrolments: our registrations, by gateway.
    registered: by gateway, the trunk that calls to the Contact of such a registration come in by.
    algorithms: by which passwords are proven to us, the better first. logins: none until the
    passwords are read, before the dialplan serves.
    """

    realm: str = "callrouter"
    trunks: Mapping[str, DigestAccount] = field(default_factory=dict)
    phones: Mapping[str, DigestAccount] = field(default_factory=dict)
    gateways: Mapping[str, DigestAccount] = field(default_factory=dict)
    roaming: frozenset[str] = frozenset()
    phones_trunk: str = ""
    enrolments: Mapping[str, Enrolment] = field(default_factory=dict)
    registered: Mapping[str, str] = field(default_factory=dict)
    algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    logins: Logins = field(default_factory=Logins)
    _bound: dict[str, Networks[str]] = field(init=False)
    _somewhere: Networks[str] = field(init=False)
    _called: dict[str, tuple[str, ...]] = field(init=False)
    _anywhere: bool = field(init=False)

    def __post_init__(self) -> None:
        bound = {name: phone.networks for name, phone in self.phones.items() if phone.networks}
        self._bound = {name: _any_of(networks) for name, networks in bound.items()}
        self._somewhere = _any_of(one for networks in bound.values() for one in networks)
        called: dict[str, tuple[str, ...]] = {name: (name,) for name in self.phones}
        for name, phone in self.phones.items():
            others = called.get(phone.user, ())
            called[phone.user] = others if name in others else (*others, name)
        self._called = called
        self._anywhere = len(bound) < len(self.phones) or bool(self.roaming or self.registered)

    def admits(self, source: str) -> bool:
        """Somebody may come from this IP address, and prove who it is."""
        return self._anywhere or self._somewhere.find(source) is not None

    def lets(self, extension: str, source: str) -> bool:
        """A telephone of an extension may be at this IP address."""
        networks = self._bound.get(extension)
        return networks is None or networks.find(source) is not None

    def calls_at(self, user: str, source: str) -> bool:
        """Say whether this user of From is a telephone's whose `addresses` name an IP address."""
        bound = [self._bound.get(name) for name in self._called.get(user, ())]
        return any(it is not None and it.find(source) is not None for it in bound)

    def named(self, user: str) -> str:
        """Return the extension whose telephones call by this user of From, "" for none."""
        return next(iter(self._called.get(user, ())), "")

    @property
    def open(self) -> bool:
        """Somebody may come from any address."""
        return bool(self.phones or self.roaming or self.registered)


def _any_of(cidrs: Iterable[str]) -> Networks[str]:
    return Networks((cidr, cidr) for cidr in cidrs)
