"""Certificates and keys that a settings file names, and what is wrong with them."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from callrouter.errors import Diagnostic
from callrouter.lint.findings import Findings, listed
from callrouter.lint.findings import Path as Place
from callrouter.net.transport.tls import Certificate, TlsError, peer_names, seen_by_peers
from callrouter.settings.listen import SYSTEM, OwnCertificate, TlsSettings
from callrouter.yamlfile.marked import Document
from callrouter.yamlfile.mistakes import Mistakes
from callrouter.yamlfile.wording import shown

_DAY: Final = 86_400
_SOON_DAYS: Final = 14
# What OpenSSL says of a key that is whole but another's; the second when it is of another kind.
_ANOTHERS: Final = frozenset(("KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED"))


def check_certificates(document: Document, tls: TlsSettings, now: float) -> list[Diagnostic]:
    """Return what is odd about the certificates, in file order.

    tls: its files ready to open. now: Unix seconds. Raises ConfigError when TLS cannot begin with
    these files.
    """
    mistakes = Mistakes(document)
    found = Findings(document)
    for place, own, name in _pairs(tls):
        if _fits(mistakes, place, own):
            _warn(found, place, own, name, now)
    if tls.authorities != SYSTEM:
        _check_authorities(mistakes, found, tls.authorities, now)
    if mistakes.any():
        raise mistakes.error()
    return found.warnings()


def _pairs(tls: TlsSettings) -> Iterator[tuple[Place, OwnCertificate, str]]:
    """Give each certificate with its place in the file and the name it is for, "" for any."""
    yield ("tls",), tls, ""
    for index, own in enumerate(tls.by_name):
        yield ("tls", "by_name", index), own, own.name


def _is_readable(mistakes: Mistakes, place: Place, file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            stream.read(1)
    except OSError as error:
        mistakes.at_value(place, f"'{file}' cannot be read: {error.strerror}")
        return False
    return True


def _holds_certificates(mistakes: Mistakes, place: Place, file: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError:
        mistakes.at_value(place, f"'{file}' is no PEM file of a certificate")
        return False
    return True


def _fits(mistakes: Mistakes, place: Place, own: OwnCertificate) -> bool:
    """Say whether a certificate and its key can be used together; note why not."""
    at_certificate, at_key = (*place, "certificate"), (*place, "key")
    readable = _is_readable(mistakes, at_certificate, own.certificate)
    if not _is_readable(mistakes, at_key, own.key) or not readable:
        return False
    if not _holds_certificates(mistakes, at_certificate, own.certificate):
        return False
    try:
        # A key with a password would be asked for on the terminal without the last argument.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own.certificate, own.key, password=lambda: "")
    except ssl.SSLError as error:
        if error.reason in _ANOTHERS:
            mistakes.at_value(at_key, f"'{own.key}' is not the key of '{own.certificate}'")
        elif error.reason is None:
            mistakes.at_value(at_key, f"'{own.key}' is no PEM file of a key without a password")
        else:  # such as a key that is too short
            reason = error.reason.replace("_", " ").lower()
            mistakes.at_value(at_certificate, f"'{own.certificate}': {reason}")
        return False
    return True


def _warn(found: Findings, place: Place, own: OwnCertificate, name: str, now: float) -> None:
    at_certificate = (*place, "certificate")
    try:
        certificate = seen_by_peers(Certificate(own.certificate, own.key))
    except TlsError as error:
        found.at_value(at_certificate, f"peers will refuse the certificate: {error}")
        return
    begins = ssl.cert_time_to_seconds(certificate["notBefore"])
    ends = ssl.cert_time_to_seconds(certificate["notAfter"])
    if now < begins:
        found.at_value(at_certificate, f"the certificate is not valid before {_date(begins)}")
    if ends < now:
        found.at_value(at_certificate, f"the certificate expired on {_date(ends)}")
    elif ends < now + _SOON_DAYS * _DAY:
        days = int((ends - now) // _DAY)
        left = f"in {days} days" if days > 1 else "in a day" if days else "today"
        found.at_value(at_certificate, f"the certificate expires {left}, on {_date(ends)}")
    names = peer_names(certificate)
    if name and not _is_covered(name.lower(), names):
        told = listed(list(names)) or "no domain"
        found.at_value((*place, "name"), f"the certificate is not for {shown(name)} but for {told}")


def _is_covered(name: str, names: tuple[str, ...]) -> bool:
    return name in names or f"*.{name.partition('.')[2]}" in names


def _check_authorities(mistakes: Mistakes, found: Findings, file: Path, now: float) -> None:
    place = ("tls", "authorities")
    if not _is_readable(mistakes, place, file) or not _holds_certificates(mistakes, place, file):
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file)
    ends = [ssl.cert_time_to_seconds(str(one["notAfter"])) for one in context.get_ca_certs()]
    if not ends:
        found.at_value(place, "no certificate in it is an authority's: no peer can be verified")
    elif max(ends) < now:
        found.at_value(place, f"the last of the authorities expired on {_date(max(ends))}")


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
