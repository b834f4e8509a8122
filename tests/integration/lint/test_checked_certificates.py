"""`callrouter check`: certificates that are missing, wrong, too old, or for another name."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner

from callrouter.cli import main
from callrouter.lint.certificates import check_certificates
from callrouter.settings.settings_file import load_settings
from callrouter.yamlfile.reader import load

DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {a: {uri: "sip:a@127.0.0.1:5080;transport=tls"}}
numbers: {"4000": {route: [{hunt: [a]}]}}
"""
SETTINGS = """\
listen: ["tls:127.0.0.1:5061"]
dialplan: d.yaml
tls:
  certificate: own.pem
  key: own.key
  by_name:
    - {name: sip.test, certificate: named.pem, key: named.key}
  authorities: authorities.pem
"""
OWN, KEY, NAME = "s.yaml:4:16", "s.yaml:5:8", "s.yaml:7:14"
NAMED, NAMED_KEY, AUTHORITIES = "s.yaml:7:37", "s.yaml:7:53", "s.yaml:8:16"


class Folder:
    """Settings with certificates, and what `check` says of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(path / "authorities.pem")
        (path / "d.yaml").write_text(DIALPLAN, encoding="utf-8")
        (path / "s.yaml").write_text(SETTINGS, encoding="utf-8")
        self.issue("own", "lab.test")
        self.issue("named", "sip.test")

    def issue(self, file: str, *names: str, begins: int | None = None, ends: int = 365) -> None:
        """Write a certificate and its key. begins, ends: days from now."""
        now = datetime.now(UTC)
        begun = None if begins is None else now + timedelta(days=begins)
        # An hour more, so that a day is whole when it is counted.
        until = now + timedelta(days=ends, hours=1)
        made = self.authority.issue_cert(*names, not_before=begun, not_after=until)
        made.cert_chain_pems[0].write_to_path(self.path / f"{file}.pem")
        made.private_key_pem.write_to_path(self.path / f"{file}.key")
        (self.path / f"{file}.key").chmod(0o600)

    def check(self) -> tuple[int, list[str]]:
        """The exit code, and what is wrong without the folder's name."""
        result = CliRunner().invoke(main, ["check", "--config", str(self.path / "s.yaml")])
        return result.exit_code, result.stderr.replace(f"{self.path}/", "").splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_certificates_that_fit_are_not_mentioned(folder: Folder) -> None:
    assert folder.check() == (0, [])


def test_each_file_that_is_missing_is_named_at_its_place(folder: Folder) -> None:
    for name in ("own.pem", "own.key", "named.key", "authorities.pem"):
        (folder.path / name).unlink()
    code, lines = folder.check()
    assert code == 1
    missing = "cannot be read: No such file or directory"
    assert lines == [
        f"{OWN}: error: 'own.pem' {missing}",
        f"{KEY}: error: 'own.key' {missing}",
        f"{NAMED_KEY}: error: 'named.key' {missing}",
        f"{AUTHORITIES}: error: 'authorities.pem' {missing}",
    ]


def test_a_folder_is_no_certificate(folder: Folder) -> None:
    (folder.path / "own.pem").unlink()
    (folder.path / "own.pem").mkdir()
    assert folder.check() == (1, [f"{OWN}: error: 'own.pem' cannot be read: Is a directory"])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)))


@pytest.mark.parametrize("spoil", [empty, binary])
@pytest.mark.parametrize(
    ("file", "place", "kind"),
    [
        ("own.pem", OWN, "a certificate"),
        ("named.key", NAMED_KEY, "a key without a password"),
        ("authorities.pem", AUTHORITIES, "a certificate"),
    ],
)
def test_what_is_no_pem_is_said_to_be_none(
    folder: Folder, spoil: Callable[[Path], None], file: str, place: str, kind: str
) -> None:
    spoil(folder.path / file)
    assert folder.check() == (1, [f"{place}: error: '{file}' is no PEM file of {kind}"])


def test_key_with_a_password_is_refused_and_not_asked_for(folder: Folder) -> None:
    key = folder.path / "own.key"
    locked = subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", key, "-passout", "pass:secret"],
        check=True,
        capture_output=True,
    )
    key.write_bytes(locked.stdout)
    message = "'own.key' is no PEM file of a key without a password"
    assert folder.check() == (1, [f"{KEY}: error: {message}"])


