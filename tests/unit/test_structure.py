"""The rules of docs/architecture.md, held against the syntax trees and the files themselves."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from hypothesis import HealthCheck, settings
from support.groups import TOGETHER

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "src" / "callrouter"

# What each room, a folder or a module beside the folders, may import from the package. What is not
# named (commands, demo, cli) wires the others together, and none of these may import it. From the
# lowest to the highest: a room imports nothing that stands below it in this table.
MAY_IMPORT: Final = {
    "billing": set[str](),
    "errors": set[str](),
    "metric": set[str](),
    "media": set[str](),
    "printable": set[str](),
    "serializable": set[str](),
    "queues": {"serializable"},
    "recent_cache": {"serializable"},
    "route.callers": {"serializable"},
    "route.values": {"serializable"},
    "storage.migrations": set[str](),
    "storage.migrations.versions": set[str](),
    "private": {"errors"},
    "rating": {"billing", "route.values"},
    "route.rules": {
        *("queues", "rating", "recent_cache", "route.callers", "route.values", "serializable"),
    },
    "sip": {"errors", "metric"},
    "pending": {"sip"},
    "yamlfile": {"errors"},
    "call.interwork": {"errors", "route.callers", "route.rules", "route.values", "sip"},
    "dialplan.grammar": {
        *("billing", "rating", "route.callers", "route.rules", "route.values", "yamlfile"),
    },
    "media.sounds": {"errors", "route.rules"},
    "net.overload": {"errors", "sip"},
    "outcomes": {"printable", "route.rules", "route.values"},
    "register": {"errors", "metric", "pending", "route.rules", "route.values", "sip"},
    "route.decide": {"rating", "route.callers", "route.rules", "route.values"},
    "secret": {"errors", "route.rules"},
    "call.services": {"metric", "pending", "queues", "rating", "register", "route.values"},
    "dialplan": {"dialplan.grammar", "yamlfile"},
    "dialplan.areas": {"dialplan.grammar", "errors", "route.callers", "yamlfile"},
    "media.worker": {"media", "media.sounds"},
    "net.transport": {"errors", "metric", "net.overload", "recent_cache", "sip"},
    "call.legs": {
        *("call.interwork", "call.services", "errors", "pending", "register"),
        *("route.rules", "route.values", "sip"),
    },
    "dialplan.check": {
        *("dialplan.areas", "dialplan.grammar", "route.rules", "route.values", "yamlfile"),
    },
    "lookup": {"pending", "recent_cache", "route.values"},
    "media.pool": {"call.services", "errors", "media", "metric"},
    "net.gateways": {"errors", "net.transport", "route.values", "sip"},
    "observe.cdr": {"call.services", "printable", "rating", "route.callers", "route.values"},
    "observe.trace": {"call.services", "errors", "printable", "sip"},
    "call.anchor": {"call.legs", "call.services", "errors", "route.rules", "sip"},
    "call.targets": {
        "call.interwork",
        "call.legs",
        "call.services",
        "errors",
        "pending",
        "register",
        "route.decide",
        "route.rules",
        "route.values",
        "sip",
    },
    "dialplan.compile": {
        *("billing", "dialplan.areas", "dialplan.check", "dialplan.grammar", "errors", "queues"),
        *("rating", "route.callers", "route.rules", "route.values", "yamlfile"),
    },
    "observe": {"call.services", "errors", "metric", "observe.cdr", "printable"},
    "storage": {
        *("billing", "call.services", "errors", "metric", "observe.cdr", "observe.trace"),
        *("pending", "printable", "private", "queues", "rating", "route.values", "sip"),
    },
    "archive": {
        *("call.services", "errors", "media.sounds", "metric", "printable", "private"),
        *("route.rules", "secret", "storage"),
    },
    "notices": {"archive", "billing", "errors", "route.rules", "storage"},
    "bench": {
        "dialplan.compile",
        "errors",
        "route.callers",
        "route.decide",
        "route.rules",
        "route.values",
    },
    "call": {
        "call.anchor",
        "call.interwork",
        "call.legs",
        "call.services",
        "call.targets",
        "errors",
        "pending",
        "rating",
        "register",
        "route.rules",
        "route.values",
        "sip",
    },
    "diff": {
        "errors",
        "observe.cdr",
        "outcomes",
        "route.decide",
        "route.rules",
        "route.values",
        "storage",
        "yamlfile",
    },
    "operations.reload": {
        "dialplan.compile",
        "errors",
        "media.sounds",
        "observe",
        "route.rules",
        "route.values",
    },
    "state": {
        "billing",
        *("call.services", "metric", "private", "queues", "register"),
        *("route.callers", "route.rules", "route.values", "sip", "storage"),
    },
    "call.flows.bridge": {
        "call",
        "call.legs",
        "call.services",
        "errors",
        "route.values",
        "sip",
    },
    "call.flows.ivr": {
        "call",
        "call.anchor",
        "call.legs",
        "call.services",
        "errors",
        "pending",
        "route.callers",
        "route.decide",
        "route.rules",
        "route.values",
        "sip",
    },
    "webhooks": {
        *("call.services", "errors", "metric", "observe.cdr", "queues", "route.callers"),
        *("route.rules", "route.values", "secret", "storage"),
    },
    "operations": {
        "billing",
        "call.services",
        "dialplan.areas",
        "errors",
        "metric",
        "observe.cdr",
        "operations.reload",
        "outcomes",
        "pending",
        "printable",
        "queues",
        "register",
        "route.callers",
        "route.decide",
        "route.rules",
        "route.values",
        "sip",
        "state",
        "webhooks",
        "yamlfile",
    },
    "settings": {
        *("dialplan.grammar", "errors", "net.overload", "net.transport", "route.rules", "state"),
        *("webhooks", "yamlfile"),
    },
    "api": {"errors", "operations", "yamlfile"},
    "call.flows.hunt": {"call", "call.legs", "call.targets", "route.values"},
    "lint": {
        "billing",
        "dialplan.areas",
        "dialplan.compile",
        "dialplan.grammar",
        "errors",
        "net.transport",
        "route.callers",
        "route.rules",
        "settings",
        "yamlfile",
    },
    "call.flows.transfer": {
        "call",
        "call.flows.bridge",
        "call.flows.hunt",
        "call.legs",
        "call.services",
        "errors",
        "route.callers",
        "route.decide",
        "route.values",
        "sip",
    },
    "call.flows": {
        *("call", "call.anchor", "call.flows.bridge", "call.flows.hunt", "call.flows.ivr"),
        *("call.flows.transfer", "call.legs", "call.services", "pending"),
        *("route.decide", "route.rules", "route.values"),
    },
    "call.admission": {
        "call",
        "call.flows",
        "call.interwork",
        "call.legs",
        "call.services",
        "errors",
        "metric",
        "pending",
        "queues",
        "route.callers",
        "route.decide",
        "route.rules",
        "route.values",
        "sip",
    },
    "app": {
        *("api", "archive", "call", "call.admission", "call.services", "errors", "lookup"),
        *("media.pool", "metric", "net.gateways", "net.overload", "net.transport"),
        *("notices", "observe", "operations", "operations.reload", "queues", "register"),
        *(
            "route.rules",
            "route.values",
            "secret",
            "settings",
            "sip",
            "state",
            "storage",
            "webhooks",
        ),
    },
    "web.access": {"errors", "printable", "private", "storage"},
    "web.core": {
        *("api", "observe.trace", "operations", "printable", "queues", "sip", "storage"),
        "web.access",
    },
    "web.http": {
        *("api", "archive", "call.services", "net.overload", "operations", "route.callers"),
        *("route.rules", "secret", "settings", "storage", "web.access", "web.core", "yamlfile"),
    },
    "web.pages": {
        *("api", "call.services", "dialplan.grammar", "errors", "net.overload", "observe"),
        *("operations", "route.values", "sip", "storage", "web.access", "web.core", "web.http"),
    },
    "web": {
        *("errors", "net.transport", "observe", "operations"),
        *("web.access", "web.http", "web.pages"),
    },
    "simulate": {
        *("call.admission", "call.anchor", "call.legs", "call.services", "dialplan.grammar"),
        *("errors", "observe.cdr", "register", "route.rules", "route.values", "sip", "state"),
        "yamlfile",
    },
    "testing": {
        "call.services",
        "dialplan.check",
        "dialplan.compile",
        "dialplan.grammar",
        "errors",
        "observe.cdr",
        "outcomes",
        "rating",
        "route.callers",
        "route.decide",
        "route.rules",
        "route.values",
        "simulate",
        "yamlfile",
    },
    "json_schema": {"dialplan.grammar", "testing", "yamlfile"},
}
# A leg, the events that name it and the inbox that they lie in are of one piece.
CIRCLE: Final = "call.legs"
# Input and output, clocks and chance come in as arguments there.
SANS_IO: Final = ("sip", "route", "rating", "queues", "call", "register")
OUTSIDE: Final = {"asyncio", "socket", "time", "datetime", "random", "secrets", "os", "logging"}

_PAIR: Final = ["commands", "operations"]
_MODULE_LINES: Final = 600
_SHORT_LINES: Final = 40
_SHORT_MODULES: Final = 10
_FUNCTION_LINES: Final = 60
_NOQA: Final = re.compile(r"noqa(: *[A-Z0-9, ]+)?")


class Import(NamedTuple):
    """One import. module: its full name."""

    module: str
    place: str


class Seen(NamedTuple):
    """What the tests ask of one module. The trees are too big to be kept.

    classes: the public ones. long: functions that are longer than a screen. unsaid: the places
    where everything is caught, without a reason.
    """

    imports: tuple[Import, ...]
    classes: dict[str, str]
    long: list[str]
    unsaid: list[str]


@cache
def modules() -> tuple[Path, ...]:
    return tuple(sorted(PACKAGE.rglob("*.py")))


@cache
def folders() -> frozenset[str]:
    """The folders of the package that hold modules somewhere, by their names below it."""
    found = {parent for path in modules() for parent in path.relative_to(PACKAGE).parents}
    return frozenset(".".join(folder.parts) for folder in found)


@cache
def names() -> frozenset[str]:
    """The modules by their full names."""
    paths = (path.relative_to(PACKAGE.parent).with_suffix("") for path in modules())
    return frozenset(".".join(path.parts) for path in paths)


@cache
def seen(path: Path) -> Seen:
    """Look at each statement of a module once, for all tests."""
    below = path.relative_to(ROOT)
    found: list[Import] = []
    classes: dict[str, str] = {}
    long, unsaid = [], []
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in statements(ast.parse(text)):
        match node:
            case ast.Import() | ast.ImportFrom():
                found += _imports(node, f"{below}:{node.lineno}")
            case ast.ClassDef(name=name) if not name.startswith("_"):
                classes[name] = f"{below}:{node.lineno}"
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if (node.end_lineno or 0) - node.lineno >= _FUNCTION_LINES:
                    long.append(f"{below}:{node.lineno}: {node.name}")
            case ast.ExceptHandler() if broad(node.type):
                last = node.body[-1]
                comment = lines[node.lineno - 1].partition("#")[2]
                reason = _NOQA.sub("", comment).strip(" #-")
                if not reason and not (isinstance(last, ast.Raise) and last.exc is None):
                    unsaid.append(f"{below}:{node.lineno}")
    return Seen(tuple(found), classes, long, unsaid)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements below one. Expressions, which most nodes are, hold none."""
    for body in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in getattr(node, body, ()):
            yield inner
            yield from statements(inner)


