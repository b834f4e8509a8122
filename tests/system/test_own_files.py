"""Files and folders of the running program: its own user's alone, and one server's at a time."""

import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.phones import Phones
from support.ports import free_port
from support.serving import Place, Serving, command, lay_out
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DIALPLAN = "country: CN\ntrunks: {{lab: {{addresses: [127.0.0.1]}}}}\n" + (
    "targets:\n  answers: {{uri: 'sip:service@127.0.0.1:{port}'}}\n"
    "numbers:\n  '6000': {{route: [{{hunt: [answers]}}]}}\n"
)


@pytest.fixture
def shared() -> Iterator[Path]:
    folder = shared_folder()
    yield folder
    shutil.rmtree(folder)


def placed(folder: Path, dialplan: str, **settings: str) -> Place:
    """A place in a new folder, with more settings."""
    folder.mkdir()
    place = lay_out(folder, dialplan)
    more = "".join(f"{key}: {value}\n" for key, value in settings.items())
    place.config.write_text(place.config.read_text() + more)
    return place


def refused(place: Place) -> subprocess.CompletedProcess[str]:
    """The end of a server that does not start."""
    return subprocess.run(  # our own program
        command("serve", "--config", place.config),
        cwd=place.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def content(folder: Path) -> dict[str, tuple[int, float]]:
    """Every file below a folder, with its size and the time of its last change.

    Not those that a server writes to while nothing happens.
    """
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in {".db-wal", ".db-shm", ".journal"}
    }


async def test_second_server_with_the_folders_of_the_first_touches_nothing_and_says_whose_they_are(
    tmp_path: Path, shared: Path
) -> None:
    dialplan = _DIALPLAN.format(port=free_port())
    first = placed(tmp_path / "first", dialplan)
    media = media_settings(shared, 1, 1)
    first.config.write_text(first.config.read_text() + media)
    second = placed(tmp_path / "second", dialplan)
    second.config.write_text(second.config.read_text() + media)
    serving = await Serving.start(first)
    try:
        # As a call that is being recorded has it.
        running = shared / "recordings" / "incoming" / "6000~101~1-1.wav"
        running.write_bytes(b"RIFF" + bytes(400))
        before = content(shared)
        ended = refused(second)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == (
            "callrouter: error: another callrouter is using the voicemail folder "
            f"{shared}/voicemail "
            f"(process {serving.process.pid} has locked {shared}/voicemail/lock)\n"
        )
        assert content(shared) == before
        assert not second.database.exists()
    finally:
        await serving.stop()


@pytest.mark.parametrize("which", ["records", "state", "voicemail", "recordings", "prompts_cache"])
async def test_one_shared_folder_or_file_is_enough_to_be_refused_until_the_first_is_killed(
    tmp_path: Path, shared: Path, which: str
) -> None:
    dialplan = _DIALPLAN.format(port=free_port())
    places = []
    for name in ("first", "second"):
        (shared / name).mkdir()
        (shared / name).chmod(0o755)
        place = placed(tmp_path / name, dialplan)
        text = place.config.read_text() + media_settings(shared / name, 1, 1)
        common = shared / "common"
        if which == "records":
            text = text.replace("spool: var/spool", f"spool: {common}")
        elif which == "state":
            text += f"state: 'sqlite:///{common}/state.db'\n"
        else:
            line = next(line for line in text.splitlines() if line.startswith(f"  {which}:"))
            text = text.replace(line, f"  {which}: {common}")
        place.config.write_text(text)
        places.append(place)
    serving = await Serving.start(places[0])
    try:
        ended = refused(places[1])
        assert ended.returncode == 1
        assert "callrouter: error: another callrouter is using the " in ended.stderr
        assert str(common) in ended.stderr
        assert f"process {serving.process.pid} " in ended.stderr
    finally:
        await serving.stop()
    again = await Serving.start(places[1])
    await again.stop()


