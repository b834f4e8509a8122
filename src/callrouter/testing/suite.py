"""A test file as it was read: its dialplan, its tests, and where each stands.

A mistake in a test file is an error with its place, as in a dialplan: also a name that the dialplan
does not have, which would otherwise be a test that fails for no reason that it shows.
"""

import ipaddress
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.dialplan.grammar.builtin_prompts import BUILTIN
from callrouter.errors import ConfigError, Diagnostic
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.facts import Facts
from callrouter.testing.case_file import HUNTED, CallFacts, Case, CaseFile
from callrouter.testing.rate_plan_tests import KEY, RatePlanSuite, read_suite
from callrouter.yamlfile.marked import Mapping
from callrouter.yamlfile.mistakes import Mistakes
from callrouter.yamlfile.reader import load

SUFFIX = ".test.yaml"


class Tested:
    """A dialplan under test. document: as it was read. dialplan: as it was compiled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.document = load(path)
        self.dialplan: Dialplan = compile_dialplan(self.document)
        self._zone = ZoneInfo(self.dialplan.timezone)

    def names(self, section: str) -> Collection[str]:
        """Return the names that a section of the file defines."""
        found = self.document.data.get(section)
        names: Collection[str] = found.keys() if isinstance(found, Mapping) else ()
        return {*names, *BUILTIN} if section == "prompts" else names

    def facts(self, call: CallFacts) -> Facts:
        """Return what is known of a call. Its trunk must be one of the dialplan's."""
        trunk = call.trunk
        if trunk is None and call.source is not None:
            origin = self.dialplan.trunk_of(call.source)
            trunk = origin.name if origin is not None else ""
        if trunk is None:
            trunk = next(iter(self.dialplan.trunks))
        source = call.source or self._address(trunk)
        at = self.time(call.at)
        return Facts(
            trunk=trunk,
            source=source,
            caller=call.from_,
            called=call.to,
            to_user=call.to_header,
            to_ext=call.to_ext,
            at=at,
            extension=self.dialplan.telephone_of(trunk, call.from_),
        )

    def time(self, local: datetime) -> float:
        """Return the Unix time of a time that the dialplan's clocks show."""
        return local.replace(tzinfo=self._zone).timestamp()

    def _address(self, trunk: str) -> str:
        entry = self.document.data["trunks"].get(trunk)
        if entry is None:
            return ""
        addresses = entry.get("addresses")
        if not addresses:
            return ""  # known by its certificate
        network = ipaddress.ip_network(addresses[0])
        return str(network[1] if network.num_addresses > 1 else network[0])


@dataclass(slots=True, kw_only=True, frozen=True)
class Suite:
    """One test file. lines: where each of its tests begins."""

    file: str
    tested: Tested
    tests: list[Case]
    lines: list[int]


def beside(dialplan: Path) -> Path:
    """Return where the tests of a dialplan are, if it has any."""
    return dialplan.with_name(f"{dialplan.stem}{SUFFIX}")


def find(paths: Iterable[Path]) -> list[Path]:
    """Return the test files that paths name: themselves, those of a dialplan, or all in a folder.

    Raises ConfigError where there are none.
    """
    found: list[Path] = []
    wrong = []
    for path in paths:
        if path.is_dir():
            below = sorted(path.rglob(f"*{SUFFIX}"))
        else:
            tests = path if path.name.endswith(SUFFIX) else beside(path)
            below = [tests if tests.is_file() else path]
        if not below:
            wrong.append(Diagnostic(f"there is no *{SUFFIX} below", str(path)))
        found += [file for file in below if file not in found]
    if wrong:
        raise ConfigError(wrong)
    return found


def read(path: Path, known: dict[Path, Tested]) -> Suite | RatePlanSuite:
    """Read a test file: of a dialplan, or of rate plans, which it names with `plans`.

    Raises ConfigError with every mistake, in file order.

    known: the dialplans read so far; it is added to.
    """
    document = load(path)
    if isinstance(document.data, Mapping) and KEY in document.data:
        return read_suite(document)
    mistakes = Mistakes(document)
    cases = mistakes.checked((), CaseFile, document.data)
    if cases is None:
        raise mistakes.error()
    tested = _dialplan(path, cases, known, mistakes)
    for index, case in enumerate(cases.tests):
        _check(mistakes, ("tests", index), case, tested)
    if mistakes.any():
        raise mistakes.error()
    raw = document.data["tests"]
    lines = [raw.find(index).line for index in range(len(raw))]
    return Suite(file=document.file, tested=tested, tests=cases.tests, lines=lines)


def _dialplan(path: Path, cases: CaseFile, known: dict[Path, Tested], mistakes: Mistakes) -> Tested:
    wanted = Path(os.path.normpath(path.parent / cases.dialplan))
    if not wanted.is_file():
        mistakes.at_value(("dialplan",), f"there is no file {wanted}")
        raise mistakes.error()
    if wanted not in known:
        known[wanted] = Tested(wanted)
    return known[wanted]


def _check(mistakes: Mistakes, path: tuple[str | int, ...], case: Case, tested: Tested) -> None:
    """Check the names a test uses against the dialplan's."""

    def refer(inside: tuple[str | int, ...], kind: str, named: Iterable[Any] | None) -> None:
        known = tested.names(f"{kind}s")
        for index, name in enumerate(named or ()):
            where = name if isinstance(named, dict) else index
            if name not in known and not (kind == "target" and tested.dialplan.rings(name)):
                mistakes.unknown((*path, *inside, where), kind, name, known)

    call = case.call
    trunks = tested.dialplan.trunks
    if call.trunk is not None and call.trunk not in trunks:
        mistakes.unknown((*path, "call", "trunk"), "trunk", call.trunk, trunks)
    refer(("state", "down"), "gateway", case.state.down)
    refer(("state", "override"), "schedule", case.state.override)
    refer(("state", "away"), "extension", case.state.away)
    refer(("state", "forwards"), "extension", case.state.forwards)
    refer(("state", "barred"), "extension", case.state.barred)
    refer(("state", "spent"), "extension", case.state.spent)
    refer(("legs",), "target", case.legs)
    refer(("expect", "targets"), "target", case.expect.targets)
    refer(("expect", "ring"), "target", case.expect.ring)
    number = case.expect.number
    if number and number not in tested.dialplan.numbers:
        mistakes.unknown((*path, "expect", "number"), "number", number, tested.names("numbers"))
    refer(("expect", "heard"), "prompt", case.expect.heard)
    box = case.expect.voicemail
    if box and box not in tested.dialplan.boxes:
        mistakes.unknown(
            (*path, "expect", "voicemail"), "voicemail box", box, tested.dialplan.boxes
        )
    if not case.is_played and case.cancel is not None:
        mistakes.at_key((*path, "cancel"), "'cancel' needs a call that is played: write 'legs'")
    if not case.is_played:
        for key in sorted(case.expect.model_fields_set & HUNTED):
            mistakes.at_key(
                (*path, "expect", key), f"'{key}' needs a call that is played: write 'legs'"
            )
