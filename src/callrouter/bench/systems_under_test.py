"""The systems under test: how each is configured and started, and what it can tell of itself."""

import importlib.util
import shutil
import sqlite3
import sys
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from callrouter.bench.processes import BenchError, free_port
from callrouter.bench.sipp import NUMBER, SECOND

_SETTINGS: Final = """\
listen: [{tls}"tcp:127.0.0.1:{sip}", "udp:127.0.0.1:{sip}"]
dialplan: dialplan.yaml
records: {{database: "sqlite:///var/records.db", spool: var/spool}}
metrics: "127.0.0.1:{metrics}"
log: {{level: info, format: json}}
limits: {{calls: 50000, drain: 30s, calls_per_second: {calls_per_second}, lag: {lag}}}
"""
_TLS: Final = """\
tls: {certificate: relay.pem, key: relay.pem, authorities: relay.pem, client_certificates: none}
"""
_DIALPLAN: Final = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
targets:
  uas: {{uri: "sip:service@127.0.0.1:{callee}{transport}"}}
  second: {{uri: "sip:service@127.0.0.1:{second}{transport}"}}
numbers:
  "{number}": {{route: [{{hunt: [uas]}}]}}
  "{other}": {{route: [{{hunt: [second]}}]}}
"""


@dataclass(slots=True, frozen=True)
class BenchPorts:
    """Ports on 127.0.0.1: the system under test, SIPp's callee, and the metrics.

    tls, front, back: the system's for TLS, and those of the relay before and behind it. second: of
    another callee.
    """

    sip: int
    callee: int
    metrics: int
    tls: int
    front: int
    back: int
    second: int

    @classmethod
    def free(cls) -> "BenchPorts":
        """Give ports that are free at this moment, so that a lab can run beside the bench."""
        ports: dict[int, None] = {}  # a port that is free may be found twice
        while len(ports) < 7:
            ports[free_port()] = None
        return cls(*ports)


@dataclass(slots=True, kw_only=True, frozen=True)
class Command:
    """Command that starts a system: its arguments and the variables it needs."""

    argv: list[str]
    env: dict[str, str]


class Subject:
    """A system under test. name: as in the bench's output. transport: "udp", "tcp" or "tls"."""

    name = ""
    transport = "udp"

    def prepare(self, directory: Path, ports: BenchPorts) -> Command:
        """Write what the system needs into directory and give how to start it.

        Raises BenchError when the system is not installed.
        """
        raise NotImplementedError

    def has_loop_lag(self) -> bool:
        """Tell whether the system reports how late its event loop runs."""
        return False

    def records(self, directory: Path) -> int | None:
        """Give how many call records the system, stopped now, has left; None if it keeps none."""
        return None


class Callrouter(Subject):
    """callrouter itself, with routing, records, metrics and logs on."""

    name = "callrouter"

    def __init__(
        self, transport: str = "udp", calls_per_second: int = 0, lag: str = "200ms"
    ) -> None:
        """calls_per_second: that are taken; 0 for any number. lag: from which calls are refused."""
        self.transport = transport
        self._calls_per_second = calls_per_second
        self._lag = lag

    def prepare(self, directory: Path, ports: BenchPorts) -> Command:
        """Write settings and a dialplan with two numbers."""
        settings = directory / "callrouter.yaml"
        secured = self.transport == "tls"
        tls = f'"tls:127.0.0.1:{ports.tls}", ' if secured else ""
        text = _SETTINGS.format(
            sip=ports.sip,
            metrics=ports.metrics,
            tls=tls,
            calls_per_second=self._calls_per_second,
            lag=self._lag,
        )
        settings.write_text(text + _TLS if secured else text)
        callee = ports.back if secured else ports.callee
        transport = "" if self.transport == "udp" else f";transport={self.transport}"
        dialplan = _DIALPLAN.format(
            callee=callee, number=NUMBER, second=ports.second, other=SECOND, transport=transport
        )
        (directory / "dialplan.yaml").write_text(dialplan)
        return Command(
            argv=[sys.executable, "-m", "callrouter", "serve", "--config", str(settings)], env={}
        )

    def has_loop_lag(self) -> bool:
        """It does, as a histogram."""
        return True

    def records(self, directory: Path) -> int:
        """Count the rows of its SQLite file."""
        database = sqlite3.connect(f"file:{directory}/var/records.db?mode=ro", uri=True)
        try:
            (rows,) = database.execute("SELECT count(*) FROM calls").fetchone()
        finally:
            database.close()
        return int(rows)


class Kamailio(Subject):
    """Kamailio as a stateful proxy with one worker: kamailio.cfg."""

    name = "kamailio"

    def prepare(self, directory: Path, ports: BenchPorts) -> Command:
        """Copy kamailio.cfg; the ports are given on the command line."""
        # Debian puts it where the path of a user who is not root does not lead.
        program = shutil.which("kamailio") or shutil.which("kamailio", path="/usr/sbin")
        if program is None:
            raise BenchError("kamailio is missing: apt-get install kamailio")
        config = _copy("kamailio.cfg", directory)
        argv = [program, "-f", str(config), "-DD", "-E", "-l", f"udp:127.0.0.1:{ports.sip}"]
        argv += ["-A", f'CALLEE="sip:127.0.0.1:{ports.callee}"', "-m", "512", "-M", "8"]
        # Debian's default allocator searches long lists: it takes three quarters of all the time.
        argv += ["-x", "tlsf", "-X", "tlsf", "-w", str(directory), "-Y", str(directory)]
        return Command(argv=argv, env={})


# It has no option for the number of workers, and with more than one it loses 2 % of the calls.
_SIPPY: Final = """\
import sippy.Udp_server
sippy.Udp_server.Udp_server_opts.nworkers = 1
import sippy.b2bua_simple
sippy.b2bua_simple.main_func()
"""


class Sippy(Subject):
    """Sippy's simple B2BUA with one worker."""

    name = "sippy"

    def prepare(self, directory: Path, ports: BenchPorts) -> Command:
        """All is said on the command line, and its log is off."""
        if importlib.util.find_spec("sippy") is None:
            raise BenchError("sippy is missing: pip install callrouter[bench]")
        argv = [sys.executable, "-c", _SIPPY, "-f", "-l", "127.0.0.1", "-p", str(ports.sip)]
        argv += ["-n", f"127.0.0.1:{ports.callee}"]
        return Command(argv=argv, env={"SIPLOG_BEND": "none"})


OTHERS: Final[dict[str, Subject]] = {subject.name: subject for subject in (Kamailio(), Sippy())}
"""What callrouter can be compared with, by name."""


def _copy(name: str, directory: Path) -> Path:
    with as_file(files("callrouter.bench") / name) as packaged:
        return Path(shutil.copy(packaged, directory / name))