@pytest.mark.parametrize("kind", list(trustme.KeyType))
def test_key_of_another_certificate_is_told_as_such(folder: Folder, kind: trustme.KeyType) -> None:
    other = folder.authority.issue_cert("x.test", key_type=kind)
    other.private_key_pem.write_to_path(folder.path / "own.key")
    assert folder.check() == (1, [f"{KEY}: error: 'own.key' is not the key of 'own.pem'"])


@pytest.mark.parametrize(
    ("begins", "ends", "message"),
    [
        (-9, -2, "the certificate expired on {end}"),
        (-9, 0, "the certificate expires today, on {end}"),
        (-9, 1, "the certificate expires in a day, on {end}"),
        (-9, 13, "the certificate expires in 13 days, on {end}"),
        (2, 300, "the certificate is not valid before {begin}"),
    ],
)
def test_dates_of_a_certificate_are_warned_of(
    folder: Folder, begins: int, ends: int, message: str
) -> None:
    folder.issue("named", "sip.test", begins=begins, ends=ends)
    now = datetime.now(UTC)
    begin = f"{now + timedelta(days=begins):%Y-%m-%d}"
    end = f"{now + timedelta(days=ends, hours=1):%Y-%m-%d}"
    expected = message.format(begin=begin, end=end)
    assert folder.check() == (0, [f"{NAMED}: warning: {expected}"])


def test_two_weeks_are_enough(folder: Folder) -> None:
    folder.issue("own", "lab.test", ends=14)
    assert folder.check() == (0, [])


@pytest.mark.parametrize("covering", ["SIP.test", "*.test"])
def test_name_in_another_spelling_or_under_a_wildcard_is_covered(
    folder: Folder, covering: str
) -> None:
    folder.issue("named", "other.test", covering)
    assert folder.check() == (0, [])


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("a.test", "b.test"), "'a.test', 'b.test'"),
        (("a.sip.test", "*.sip.test"), "'a.sip.test', '*.sip.test'"),
        (("192.0.2.1",), "no domain"),
    ],
)
def test_name_that_its_certificate_is_not_for_is_warned_of(
    folder: Folder, names: tuple[str, ...], told: str
) -> None:
    folder.issue("named", *names)
    message = f"the certificate is not for 'sip.test' but for {told}"
    assert folder.check() == (0, [f"{NAME}: warning: {message}"])


def test_certificate_that_is_for_no_server_is_warned_of(folder: Folder) -> None:
    key, certificate = folder.path / "own.key", folder.path / "own.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    made += ["-nodes", "-subj", "/CN=lab.test", "-addext", "extendedKeyUsage=clientAuth"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    code, (line,) = folder.check()
    assert line.startswith(f"{OWN}: warning: peers will refuse the certificate: ")
    assert (code, "purpose" in line) == (0, True)


def test_authorities_without_any_are_warned_of(folder: Folder) -> None:
    own = (folder.path / "own.pem").read_bytes()
    (folder.path / "authorities.pem").write_bytes(own)
    message = "no certificate in it is an authority's: no peer can be verified"
    assert folder.check() == (0, [f"{AUTHORITIES}: warning: {message}"])


def test_authorities_of_which_none_is_left_are_warned_of(folder: Folder) -> None:
    file = folder.path / "s.yaml"
    tls = load_settings(file).tls
    assert tls is not None
    ends = datetime(3000, 1, 1, tzinfo=UTC).timestamp()  # of all that trustme makes
    (*_, before) = check_certificates(load(file), tls, ends - 1)
    (*_, after) = check_certificates(load(file), tls, ends + 1)
    assert "authorities" not in before.message
    assert after.message == "the last of the authorities expired on 3000-01-01"


def test_mistakes_come_before_those_of_the_dialplan(folder: Folder) -> None:
    (folder.path / "own.key").unlink()
    (folder.path / "d.yaml").write_text("nothing", encoding="utf-8")
    code, (line,) = folder.check()
    assert (code, line.startswith(f"{KEY}: error: ")) == (1, True)
