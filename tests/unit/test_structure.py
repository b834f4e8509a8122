"""The rules of docs/architecture.md, held against the syntax trees and the files themselves."""

import ast
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from support.groups import TOGETHER

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "src" / "callrouter"

# What each part may import from the package: a folder with all in it, or one module. What is not
# named here (commands, demo, cli, __main__) wires the others together, and none of these may
# import it.
MAY_IMPORT: Final = {
    "errors": set[str](),
    "sip": {"errors"},
    "route": {"errors"},
    "dialplan": {"errors", "route"},
    "secret": {"errors", "route"},
    "register": {"errors", "route", "sip"},
    "call": {"errors", "register", "route", "sip"},
    "archive": {
        *("errors", "private", "route", "secret", "call.keeping", "media.wav"),
        *("observe.database", "observe.store"),
    },
    "net": {"errors", "sip", "route.gateways"},
    "observe": {"errors", "printable", "private", "call.events", "call.record"},
    "lookup": {"route", "call.shared"},
    "media": {"errors", "call.events", "call.media", "route.dialplan", "route.prompts"},
    "state": {"errors", "private", "route", "register.bindings", "observe.database"},
    "control": {
        *("errors", "register", "route", "dialplan.callers", "dialplan.compiler", "media.prompts"),
        *("call.events", "call.record", "observe.log", "state"),
    },
    "config": {"errors", "dialplan", "guarding", "listening"},
    "guard": {
        *("config", "call.calls", "call.door", "call.ending", "net", "route.dialplan", "sip"),
        "state.bans",
    },
    "privileges": {"errors"},
    "private": {"errors"},
    "guarding": {"dialplan", "net.strangers", "state.bans"},
    "listening": {"dialplan", "net.limits", "net.tls"},
    "printable": set[str](),
    "outcomes": {"printable", "route"},
    "simulate": {"errors", "call", "dialplan", "register.bindings", "route", "sip"},
    "testing": {"errors", "call", "dialplan", "outcomes", "route", "simulate"},
    "lint": {"errors", "config", "dialplan", "listening", "net.tls", "route"},
    "diff": {"errors", "dialplan", "observe", "outcomes", "route"},
    "json_schema": {"errors", "dialplan", "testing"},
    "bench": {"dialplan", "route", "errors"},
    "figures": {"guard", "observe", "parts", "register.outbound", "state.gateways"},
    "parts": {
        *("archive", "call", "config", "control.live", "figures", "guard", "lookup", "media"),
        *("net", "observe", "register", "route", "secret", "sip", "state"),
    },
    "server": {
        *("config", "control", "errors", "net.clock", "net.tls", "observe", "parts", "route"),
        "state.gateways",
    },
}
# Input and output, clocks and chance come in as arguments there.
SANS_IO: Final = ("sip", "route", "call", "register")
OUTSIDE: Final = {"asyncio", "socket", "time", "datetime", "random", "secrets", "os", "logging"}

_MODULE_LINES: Final = 600
_FUNCTION_LINES: Final = 60
_NOQA: Final = re.compile(r"noqa(: *[A-Z0-9, ]+)?")

# Written in two pieces, or this file would break its own rule.
_REGISTRIES: Final = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.", "crates" + ".io")
_MACHINE: Final = re.compile("(?<![A-Za-z0-9_.$}])/" + "(work|root|home)/")
_NOT_OURS: Final = {"var", "build", "__pycache__"}


def nodes(path: Path) -> Iterator[ast.AST]:
    """All of the syntax tree of a file."""
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


class Import(NamedTuple):
    """One import. module: its full name."""

    module: str
    place: str


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    """The folder or module below the package that a file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """What a file imports; asked again and again, and the trees are too big to be kept."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[Import]:
    for node in nodes(path):
        place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, place)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{place}: imports are written with the full name"
            module = node.module or ""
            yield Import(module, place)
            if module == "callrouter" or module.startswith("callrouter."):
                # A name may be a module: `from callrouter.dialplan import fields`.
                for alias in node.names:
                    if (PACKAGE / Path(*module.split(".")[1:]) / f"{alias.name}.py").is_file():
                        yield Import(f"{module}.{alias.name}", place)


def tracked() -> Iterator[tuple[Path, str]]:
    """Every text file of the tree that is not made by tools."""
    for path in sorted(ROOT.rglob("*")):
        below = path.relative_to(ROOT)
        top = below.parts[0]
        if _NOT_OURS & set(below.parts) or any(part.endswith(".egg-info") for part in below.parts):
            continue
        if (top.startswith(".") and top not in {".ci", ".gitignore"}) or not path.is_file():
            continue
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_part_imports_only_what_stands_below_it(part: str) -> None:
    wrong = []
    for path in modules():
        if part_of(path) != part:
            continue
        for module, place in imports(path):
            names = module.split(".")
            if names[0] != "callrouter" or len(names) == 1 or names[1] == part:
                continue
            if names[1] not in MAY_IMPORT[part] and ".".join(names[1:3]) not in MAY_IMPORT[part]:
                # `from callrouter.call import record` is seen twice: the module says enough.
                if len(names) == 2 and any(m.startswith(f"{names[1]}.") for m in MAY_IMPORT[part]):
                    continue
                wrong.append(f"{place}: {part} imports {module}")
    assert wrong == []


def test_every_part_has_a_rule_or_is_wiring() -> None:
    parts = {part_of(path) for path in modules()}
    assert parts - set(MAY_IMPORT) == {"__init__", "__main__", "cli", "commands", "demo"}
    assert set(MAY_IMPORT) - parts == set()


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
        *("archive", "bench", "commands", "control"),
        *("demo", "lookup", "media", "net", "parts", "server"),
    }


def test_no_module_is_longer_than_a_concept() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in (*modules(), *(ROOT / "tests").rglob("*.py"))
    }
    assert {path: lines for path, lines in lengths.items() if lines > _MODULE_LINES} == {}


def test_all_stories_play_in_one_process() -> None:
    files = (ROOT / "tests" / "system").glob("test_*.py")
    tell = {path.name for path in files if "from support.stage " in path.read_text("utf-8")}
    assert tell == TOGETHER["stage"]


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for path in modules()
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= _FUNCTION_LINES
    ]
    assert long == []


def test_whoever_catches_everything_says_why_or_raises_it_again() -> None:
    wrong = []
    for path in modules():
        reasons = comments(path)
        for node in nodes(path):
            if not isinstance(node, ast.ExceptHandler) or not broad(node.type):
                continue
            last = node.body[-1]
            again = isinstance(last, ast.Raise) and last.exc is None
            if not again and not reasons.get(node.lineno):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert wrong == []


def comments(path: Path) -> dict[int, str]:
    """By line, what comments say beside their noqa."""
    with path.open("rb") as file:
        return {
            token.start[0]: _NOQA.sub("", token.string).strip(" #-")
            for token in tokenize.tokenize(file.readline)
            if token.type == tokenize.COMMENT
        }


def broad(caught: ast.expr | None) -> bool:
    """It catches more than anybody can name."""
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})
        for kind in kinds
    )


def test_no_file_names_a_package_registry() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path, text in tracked()
        for host in _REGISTRIES
        if host in text
    ]
    assert found == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {text[match.start() : match.end() + 20]!r}"
        for path, text in tracked()
        if (match := _MACHINE.search(text))
    ]
    assert found == []
