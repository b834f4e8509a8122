import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from callrouter.cli import main
from callrouter.dialplan.grammar.field_types import SocketAddress
from callrouter.errors import ConfigError
from callrouter.net.transport.connection_limits import StreamLimits
from callrouter.settings.listen import Listen
from callrouter.settings.settings_file import load_settings

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
    ports = {"udp": 5060, "tcp": 5060, "tls": 5061}
    assert settings.listen == [Listen(kind, "127.0.0.1", port) for kind, port in ports.items()]
    assert settings.dialplan == ROOT / "dialplans" / "lab.yaml"
    assert settings.tls is not None
    assert settings.tls.key == ROOT / "var" / "lab-tls" / "callrouter.key"
    assert settings.metrics == SocketAddress("127.0.0.1", 9090)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(LEAST, encoding="utf-8")
    settings = load_settings(path)
    assert settings.listen == [Listen("udp", "192.0.2.1", 5060)]
    assert settings.dialplan == tmp_path / "plan.yaml"
    assert settings.records.database == f"sqlite:///{tmp_path}/var/callrouter.db"
    assert settings.records.spool == tmp_path / "var" / "spool"
    assert (settings.log.level, settings.log.format) == ("info", "json")
    assert (settings.limits.calls, settings.limits.drain) == (50000, 30.0)


def test_every_path_is_relative_to_the_settings_file_or_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "etc" / "s.yaml"
    path.parent.mkdir()
    path.write_text(
        f"{LEAST}records: {{database: 'sqlite:///../calls.db', spool: /var/spool/calls}}\n"
        "state: 'sqlite:////var/state.db'\ncontrol: run/sock\n"
        "media: {voicemail: ../mail, recordings: /srv/rec, prompts_cache: cache}\n",
        encoding="utf-8",
    )
    for folder, name in ((tmp_path, path), (tmp_path / "etc", Path("s.yaml"))):
        monkeypatch.chdir(folder)
        settings = load_settings(name)
        media, records = settings.media, settings.records
        assert Path(records.database.removeprefix("sqlite:///")).resolve() == tmp_path / "calls.db"
        assert records.spool == Path("/var/spool/calls")
        assert settings.state == "sqlite:////var/state.db"
        assert settings.control.resolve() == tmp_path / "etc" / "run" / "sock"
        assert media.voicemail.resolve() == tmp_path / "mail"
        assert media.recordings == Path("/srv/rec")
        assert media.prompts_cache.resolve() == tmp_path / "etc" / "cache"


