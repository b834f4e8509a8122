"""What a process of Python imports, as it tells itself."""

import re
from typing import Final

TELLING: Final = {"PYTHONPROFILEIMPORTTIME": "1"}
"""The environment of a process that writes a line to standard error after each import."""
_LINE: Final = re.compile(r"^import time:.*\| +(\S+)$", re.MULTILINE)


def told(text: str) -> list[str]:
    """The modules in what such a process wrote, those that were there first."""
    return _LINE.findall(text)
