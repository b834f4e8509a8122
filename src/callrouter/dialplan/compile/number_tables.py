"""Tables of numbers: their files read, and made into the tables that `route` looks rows up in."""

from dataclasses import dataclass, field
from pathlib import Path

from callrouter.dialplan.check.references import TABLES
from callrouter.dialplan.check.validation import Checker
from callrouter.dialplan.compile.hunt_builder import HuntBuilder
from callrouter.dialplan.compile.list_loading import misplaced, unreadable
from callrouter.dialplan.compile.number_rows import MISTAKES, WAYS, Rows
from callrouter.dialplan.grammar.dialplan_file import NumberTableEntry
from callrouter.dialplan.grammar.names import RUNG, uses
from callrouter.route.rules.number_rules import Number
from callrouter.route.rules.number_table import ROW, NumberTable


@dataclass(slots=True, kw_only=True)
class TableFiles:
    """The files of all tables.

    rows, paths: by the name of a table. taken: the rows that have a number, by its E.164 form.
    """

    rows: dict[str, Rows] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    taken: dict[str, Rows] = field(default_factory=dict)

    @property
    def digests(self) -> list[str]:
        """Digests of their contents."""
        return [rows.digest for rows in self.rows.values()]

    @property
    def hosts(self) -> set[str]:
        """The hosts in all URIs."""
        return {
            rung.place.address.host
            for rows in self.rows.values()
            for rung in rows.rung
            if rung.place is not None
        }


def read_tables(checker: Checker, file: str, country: str) -> TableFiles:
    """Read the files of all tables of a dialplan; what is wrong is noted with the checker."""
    found = TableFiles()
    folder = Path(file).parent
    for name, entry in checker.tables.items():
        place = (TABLES, name, "file")
        path = folder / entry.file
        found.paths[name] = str(path)
        message = misplaced(path, folder)
        rows = Rows(path, checker, country)
        try:
            if not message:
                rows.read(path, found.taken)
        except OSError as error:
            message = unreadable(path, error)
        if message:
            checker.mistakes.at_value(place, message)
            continue
        found.rows[name] = rows
        for mistake in rows.mistakes:
            checker.mistakes.elsewhere(mistake)
        if not rows.mistakes:
            _check_use(checker, name, rows)
    return found


def check_twice(checker: Checker, files: TableFiles, file: str) -> None:
    """Check that no number of a table is one of `numbers:`, which the checker has seen by now."""
    both = sorted(files.taken.keys() & checker.written.keys())
    for normal in both[:MISTAKES]:
        key, line = checker.written[normal]
        other = f"'{key}' on line {line} of {file}"
        checker.mistakes.elsewhere(files.taken[normal].clash(normal, other))


def table(files: TableFiles, name: str, rules: Number, hunts: HuntBuilder) -> NumberTable:
    """Build a table without mistakes. rules: those of its numbers."""
    rows = files.rows[name]
    return NumberTable(
        file=files.paths[name],
        rules=rules,
        keys=rows.keys,
        normals=rows.normals,
        lines=rows.lines,
        targets=[hunts.row(rung) for rung in rows.rung],
        chosen=rows.chosen,
        users=rows.users,
    )


def _check_use(checker: Checker, name: str, rows: Rows) -> None:
    """Check that what rows ring is rung, and that they ring something when it is."""
    raw = checker.entries(TABLES)[name]
    used = [
        use.path
        for use in uses(NumberTableEntry, raw, (TABLES, name))
        if use.named == RUNG and use.name == ROW
    ]
    if rows.rings and not used:
        message = f"the file says what each row rings, and no hunt rings '{ROW}'"
        checker.mistakes.at_value((TABLES, name, "file"), message)
    for path in used if not rows.rings else ():
        ways = ", ".join(f"'{way}'" for way in WAYS)
        message = f"no column of the file says what '{ROW}' is: expected one of {ways}"
        checker.mistakes.at_value(path, message)
