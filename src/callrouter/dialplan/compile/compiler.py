"""Compiler of a dialplan file: to the compiled dialplan, or to all mistakes in it at once."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import orjson

from callrouter.dialplan.check.references import TABLES
from callrouter.dialplan.check.validation import Checker
from callrouter.dialplan.compile import holiday_tables as calendar
from callrouter.dialplan.compile.account_builder import (
    access_of,
    check_accounts,
    houses_telephones,
)
from callrouter.dialplan.compile.candidate_builder import CandidateBuilder, check_groups
from callrouter.dialplan.compile.event_rule_builder import EventRuleBuilder
from callrouter.dialplan.compile.hunt_builder import HuntBuilder, phones_of
from callrouter.dialplan.compile.list_loading import read_lists
from callrouter.dialplan.compile.number_tables import TableFiles, check_twice, read_tables, table
from callrouter.dialplan.compile.outbound_builder import (
    balance_calls_of,
    check_caller_ids,
    check_outbound,
    outbound_of,
)
from callrouter.dialplan.compile.prompt_files import PromptFiles, read_sounds
from callrouter.dialplan.compile.queue_builder import QueueBuilder
from callrouter.dialplan.compile.rate_plan_builder import NamedPlans
from callrouter.dialplan.compile.refusals import USUAL_REFUSALS, Refusals
from callrouter.dialplan.compile.screening_rules import ScreenBuilder
from callrouter.dialplan.compile.step_builder import (
    StepBuilder,
    is_code,
    recording_of,
    voice_of,
)
from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.call_screening import NumberReasons
from callrouter.dialplan.grammar.dialplan_file import Backup, DialplanFile, NumberEntry
from callrouter.dialplan.grammar.extensions import ExtensionEntry
from callrouter.dialplan.grammar.hunts import HuntOptions, Rung
from callrouter.dialplan.grammar.lookups import lookup
from callrouter.dialplan.grammar.names import ANYONE, EXTENSIONS
from callrouter.dialplan.grammar.peers import peer_of, usual_peer
from callrouter.dialplan.grammar.trunks_gateways import TrunkEntry
from callrouter.dialplan.grammar.voicemail_boxes import box_of
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.rules import number_rules as rules
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.hunt_strategies import HuntRule
from callrouter.route.rules.number_table import NumberTable
from callrouter.route.rules.outbound_lines import Outbound
from callrouter.route.rules.trunk_identification import Network
from callrouter.route.values.media_steps import Voice, Voicemail, VoiceStep
from callrouter.route.values.refusal_reasons import UNKNOWN_NUMBER
from callrouter.yamlfile.marked import Document, Mapping, Section, placed
from callrouter.yamlfile.reader import collector_paused, load

_DEFAULTS = HuntOptions()

Origins = frozenset[str] | None
"""Trunks by name, None for all."""


def load_dialplan(path: Path) -> Dialplan:
    """Read and compile a dialplan. Raises ConfigError with every mistake, in file order."""
    return compile_dialplan(load(path))


@collector_paused()
def compile_dialplan(document: Document) -> Dialplan:
    """Compile a dialplan that was read, and the lists it names: these are found beside its file.

    Raises ConfigError with every mistake, in file order.
    """
    plans = NamedPlans(document)
    checker = Checker(document, plans.names, plans.accounts)
    plans.check(checker)
    country = checker.head.country if checker.head is not None else ""
    lists = read_lists(checker, document.file, country)
    tables = read_tables(checker, document.file, country)
    sounds = read_sounds(checker, document)
    check_accounts(checker)
    check_groups(checker)
    check_outbound(checker, country)
    builder = None
    if checker.head is not None and not checker.mistakes.any():
        screens = ScreenBuilder(document, checker.head, lists.built)
        builder = _Builder(document, checker, checker.head, screens, tables, plans)
    built = []
    # Numbers are checked and built one by one: 100,000 models at once would be 150 MB.
    for key, raw, line in checker.entries("numbers").shared():
        normal = ""
        if country and fields.is_written_out(key):
            normal = numbers.normalise(key, country)
        entry = checker.number(key, raw, normal, line)
        if entry is not None and entry.rate_plan is not None:
            plans.check_currency(checker, ("numbers", key), entry.rate_plan)
        if entry is not None and entry.account is not None:
            plans.check_payer(checker, ("numbers", key), entry.account, entry.rate_plan)
        if builder is not None and entry is not None and not checker.mistakes.any():
            built.append(builder.number(f"number {key}", key, normal, entry, raw, line))
    check_twice(checker, tables, document.file)
    for name, entry in checker.tables.items():
        if entry.virtual:
            checker.virtual.update(tables.rows[name].normals)
    check_caller_ids(checker, country)
    if builder is None or checker.mistakes.any():
        raise checker.mistakes.error()
    numbers_line = document.locate(("numbers",))[0].line
    digests = lists.digests + tables.digests + sounds.digests
    if plans.document is not None:
        digests.append(_version(plans.document, []))
    files = [*lists.files, *tables.paths.values(), *plans.files]
    version = _version(document, digests)
    return builder.dialplan(built, version, numbers_line, files, sounds)


def _version(document: Document, digests: list[str]) -> str:
    """Hash the content as JSON with sorted keys.

    It is written a piece at a time: in one it would take as much memory as the file.
    """
    digest = hashlib.sha256(b"[")
    for piece in _object(document.data):
        digest.update(piece)
    for part in digests:
        digest.update(b"," + orjson.dumps(part))
    digest.update(b"]")
    return digest.hexdigest()[:12]


def _object(mapping: Mapping) -> Iterator[bytes]:
    before = b"{"
    for key in sorted(mapping):
        value = mapping[key]
        yield before + orjson.dumps(key) + b":"
        if isinstance(value, Section):
            yield from _object(value)
        else:
            yield orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        before = b","
    yield b"}" if mapping else b"{}"


class _Builder:
    """Builds the compiled values of a file without mistakes."""

    def __init__(
        self,
        document: Document,
        checker: Checker,
        head: DialplanFile,
        screens: ScreenBuilder,
        tables: TableFiles,
        plans: NamedPlans,
    ) -> None:
        self._document = document
        self._file = file = document.file
        self._checker = checker
        self._head = head
        self._screens = screens
        self._events = EventRuleBuilder(screens.lists)
        self._candidates = CandidateBuilder(checker)
        self._tables = tables
        self._hunts = HuntBuilder(file, checker, self._candidates, tables.hosts)
        self._schedules = {
            name: calendar.schedule(name, entry, head.timezone or "UTC")
            for name, entry in checker.schedules.items()
        }
        self._steps = StepBuilder(file, checker, self._hunts, self._schedules)
        self._lookups = {
            name: lookup(name, checker.lookups[name], file, place.line)
            for name, _, place in checker.entries("lookups").entries()
        }
        self._refusals = USUAL_REFUSALS.own(head.reasons)
        self._gateways: dict[frozenset[str], frozenset[str]] = {}  # most numbers need the same
        self._inside = frozenset(name for name, trunk in checker.trunks.items() if trunk.phones)
        self._named: dict[frozenset[str], frozenset[str]] = {}  # as with gateways
        self._said: dict[NumberReasons, Refusals] = {}
        self._backup = self._hunt_of_backup("backup", head.backup)
        self._usual = usual_peer(head.session_timer)
        self._plans = plans
        accounts = {} if plans.plans is None else plans.plans.accounts
        self._limited = {name for name, terms in accounts.items() if terms.limited}

    def dialplan(
        self,
        built: list[rules.Number],
        version: str,
        numbers_line: int,
        files: list[str],
        sounds: PromptFiles,
    ) -> Dialplan:
        """Put all parts together. files: those of its lists, tables and rate plans."""
        tables = tuple(self._number_tables())  # before the gateways: these are looked up, too
        networks = []
        trunks = []
        for name, raw, place in self._checker.entries("trunks").entries():
            entry = self._checker.trunks[name]
            trunk = self._trunk(name, entry, place.line)
            trunks.append(trunk)
            for index, cidr in enumerate(entry.addresses):
                networks.append(
                    Network(cidr=cidr, trunk=trunk, line=raw["addresses"].find(index).line)
                )
        queues = QueueBuilder(self._file, self._checker, self._steps)
        dialplan = Dialplan(
            version=version,
            file=self._file,
            country=self._head.country,
            trunks=trunks,
            networks=networks,
            numbers=built,
            numbers_line=numbers_line,
            extensions=self._extensions(),
            unknown=self._refusals.known[UNKNOWN_NUMBER],
            schedules=self._schedules,
            files=(self._file, *files, *sounds.files),
            timezone=self._head.timezone or "UTC",
            gateways={**self._candidates.gateways, **self._candidates.hosts},
            menus=self._steps.menus(),
            language=self._head.language,
            recipes=tuple(sounds.recipes),
            boxes={
                name: box_of(name, entry, self._file) for name, entry in self._checker.boxes.items()
            },
            access=access_of(self._checker, self._head, self._file),
            peers={
                name: peer_of(entry, self._usual) for name, entry in self._checker.gateways.items()
            },
            usual=self._usual,
            tables=tables,
            queues=queues.queues(),
            agents=queues.agents(self._schedules),
            rate_plans=self._plans.plans,
            call_backs=queues.call_backs(self._head, self._hunts, self._schedules),
            outbound=self._outbound(built),
            inside=self._inside_calls(),
        )
        dialplan.account_mails = self._plans.mails
        dialplan.balance_calls = balance_calls_of(self._checker, self._hunts, self._file)
        return dialplan

    def _outbound(self, built: list[rules.Number]) -> Outbound | None:
        """How extensions call out. built: all numbers."""
        return outbound_of(
            document=self._document,
            checker=self._checker,
            head=self._head,
            hunts=self._hunts,
            lists=self._screens.lists,
            lookups=self._lookups,
            built=built,
        )

    def _inside_calls(self) -> rules.Number:
        """By what calls of telephones go that no number is for."""
        line = self._document.locate(("extensions",))[0].line
        reasons = self._refusals.known
        return rules.Number(
            key="",
            normal="",
            route=(),
            reasons=reasons,
            file=self._file,
            line=line,
            longest_call=self._head.longest_call,
        )

    def _number_tables(self) -> Iterator[NumberTable]:
        for name, raw, _ in self._checker.entries(TABLES).entries():
            rules = self.number(f"table {name}", "", "", self._checker.tables[name], raw, 0)
            yield table(self._tables, name, rules, self._hunts)

    def _trunk(self, name: str, entry: TrunkEntry, line: int) -> rules.Trunk:
        return rules.Trunk(
            name=name,
            country=entry.country or self._head.country,
            called_is_to=entry.called == "to",
            file=self._file,
            line=line,
            lines=entry.lines or 0,
            calls_per_second=entry.calls_per_second or 0,
            tls_peers=tuple(entry.tls_peer),
            inband=entry.dtmf == "inband",
            guarded=entry.auth is not None or entry.phones,
            peer=peer_of(entry, self._usual, entry.transfer, entry.caller),
            packets_per_second=entry.packets_per_second or 0,
            houses=bool(self._inside) and houses_telephones(entry, self._checker),
        )

    def number(
        self,
        rule: str,
        key: str,
        normal: str,
        entry: NumberEntry,
        raw: Mapping,
        line: int,
    ) -> rules.Number:
        """Build one number; raw is the same as read, its lines count from `line`."""
        refusals = self._own_refusals(entry.reasons)
        overflow: tuple[rules.Step, ...] = ()
        if entry.overflow is not None:
            name = f"overflow of {rule}"
            steps = placed(raw["overflow"], line)
            overflow = self._steps.steps(name, entry.overflow, steps, refusals)
        backup = self._backup
        if entry.backup is not None:
            backup = self._hunt_of_backup(f"backup of {rule}", entry.backup)
        open_to, codes_for = self._origins(entry)
        number = rules.Number(
            key=key,
            normal=normal,
            route=self._steps.steps(rule, entry.route, placed(raw["route"], line), refusals),
            reasons=refusals.known,
            file=self._file,
            line=line,
            reads_to=entry.to_header is not None,
            screen=self._screens.screen(rule, entry, raw, line),
            lines=entry.lines or 0,
            overflow=overflow,
            backup=backup,
            suspended=entry.suspended,
            voice=voice_of(
                entry, self._head.language, warned=(entry.account or "") in self._limited
            ),
            lookup=self._lookups.get(entry.lookup or ""),
            open_to=open_to,
            codes_for=codes_for,
            longest_call=entry.longest_call or self._head.longest_call,
            rate_plan=entry.rate_plan or "",
            events=self._events.rule(entry),
            account=entry.account or "",
            call_back=entry.call_back or "",
        )
        number.gateways = self._gateways.setdefault(number.gateways, number.gateways)
        return number

    def _origins(self, entry: NumberEntry) -> tuple[Origins, Origins]:
        """Return the trunks that a number is called from, and those that its codes are for."""
        if entry.from_ is not None:
            named = frozenset(entry.from_)
            if ANYONE in named:
                return None, None
            if EXTENSIONS in named:
                named = named - {EXTENSIONS} | self._inside
            named = self._named.setdefault(named, named)
            return named, named
        return (self._inside if is_code(entry.route) else None), self._inside

    def _own_refusals(self, reasons: NumberReasons | None) -> Refusals:
        if reasons is None:
            return self._refusals
        known = self._said.get(reasons)
        if known is None:
            known = self._said[reasons] = self._refusals.own(reasons)
        return known

    def _hunt_of_backup(self, name: str, rung: Backup | None) -> HuntRule | None:
        if rung is None:
            return None
        return self._hunts.hunt(name, rung, _DEFAULTS, several=len(rung) > 1)

    def _extensions(self) -> dict[str, rules.Extension]:
        built = {}
        for name, _, place in self._checker.entries("extensions").entries():
            entry = self._checker.extensions[name]
            rung = [Rung(target, 1) for target in entry.targets or [phones_of(name)]]
            options = _DEFAULTS.model_copy(update={"ring": entry.ring})
            label = f"extension {name}"
            # Mostly the number's route follows, or what is said here.
            rule = self._hunts.hunt(label, rung, options, several=True)
            alone = not entry.on_no_answer and len(rung) == 1
            built[name] = rules.Extension(
                key=name,
                rule=rule,
                file=self._file,
                line=place.line,
                lines=entry.lines or 0,
                only=self._hunts.hunt(label, rung, options, several=False) if alone else None,
                afterwards=tuple(self._afterwards(name, entry)),
                schedule=self._schedules.get(entry.schedule or ""),
                forward=entry.forward.model_dump(exclude_none=True),
                caller_id=entry.caller_id or "",
                account=entry.account or "",
                voice=self._voice_outside(entry),
            )
        return built

    def _voice_outside(self, entry: ExtensionEntry) -> Voice | None:
        """The media of what an extension calls outside, None for nothing of its own."""
        head = self._head
        chosen = entry.permission or (head.outbound.permission if head.outbound else None)
        permission = self._checker.permissions.get(chosen or "")
        record = entry.record or (permission.record if permission else None)
        warned = entry.account in self._limited
        if record is None and not warned:
            return None
        recording = recording_of(record, outgoing=True)
        return Voice(language=head.language, recording=recording, warned=warned)

    def _afterwards(self, name: str, entry: ExtensionEntry) -> Iterator[HuntRule | VoiceStep]:
        for goal in entry.on_no_answer:
            if goal == "voicemail":
                yield VoiceStep(act=Voicemail(box=entry.voicemail or ""))
            else:
                rung = [Rung(entry.mobile or "", 1)]
                yield self._hunts.hunt(f"mobile of {name}", rung, _DEFAULTS, several=True)
