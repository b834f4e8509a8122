"""Certificates: ours, whom we trust, and what a peer's says (RFC 3261 section 26.3, RFC 5922).

Theory. One context serves peers that come to us and one those we call. New certificates make new
contexts, for new connections; a connection that stands keeps the context it was made with. So
nothing is dropped, and when the new files are no good the old contexts stay.
"""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from callrouter.errors import CallrouterError

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_ASKED: Final = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}


# X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h, which ssl has no name for.
_AT_ANY_TIME: Final = 0x200000


class TlsError(CallrouterError):
    """A certificate, a key or authorities that cannot be used."""


class Certificate(NamedTuple):
    """Files of a certificate, with its chain, and of its key, which has no password."""

    certificate: Path
    key: Path


class TlsOptions(NamedTuple):
    """The options of TLS.

    own: shown to all whom no name of by_name fits. by_name: shown to who asks for this name (SNI).
    authorities: whom we trust, None for those of the system. client_certificates: whether peers
    that come to us are asked for theirs: "none", "optional" or "required". minimum: "1.2", "1.3".
    """

    own: Certificate
    by_name: Mapping[str, Certificate]
    authorities: Path | None
    client_certificates: str
    minimum: str

    @property
    def files(self) -> list[Path]:
        """All that it is read from."""
        pairs = [self.own, *self.by_name.values()]
        files = [file for pair in pairs for file in pair]
        return files if self.authorities is None else [*files, self.authorities]


class Contexts(NamedTuple):
    """TLS contexts of the files. served: for peers that come; called: for those we connect to."""

    served: ssl.SSLContext
    called: ssl.SSLContext


class Tls:
    """The contexts for new connections. Raises TlsError when they cannot be made at first."""

    __slots__ = ("contexts", "options")

    def __init__(self, options: TlsOptions) -> None:
        self.options = options
        self.contexts = load_contexts(options)

    async def reload(self) -> None:
        """Read the files again. Raises TlsError; then nothing has changed."""
        self.contexts = await asyncio.to_thread(load_contexts, self.options)


def load_contexts(options: TlsOptions) -> Contexts:
    """Read all files. Raises TlsError, which names the file."""
    served = _served(options, options.own)
    named = {name.lower(): _served(options, own) for name, own in options.by_name.items()}

    def choose(connection: ssl.SSLObject, name: str | None, _first: ssl.SSLContext) -> None:
        fits = named.get(name.lower()) if name is not None else None
        if fits is not None:
            connection.context = fits

    if named:
        served.sni_callback = choose
    called = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    called.minimum_version = _VERSIONS[options.minimum]
    _trust(called, options.authorities, ssl.Purpose.SERVER_AUTH)
    _own(called, options.own)
    return Contexts(served, called)


def peer_names(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The SIP domains that a verified certificate is for, in lower case (RFC 5922 section 7.1).

    certificate: as `SSLObject.getpeercert` has it. SIP URIs count, else DNS names; the common name
    only where the subject has no other name at all.
    """
    if not certificate:
        return ()
    others = [(kind, value.lower()) for kind, value in certificate.get("subjectAltName", ())]
    if not others:
        rows = certificate.get("subject", ())
        return tuple(value.lower() for row in rows for key, value in row if key == "commonName")
    uris = (value for kind, value in others if kind == "URI")
    domains = [uri[4:] for uri in uris if uri.startswith("sip:") and "@" not in uri]
    return tuple(domains or (value for kind, value in others if kind == "DNS"))


def seen_by_peers(own: Certificate) -> dict[str, Any]:
    """A certificate of ours as a peer who trusts it sees it, whatever the date.

    Returns it as `SSLObject.getpeercert` does. Raises TlsError when no peer would take it.
    """
    # Only of a certificate that was shown and verified does ssl tell more than its bytes.
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _own(server, own)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _AT_ANY_TIME
    _trust(client, own.certificate, ssl.Purpose.SERVER_AUTH)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = client.wrap_bio(back, there)
    called = server.wrap_bio(there, back, server_side=True)
    try:
        for end in (caller, called, caller, called, caller):  # no TLS says more before it stands
            _go_on(end)
    except ssl.SSLError as error:
        raise TlsError(getattr(error, "verify_message", "") or _reason(error)) from error
    return caller.getpeercert() or {}


def _go_on(end: ssl.SSLObject) -> None:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return


def _served(options: TlsOptions, own: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[options.minimum]
    context.verify_mode = _ASKED[options.client_certificates]
    if context.verify_mode != ssl.CERT_NONE:
        _trust(context, options.authorities, ssl.Purpose.CLIENT_AUTH)
    _own(context, own)
    return context


def _own(context: ssl.SSLContext, own: Certificate) -> None:
    for file in own:
        if not file.is_file():
            raise TlsError(f"{file}: no such file")
    try:
        # A key with a password would be asked for on the terminal without the last argument.
        context.load_cert_chain(own.certificate, own.key, password=lambda: "")
    except OSError as error:
        raise TlsError(f"{own.certificate} with {own.key}: {_reason(error)}") from error


def _trust(context: ssl.SSLContext, authorities: Path | None, purpose: ssl.Purpose) -> None:
    if authorities is None:
        context.load_default_certs(purpose)
        return
    if not authorities.is_file():
        raise TlsError(f"{authorities}: no such file")
    try:
        context.load_verify_locations(authorities)
    except OSError as error:
        raise TlsError(f"{authorities}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        # OpenSSL has no reason for what it could not even read.
        return (error.reason or "no PEM, or a key with a password").replace("_", " ").lower()
    return error.strerror or str(error)
