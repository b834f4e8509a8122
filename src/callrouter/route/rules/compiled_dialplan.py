"""A compiled dialplan: what `decide()` looks things up in. Built once, then only read."""

from collections.abc import Mapping
from typing import Final

from mypy_extensions import mypyc_attr

from callrouter.rating.rate_plan import RatePlans
from callrouter.recent_cache import RecentCache
from callrouter.route.rules.digest_accounts import Access
from callrouter.route.rules.mailboxes import Box, Mail
from callrouter.route.rules.number_index import NumberIndex
from callrouter.route.rules.number_rules import Extension, Menu, Number, Trunk
from callrouter.route.rules.number_table import Numbers, NumberTable
from callrouter.route.rules.outbound_lines import BalanceCall, Outbound
from callrouter.route.rules.peer_profile import USUAL, PeerProfile
from callrouter.route.rules.prompt_recipes import Prompts, Recipe
from callrouter.route.rules.queue_setup import AgentTelephones, CallBackSetup, CallQueue
from callrouter.route.rules.trunk_identification import Network, SourceIndex
from callrouter.route.values.decision import Need
from callrouter.route.values.facts import Facts
from callrouter.route.values.gateway_candidates import Gateway
from callrouter.route.values.opening_hours import Schedule
from callrouter.route.values.plan import Plan, Refusal, Target, Verdict
from callrouter.route.values.refusal_reasons import USUAL as USUAL_REASONS
from callrouter.serializable import Serializable

_KEPT: Final = 16_384
"""Called numbers of which what was found is kept."""


@mypyc_attr(allow_interpreted_subclasses=True)
class CalledNumber(Serializable):
    """The part of a decision that repeats: what one called number on one trunk was found to be.

    number: None when the dialplan has none for it, or none that is called from there. key: that of
    the number, "" when there is none. refused: the plan of a call without a number.
    looked_up: the verdicts up to the number. plan: that of each call while no gateway is down and
    nobody is blocked, None when calls differ. needs: of that plan. trace: the verdicts up to the
    plan.
    """

    __slots__ = ("key", "looked_up", "needs", "number", "plan", "refused", "trace")

    def __init__(
        self, number: Number | None, looked_up: tuple[Verdict, ...], unknown: Plan
    ) -> None:
        self.number = number
        self.key = "" if number is None else number.key
        self.refused = unknown
        self.looked_up = looked_up
        self.plan: Plan | None = None
        self.needs: tuple[Need, ...] = ()
        self.trace = looked_up


def _without_rules(file: str) -> Number:
    """Return a number that says nothing of its own. file: of the dialplan."""
    return Number(key="", normal="", route=(), reasons=USUAL_REASONS, file=file, line=1)


