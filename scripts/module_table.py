"""The table of rooms and modules in docs/architecture.md, made from the modules' own first lines.

After a module was added, moved or named anew: python scripts/module_table.py
"""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "src" / "callrouter"
DOCUMENT: Final = ROOT / "docs" / "architecture.md"
BEGIN: Final = "<!-- modules: made by scripts/module_table.py -->"
END: Final = "<!-- end of modules -->"

_SENTENCE: Final = re.compile(r".+?\.(?=\s|\Z)", re.DOTALL)


def table() -> str:
    """Every room with what it may import, and its modules, from the highest to the lowest."""
    rooms: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name not in {"__init__.py", "__main__.py"}:
            rooms.setdefault(_room(path), []).append(path)
    arrows = {room: _imports(room, paths) & rooms.keys() for room, paths in rooms.items()}
    order = list(
        TopologicalSorter({room: sorted(below) for room, below in arrows.items()}).static_order()
    )
    return "\n\n".join(_chapter(room, rooms[room], arrows[room]) for room in reversed(order))


def update(text: str) -> str:
    """A document with the part between the two marks renewed."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _room(path: Path) -> str:
    folder = path.parent.relative_to(PACKAGE).parts
    return ".".join(folder) or path.stem


def _imports(room: str, paths: list[Path]) -> set[str]:
    found = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("callrouter"):
                module = PACKAGE / Path(*(node.module or "").split(".")[1:])
                files = [module / name.name for name in node.names] if module.is_dir() else [module]
                found |= {_room(file.with_suffix(".py")) for file in files}
    return found - {room}


def _chapter(room: str, paths: list[Path], below: set[str]) -> str:
    folder = PACKAGE / Path(*room.split("."))
    if not folder.is_dir():
        return f"### `{room}.py`\n\n{_first(paths[0])}{_below(below)}"
    rows = [f"| `{path.stem}` | {_first(path)} |" for path in paths]
    head = f"### `{'/'.join(room.split('.'))}/`\n\n{_first(folder / '__init__.py')}{_below(below)}"
    return "\n".join([head, "", "| module | is |", "|---|---|", *rows])


def _below(rooms: set[str]) -> str:
    return f" Imports {', '.join(f'`{room}`' for room in sorted(rooms))}." if rooms else ""


def _first(path: Path) -> str:
    """The first sentence of a module."""
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    sentence = _SENTENCE.match(said.partition("\n\n")[0])
    return " ".join(sentence[0].split()).replace("|", "\\|") if sentence else ""


if __name__ == "__main__":
    DOCUMENT.write_text(update(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
