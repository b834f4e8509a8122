"""Commands on the running program whose files are another's, no files, or wrongly named."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
from support.ports import free_port
from support.serving import Place, Serving, command, lay_out
from support.unprivileged import shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {a: {uri: "sip:a@127.0.0.1:5099"}}
numbers: {"6000": {route: [{hunt: [a]}]}}
"""

_MERE_USER: Final = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
)
"""What a command is started by that is kept from files, as root is not."""


def said(place: Place, *words: str | Path, before: Sequence[str] = ()) -> tuple[int, str]:
    """The exit code of a command with these settings, and what it said of what is wrong."""
    ended = subprocess.run(  # our own program
        [*before, *command(*words, "--config", place.config)],
        cwd=place.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stderr


@pytest.fixture
def place() -> Iterator[Place]:
    folder = shared_folder()
    yield lay_out(folder, _DIALPLAN)
    shutil.rmtree(folder)


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root reads every file"
)
@pytest.mark.parametrize("what", ["folder", "file"])
async def test_archives_of_another_user_are_one_line_that_says_who_may_read_them(
    place: Place, what: str
) -> None:
    serving = await Serving.start(place)
    await serving.stop()
    closed = place.database if what == "file" else place.database.parent
    closed.chmod(0)
    dialplan = place.folder / "dialplan.yaml"
    for words in (
        ("cdr",),
        ("voicemail", "list"),
        ("recordings", "list"),
        ("recordings", "fetch", "1"),
        ("diff", dialplan, dialplan),
    ):
        code, err = said(place, *words, before=_MERE_USER)
        assert (code, err.count("\n")) == (1, 1), err
        assert f"the database {place.database} cannot be read: Permission denied" in err
        assert "the user that the server runs as may read it, and root" in err


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("postgresql://u:s3cr@et@127.0.0.1:1/db", "must have %40 for @"),
        ("postgresql://u:s3cret@[::1/db", "the database is not a URL such as"),
        ("postgresql://u:s3cret@127.0.0.1:1/db?foo=1", 'invalid connection option "foo"'),
        ("postgres//u:s3cret@h/db", "expected a database such as"),
    ],
)
async def test_check_refuses_each_database_that_serve_refuses_and_shows_no_password(
    place: Place, url: str, wrong: str
) -> None:
    text = place.config.read_text()
    database = "sqlite:///var/callrouter.db"
    assert database in text
    place.config.write_text(text.replace(database, url))
    for name in ("check", "serve"):
        code, err = said(place, name)
        assert code == 1
        assert wrong in err
        assert "s3cr" not in err


async def test_dialplan_that_is_a_pipe_holds_nothing_up_and_serves_again_once_it_is_a_file(
    place: Place,
) -> None:
    dialplan = place.folder / "dialplan.yaml"
    serving = await Serving.start(place)
    try:
        dialplan.unlink()
        os.mkfifo(dialplan)
        for words in (("reload",), ("check",), ("simulate", "--to", "6000")):
            code, err = said(place, *words)
            assert code == 1
            assert "expected a file, found a folder, a pipe or a device" in err, err
        dialplan.unlink()
        dialplan.write_text(_DIALPLAN)
        assert said(place, "reload")[0] == 0
    finally:
        await serving.stop()


async def test_settings_that_are_no_file_are_called_that(place: Place) -> None:
    loop = place.folder / "loop"
    loop.symlink_to(loop)
    wrongs = {
        loop: "Too many levels of symbolic links",
        place.folder: "expected a file, found a folder, a pipe or a device",
        Path("/dev/null"): "expected a file, found a folder, a pipe or a device",
        place.folder / "nowhere": "there is no settings file",
    }
    for file, wrong in wrongs.items():
        code, err = said(Place(place.folder, file, free_port(), free_port()), "check")
        assert (code, err.count("\n")) == (1, 1), err
        assert err.startswith(f"{file}: error: ")
        assert wrong in err


async def test_odd_bytes_and_counts_on_the_command_line_are_errors_of_usage(place: Place) -> None:
    for words in (
        ("simulate", "--from", "\udcff", "--to", "6000"),
        ("simulate", "--to", "60\udcff00"),
        ("cdr", "--last", "99999999999999999999"),
        ("recordings", "list", "--last", "99999999999999999999"),
    ):
        code, err = said(place, *words)
        assert code == 2, err
        assert "Traceback" not in err
        assert "callrouter: error: " in err
