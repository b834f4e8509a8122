from pathlib import Path

from click.testing import CliRunner

from callrouter.cli import main

_DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [192.0.2.1]}}
targets: {a: {uri: "sip:a@192.0.2.2"}}
numbers: {"4000": {route: [{hunt: [a]}]}}
"""


def test_address_that_no_host_has_is_warned_of(tmp_path: Path) -> None:
    plan = tmp_path / "dialplan.yaml"
    plan.write_text(
        "country: CN\n"
        "trunks: {lab: {addresses: [192.0.2.1]}}\n"
        "gateways: {g: {address: 239.1.1.1}, h: {address: '[::]'}}\n"
        "targets:\n"
        '  a: {uri: "sip:a@0.0.0.0:5080"}\n'
        '  b: {uri: "sip:b@255.255.255.255"}\n'
        '  c: {uri: "sip:c@[ff02::1]"}\n'
        '  d: {uri: "sip:d@0.0.0.0.example"}\n'
        '  e: {number: "1", via: g}\n'
        '  f: {number: "1", via: h}\n'
        'numbers: {"4000": {route: [{hunt: [a, b, c, d, e, f]}]}}\n',
        encoding="utf-8",
    )
    result = CliRunner().invoke(main, ["check", str(plan)])
    assert result.exit_code == 0, result.output
    warned = [line.partition("dialplan.yaml:")[2] for line in result.stderr.splitlines()]
    said = "is no host's address: expected one that is"
    assert [line for line in warned if "host's address" in line] == [
        f"3:25: warning: 239.1.1.1 of gateway 'g' {said}",
        f"3:50: warning: :: of gateway 'h' {said}",
        f"5:12: warning: 0.0.0.0 of target 'a' {said}",
        f"6:12: warning: 255.255.255.255 of target 'b' {said}",
        f"7:12: warning: ff02::1 of target 'c' {said}",
    ]


def test_listener_twice_and_metrics_for_everybody_are_warned_of(tmp_path: Path) -> None:
    (tmp_path / "dialplan.yaml").write_text(_DIALPLAN, encoding="utf-8")
    config = tmp_path / "callrouter.yaml"
    config.write_text(
        'listen: ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060", "udp:127.0.0.1:5060"]\n'
        "dialplan: dialplan.yaml\n"
        'records: {database: "sqlite:///calls.db", spool: spool}\n'
        'metrics: "0.0.0.0:9090"\n',
        encoding="utf-8",
    )
    result = CliRunner().invoke(main, ["check", "--config", str(config)])
    assert result.exit_code == 0, result.output
    warned = [line.partition("callrouter.yaml:")[2] for line in result.stderr.splitlines()]
    assert warned == [
        "1:54: warning: the listener is there already: it is number 1 of the list",
        "4:10: warning: whoever reaches this machine reads the metrics, which name trunks and "
        "gateways: expected one address, such as 127.0.0.1:9090",
    ]


def test_webhooks_that_hear_of_nothing_are_warned_of(tmp_path: Path) -> None:
    plan = _DIALPLAN.replace('"4000": {', '"4000": {notify: 30m, ')
    (tmp_path / "dialplan.yaml").write_text(plan, encoding="utf-8")
    config = tmp_path / "callrouter.yaml"
    start = (
        'listen: ["udp:127.0.0.1:5060"]\ndialplan: dialplan.yaml\n'
        'records: {database: "sqlite:///calls.db", spool: spool}\n'
    )
    config.write_text(start, encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(config)])
    assert "4:20: warning: 'notify' says what is told, and the settings have no" in result.stderr
    hook = "name: crm, url: 'https://a.example/', secret_file: nothing, numbers: ['4000', '4001']"
    config.write_text(f"{start}webhooks:\n  - {{{hook}}}\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(config)])
    assert result.exit_code == 0, result.output
    assert "the dialplan has no number 4001: 'crm' hears of none" in result.stderr
    assert "nothing: warning: a secret is missing" in result.stderr
    assert result.stderr.count("warning:") == 2
