"""`callrouter voicemail` and `callrouter recordings`, beside a server that runs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.archives import audio, box, leave, listed, opened, record

from callrouter.archive.call_archive import Archive
from callrouter.cli import main


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "settings.yaml"
    file.write_text(
        'listen: ["udp:127.0.0.1:5060"]\n'
        "dialplan: dialplan.yaml\n"
        f'records: {{database: "sqlite:///{tmp_path}/calls.db"}}\n'
        f"media: {{voicemail: {tmp_path}/voicemail, recordings: {tmp_path}/recordings}}\n"
    )
    return file


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Archive]:
    archive = opened(tmp_path, box(), box("duty"))
    leave(archive, "c1", ms=2000)
    leave(archive, "c2", name="duty", caller="\x1b[31mBob", ms=3000, complete=False)
    record(archive, "c3", ms=4000, channels=2)
    listed(archive)
    yield archive
    archive.close()


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--config", str(config)], env={"COLUMNS": "80"})


@pytest.mark.usefixtures("running")
def test_messages_are_listed(config: Path) -> None:
    table = run(config, "voicemail", "list").output
    assert "sales" in table
    assert "\\u001b[31mBob" in table
    assert "\x1b" not in table
    found = json.loads(run(config, "voicemail", "list", "--json", "--box", "duty").output)
    assert [(one["id"], one["ms"], one["complete"]) for one in found] == [("c2-2", 3000, False)]
    (shown,) = json.loads(run(config, "voicemail", "show", "c1-1").output)
    assert (shown["state"], shown["deliveries"]) == ("new", [])


@pytest.mark.usefixtures("running")
def test_message_is_fetched_to_a_file_that_is_not_there_yet(config: Path, tmp_path: Path) -> None:
    fetched = run(config, "voicemail", "fetch", "c1-1")
    assert (fetched.exit_code, fetched.output) == (0, "c1-1.wav\n")
    assert (tmp_path / "c1-1.wav").read_bytes() == audio(2000)
    again = run(config, "voicemail", "fetch", "c1-1")
    assert (again.exit_code, again.output) == (1, "callrouter: error: c1-1.wav is there already\n")
    other = tmp_path / "other.wav"
    assert run(config, "voicemail", "fetch", "c1-1", "--to", str(other)).exit_code == 0
    assert other.read_bytes() == audio(2000)


def test_message_is_played_and_counts_as_heard(
    config: Path, running: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert "neither aplay nor play" in run(config, "voicemail", "play", "c1-1").output
    (tmp_path / "bin").mkdir()
    player = tmp_path / "bin" / "aplay"
    player.write_text(f"#!/bin/sh\nexec /bin/cat > {tmp_path}/heard.wav\n")
    player.chmod(0o755)
    assert run(config, "voicemail", "play", "c1-1").exit_code == 0
    assert (tmp_path / "heard.wav").read_bytes() == audio(2000)
    assert [one.heard for one in listed(running)] == [True]
    player.write_text("#!/bin/sh\nexit 3\n")
    assert "failed: exit code 3" in run(config, "voicemail", "play", "c1-1").output


def test_deleted_message_is_gone_for_the_server_too(
    config: Path, running: Archive, tmp_path: Path
) -> None:
    deleted = run(config, "voicemail", "delete", "c1-1")
    assert (deleted.exit_code, deleted.output) == (0, "deleted c1-1\n")
    assert listed(running) == ()
    assert not list((tmp_path / "voicemail" / "kept").glob("*c1-1*"))
    assert run(config, "voicemail", "delete", "c1-1").exit_code == 1
    found = json.loads(run(config, "voicemail", "list", "--json", "--deleted").output)
    assert [one["state"] for one in found] == ["new", "deleted"]


@pytest.mark.usefixtures("running")
def test_recordings_are_listed_fetched_and_deleted(config: Path, tmp_path: Path) -> None:
    (found,) = json.loads(run(config, "recordings", "list", "--json").output)
    assert (found["number"], found["ms"], found["sides"]) == ("4000", 4000, "stereo")
    assert found["id"] in run(config, "recordings", "list", "--number", "4000").output
    assert json.loads(run(config, "recordings", "list", "--json", "--number", "1").output) == []
    assert run(config, "recordings", "fetch", found["id"]).exit_code == 0
    assert (tmp_path / f"{found['id']}.wav").read_bytes() == audio(4000, 2)
    assert run(config, "recordings", "delete", found["id"]).exit_code == 0
    assert json.loads(run(config, "recordings", "list", "--json").output) == []
    assert "there is no recording" in run(config, "recordings", "fetch", found["id"]).output


@pytest.mark.usefixtures("running")
def test_what_is_not_there_is_said(config: Path, tmp_path: Path) -> None:
    for command in ("show", "fetch", "delete"):
        missing = run(config, "voicemail", command, "nonsense")
        assert (missing.exit_code, missing.output) == (
            1,
            "callrouter: error: there is no message nonsense\n",
        )
    for file in (tmp_path / "voicemail" / "kept").glob("*c1-1*"):
        file.unlink()
    assert "the file of message c1-1 is gone" in run(config, "voicemail", "fetch", "c1-1").output


def test_database_that_is_not_there_is_said(config: Path) -> None:
    missing = run(config, "voicemail", "list")
    assert missing.exit_code == 1
    assert "there is no database" in missing.output
