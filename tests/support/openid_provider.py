"""An OpenID provider: it vouches for whom the test says, and signs what the test wants."""

import json
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

CLIENT: Final = "callrouter"
SECRET: Final = "the client's secret"


class OpenIdProvider:
    """Who vouches. claims: of the next ID tokens; they go over the right ones. key: that signs."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.key = ECKey.generate_key("P-256", {"kid": "1", "use": "sig"})
        self.published = KeySet([self.key])
        self.issuer = ""
        self._asked: dict[str, dict[str, str]] = {}

    def page(self, path: str, query: str) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Answer a GET: status, headers, body."""
        if path == "/.well-known/openid-configuration":
            said = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
            said |= {"authorization_endpoint": f"{self.issuer}/login"}
            return 200, {}, said | {"token_endpoint": f"{self.issuer}/token"}
        if path == "/keys":
            return 200, {}, self.published.as_dict(private=False)
        asked = dict(parse_qsl(query))
        code = f"code-{len(self._asked)}"
        self._asked[code] = asked
        back = f"{asked['redirect_uri']}?{urlencode({'state': asked['state'], 'code': code})}"
        return 302, {"Location": back}, {}

    def token(self, form: dict[str, list[str]], authorization: str) -> tuple[int, dict[str, Any]]:
        """Answer the client's own request, if all of it is right."""
        asked = self._asked.pop(form["code"][0], None)
        challenge = urlsafe_b64encode(sha256(form["code_verifier"][0].encode()).digest())
        known = b64decode(authorization.removeprefix("Basic ")).decode() == f"{CLIENT}:{SECRET}"
        if asked is None or not known or asked["redirect_uri"] != form["redirect_uri"][0]:
            return 400, {"error": "invalid_grant"}
        if challenge.rstrip(b"=").decode() != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        right = {"iss": self.issuer, "aud": CLIENT, "exp": int(time.time()) + 300}
        claims = {**right, "nonce": asked["nonce"], **self.claims}
        header = {"alg": "ES256", "kid": "1"}
        return 200, {"id_token": jwt.encode(header, claims, self.key), "token_type": "Bearer"}


@contextmanager
def openid_provider() -> Iterator[OpenIdProvider]:
    """A provider that listens, until the end of `with`."""
    provider = OpenIdProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(*provider.page(parts.path, parts.query))

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, said = provider.token(form, self.headers.get("Authorization", ""))
            self._answer(status, {}, said)

        def _answer(self, status: int, headers: dict[str, str], said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    server.server_close()
    thread.join()
