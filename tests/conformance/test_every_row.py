"""Each row of docs/conformance.md has a test that is named after it."""

import re
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_CHECKLIST: Final = _HERE.parents[1] / "docs" / "conformance.md"


def test_each_row_has_a_test_of_its_name() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in _HERE.glob("*.py"))
    tested = re.findall(r"\n(?:async )?def test_row_([0-9]{2})_", text)
    rows = re.findall(r"^\| ([0-9]+) \|", _CHECKLIST.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == 60
    assert {int(row) for row in tested} == {int(row) for row in rows}