@mypyc_attr(allow_interpreted_subclasses=True)
class Dialplan(Serializable):
    """A compiled dialplan: every rule of one version.

    version: 12 hex digits of a hash over the content; the same content has the same version.
    file: where it was read from. country: the one that its numbers are written in.
    trunks: by name. by_certificate: trunks by the names of their certificates. numbers: by key, the
    rows of its tables too. extensions: by number. unknown: the answer to a number it has not.
    numbers_line: where the numbers start in the file. schedules: by name. files: all that it was
    read from, its own file first. timezone: that of its hours. networks: where its trunks send.
    gateways: by name, and the hosts in URIs that DNS says the place of, by a name with
    colons. menus, boxes, queues, call_backs: by name. agents: those of its queues, by extension.
    language: of prompts, unless a number says otherwise. recipes: of its own prompts. prompts: none
    until `media.sounds` has made them, before the dialplan serves. begun: what extensions begin
    with. found: kept by `decide()`, bounded; nobody else touches it. peers: gateways by name, as
    far as they are not dealt with as `usual` says. rate_plans: those that numbers and targets name,
    None when no file is named. outbound: how extensions call out, None when none does. inside: by
    what calls of telephones go that no number is for. account_mails: how owners of accounts are
    mailed; balance_calls: how they are called.
    """

    def __init__(
        self,
        version: str,
        file: str,
        country: str,
        trunks: list[Trunk],
        networks: list[Network],
        numbers: list[Number],
        numbers_line: int,
        extensions: dict[str, Extension],
        unknown: Refusal,
        schedules: Mapping[str, Schedule] | None = None,
        files: tuple[str, ...] = (),
        timezone: str = "UTC",
        gateways: Mapping[str, Gateway] | None = None,
        menus: Mapping[str, Menu] | None = None,
        language: str = "en",
        recipes: tuple[Recipe, ...] = (),
        boxes: Mapping[str, Box] | None = None,
        access: Access | None = None,
        peers: Mapping[str, PeerProfile] | None = None,
        usual: PeerProfile = USUAL,
        tables: tuple[NumberTable, ...] = (),
        queues: Mapping[str, CallQueue] | None = None,
        agents: Mapping[str, AgentTelephones] | None = None,
        call_backs: Mapping[str, CallBackSetup] | None = None,
        rate_plans: RatePlans | None = None,
        outbound: Outbound | None = None,
        inside: Number | None = None,
    ) -> None:
        self.account_mails: Mapping[str, Mail] = {}
        self.balance_calls: tuple[BalanceCall, ...] = ()
        self.outbound, self.inside = outbound, inside or _without_rules(file)
        self._usual = usual
        self._peers: Mapping[str, PeerProfile] = {} if peers is None else peers
        self.access = Access() if access is None else access
        self.version, self.rate_plans = version, rate_plans
        self.file, self.country = file, country
        self.trunks = {trunk.name: trunk for trunk in trunks}
        self.by_certificate = {name: trunk for trunk in trunks for name in trunk.tls_peers}
        self.numbers = Numbers(numbers, tables)
        self.numbers_line = numbers_line
        self.extensions = extensions
        self.unknown = Plan((), unknown)
        self.schedules: Mapping[str, Schedule] = {} if schedules is None else schedules
        self.files = files or (file,)
        self.timezone = timezone
        self.networks = tuple(networks)
        self.gateways: Mapping[str, Gateway] = {} if gateways is None else gateways
        self.menus: Mapping[str, Menu] = {} if menus is None else menus
        self.queues: Mapping[str, CallQueue] = {} if queues is None else queues
        self.agents: Mapping[str, AgentTelephones] = {} if agents is None else agents
        self.call_backs: Mapping[str, CallBackSetup] = {} if call_backs is None else call_backs
        self.language, self.recipes = language, recipes
        self.boxes: Mapping[str, Box] = {} if boxes is None else boxes
        self.prompts = Prompts({}, {}, language)
        self.begun = frozenset(key[:length] for key in extensions for length in range(1, len(key)))
        self.sources = SourceIndex(networks)
        self.index = NumberIndex(self.numbers, country)
        self.found = RecentCache[tuple[str, str], CalledNumber](_KEPT)

    def called_by(self, facts: Facts) -> str:
        """Return the number that a call is for, as its trunk writes it."""
        trunk = self.trunks.get(facts.trunk)
        return facts.to_user if trunk is not None and trunk.called_is_to else facts.called

    def rings(self, name: str) -> bool:
        """Say whether something rings by a name that no target has: a row, a line, telephones."""
        kind, _, of = name.partition(" ")
        if kind == "line":
            return self.outbound is not None and of in self.outbound.lines
        return of in self.access.phones if kind == "phones" else self.numbers.rings(name)

    def telephone_of(self, trunk: str, caller: str) -> str:
        """Return the extension whose telephone calls, by trunk and From; "" for no telephone."""
        return self.access.named(caller) if trunk and trunk == self.access.phones_trunk else ""

    def peer_of(self, target: Target) -> PeerProfile:
        """Return how the gateway of a target is dealt with."""
        return self._peers.get(target.gateway, self._usual) if target.gateway else self._usual

    def trunk_of(self, source: str, peers: tuple[str, ...] = ()) -> Trunk | None:
        """Return the trunk that a source IP address belongs to, None for a stranger.

        peers: the names of the source's verified certificate, which count first.
        """
        for name in peers:
            trunk = self.by_certificate.get(name)
            if trunk is not None:
                return trunk
        origin = self.sources.find(source)
        return None if origin is None else origin.trunk