def part_of(path: Path) -> str:
    """The folder or module below the package that a file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@cache
def room_of(module: str) -> str:
    """The room of a module below the package: the folder that it lies in, or itself."""
    first, *inner = module.split(".")
    room = first
    for part in inner:
        if f"{room}.{part}" not in folders():
            break
        room = f"{room}.{part}"
    return room


@cache
def rooms() -> dict[str, set[tuple[str, str]]]:
    """What each room imports from the package: the other room, and the place of the import."""
    found: dict[str, set[tuple[str, str]]] = {}
    for path in modules():
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        below = [part for part in parts if part != "__init__"]
        if not below:
            continue
        room = room_of(".".join(below))
        here = found.setdefault(room, set())
        for module, place in imports(path):
            first, _, rest = module.partition(".")
            # `from callrouter.call import legs` is seen twice: the module says enough.
            if first == "callrouter" and rest and rest not in folders():
                other = room_of(rest)
                if other != room:
                    here.add((other, place))
    return found


def imports(path: Path) -> tuple[Import, ...]:
    """What a module imports."""
    return seen(path).imports


def _imports(node: ast.Import | ast.ImportFrom, place: str) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, place)
        return
    assert not node.level, f"{place}: imports are written with the full name"
    module = node.module or ""
    yield Import(module, place)
    # A name may be a module: `from callrouter.dialplan import fields`.
    for alias in node.names:
        if f"{module}.{alias.name}" in names():
            yield Import(f"{module}.{alias.name}", place)


WIRING: Final = {"__main__", "cli", "commands", "demo"}


def test_room_imports_only_what_its_row_names() -> None:
    wrong = [
        f"{place}: {room} imports {other}"
        for room, found in rooms().items()
        if room.partition(".")[0] not in WIRING
        for other, place in found
        if other not in MAY_IMPORT[room]
    ]
    assert wrong == []


def test_every_room_has_a_row_or_is_wiring() -> None:
    found = {room for room in rooms() if room.partition(".")[0] not in WIRING}
    assert set(MAY_IMPORT) == {room for room in found if has_modules(room)}


def has_modules(room: str) -> bool:
    """It is more than a folder of folders."""
    folder = PACKAGE / Path(*room.split("."))
    return not folder.is_dir() or {path.name for path in folder.glob("*.py")} != {"__init__.py"}


def test_row_names_nothing_that_its_room_does_without() -> None:
    used = {room: {other for other, _ in found} for room, found in rooms().items()}
    assert {room: row - used[room] for room, row in MAY_IMPORT.items() if row - used[room]} == {}


def test_no_arrow_points_upward() -> None:
    below: set[str] = set()
    upward = []
    for room, row in MAY_IMPORT.items():
        upward += [f"{room} imports {other}" for other in sorted(row - below)]
        below.add(room)
    assert upward == []


def test_rooms_of_a_call_are_few_and_their_arrows_too() -> None:
    own = {room: row for room, row in MAY_IMPORT.items() if room.partition(".")[0] == "call"}
    assert len(own) <= 12
    assert sum(len(row & own.keys()) for row in own.values()) <= 40


def test_no_circle_of_modules_but_the_one_of_the_legs() -> None:
    """One that only a type checker goes round too: neither module can be read without the other."""
    arrows = {name: found for name, found in module_imports().items() if room_of(name) != CIRCLE}
    circles = {name for name in arrows if name in reached(arrows, name)}
    assert circles == set()


def module_imports() -> dict[str, set[str]]:
    """What each module imports from the package, under TYPE_CHECKING too. Names below it."""
    paths = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in modules()}
    return {
        name: {module.removeprefix("callrouter.") for module, _ in imports(path)} & paths.keys()
        for name, path in paths.items()
    }


def reached(arrows: dict[str, set[str]], start: str) -> set[str]:
    """All that the imports of a module lead to, itself only if they lead back."""
    found: set[str] = set()
    ahead = {start}
    while ahead:
        ahead = set().union(*(arrows.get(name, set()) for name in ahead)) - found
        found |= ahead
    return found


def test_the_core_has_no_clock_no_socket_and_no_chance() -> None:
    wrong = [
        f"{place}: {module}"
        for path in modules()
        if part_of(path) in SANS_IO
        for module, place in imports(path)
        if module.split(".")[0] in OUTSIDE
    ]
    assert wrong == []


def test_only_net_and_the_wiring_know_asyncio() -> None:
    users = {
        part_of(path)
        for path in modules()
        for module, _ in imports(path)
        if module.split(".")[0] in {"asyncio", "uvloop"}
    }
    assert users <= {
        *("api", "app", "archive", "bench", "commands", "demo"),
        *("lookup", "media", "net", "notices", "operations", "web", "webhooks"),
    }


def test_public_class_has_a_name_of_its_own() -> None:
    """Whoever searches for it finds one class, and reads no import to know which one is meant."""
    places: dict[str, list[str]] = {}
    for path in modules():
        for name, place in seen(path).classes.items():
            places.setdefault(name, []).append(place)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_module_has_a_name_of_its_own_but_a_command_that_of_its_operation() -> None:
    parts: dict[str, list[str]] = {}
    for path in modules():
        if not path.name.startswith("__"):
            parts.setdefault(path.name, []).append(part_of(path))
    shared = {name: found for name, found in parts.items() if len(found) > 1}
    assert {name: found for name, found in shared.items() if found != _PAIR} == {}


def test_no_module_is_longer_than_a_concept() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in (*modules(), *(ROOT / "tests").rglob("*.py"))
    }
    assert {path: lines for path, lines in lengths.items() if lines > _MODULE_LINES} == {}


def test_few_modules_are_shorter_than_a_concept() -> None:
    """What is so short belongs to a neighbour, as a rule."""
    short = [
        str(path.relative_to(PACKAGE))
        for path in modules()
        if not path.name.startswith("__")
        and "migrations" not in path.parts
        and len(path.read_text(encoding="utf-8").splitlines()) < _SHORT_LINES
    ]
    assert len(short) <= _SHORT_MODULES, short


def test_all_stories_play_in_one_process() -> None:
    files = (ROOT / "tests" / "system").glob("test_*.py")
    tell = {path.name for path in files if "from support.stage " in path.read_text("utf-8")}
    assert tell == TOGETHER["stage"]


def test_no_function_is_longer_than_a_screen() -> None:
    assert [function for path in modules() for function in seen(path).long] == []


def test_whoever_catches_everything_says_why_or_raises_it_again() -> None:
    assert [place for path in modules() for place in seen(path).unsaid] == []


def broad(caught: ast.expr | None) -> bool:
    """It catches more than anybody can name."""
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})
        for kind in kinds
    )


def test_examples_that_hypothesis_makes_are_not_timed() -> None:
    default = settings()
    assert default.deadline is None
    assert HealthCheck.too_slow in default.suppress_health_check
