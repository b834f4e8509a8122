"""`callrouter check` on files nobody wrote by hand: an error with its place, memory bounded.

With `--full` the largest files are checked, by a process that may not have more than 2 GB of
addresses: what a MemoryError would do to it is no error with a place.
"""

import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from callrouter.cli import main
from callrouter.yamlfile.reader import MAX_BYTES

MEGABYTE: Final = 1024 * 1024
ADDRESSES: Final = 2048 * MEGABYTE
SECONDS: Final = 120.0
"""At most, on a machine with other work; the slowest take a fifth of that."""
MOST_LINES: Final = 1001
HEAD: Final = "country: CN\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
TARGETS: Final = "targets: {desk: {uri: 'sip:a@127.0.0.1'}}\n"
MISTAKE: Final = re.compile(r"\S+:\d+:\d+: error: .+")


def entries(head: str, entry: str) -> Iterator[str]:
    """A head, and an entry with a number of its own again and again."""
    yield head
    number = 0
    while True:
        yield entry.format(number)
        number += 1


HUGE: Final = {
    "numbers": '  "4000": {route: [{hunt: [desk]}]}\n',
    "one line": "x",
    "lists in lists": "[",
}
"""Repeated in files larger than any that is read."""

LARGE: Final = {
    "keys that are there twice": entries("a: 1\n", "a: 1\n"),
    "unknown keys": entries(HEAD, "k{:08}: 1\n"),
    "lists in lists": entries("", "[" * 1000),
    "one long text": entries("country: ", "x{:08}"),
    "anchors": entries("a: &a [x, x]\n", "b{:08}: &b [*a, *a]\n"),
    "tabs": entries("a:\n", "\t\n"),
    "mistakes": entries(f"{HEAD}numbers:\n", "  8{:08}: {{rout: [x]}}\n"),
    "unknown names": entries(
        f"{HEAD}{TARGETS}numbers:\n", "  8{:08}: {{route: [{{hunt: [dusk]}}]}}\n"
    ),
    "an open quote": entries("a: '", "''" * 1000),
    "items of no list": entries("numbers: [", "a," * 1000),
}
"""As large as a file may be that is read."""


def checked(file: Path) -> list[str]:
    """Check a file in another process; what it is told."""
    argv = [sys.executable, "-m", "callrouter", "check", str(file)]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        resource.prlimit(process.pid, resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (1, ""), err[-2000:]
    return err.splitlines()


def checked_here(file: Path) -> list[str]:
    """Check a file that is none of the largest."""
    result = CliRunner().invoke(main, ["check", str(file)], catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr.splitlines()


@pytest.mark.parametrize("kind", HUGE)
def test_100_megabytes_are_refused_before_they_are_read(
    kind: str, tmp_path: Path, full: bool
) -> None:
    file = tmp_path / "d.yaml"
    piece = (HUGE[kind] * MEGABYTE)[:MEGABYTE]
    with file.open("w", encoding="ascii") as stream:
        for _ in range(100):
            stream.write(piece)
    told = checked(file) if full else checked_here(file)
    assert told == [f"{file}:1:1: error: the file is larger than 16 MB"]
    file.unlink()


@pytest.mark.parametrize("kind", LARGE)
def test_largest_file_that_is_read_gets_a_bounded_number_of_places(
    kind: str, tmp_path: Path, full: bool
) -> None:
    file = tmp_path / "d.yaml"
    left = MAX_BYTES if full else MEGABYTE // 4
    with file.open("w", encoding="ascii") as stream:
        while left:
            left -= stream.write(next(LARGE[kind])[:left])
    told = checked(file) if full else checked_here(file)
    assert 1 <= len(told) <= MOST_LINES
    assert all(MISTAKE.fullmatch(line) for line in told)
