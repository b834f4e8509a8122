"""Tables as people read them: they fit the terminal, and an id is never cut.

Rules. A cell of a list is cut at `Column.most` characters, whoever wrote it and wherever it is
shown: `--json` has it whole. Where there is a terminal, columns are narrowed down to their `least`,
the widest first, and what still has no room is left out from the highest `spare` on. In a pipe or a
file lines are as long as they are.
"""

import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any, Final, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from callrouter.printable import printable

_GAP: Final = 2
_UNBOUNDED: Final = 100_000


class Column(NamedTuple):
    """A column. name: its heading, and the key of its cells.

    least: characters that it may be narrowed to, 0 for none less than it has. spare: the column may
    be left out, those with the highest number first; 0: it may not. folds: cells that are wider go
    on in the next line instead of being cut. most: characters of a cell. right: for numbers.
    """

    name: str
    least: int = 0
    spare: int = 0
    folds: bool = False
    most: int = 40
    right: bool = False


def screen_width() -> int | None:
    """Columns of the terminal, or of COLUMNS; None where nothing has to fit."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return None


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[Column], title: str = "") -> str:
    """Write rows under the names of their columns."""
    width = screen_width()
    cells = [{column.name: _cell(row[column.name], column) for column in columns} for row in rows]
    kept = [
        column
        for column in columns
        if not column.spare or not cells or any(row[column.name] for row in cells)
    ]
    widths = {
        column.name: max(cell_len(column.name), *(cell_len(row[column.name]) for row in cells), 0)
        for column in kept
    }
    if width is not None:
        kept = _fitted(kept, widths, width)
    sheet = Table(box=None, pad_edge=False, header_style="bold")
    for column in kept:
        sheet.add_column(
            column.name,
            width=widths[column.name],
            overflow="fold" if column.folds else "ellipsis",
            no_wrap=not column.folds,
            justify="right" if column.right else "left",
        )
    for row in cells:
        sheet.add_row(*(Text(row[column.name]) for column in kept))
    body = _rendered(sheet)
    return f"{title}\n{body}" if title else body


def _rendered(sheet: Table) -> str:
    """Write a table whose columns have their widths, without blanks at the ends of its lines."""
    screen = Console(highlight=False)
    console = Console(
        width=_UNBOUNDED,
        file=StringIO(),
        highlight=False,
        force_terminal=screen.is_terminal,
        color_system=screen.color_system,  # type: ignore[arg-type]  # it gives what it takes
    )
    with console.capture() as capture:
        console.print(sheet)
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))


def cut(text: str, most: int) -> str:
    """Make a text printable and no longer than so many characters."""
    shown = printable(text[: most + 1])
    return shown if cell_len(shown) <= most else f"{set_cell_size(shown, most - 1).rstrip()}…"


def _cell(value: object, column: Column) -> str:
    return cut("-" if value is None else str(value), column.most)


def _fitted(columns: list[Column], widths: dict[str, int], width: int) -> list[Column]:
    """The columns that have room; `widths` is narrowed to what they get."""
    kept = list(columns)

    def total(of: Iterable[int]) -> int:
        return sum(of) + _GAP * (len(kept) - 1)

    def least(column: Column) -> int:
        return min(widths[column.name], column.least) if column.least else widths[column.name]

    while total(least(column) for column in kept) > width:
        spare = max(kept, key=lambda column: column.spare)
        if not spare.spare:
            break
        kept.remove(spare)
    while total(widths[column.name] for column in kept) > width:
        wider = [column for column in kept if widths[column.name] > least(column)]
        if not wider:
            break
        widths[max(wider, key=lambda column: widths[column.name]).name] -= 1
    return kept
