"""Each of the 60 rows of the conformance checklist has a test that is named after it."""

import re
from pathlib import Path


def test_each_row_has_a_test_of_its_name() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("*.py"))
    rows = re.findall(r"\ndef test_row_([0-9]{2})_|\nasync def test_row_([0-9]{2})_", text)
    assert {int(one or other) for one, other in rows} == set(range(1, 61))
