"""From a dialplan file to the compiled dialplan, or to all mistakes in it at once."""

import hashlib
from pathlib import Path
from typing import Final

import orjson

from callrouter.dialplan import fields, schema
from callrouter.dialplan.check import Checker
from callrouter.dialplan.yaml import Document, Sequence, load
from callrouter.route import numbers, rules
from callrouter.route.causes import cause_of
from callrouter.route.dialplan import Dialplan
from callrouter.route.plan import Hunt, Plan, Refusal, Target, Verdict
from callrouter.route.sources import Network

_RING_ONE: Final = 55.0
_RING_SEVERAL: Final = 15.0
_REDIRECTS: Final = 5
# All 6xx but 600, which is only busy: they speak for every phone of the user.
_STOP_ON: Final = frozenset({603, 604, 606, 607, 608})


def load_dialplan(path: Path) -> Dialplan:
    """Read and compile a dialplan. Raises ConfigError with every mistake, in file order."""
    return compile_dialplan(load(path))


def compile_dialplan(document: Document) -> Dialplan:
    """Compile a dialplan that was read. Raises ConfigError with every mistake, in file order."""
    checker = Checker(document)
    builder = None
    if checker.head is not None and not checker.mistakes.any():
        builder = _Builder(document.file, checker, checker.head)
    country = checker.head.country if checker.head is not None else ""
    built = []
    # Numbers are checked and built one by one: 100,000 models at once would be 150 MB.
    for key, raw, place in checker.entries("numbers").entries():
        normal = ""
        if country and fields.is_written_out(key):
            normal = numbers.normalise(key, country)
        entry = checker.number(key, raw, normal, place.line)
        if builder is not None and entry is not None and not checker.mistakes.any():
            built.append(builder.number(key, normal, entry, raw["route"], place.line))
    if builder is None or checker.mistakes.any():
        raise checker.mistakes.error()
    return builder.dialplan(built, _version(document), document.locate(("numbers",))[0].line)


def _version(document: Document) -> str:
    content = orjson.dumps(document.data, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()[:12]


class _Builder:
    """Builds the compiled values of a file without mistakes."""

    def __init__(self, file: str, checker: Checker, head: schema.DialplanFile) -> None:
        self._file = file
        self._checker = checker
        self._head = head
        self._places = {name: self._place(target) for name, target in checker.targets.items()}
        hosts = {place.address.host for place in self._places.values()}
        hosts.update(gateway.address.host for gateway in checker.gateways.values())
        self._hosts = frozenset(hosts)
        self._targets: dict[tuple[str, float, float], Target] = {}
        self._groups: dict[tuple[str, bool], Hunt] = {}
        self._refusals: dict[int, Refusal] = {}
        left = head.reasons.no_target_left
        self._left = None if left is None else _refusal("no_target_left", left)

    def dialplan(self, built: list[rules.Number], version: str, numbers_line: int) -> Dialplan:
        """Put all parts together."""
        networks = []
        trunks = []
        for name, raw, place in self._checker.entries("trunks").entries():
            entry = self._checker.trunks[name]
            trunk = rules.Trunk(
                name,
                entry.country or self._head.country,
                entry.called == "to",
                self._file,
                place.line,
            )
            trunks.append(trunk)
            for index, cidr in enumerate(entry.addresses):
                networks.append(Network(cidr, trunk, raw["addresses"].find(index).line))
        unknown = _refusal("unknown_number", self._head.reasons.unknown_number)
        return Dialplan(
            version,
            self._file,
            self._head.country,
            trunks,
            networks,
            built,
            numbers_line,
            self._extensions(),
            unknown,
        )

    def number(
        self, key: str, normal: str, entry: schema.Number, route: Sequence, line: int
    ) -> rules.Number:
        """Build one number; route is its steps as read, for their lines."""
        count = sum(len(self._names(step)) for step in entry.route)
        hunts = []
        verdicts = []
        for index, step in enumerate(entry.route):
            rule = f"step {index + 1} of number {key}"
            if isinstance(step.hunt, str):
                hunt = self._group(step.hunt, count > 1)
            else:
                hunt = self._hunt(rule, step.hunt, step, count > 1)
            hunts.append(hunt)
            step_line = route.find(index).line
            verdicts.append(Verdict(rule, True, "", _rings(hunt), self._file, step_line))
        plan = Plan(tuple(hunts), self._final(entry.route[-1]))
        reads_to = entry.to_header is not None
        return rules.Number(key, normal, plan, reads_to, tuple(verdicts), self._file, line)

    def _extensions(self) -> dict[str, rules.Extension]:
        built = {}
        for name, _, place in self._checker.entries("extensions").entries():
            entry = self._checker.extensions[name]
            # The number's route follows, so an extension is never the only one to ring.
            hunt = self._hunt(f"extension {name}", entry.targets, _DEFAULTS, several=True)
            built[name] = rules.Extension(name, hunt, self._file, place.line)
        return built

    def _names(self, step: schema.Step) -> list[str]:
        return self._checker.groups[step.hunt].hunt if isinstance(step.hunt, str) else step.hunt

    def _final(self, last: schema.Step) -> Refusal | None:
        options = self._checker.groups[last.hunt] if isinstance(last.hunt, str) else last
        if options.final is None:
            return self._left
        status = options.final
        known = self._refusals.get(status)
        if known is None:
            known = self._refusals[status] = Refusal("no_target_left", status, cause_of(status))
        return known

    def _group(self, name: str, several: bool) -> Hunt:
        known = self._groups.get((name, several))
        if known is None:
            group = self._checker.groups[name]
            known = self._groups[name, several] = self._hunt(name, group.hunt, group, several)
        return known

    def _hunt(
        self, name: str, names: list[str], options: schema.HuntOptions, several: bool
    ) -> Hunt:
        ring = options.ring or (_RING_SEVERAL if several else _RING_ONE)
        return Hunt(
            name,
            tuple((self._target(target, ring, options.progress),) for target in names),
            options.total or 0.0,
            _STOP_ON if options.stop_on is None else frozenset(options.stop_on),
            _REDIRECTS if options.redirects == "follow" else 0,
            self._hosts,
        )

    def _target(self, name: str, ring: float, progress: float) -> Target:
        ring = self._checker.targets[name].ring or ring
        known = self._targets.get((name, ring, progress))
        if known is None:
            uri, address, transport = self._places[name]
            known = Target(name, uri, address.host, address.port, transport, ring, progress)
            self._targets[name, ring, progress] = known
        return known

    def _place(self, target: schema.Target) -> fields.SipPlace:
        if target.uri is not None:
            return target.uri
        assert target.via is not None  # noqa: S101 - the schema asks for one of them
        gateway = self._checker.gateways[target.via]
        parameter = "" if gateway.transport == "udp" else f";transport={gateway.transport}"
        uri = f"sip:{target.number}@{gateway.address}{parameter}"
        return fields.SipPlace(uri, gateway.address, gateway.transport)


_DEFAULTS: Final = schema.HuntOptions()


def _refusal(name: str, reason: schema.Reason) -> Refusal:
    return Refusal(name, reason.status, reason.cause or cause_of(reason.status))


def _rings(hunt: Hunt) -> str:
    listed = ", ".join(f"{target.name} for {target.ring_seconds:g} s" for target in hunt.targets)
    return f"no condition; rings {listed}"
