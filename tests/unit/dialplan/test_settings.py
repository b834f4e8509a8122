from pathlib import Path

import pytest

from callrouter.config import Listen, load_settings
from callrouter.dialplan.fields import Address
from callrouter.errors import ConfigError

ROOT = Path(__file__).parents[3]
LEAST = 'listen: ["udp:192.0.2.1"]\ndialplan: plan.yaml\n'


def refused(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    return [str(found).removeprefix(f"{path}:") for found in caught.value.diagnostics]


def test_lab_settings_are_read() -> None:
    settings = load_settings(ROOT / "config" / "lab.yaml")
    assert settings.listen == [Listen("udp", "127.0.0.1", 5060), Listen("tcp", "127.0.0.1", 5060)]
    assert settings.dialplan == ROOT / "dialplans" / "lab.yaml"
    assert settings.metrics == Address("127.0.0.1", 9090)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(LEAST, encoding="utf-8")
    settings = load_settings(path)
    assert settings.listen == [Listen("udp", "192.0.2.1", 5060)]
    assert settings.dialplan == tmp_path / "plan.yaml"
    assert settings.records.database == "sqlite:///var/callrouter.db"
    assert settings.records.spool == Path("var/spool")
    assert (settings.log.level, settings.log.format) == ("info", "json")
    assert (settings.limits.calls, settings.limits.drain) == (50000, 30.0)


def test_ipv6_listener_loses_its_brackets(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text('listen: ["tcp:[2001:DB8::1]:5070"]\ndialplan: /d/p.yaml', encoding="utf-8")
    settings = load_settings(path)
    assert settings.listen == [Listen("tcp", "2001:db8::1", 5070)]
    assert settings.dialplan == Path("/d/p.yaml")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            LEAST.replace("udp:", "tls:"),
            '1:10: error: expected a transport and an IP address such as "udp:192.0.2.1:5060", '
            "found 'tls:192.0.2.1'",
        ),
        (
            LEAST.replace('["udp:192.0.2.1"]', "[5060]"),
            '1:10: error: expected a transport and an IP address such as "udp:192.0.2.1:5060", '
            "found '5060'",
        ),
        (
            LEAST.replace("192.0.2.1", "0.0.0.0"),
            "1:10: error: expected the address of one interface, "
            "since peers are told to send there",
        ),
        (
            LEAST.replace("plan.yaml", "''"),
            "2:11: error: expected the name of a file, found ''",
        ),
        (
            LEAST + "records: {database: postgres}",
            '3:21: error: expected a database such as "sqlite:///var/callrouter.db", '
            "found 'postgres'",
        ),
        (
            LEAST + "metrics: 127.0.0.1",
            '3:10: error: expected an IP address such as "192.0.2.1:5060" or '
            "\"[2001:db8::1]:5060\" with a port from 1 to 65535, found '127.0.0.1'",
        ),
        (
            LEAST + "log: {level: warn}",
            "3:14: error: expected 'debug', 'info', 'warning' or 'error', found 'warn'; "
            "did you mean 'warning'?",
        ),
        (LEAST + "limits: {calls: 0}", "3:17: error: expected 1 or more, found '0'"),
        (
            LEAST + "limits: {calls: 1000001}",
            "3:17: error: expected 1000000 or less, found '1000001'",
        ),
        (
            LEAST + "limits: {calls: many}",
            "3:17: error: expected a whole number without quotes, found 'many'",
        ),
        (LEAST + "metric: x", "3:1: error: unknown key 'metric'; did you mean 'metrics'?"),
        (
            LEAST + "dialplan: x",
            "3:1: error: the key 'dialplan' is there twice; it is first on line 2",
        ),
    ],
)
def test_mistake_in_the_settings_is_named_at_its_place(
    tmp_path: Path, text: str, found: str
) -> None:
    assert refused(tmp_path, text) == [found]
