"""What lies in the archive's folders, and what must not come of it."""

import os
import shutil
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.archives import audio, cut_off
from support.unhurried import MANY

from callrouter.archive.file_store import FileStore, NoAudioError, parse_name


@pytest.fixture
def folder(tmp_path: Path) -> FileStore:
    made = FileStore(tmp_path / "voicemail")
    made.open()
    return made


def names(folder: FileStore, tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "voicemail").rglob("*") if path.is_file())


def test_closed_file_moves_to_where_no_worker_writes(folder: FileStore, tmp_path: Path) -> None:
    file = folder.place("sales", "+8675612345", "c-1")
    file.write_bytes(audio(1500, channels=2))
    taken = folder.take(file)
    assert (taken.ms, taken.channels, taken.bytes) == (1500, 2, 44 + 1500 * 32)
    assert names(folder, tmp_path) == ["sales~+8675612345~c-1.wav"]
    assert folder.kept(taken.name).read_bytes() == audio(1500, channels=2)
    assert folder.take(file) == taken


@pytest.mark.parametrize("data", [audio(700), cut_off(700)])
def test_taken_file_is_on_disk_and_then_its_name(
    folder: FileStore, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number).st_ino))
    file = folder.place("sales", "", "c-1")
    file.write_bytes(data)
    kept = folder.kept(folder.take(file).name)
    assert synced == [kept.stat().st_ino, kept.parent.stat().st_ino]


@pytest.mark.parametrize("channels", [1, 2])
def test_cut_off_file_gets_a_header_that_fits(folder: FileStore, channels: int) -> None:
    file = folder.place("sales", "", "c-1")
    file.write_bytes(cut_off(700, channels))
    taken = folder.take(file)
    assert (taken.ms, taken.channels) == (700, channels)
    assert folder.read(taken.name) == audio(700, channels)


def test_half_a_sample_at_the_end_is_no_harm(folder: FileStore) -> None:
    file = folder.place("sales", "", "c-1")
    file.write_bytes(cut_off(700) + b"\x00")
    assert folder.take(file).ms == 700


def test_unfinished_tracks_of_a_dead_worker_become_one_file(
    folder: FileStore, tmp_path: Path
) -> None:
    file = folder.place("4000", "100", "c-1")
    left, right = (file.with_name(f".{file.stem}.{side}.part.wav") for side in ("left", "right"))
    left.write_bytes(cut_off(20))
    right.write_bytes(cut_off(10))
    assert list(folder.orphans()) == [file]
    taken = folder.take(file)
    assert (taken.ms, taken.channels) == (20, 2)
    data = folder.read(taken.name)[44:]
    assert data[:4] == b"\x01\x02\x01\x02"
    assert data[-4:] == b"\x01\x02\x00\x00"
    assert names(folder, tmp_path) == ["4000~100~c-1.wav"]


def test_unfinished_single_track_is_taken(folder: FileStore) -> None:
    file = folder.place("sales", "", "c-1")
    file.with_name(f".{file.stem}.all.part.wav").write_bytes(cut_off(900))
    assert folder.take(file).ms == 900


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        audio(0),
        b"\x00" * 5000,
        audio(100)[:20] + b"\xff" * 400,
        struct.pack("<4sI4s", b"RIFF", 9999, b"AVI ") + bytes(999),
    ],
)
def test_what_is_no_audio_is_removed(folder: FileStore, tmp_path: Path, content: bytes) -> None:
    file = folder.place("sales", "", "c-1")
    file.write_bytes(content)
    with pytest.raises(NoAudioError):
        folder.take(file)
    assert names(folder, tmp_path) == []


def test_nothing_there_is_said(folder: FileStore) -> None:
    with pytest.raises(NoAudioError):
        folder.take(folder.place("sales", "", "c-1"))


def test_link_of_a_worker_is_not_followed(folder: FileStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(audio(5000))
    file = folder.place("sales", "", "c-1")
    file.symlink_to(secret)
    with pytest.raises(NoAudioError):
        folder.take(file)
    (tmp_path / "voicemail" / "kept" / file.name).symlink_to(secret)
    with pytest.raises(OSError, match="symbolic link"):
        folder.read(file.name)
    assert secret.is_file()


def test_pipe_of_a_worker_does_not_hold_us_up(folder: FileStore) -> None:
    file = folder.place("sales", "", "c-1")
    os.mkfifo(file)
    with pytest.raises(NoAudioError):
        folder.take(file)


def test_caller_stands_in_a_name_by_its_digits_only(folder: FileStore) -> None:
    file = folder.place("sales", "../\x00\r\n~Bob <+86 756*#>", "c-1")
    assert file.name == "sales~+86756*#~c-1.wav"
    assert parse_name(file.name).caller == "+86756*#"


def test_copy_that_was_never_finished_goes(folder: FileStore, tmp_path: Path) -> None:
    (tmp_path / "voicemail" / "kept" / ".sales~~c-1.mended").write_bytes(b"half")
    assert list(folder.orphans()) == []
    assert names(folder, tmp_path) == []


@settings(
    max_examples=MANY,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    st.one_of(st.text(max_size=20), st.sampled_from(["..", ".", "/", "a/../..", "a\0", "~", "4*"])),
    st.text(max_size=50),
    st.one_of(st.text(max_size=20), st.sampled_from(["..", "../x", "c-1", "c\n"])),
)
def test_no_name_leads_out_of_the_folder(of: str, caller: str, id: str) -> None:
    folder = FileStore(Path("voicemail"))
    try:
        file = folder.place(of, caller, id)
    except ValueError:
        return
    assert os.path.normpath(file) == str(Path("voicemail/incoming").absolute() / file.name)
    assert parse_name(file.name).of == of


@pytest.mark.parametrize("name", ["../x.wav", "a~b~c.wav", "~~c.wav", "/etc/passwd", "", "a~~c"])
def test_name_from_elsewhere_is_refused(folder: FileStore, name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a kept file"):
        folder.read(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has workers of another user")
def test_worker_of_another_user_can_write_once_and_read_what_it_is_told(tmp_path: Path) -> None:
    folder = FileStore(tmp_path / "voicemail", (65534, 65534))
    folder.open()
    file = folder.place("sales", "", "c-1")
    incoming, kept = file.parent, tmp_path / "voicemail" / "kept"
    assert (incoming.stat().st_uid, kept.stat().st_uid, kept.stat().st_gid) == (65534, 0, 65534)
    assert kept.stat().st_mode & 0o777 == 0o710
    file.write_bytes(audio(1000))
    os.chown(file, 65534, 65534)
    found = folder.kept(folder.take(file).name).stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, 65534, 0o640)


def test_folder_that_was_removed_is_there_again_before_a_worker_is_told_to_write(
    folder: FileStore, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "voicemail")
    folder.restore()
    file = folder.place("sales", "", "c-1")
    file.write_bytes(audio(700))
    assert folder.take(file).ms == 700
    assert (tmp_path / "voicemail").stat().st_mode & 0o777 == 0o700
