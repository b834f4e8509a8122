"""Which process runs which tests, when several do: a file stays whole, and some files together."""

from pathlib import Path
from typing import Final

from xdist.scheduler import LoadScopeScheduling

TOGETHER: Final = {
    "ports of the lab": {
        *("test_company_demo.py", "test_lab.py", "test_lab_trunks.py", "test_outbound.py"),
        "test_readme.py",
    },
    "stage": {
        *("test_before_answer.py", "test_broken_streams.py", "test_calls.py", "test_hunts.py"),
        *("test_in_call.py", "test_leaving.py", "test_loss.py", "test_offers.py"),
        "test_what_is_left.py",
    },
}
"""Files that use the same ports, or all stories of which play on one server."""

LONGEST: Final = {"test_soak.py", "test_lab_heard.py", "test_vanished.py"}
"""The longest files begin first, or all the others would be over long before them."""
LONG: Final = {"media", "system"}
"""Folders of longer files than the others have: these come before them, for the same reason."""

_TESTS: Final = Path(__file__).parents[1]

NEED_PJSIP: Final = {
    *("test_bodies.py", "test_media_pool.py", "test_own_files.py", "test_sessions_and_targets.py"),
    *("test_softphones_register.py", "test_softphones_transfer.py"),
    "test_transfers_at_the_worker.py",
}
"""Files outside tests/media that have media workers or softphones."""


def turn(path: Path) -> tuple[bool, bool]:
    """When a file's turn comes: the lowest first."""
    return path.name not in LONGEST, path.relative_to(_TESTS).parts[0] not in LONG


class Groups(LoadScopeScheduling):
    """Files in their order, each to the next process that has nothing to do.

    xdist's own groups, by a mark, are of no effect with pytest 9.2 (pytest-xdist issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        name = file.rpartition("/")[2]
        return next((group for group, files in TOGETHER.items() if name in files), file)
