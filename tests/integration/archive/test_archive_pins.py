"""PINs and other secrets: where they come from, and where they never go."""

from pathlib import Path

import orjson
import pytest
from support.archives import Logged, box

from callrouter.archive.voicemail_pins import Pins
from callrouter.route.rules.mailboxes import Secret
from callrouter.secret import SecretError, read_secret


def test_pin_of_a_file_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pin").write_text("4711\nanything\n")
    monkeypatch.setenv("SALES_PIN", "123456")
    pins = Pins()
    pins.read(
        {
            "a": box("a", pin=Secret(file=str(tmp_path / "pin"), env="")),
            "b": box("b", pin=Secret(file="", env="SALES_PIN")),
            "c": box("c"),
        }
    )
    assert pins.check("a", "4711", "carrier", 0.0)
    assert pins.check("b", "123456", "carrier", 0.0)
    assert not pins.check("a", "123456", "carrier", 0.0)
    for name in ("c", "d"):
        assert not pins.check(name, "", "carrier", 0.0)


@pytest.mark.parametrize("value", ["123", "12a4", "1" * 13, ""])
def test_pin_that_is_none_is_logged_without_it(
    tmp_path: Path, logged: Logged, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SALES_PIN", value)
    pins = Pins()
    pins.read({"a": box("a", pin=Secret(file="", env="SALES_PIN"))})
    assert not pins.check("a", value, "carrier", 0.0)
    assert logged() == ["a voicemail box cannot be opened"]
    (line,) = (tmp_path / "log.jsonl").read_bytes().splitlines()
    assert not value or value not in orjson.loads(line)["error"].split()


def test_box_stays_shut_after_many_wrong_pins(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALES_PIN", "4711")
    pins = Pins()
    pins.read({"a": box("a", pin=Secret(file="", env="SALES_PIN"))})
    for _ in range(9):
        assert not pins.check("a", "0000", "carrier", 100.0)
    assert pins.check("a", "4711", "carrier", 100.0)
    for _ in range(10):
        assert not pins.check("a", "0000", "carrier", 100.0)
    assert not pins.check("a", "4711", "carrier", 999.0)
    assert pins.check("a", "4711", "phones 101", 999.0)  # the owner is elsewhere
    assert pins.check("a", "4711", "carrier", 1001.0)
    assert logged() == ["a voicemail box is shut: too many wrong PINs"]


def test_secret_that_is_missing_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH", raising=False)
    with pytest.raises(SecretError, match="variable NO_SUCH has no secret"):
        read_secret(Secret(file="", env="NO_SUCH"))
    with pytest.raises(SecretError, match="nowhere cannot be read: FileNotFoundError"):
        read_secret(Secret(file=str(tmp_path / "nowhere"), env=""))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(SecretError, match="cannot be read"):
        read_secret(Secret(file=str(tmp_path / "bytes"), env=""))