def test_ipv6_listener_loses_its_brackets(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text('listen: ["tcp:[2001:DB8::1]:5070"]\ndialplan: /d/p.yaml', encoding="utf-8")
    settings = load_settings(path)
    assert settings.listen == [Listen("tcp", "2001:db8::1", 5070)]
    assert settings.dialplan == Path("/d/p.yaml")


def test_rtp_is_received_at_the_first_ipv4_listener_when_nothing_else_is_said(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text('listen: ["udp:[::1]", "udp:192.0.2.1"]\ndialplan: p\n', encoding="utf-8")
    assert load_settings(path).rtp == ("192.0.2.1", "192.0.2.1")
    path.write_text(LEAST + "media: {address: 192.0.2.9}", encoding="utf-8")
    assert load_settings(path).rtp == ("192.0.2.9", "192.0.2.9")
    path.write_text(LEAST + "media: {public: 203.0.113.5}", encoding="utf-8")
    assert load_settings(path).rtp == ("192.0.2.1", "203.0.113.5")
    listen = "listen: [{bind: 'udp:0.0.0.0:5060', advertise: '203.0.113.7:5060'}]\n"
    path.write_text(f"{listen}dialplan: p\n", encoding="utf-8")
    assert load_settings(path).rtp == ("0.0.0.0", "203.0.113.7")
    only_sixth = 'listen: ["udp:[::1]"]\ndialplan: p\nmedia: {workers: {max: 1}}'
    assert refused(tmp_path, only_sixth) == [
        "1:1: error: expected media.address, since no listener has an IPv4 address"
    ]


def test_listener_of_all_interfaces_says_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        'listen: [{bind: "udp:0.0.0.0", advertise: 203.0.113.5},'
        ' {bind: "tcp:[::]:5070", advertise: "[2001:db8::1]:5080"}, {bind: "udp:192.0.2.1"}]\n'
        "dialplan: plan.yaml\n",
        encoding="utf-8",
    )
    every, sixth, one = load_settings(path).listen
    assert every == Listen("udp", "0.0.0.0", 5060, SocketAddress("203.0.113.5", 5060))
    assert every.places == [("udp", "0.0.0.0", 5060), ("udp", "203.0.113.5", 5060)]
    assert sixth == Listen("tcp", "::", 5070, SocketAddress("2001:db8::1", 5080))
    assert one == Listen("udp", "192.0.2.1", 5060)


def test_tls_is_read_and_its_files_are_beside_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        'listen: ["tls:192.0.2.1"]\ndialplan: plan.yaml\n'
        "tls:\n"
        "  certificate: own.pem\n  key: /keys/own.key\n  authorities: ours.pem\n"
        "  by_name: [{name: SIP.Example.NET, certificate: net.pem, key: net.key}]\n"
        '  client_certificates: required\n  minimum: "1.3"\n'
        "connections: {all: 5, idle: 10m, ping: 30s}\n",
        encoding="utf-8",
    )
    settings = load_settings(path)
    assert settings.listen == [Listen("tls", "192.0.2.1", 5061)]
    assert settings.tls is not None
    options = settings.tls.options()
    assert options.own == (tmp_path / "own.pem", Path("/keys/own.key"))
    assert options.by_name == {"sip.example.net": (tmp_path / "net.pem", tmp_path / "net.key")}
    assert options.authorities == tmp_path / "ours.pem"
    assert (options.client_certificates, options.minimum) == ("required", "1.3")
    limits = settings.connections.limits()
    assert (limits.connections, limits.idle, limits.ping) == (5, 600.0, 30.0)
    assert limits._replace(connections=10_000, idle=7200.0, ping=0.0) == StreamLimits()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            LEAST.replace("udp:", "sctp:"),
            '1:10: error: expected a transport and an IP address such as "udp:192.0.2.1:5060", '
            "found 'sctp:192.0.2.1'",
        ),
        (
            LEAST.replace('["udp:192.0.2.1"]', "[5060]"),
            '1:10: error: expected a transport and an IP address such as "udp:192.0.2.1:5060", '
            "found '5060'",
        ),
        (
            LEAST.replace("192.0.2.1", "0.0.0.0"),
            "1:10: error: expected the address of one interface, since peers are told to send "
            "there; or write {bind: 'udp:0.0.0.0', advertise: ADDRESS}",
        ),
        (
            LEAST.replace('"udp:192.0.2.1"', '{bind: "udp:0.0.0.0", advertise: "[::1]"}'),
            "1:10: error: expected 'advertise' of the same kind of address as 0.0.0.0",
        ),
        (
            LEAST.replace('"udp:192.0.2.1"', '{bind: "udp:0.0.0.0", advertise: 0.0.0.0}'),
            "1:10: error: expected an address in 'advertise' that peers can send to",
        ),
        (
            LEAST.replace('"udp:192.0.2.1"', '{bnd: "udp:0.0.0.0"}'),
            '1:10: error: expected a transport and an IP address such as "udp:192.0.2.1:5060", '
            "or its parts 'bind' and 'advertise'",
        ),
        (
            LEAST.replace("udp:", "tls:"),
            "1:1: error: expected 'tls' with a certificate, since a listener is for TLS",
        ),
        (
            LEAST
            + "tls: {certificate: a, key: b, by_name: [{name: x, certificate: a, key: b, nam: y}]}",
            "3:75: error: unknown key 'nam'; did you mean 'name'?",
        ),
        (
            LEAST.replace("plan.yaml", "''"),
            "2:11: error: expected the name of a file, found ''",
        ),
        (
            LEAST + "records: {database: postgres}",
            '3:21: error: expected a database such as "sqlite:///var/callrouter.db" or '
            "\"postgresql://callrouter@db.example/calls\", found 'postgres'",
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
        (
            LEAST + "media: {workers: {min: 3, max: 2}}",
            "3:18: error: expected max to be at least min, 3, found 2",
        ),
        (
            LEAST + "media: {workers: {max: 500}}",
            "3:8: error: expected 8000 ports or more for 500 workers, found 16384-20479",
        ),
        (
            LEAST + "media: {ports: 80-90}",
            "3:16: error: expected two ports from 1024 to 65535 such as 16384-20479, found '80-90'",
        ),
        (LEAST + "media: {address: 5}", "3:18: error: expected an IPv4 address, found '5'"),
        (
            LEAST + "media: {public: '2001:db8::1'}",
            "3:17: error: expected an IPv4 address, found '2001:db8::1'",
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


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("mysql://me:s3cret@db.example/calls", "mysql://me:***@db.example/calls"),
        ("mysql://me:s3c/r@et@db.example/calls", "mysql://me:***@db.example/calls"),
        ("mysql://db.example/calls?password=s3cret", "calls?password=***"),
    ],
)
def test_password_of_a_database_is_shown_nowhere(tmp_path: Path, text: str, rest: str) -> None:
    for key in (f"records: {{database: '{text}'}}", f"state: '{text}'"):
        (told,) = refused(tmp_path, f"{LEAST}{key}\n")
        assert rest in told
        assert "s3c" not in told
    for arguments in (["cdr"], ["cdr", "some-id"]):
        result = CliRunner().invoke(main, [*arguments, "--database", text])
        assert result.exit_code == 1
        assert "s3c" not in result.output


