"""From a dialplan file to the compiled dialplan, or to all mistakes in it at once."""

import hashlib
from pathlib import Path
from typing import Any

import orjson

from callrouter.dialplan import calendar, fields, schema
from callrouter.dialplan.check import Checker
from callrouter.dialplan.hunting import HuntBuilder
from callrouter.dialplan.lists import read_lists
from callrouter.dialplan.refusals import USUAL_REFUSALS, Refusals
from callrouter.dialplan.screening import ScreenBuilder
from callrouter.dialplan.yaml import Document, Mapping, Sequence, load
from callrouter.route import numbers, rules
from callrouter.route.dialplan import Dialplan
from callrouter.route.hunting import HuntRule
from callrouter.route.reasons import UNKNOWN_NUMBER
from callrouter.route.sources import Network

_DEFAULTS = schema.HuntOptions()


def load_dialplan(path: Path) -> Dialplan:
    """Read and compile a dialplan. Raises ConfigError with every mistake, in file order."""
    return compile_dialplan(load(path))


def compile_dialplan(document: Document) -> Dialplan:
    """Compile a dialplan that was read, and the lists it names: these are found beside its file.

    Raises ConfigError with every mistake, in file order.
    """
    checker = Checker(document)
    country = checker.head.country if checker.head is not None else ""
    lists = read_lists(checker, document.file, country)
    builder = None
    if checker.head is not None and not checker.mistakes.any():
        screens = ScreenBuilder(document, checker.head, lists.built)
        builder = _Builder(document.file, checker, checker.head, screens)
    built = []
    # Numbers are checked and built one by one: 100,000 models at once would be 150 MB.
    for key, raw, place in checker.entries("numbers").entries():
        normal = ""
        if country and fields.is_written_out(key):
            normal = numbers.normalise(key, country)
        entry = checker.number(key, raw, normal, place.line)
        if builder is not None and entry is not None and not checker.mistakes.any():
            built.append(builder.number(key, normal, entry, raw, place.line))
    if builder is None or checker.mistakes.any():
        raise checker.mistakes.error()
    numbers_line = document.locate(("numbers",))[0].line
    version = _version(document, lists.digests)
    return builder.dialplan(built, version, numbers_line, lists.files)


def _version(document: Document, digests: list[str]) -> str:
    content = orjson.dumps([document.data, *digests], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()[:12]


class _Builder:
    """Builds the compiled values of a file without mistakes."""

    def __init__(
        self, file: str, checker: Checker, head: schema.DialplanFile, screens: ScreenBuilder
    ) -> None:
        self._file = file
        self._checker = checker
        self._head = head
        self._screens = screens
        self._hunts = HuntBuilder(file, checker)
        self._schedules = {
            name: calendar.schedule(name, entry, head.timezone or "UTC")
            for name, entry in checker.schedules.items()
        }
        self._refusals = USUAL_REFUSALS.own(head.reasons)
        self._backup = self._hunt_of_backup("backup", head.backup)

    def dialplan(
        self, built: list[rules.Number], version: str, numbers_line: int, files: list[str]
    ) -> Dialplan:
        """Put all parts together. files: those that the dialplan's own file names."""
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
                entry.lines or 0,
            )
            trunks.append(trunk)
            for index, cidr in enumerate(entry.addresses):
                networks.append(Network(cidr, trunk, raw["addresses"].find(index).line))
        return Dialplan(
            version,
            self._file,
            self._head.country,
            trunks,
            networks,
            built,
            numbers_line,
            self._extensions(),
            self._refusals.known[UNKNOWN_NUMBER],
            self._schedules,
            (self._file, *files),
            self._head.timezone or "UTC",
            frozenset(self._checker.gateways),
        )

    def number(
        self, key: str, normal: str, entry: schema.Number, raw: Mapping, line: int
    ) -> rules.Number:
        """Build one number; raw is the same as read, for its lines."""
        refusals = self._refusals if entry.reasons is None else self._refusals.own(entry.reasons)
        rule = f"number {key}"
        overflow: tuple[rules.Step, ...] = ()
        if entry.overflow is not None:
            name = f"overflow of {rule}"
            overflow = self._steps(name, entry.overflow, raw["overflow"], refusals)
        backup = self._backup
        if entry.backup is not None:
            backup = self._hunt_of_backup(f"backup of {rule}", entry.backup)
        return rules.Number(
            key,
            normal,
            self._steps(rule, entry.route, raw["route"], refusals),
            refusals.known,
            self._file,
            line,
            reads_to=entry.to_header is not None,
            screen=self._screens.screen(key, entry, raw),
            lines=entry.lines or 0,
            overflow=overflow,
            backup=backup,
            suspended=entry.suspended,
        )

    def _steps(
        self, rule: str, steps: list[schema.Step], raw: Sequence, refusals: Refusals
    ) -> tuple[rules.Step, ...]:
        built = []
        for index, step in enumerate(steps):
            name = f"step {index + 1} of {rule}"
            several = self._hunts.step(name, step, several=True)
            # Only a hunt of one target can be the only one to ring.
            one = several.count == 1
            schedule = None if step.when is None else self._schedules[step.when.schedule]
            options: Any = self._checker.groups[step.hunt] if isinstance(step.hunt, str) else step
            built.append(
                rules.Step(
                    name,
                    schedule,
                    step.when is None or step.when.is_ == "open",
                    self._hunts.step(name, step, several=False) if one else several,
                    several,
                    refusals.left if options.final is None else refusals.final(options.final),
                    self._file,
                    raw.find(index).line,
                )
            )
        return tuple(built)

    def _hunt_of_backup(self, name: str, rung: schema.Backup | None) -> HuntRule | None:
        if rung is None:
            return None
        return self._hunts.hunt(name, rung, _DEFAULTS, several=len(rung) > 1)

    def _extensions(self) -> dict[str, rules.Extension]:
        built = {}
        for name, _, place in self._checker.entries("extensions").entries():
            entry = self._checker.extensions[name]
            rung = [schema.Rung(target, 1) for target in entry.targets]
            # The number's route follows, so an extension is never the only one to ring.
            rule = self._hunts.hunt(f"extension {name}", rung, _DEFAULTS, several=True)
            built[name] = rules.Extension(name, rule, self._file, place.line, entry.lines or 0)
        return built
