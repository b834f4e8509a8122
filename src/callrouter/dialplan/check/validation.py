"""Validation of a dialplan file against its grammar, and of its names against each other.

Theory: each entry of each section is checked by itself, so a mistake in one hides none in another,
and a name counts as known even when its entry is wrong. References are read from the raw data, so
they are checked even in an entry that has another mistake. All mistakes go to one collection.
"""

from collections.abc import Collection
from typing import Any, Final

from callrouter.dialplan.areas import area_names as areas
from callrouter.dialplan.check.group_nesting import MOST, Nesting, rung
from callrouter.dialplan.check.references import TABLES, References
from callrouter.dialplan.check.shared_models import Alike
from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.call_back_entries import CallBackEntry
from callrouter.dialplan.grammar.call_queues import QueueEntry
from callrouter.dialplan.grammar.call_screening import KNOWN_AS, NumberListEntry
from callrouter.dialplan.grammar.dialplan_file import (
    DialplanFile,
    NumberEntry,
    NumberTableEntry,
    TargetEntry,
)
from callrouter.dialplan.grammar.extensions import ExtensionEntry
from callrouter.dialplan.grammar.gateway_failover import GatewayGroup
from callrouter.dialplan.grammar.hunts import ACTS, Group, HuntOptions
from callrouter.dialplan.grammar.lookups import LookupEntry
from callrouter.dialplan.grammar.menus import MenuEntry
from callrouter.dialplan.grammar.names import ANYONE, EXTENSIONS, Path
from callrouter.dialplan.grammar.outbound import BalanceCallEntry, LineEntry, PermissionEntry
from callrouter.dialplan.grammar.prompts_music import Music, Prompt
from callrouter.dialplan.grammar.schedules import ScheduleEntry
from callrouter.dialplan.grammar.trunks_gateways import GatewayEntry, TrunkEntry
from callrouter.dialplan.grammar.voicemail_boxes import VoicemailBox
from callrouter.route.rules.number_table import ROW
from callrouter.route.values.external_lookup import CALLED, CALLER
from callrouter.route.values.snapshot import FORWARDS
from callrouter.yamlfile.marked import Document, Mapping

_OPTIONS: Final = tuple(HuntOptions.model_fields)
_ORIGINS: Final = (EXTENSIONS, ANYONE)
_TOGETHER: Final = ("parallel", "staggered")


