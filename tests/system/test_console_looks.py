"""The main pages look as they did: a change of their look is made on purpose, or not at all."""

from pathlib import Path

import pytest
from support.console_looks import PAGES, PICTURES, THEMES, TOLERATED, looks

pytestmark = pytest.mark.asyncio


async def test_main_pages_look_as_they_did_in_both_themes(tmp_path: Path) -> None:
    """Where one is meant to look otherwise: python scripts/console_screenshots.py."""
    wrong, seen = [], set()
    async for look in looks(tmp_path / "server"):
        seen.add(look.name)
        if look.differs > TOLERATED:
            (tmp_path / look.name).write_bytes(look.picture)
            wrong.append(f"{look.name}: {look.differs:.1%} of it is another")
    assert wrong == [], tmp_path
    assert seen == {f"{name}-{theme}.png" for name in PAGES for theme in THEMES}
    assert seen == {known.name for known in PICTURES.iterdir()}
