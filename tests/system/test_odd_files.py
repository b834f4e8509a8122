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
        timeout=120,
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


def begun(folder: Path, target: str, *words: str) -> tuple[int, str]:
    """What `init` ends with, and says is wrong, when nobody may do more than its files let them."""
    ended = subprocess.run(  # our own program
        command(
            *("init", folder, "--country", "GB", "--number", "4000", "--trunk", "127.0.0.1"),
            *("--target", target, *words),
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        umask=0,
    )
    return ended.returncode, ended.stderr


def modes(folder: Path) -> dict[str, int]:
    """What lies in a folder, with what it may be used for."""
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("target", "fitting", "cut", "lacking"),
    [
        ("sip:a@127.0.0.1:5099;transport=tcp", '"tcp:127.0.0.1:5060"', "tcp", "tcp at an IPv4"),
        ("sip:a@[::1]:5099", '"udp:[::1]:5060"', "udp", "udp at an IPv6"),
    ],
)
async def test_listeners_of_init_reach_its_targets_and_check_warns_where_none_does(
    tmp_path: Path, target: str, fitting: str, cut: str, lacking: str
) -> None:
    folder = tmp_path / "new"
    assert begun(folder, target) == (0, "")
    config = folder / "callrouter.yaml"
    place = Place(folder, config, free_port(), free_port())
    text = config.read_text()
    assert fitting in text
    assert said(place, "check", "--strict") == (0, "")
    config.write_text(text.replace(f", {fitting}", ""))
    code, err = said(place, "check", "--strict")
    assert code == 1
    assert f"no listener reaches target 'a': expected one of {lacking} address in `listen`" in err


async def test_init_refuses_what_its_listeners_cannot_reach(tmp_path: Path) -> None:
    code, err = begun(tmp_path / "new", "sips:a@127.0.0.1")
    assert code == 2
    assert "needs a certificate: expected a target by UDP or TCP" in err
    assert not (tmp_path / "new").exists()


async def test_files_of_init_are_written_all_or_none_and_for_nobody_else_to_change(
    tmp_path: Path,
) -> None:
    (tmp_path / "dialplan.test.yaml").mkdir()
    code, err = begun(tmp_path, "127.0.0.1:5099", "--force")
    assert (code, err.count("\n")) == (1, 1)
    assert "dialplan.test.yaml is a folder" in err
    assert list(modes(tmp_path)) == ["dialplan.test.yaml"]
    (tmp_path / "dialplan.test.yaml").rmdir()
    assert begun(tmp_path, "127.0.0.1:5099") == (0, "")
    assert modes(tmp_path) == {
        "callrouter.yaml": 0o600,
        "dialplan.yaml": 0o644,
        "dialplan.test.yaml": 0o644,
    }