class Checker(References):
    """Checker of one document. written: its numbers by E.164 form, as written and on which line.

    virtual: those of them that call nobody.
    rate_plans, accounts: the names of those in the file that it names, None when that cannot be
    read.
    """

    def __init__(
        self,
        document: Document,
        rate_plans: Collection[str] | None = frozenset(),
        accounts: Collection[str] | None = frozenset(),
    ) -> None:
        super().__init__(document, {"rate_plans": rate_plans, "accounts": accounts})
        _plain(self._data)
        self.head = self.checked_head(DialplanFile)
        self.trunks = self.checked_section("trunks", TrunkEntry)
        self.gateways = self.checked_section("gateways", GatewayEntry)
        self.gateway_groups = self.checked_section("gateway_groups", GatewayGroup)
        self.targets = self.checked_section("targets", TargetEntry)
        self.extensions = self.checked_section("extensions", ExtensionEntry)
        self.outbound_lines = self.checked_section("outbound_lines", LineEntry)
        self.permissions = self.checked_section("permissions", PermissionEntry)
        self.groups = self.checked_section("groups", Group)
        self.schedules = self.checked_section("schedules", ScheduleEntry)
        self.lists = self.checked_section("lists", NumberListEntry)
        self.lookups = self.checked_section("lookups", LookupEntry)
        self.menus = self.checked_section("menus", MenuEntry)
        self.queues = self.checked_section("queues", QueueEntry)
        self.call_backs = self.checked_section("call_backs", CallBackEntry)
        self.balance_calls = self.checked_section("balance_calls", BalanceCallEntry)
        self.prompts = self.checked_section("prompts", Prompt)
        self.hold_music = self.checked_section("hold_music", Music)
        self.boxes = self.checked_section("voicemail", VoicemailBox)
        for raw in self.entries(TABLES).values():
            if isinstance(raw, Mapping):
                _plain(raw)
        self.tables = self.checked_section(TABLES, NumberTableEntry)
        self.written: dict[str, tuple[str, int]] = {}
        self.virtual: set[str] = set()
        self._alike = Alike()
        self._nesting = Nesting(self.entries("groups"), self.mistakes.at_value)
        self._check_networks()
        self._check_references()

    def _check_references(self) -> None:
        for name, raw in self.entries("groups").items():
            if name in self.names("targets"):
                message = f"a target is named '{name}' too: in a hunt they could not be told apart"
                self.mistakes.at_key(("groups", name), message)
            self._check_hunt(("groups", name), raw)
        self._check_tables()
        self._check_crowd(("backup",), _get(self._data, "backup"))
        for name, raw in self.entries("menus").items():
            if isinstance(raw, Mapping):
                self._check_menu(("menus", name), raw)
        self._check_call_backs()
        for name, raw in self.entries("queues").items():
            if isinstance(raw, Mapping):
                self._check_keys(("queues", name), raw)
                self._check_agents(("queues", name, "agents"), raw.get("agents"))

    def _check_call_backs(self) -> None:
        """Check that there is a gateway by which callers are called back."""
        outbound = _get(self._data, "outbound")
        for name, entry in self.call_backs.items():
            if entry.via is None and _get(outbound, "default") is None:
                message = "expected 'via', or 'default' in 'outbound': by what is it called back?"
                self.mistakes.at_key(("call_backs", name), message)

    def _check_tables(self) -> None:
        """Check the rules of tables; their files are read by the compiler."""
        for name, raw in self.entries(TABLES).items():
            self._check_number((TABLES, name), raw, self.tables.get(name))
        for section in ("targets", "groups") if self.entries(TABLES) else ():
            if ROW in self.names(section):
                message = (
                    f"a {section[:-1]} cannot be named '{ROW}': in '{TABLES}' the word means "
                    "what the row of a number rings"
                )
                self.mistakes.at_key((section, ROW), message)

    def number(self, key: str, raw: Any, normal: str, line: int) -> NumberEntry | None:
        """Check one entry of `numbers:`; None when it cannot be built from.

        normal: its E.164 form, "" for a prefix or pattern. line: where it stands.
        """
        path = ("numbers", key)
        if isinstance(raw, Mapping):
            _plain(raw)
        number = self._alike.find(raw)
        if number is None:
            before = self.mistakes.count()
            number = self.checked_entry(path, fields.number_key, raw, NumberEntry)
            self._check_number(path, raw, number)
            if number is not None and self.mistakes.count() == before:
                self._alike.keep(raw, number)
        else:
            self.check_key(path, fields.number_key)
        if normal and self.written.setdefault(normal, (key, line))[1] != line:
            first, first_line = self.written[normal]
            same = f"is the same number as '{first}' on line {first_line}"
            self.mistakes.at_key(path, f"'{key}' {same}")
        if normal and number is not None and number.virtual:
            self.virtual.add(normal)
        return number

    def _check_number(self, path: Path, raw: Any, number: NumberEntry | None) -> None:
        """Check the names in a number, and the keys that belong together."""
        self._check_route((*path, "route"), _get(raw, "route"))
        self._check_route((*path, "overflow"), _get(raw, "overflow"))
        if _get(raw, "overflow") is not None and _get(raw, "lines") is None:
            message = "'overflow' is for calls beyond 'lines', which is missing"
            self.mistakes.at_key((*path, "overflow"), message)
        self._check_crowd((*path, "backup"), _get(raw, "backup"))
        lookup = None if number is None else self.lookups.get(number.lookup or "")
        if lookup is not None and CALLER not in lookup.url:
            message = f"it asks with {CALLED}: expected a look-up with '{CALLER}' in its url"
            self.mistakes.at_value((*path, "lookup"), message)
        if number is not None and number.areas is not None:
            self._check_areas((*path, "areas", "allow"), number.areas.allow or [])
            self._check_areas((*path, "areas", "refuse"), number.areas.refuse)

    def _check_menu(self, path: Path, menu: Mapping) -> None:
        self._check_keys(path, menu)
        if not menu.get("keys") and not menu.get("extensions"):
            self.mistakes.at_key(path, "a menu needs 'keys', or 'extensions: true'")

    def _check_keys(self, path: Path, entry: Mapping) -> None:
        keys = entry.get("keys")
        for key, step in keys.items() if isinstance(keys, Mapping) else ():
            if isinstance(step, Mapping):
                self._check_step((*path, "keys", key), step, first=False, last=False)

    def _check_agents(self, path: Path, agents: Any) -> None:
        """Check that nobody is an agent of one queue twice."""
        seen = set()
        for index, agent in enumerate(agents if isinstance(agents, list) else ()):
            name = agent.get("extension") if isinstance(agent, Mapping) else agent
            if isinstance(name, str) and name in seen:
                self.mistakes.at_value((*path, index), f"'{name}' is an agent of it already")
            elif isinstance(name, str):
                seen.add(name)

    def _check_networks(self) -> None:
        for name in _ORIGINS:
            if name in self.names("trunks"):
                message = f"a trunk cannot be named '{name}': in 'from' the word means all of them"
                self.mistakes.at_key(("trunks", name), message)
        owners: dict[str, str] = {}
        for name, trunk in self.trunks.items():
            for index, network in enumerate(trunk.addresses):
                owner = owners.setdefault(network, name)
                if owner != name or network in trunk.addresses[:index]:
                    message = f"{network} belongs to trunk '{owner}' already"
                    self.mistakes.at_value(("trunks", name, "addresses", index), message)
            for index, peer in enumerate(trunk.tls_peer):
                owner = owners.setdefault(f"certificate {peer}", name)
                if owner != name or peer in trunk.tls_peer[:index]:
                    message = f"{peer} belongs to trunk '{owner}' already"
                    self.mistakes.at_value(("trunks", name, "tls_peer", index), message)

    def _check_areas(self, path: Path, named: list[str]) -> None:
        country = self.head.country if self.head is not None else ""
        for index, name in enumerate(named):
            if country and areas.area(name, country) is None:
                known = areas.names_of(country).known
                self.mistakes.unknown((*path, index), "area", name, known)

    def _check_route(self, path: Path, route: Any) -> None:
        if not isinstance(route, list):
            return
        for index, step in enumerate(route):
            if isinstance(step, Mapping):
                later = route[index + 1 :]
                self._check_step((*path, index), step, index == 0, all(map(_may_pass, later)))

    def _check_step(self, path: Path, step: Mapping, first: bool, last: bool) -> None:
        if not last and "final" in step:
            message = "'final' is for when nobody is left: it belongs to the last step"
            self.mistakes.at_key((*path, "final"), message)
        if first and "on" in step:
            message = "'on' is about the step before: the first step has none"
            self.mistakes.at_key((*path, "on"), message)
        self._check_act(path, step)
        self._check_feature(path, step)
        hunt = step.get("hunt")
        if not isinstance(hunt, str):
            self._check_hunt(path, step)
            return
        if hunt in self.names("targets") and hunt not in self.names("groups"):
            return
        for option in _OPTIONS:
            if option in step:
                message = f"a group brings its own options: write '{option}' at group '{hunt}'"
                self.mistakes.at_key((*path, option), message)

    def _check_feature(self, path: Path, step: Mapping) -> None:
        """Check that digits are dialled where a step is about them."""
        supervise = _get(step.get("feature"), "supervise")
        if supervise is not None and not (path[0] == "numbers" and "x" in str(path[1])):
            message = "whom it is about is dialled behind the code: expected a number as '*55*x*'"
            self.mistakes.at_value((*path, "feature", "supervise"), message)
        forward = _get(step.get("feature"), "forward")
        if forward in FORWARDS and not (path[0] == "numbers" and "x" in str(path[1])):
            message = (
                "what calls go on to is dialled behind the code: expected a number as '*72*x*'"
            )
            self.mistakes.at_value((*path, "feature", "forward"), message)

    def _check_act(self, path: Path, step: Mapping) -> None:
        """Check that a step's keys go with what it does."""
        if "hunt" not in step and any(act in step for act in ACTS):
            for option in (*_OPTIONS, "confirm"):
                if option in step:
                    self.mistakes.at_key((*path, option), f"'{option}' belongs to a hunt")
            if "greet" in step and "menu" not in step:
                self.mistakes.at_key((*path, "greet"), "'greet' belongs to a hunt or a menu")
        if "answer" in step and "play" not in step:
            message = "'answer' belongs to 'play'; a greeting has its own, in 'greet'"
            self.mistakes.at_key((*path, "answer"), message)

    def _check_hunt(self, path: Path, raw: Any) -> None:
        """Check the names of a hunt, and the options that belong together."""
        if not isinstance(raw, Mapping):
            return
        hunt = raw.get("hunt")
        self._check_crowd((*path, "hunt"), hunt)
        strategy = raw.get("strategy", "sequential")
        if (strategy == "staggered") != ("every" in raw):
            if "every" in raw:
                self.mistakes.at_key((*path, "every"), "'every' is for 'strategy: staggered'")
            else:
                message = "'strategy: staggered' needs 'every', such as every: 2s"
                self.mistakes.at_value((*path, "strategy"), message)
        for index, entry in enumerate(hunt if isinstance(hunt, list) else ()):
            if isinstance(entry, Mapping) and strategy != "weighted":
                message = "a weight is for 'strategy: weighted'"
                self.mistakes.at_value((*path, "hunt", index), message)
            inner = self.entries("groups").get(rung(entry) or "")
            within = _get(inner, "strategy") or "sequential"
            if strategy in _TOGETHER and inner is not None and within != "parallel":
                message = (
                    f"a {strategy} hunt rings targets and parallel groups: "
                    f"group '{rung(entry)}' is {within}"
                )
                self.mistakes.at_value((*path, "hunt", index), message)

    def _check_crowd(self, path: Path, hunt: Any) -> None:
        if path[0] != "groups" and self._nesting.count(hunt) > MOST:
            self.mistakes.at_value(path, f"more than {MOST} targets in one hunt")


def _get(raw: Any, key: str) -> Any:
    return raw.get(key) if isinstance(raw, Mapping) else None


def _may_pass(step: Any) -> bool:
    """Say whether a route may end before a step: it has a condition."""
    return isinstance(step, Mapping) and "when" in step


def _plain(entry: Mapping) -> None:
    """Put our own words for those that people know some keys by. Places stay: the order does."""
    for word, ours in KNOWN_AS.items():
        if word in entry and ours not in entry:
            items = [(ours if key == word else key, value) for key, value in entry.items()]
            entry.clear()
            entry.update(items)