def test_url_of_postgresql_is_no_file_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    url = "postgresql://callrouter@db.example/calls"
    path.write_text(f"{LEAST}records: {{database: '{url}'}}\n", encoding="utf-8")
    assert load_settings(path).records.database == url


def test_trace_is_off_until_it_is_said_how_much_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(LEAST, encoding="utf-8")
    assert load_settings(path).trace is None
    path.write_text(f"{LEAST}trace: {{keep: 200MB}}\n", encoding="utf-8")
    trace = load_settings(path).trace
    assert trace is not None
    assert (trace.keep, trace.folder) == (200_000_000, tmp_path / "var" / "trace")


def test_trace_that_is_too_small_is_a_mistake(tmp_path: Path) -> None:
    (said,) = refused(tmp_path, f"{LEAST}trace: {{keep: 500kB}}\n")
    assert "expected keep to be 10MB or more, found 500000 bytes" in said


ENDPOINT = {"name": "crm", "url": "https://crm.example.com/", "secret_file": "crm-secret"}


def test_endpoint_of_webhooks_has_its_secrets_beside_the_settings(tmp_path: Path):
    both = ENDPOINT | {"old_secret_env": "OLD", "events": ["call.*"], "numbers": ["4000"]}
    file = tmp_path / "callrouter.yaml"
    file.write_text(f"{LEAST}webhooks: {json.dumps([both])}")
    (entry,) = load_settings(file).webhooks or ()
    endpoint = entry.endpoint()
    assert [(one.file, one.env) for one in endpoint.secrets] == [
        (str(tmp_path / "crm-secret"), ""),
        ("", "OLD"),
    ]
    assert endpoint.wants("call.ended", "4000")
    assert not endpoint.wants("queue.joined", "4000")
    assert not endpoint.wants("call.ended", "4001")


@pytest.mark.parametrize(
    ("webhooks", "said"),
    [
        ([ENDPOINT, ENDPOINT], "a name each, found 'crm' twice"),
        ([ENDPOINT | {"events": ["call.end"]}], "a kind of event such as call.ended"),
        ([ENDPOINT | {"secret_env": "S"}], "one of 'secret_file' and 'secret_env'"),
        ([ENDPOINT | {"url": "ftp://x"}], "http"),
    ],
)
def test_mistakes_of_webhooks_are_told(tmp_path: Path, webhooks: object, said: str):
    (found,) = refused(tmp_path, f"{LEAST}webhooks: {json.dumps(webhooks)}")
    assert said in found
