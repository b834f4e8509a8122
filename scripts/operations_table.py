"""The table of operations over HTTP in docs/operations.md, made from their routes and models.

After an operation was added or changed: python scripts/operations_table.py
"""

from pathlib import Path
from typing import Any, Final

from callrouter.api.routes import ROUTES, Route

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "operations.md"
BEGIN: Final = "<!-- operations: made by scripts/operations_table.py -->"
END: Final = "<!-- end of operations -->"


def table() -> str:
    """Each operation with what it is told and what it answers."""
    rows = ["| request | what it does | values | answer |", "|---|---|---|---|"]
    return "\n".join([*rows, *map(_row, ROUTES)])


def update(text: str) -> str:
    """A document with the part between the two marks renewed."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _row(route: Route[Any, Any]) -> str:
    does = " ".join((route.operation.__doc__ or "").split()).rstrip(".")
    values = [
        f"`{name}`" if field.is_required() else f"[`{name}`]"
        for name, field in route.request.model_fields.items()
        if name not in route.in_path
    ]
    answer = [f"`{name}`" for name in route.answer.model_fields]
    cells = [f"`{route.method} {route.path}`", does, " ".join(values), " ".join(answer)]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    DOCUMENT.write_text(update(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