async def test_started_twice_with_the_same_settings_is_one_clear_error(tmp_path: Path) -> None:
    place = placed(tmp_path / "one", _DIALPLAN.format(port=free_port()))
    serving = await Serving.start(place)
    try:
        before = content(place.folder)
        ended = refused(place)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == (
            "callrouter: error: another callrouter is using the spool folder "
            f"{place.folder}/var/spool "
            f"(process {serving.process.pid} has locked {place.folder}/var/spool/lock)\n"
        )
        assert content(place.folder) == before
        metrics = await serving.metrics()
        assert metrics["callrouter_active_calls"] == 0
    finally:
        await serving.stop()


def open_to_others(*folders: Path) -> dict[str, str]:
    """What other users may do with anything below some folders, a folder's own `x` left out."""
    found = {}
    for path in (path for folder in folders for path in folder.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink() or not mode & (0o006 if path.is_dir() else 0o007):
            continue
        found[str(path)] = oct(mode)
    return found


async def test_nothing_the_program_keeps_is_for_other_users_to_read(
    tmp_path: Path, shared: Path
) -> None:
    before = os.umask(0o000)
    try:
        port = free_port()
        place = placed(tmp_path / "one", _DIALPLAN.format(port=port), state="'sqlite:///var/s.db'")
        place.config.write_text(place.config.read_text() + media_settings(shared, 1, 1))
        serving = await Serving.start(place)
    finally:
        os.umask(before)
    callers = await Phones.open(("127.0.0.1", place.port))
    callees = await Phones.open(("127.0.0.1", place.port), port)
    try:
        outcome = callers.call("6000", 0.0)
        await outcome.over.wait()
        assert outcome.status == 200
        await serving.record("6000")
        # Sounds hold nothing of callers, and another user plays them.
        kept = (place.folder / "var", shared / "voicemail", shared / "recordings")
        assert open_to_others(*kept) == {}
        names = {path.name for path in kept[0].rglob("*")}
        assert {"callrouter.db", "callrouter.db-wal", "s.db", "lock", "callrouter.sock"} <= names
        assert not stat.S_IMODE((place.folder / "var").stat().st_mode) & 0o066
    finally:
        await callers.close()
        await callees.close()
        await serving.stop()


async def test_what_an_older_version_left_open_is_closed_at_the_start(
    tmp_path: Path, shared: Path
) -> None:
    place = placed(tmp_path / "one", _DIALPLAN.format(port=free_port()))
    place.config.write_text(place.config.read_text() + media_settings(shared, 1, 1))
    first = await Serving.start(place)
    await first.stop()
    var = place.folder / "var"
    (var / "spool" / "records.jsonl").write_text("")
    old = time.time() - 86400
    for folder in ("voicemail", "recordings"):
        kept = shared / folder / "kept" / "6000~101~1-1.wav"
        kept.write_bytes(b"RIFF")
        os.utime(kept, (old, old))
    folders = (var, shared / "voicemail", shared / "recordings")
    for path in (path for folder in folders for path in folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    second = await Serving.start(place)
    try:
        assert open_to_others(*folders) == {}
        assert stat.S_IMODE((var / "spool").stat().st_mode) == 0o700
    finally:
        await second.stop()


async def test_secrets_that_others_can_read_or_that_are_missing_are_named_at_the_start(
    tmp_path: Path,
) -> None:
    password, pin = tmp_path / "password", tmp_path / "pin"
    password.write_text("x\n")
    password.chmod(0o644)
    dialplan = _DIALPLAN.format(port=free_port()) + (
        f"extensions: {{'101': {{phone: {{user: u, password_file: {password}}}}}}}\n"
        f"voicemail: {{box: {{pin_file: {pin}}}}}\n"
    )
    serving = await Serving.start(placed(tmp_path / "one", dialplan))
    try:
        await serving.logged("every user of this machine can read a secret", f" file={password}")
        await serving.logged(f"a secret is missing: No such file or directory file={pin}")
    finally:
        await serving.stop()
