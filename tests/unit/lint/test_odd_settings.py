from pathlib import Path

from click.testing import CliRunner

from callrouter.cli import main

_DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [192.0.2.1]}}
targets: {a: {uri: "sip:a@192.0.2.2"}}
numbers: {"4000": {route: [{hunt: [a]}]}}
"""


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
