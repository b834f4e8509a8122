"""`callrouter check`: warnings are printed with their place and fail only when asked to."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from callrouter.cli import main

DIALPLAN = """\
country: CN
trunks:
  lab: {addresses: [127.0.0.1]}
targets:
  a: {uri: "sip:a@127.0.0.1:5060"}
  b: {uri: "sip:b@127.0.0.1:5080"}
numbers:
  "4000": {route: [{hunt: [a]}]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "d.yaml").write_text(DIALPLAN, encoding="utf-8")
    settings = 'listen: ["udp:127.0.0.1:5060"]\ndialplan: d.yaml\n'
    (tmp_path / "s.yaml").write_text(settings, encoding="utf-8")
    return tmp_path


def test_warning_is_printed_with_its_place_and_the_dialplan_is_ok(folder: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(folder / "d.yaml")])
    assert result.exit_code == 0
    assert result.stderr == f"{folder}/d.yaml:6:3: warning: no rule uses target 'b'\n"
    assert result.stdout.startswith(f"{folder}/d.yaml: ok, 1 numbers, version ")
    assert result.stdout.endswith(", 1 warning\n")


PLANS = """\
country: CN
plans:
  local: {currency: CNY, blocks: 60/60, price: 0.15/min}
"""


def test_file_with_plans_is_one_of_rate_plans_by_itself_and_in_a_folder(folder: Path) -> None:
    (folder / "p.yaml").write_text(PLANS, encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(folder / "p.yaml")])
    assert (result.exit_code, result.stdout) == (0, f"{folder}/p.yaml: ok, 1 plan\n")
    more = PLANS + "  other: {currency: CNY, blocks: 1/1, price: 1/s}\n"
    (folder / "p.yaml").write_text(more, encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(folder)])
    assert f"{folder}/p.yaml: ok, 2 plans\n" in result.stdout
    (folder / "p.yaml").write_text(PLANS.replace("0.15/min", "0.15"), encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(folder)])
    assert result.exit_code == 1
    assert f"{folder}/p.yaml:3:48: error: expected a price such as 0.30/min" in result.stderr


def test_strict_check_fails_for_a_warning(folder: Path) -> None:
    result = CliRunner().invoke(main, ["check", "--strict", str(folder / "d.yaml")])
    assert result.exit_code == 1
    text = DIALPLAN.replace("[a]", "[a, b]")
    (folder / "d.yaml").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, ["check", "--strict", str(folder / "d.yaml")])
    assert (result.exit_code, "warning" in result.output) == (0, False)


def test_loop_to_the_server_itself_is_found_by_its_settings(folder: Path) -> None:
    result = CliRunner().invoke(main, ["check", "--config", str(folder / "s.yaml")])
    message = "target 'a' is an address this server listens on: calls would loop"
    assert f"{folder}/d.yaml:5:12: warning: {message}\n" in result.stderr
    assert result.stdout.endswith(", 2 warnings\n")


def test_mistake_comes_before_any_warning(folder: Path) -> None:
    (folder / "d.yaml").write_text(DIALPLAN.replace("[a]", "[x]"), encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(folder / "d.yaml")])
    assert (result.exit_code, "warning" in result.output) == (1, False)


def test_secret_that_all_can_read_or_that_is_missing_is_a_warning(folder: Path) -> None:
    password, pin, key = folder / "password", folder / "pin", folder / "key"
    for file, mode in ((password, 0o644), (key, 0o640)):
        file.write_text("x\n")
        file.chmod(mode)
    text = DIALPLAN.replace("[a]", "[a, b]") + (
        f"extensions: {{'101': {{phone: {{user: u, password_file: {password}}}}}}}\n"
        f"voicemail: {{box: {{pin_file: {pin}, webhook: "
        f"{{url: 'https://example.test/', secret_file: {key}}}}}}}\n"
    )
    (folder / "d.yaml").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(folder / "d.yaml")])
    assert f"{password}: warning: every user of this machine can read a secret\n" in result.stderr
    assert f"{pin}: warning: a secret is missing: No such file or directory\n" in result.stderr
    assert str(key) not in result.stderr
    password.chmod(0o600)
    result = CliRunner().invoke(main, ["check", str(folder / "d.yaml")])
    assert "can read a secret" not in result.stderr


def test_files_and_folders_of_every_kind_are_checked_each_once(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text(DIALPLAN, encoding="utf-8")
    (tmp_path / "d.test.yaml").write_text(
        "dialplan: d.yaml\ntests: [{name: a, call: {to: x}, expect: {final: 404}}]\n", "utf-8"
    )
    (tmp_path / "callrouter.yaml").write_text("listen: ['udp:192.0.2.1']\ndialplan: d.yaml\n")
    (tmp_path / "other.yaml").write_text("services: {}\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert result.exit_code == 0, result.output
    said = [line.split(", ")[0] for line in result.stdout.splitlines()]
    assert said == [f"{tmp_path}/d.yaml: ok", f"{tmp_path}/d.test.yaml: ok"]
    files = [str(tmp_path / name) for name in ("d.test.yaml", "callrouter.yaml", "d.yaml")]
    assert CliRunner().invoke(main, ["check", *files]).stdout == result.stdout


def test_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(DIALPLAN.replace("[a]", "[x]"), encoding="utf-8")
    (tmp_path / "b.yaml").write_text("listen: here\ndialplan: a.yaml\n", encoding="utf-8")
    (tmp_path / "c.yaml").write_text("tests: [", encoding="utf-8")
    (tmp_path / "d.test.yaml").write_text(
        "dialplan: a.yaml\ntests: [{name: a, call: {to: x}, expect: {}}]\n", encoding="utf-8"
    )
    result = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    assert sorted(line.split(":")[0].rpartition("/")[2] for line in lines) == [
        *("a.yaml", "b.yaml", "c.yaml")
    ]


def test_folder_without_files_is_a_mistake(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (
        1,
        f"{tmp_path}: error: there is no *.yaml below\n",
    )


def test_draft_is_checked_in_the_place_of_its_file(folder: Path) -> None:
    """Its mistakes name the file that it is to be, and lists are found beside that."""
    path, wrong = folder / "d.yaml", DIALPLAN.replace("[a]", "[x]")
    drafted = CliRunner().invoke(main, ["check", "--stdin", str(path)], input=wrong)
    path.write_text(wrong, encoding="utf-8")
    written = CliRunner().invoke(main, ["check", str(path)])
    assert (drafted.exit_code, drafted.output) == (1, written.output)
    assert f"{path}:8:" in drafted.stderr
    alone = CliRunner().invoke(main, ["check", "--stdin"], input=wrong)
    assert (alone.exit_code, "--stdin takes one path" in alone.stderr) == (2, True)
