"""What no text file of the tree may say."""

import re
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

# Written in two pieces, or this file would break its own rule.
_REGISTRIES: Final = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.", "crates" + ".io")
_MACHINE: Final = re.compile("(?<![A-Za-z0-9_.$}])/" + "(work|root|home)/")
_NOT_OURS: Final = {"var", "build", "__pycache__"}
_HIDDEN_BUT_OURS: Final = {".ci", ".gitignore"}


@cache
def texts() -> dict[Path, str]:
    """Every text file of the tree that is not made by tools, by its path below the root."""
    found: dict[Path, str] = {}
    for top in sorted(ROOT.iterdir()):
        if top.name.startswith(".") and top.name not in _HIDDEN_BUT_OURS:
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else (top,):
            below = path.relative_to(ROOT)
            made = any(part in _NOT_OURS or part.endswith(".egg-info") for part in below.parts)
            if made or not path.is_file():
                continue
            try:
                found[below] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return found


def test_no_file_names_a_package_registry() -> None:
    found = [
        f"{path}: {host}" for path, text in texts().items() for host in _REGISTRIES if host in text
    ]
    assert found == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    found = [
        f"{path}: {text[match.start() : match.end() + 20]!r}"
        for path, text in texts().items()
        if (match := _MACHINE.search(text))
    ]
    assert found == []
