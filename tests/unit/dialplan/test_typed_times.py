"""Time zones by name, as commands take them from a dialplan that nobody has checked."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from callrouter.dialplan.grammar.typed_times import time_zone, zone_of


@pytest.mark.parametrize(
    "written", ["Asia", "../x", '""', ".", "/etc/localtime", '"a\\0b"', "5", "[Asia/Tokyo]", ""]
)
def test_zone_that_is_none_leaves_utc(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where the zones are a package of Python, the folder of a continent is opened as if it were
    # one of them: IsADirectoryError.
    zones = tmp_path / "tzdata" / "zoneinfo"
    (zones / "Asia").mkdir(parents=True)
    for folder in (zones.parent, zones, zones / "Asia"):
        (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    dialplan = tmp_path / "dialplan.yaml"
    dialplan.write_text(f"timezone: {written}\n")
    assert zone_of(dialplan) == ZoneInfo("UTC")


def test_zone_that_there_is() -> None:
    assert time_zone("Asia/Tokyo") == ZoneInfo("Asia/Tokyo")
