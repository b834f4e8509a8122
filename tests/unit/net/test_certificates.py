"""Which names a peer's certificate counts for, and files that are no certificates."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from support.edge import Authority

from callrouter.net.transport.tls import (
    Certificate,
    Tls,
    TlsError,
    TlsOptions,
    load_contexts,
    peer_names,
)

SUBJECT = (
    (("countryName", "CN"),),
    (("commonName", "Common.Example"),),
)


@pytest.mark.parametrize(
    ("certificate", "names"),
    [
        (None, ()),
        ({}, ()),
        ({"subject": SUBJECT}, ("common.example",)),
        ({"subject": SUBJECT, "subjectAltName": (("IP Address", "192.0.2.1"),)}, ()),
        (
            {"subject": SUBJECT, "subjectAltName": (("DNS", "A.Example"), ("DNS", "b.example"))},
            ("a.example", "b.example"),
        ),
        (
            {"subjectAltName": (("DNS", "a.example"), ("URI", "sip:Domain.Example"))},
            ("domain.example",),
        ),
        # A URI with a user names that user; of another scheme it is no SIP domain (RFC 5922 7.1).
        ({"subjectAltName": (("URI", "sip:alice@a.example"),)}, ()),
        (
            {"subjectAltName": (("URI", "https://a.example"), ("DNS", "b.example"))},
            ("b.example",),
        ),
    ],
)
def test_names_of_a_certificate(certificate: dict[str, Any] | None, names: tuple[str, ...]) -> None:
    assert peer_names(certificate) == names


@pytest.fixture
def options(tmp_path: Path) -> TlsOptions:
    authority = Authority(tmp_path)
    own = Certificate(*authority.issue("own", "sip.test"))
    other = Certificate(*authority.issue("other", "other.test"))
    return TlsOptions(own, {"other.test": other}, authority.file, "optional", "1.2")


def test_contexts_ask_for_what_the_options_say(options: TlsOptions) -> None:
    contexts = load_contexts(options._replace(client_certificates="required", minimum="1.3"))
    assert contexts.served.verify_mode == ssl.CERT_REQUIRED
    assert contexts.served.minimum_version == ssl.TLSVersion.TLSv1_3
    assert contexts.called.verify_mode == ssl.CERT_REQUIRED
    assert contexts.called.check_hostname
    none = load_contexts(options._replace(client_certificates="none", authorities=None))
    assert none.served.verify_mode == ssl.CERT_NONE


def test_files_that_are_no_good_are_named(options: TlsOptions, tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish")
    own, other = options.own, options.by_name["other.test"]
    cases = {
        "no.pem: no such file": options._replace(own=own._replace(key=tmp_path / "no.pem")),
        "own.pem with .*other.key: key values mismatch": options._replace(
            own=own._replace(key=other.key)
        ),
        "rubbish.pem with .*: no pem": options._replace(own=own._replace(certificate=rubbish)),
        "rubbish.pem: no certificate or crl found": options._replace(authorities=rubbish),
        "gone.pem: no such file": options._replace(authorities=tmp_path / "gone.pem"),
        "rubbish.pem with .*own.key": options._replace(
            by_name={"x": own._replace(certificate=rubbish)}
        ),
    }
    for wanted, wrong in cases.items():
        with pytest.raises(TlsError, match=wanted):
            load_contexts(wrong)


def test_key_with_a_password_is_refused_and_nobody_is_asked(options: TlsOptions) -> None:
    key = serialization.load_pem_private_key(options.own.key.read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    options.own.key.write_bytes(locked)
    with pytest.raises(TlsError, match="a key with a password"):
        load_contexts(options)


async def test_reload_that_fails_leaves_what_was_there(options: TlsOptions) -> None:
    tls = Tls(options)
    before = tls.contexts
    await tls.reload()
    renewed = tls.contexts
    assert renewed is not before
    options.own.certificate.write_text("rubbish")
    with pytest.raises(TlsError):
        await tls.reload()
    assert tls.contexts is renewed
