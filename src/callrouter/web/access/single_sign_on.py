"""Single sign-on: a login at an OpenID provider, by the code flow with PKCE (RFC 6749, RFC 7636).

The provider says who somebody is by an ID token, which is signed by one of its keys, is for us,
answers the very login that we began, and has not expired (OpenID Connect Core 1.0 section 3.1.3.7).
"""

import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, ValidationError

from callrouter.web.access.hashed_secrets import new_secret
from callrouter.web.access.people import AccountError

_SECONDS: Final = 5.0
_KEPT_SECONDS: Final = 3600
"""How long what the provider says of itself is good."""
_SLACK_SECONDS: Final = 60
"""How far the provider's clock may be from ours."""
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
_ATTEMPTS: Final = 1000
"""Logins that are under way at the same time; the oldest are forgotten."""
_ATTEMPT_SECONDS: Final = 600


@dataclass(slots=True, kw_only=True, frozen=True)
class SignOnProvider:
    """The provider. roles: by value of the claim, the highest first. back: our own address."""

    issuer: str
    client: str
    secret: str = field(repr=False)
    name: str
    claim: str
    roles: Mapping[str, str]
    back: str


@dataclass(slots=True, kw_only=True, frozen=True)
class SignOnAttempt:
    """A login that is under way. state: by which it is found again."""

    state: str
    nonce: str
    verifier: str
    until: float


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="ignore")

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id_token: str


class SingleSignOn:
    """Logins at one provider. All that asks it raises AccountError."""

    def __init__(self, provider: SignOnProvider) -> None:
        self._provider = provider
        self._attempts: dict[str, SignOnAttempt] = {}
        self._said: tuple[float, _Metadata, KeySet] | None = None

    def begin(self) -> tuple[str, str]:
        """Begin a login; returns the provider's page, and the state that the browser keeps."""
        metadata, _ = self._provider_now()
        attempt = SignOnAttempt(
            state=new_secret(),
            nonce=new_secret(),
            verifier=secrets.token_urlsafe(48),
            until=time.time() + _ATTEMPT_SECONDS,
        )
        if len(self._attempts) >= _ATTEMPTS:
            del self._attempts[next(iter(self._attempts))]
        self._attempts[attempt.state] = attempt
        challenge = urlsafe_b64encode(sha256(attempt.verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code",
            "client_id": self._provider.client,
            "redirect_uri": self._provider.back,
            "scope": "openid profile email",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in metadata.authorization_endpoint else "?"
        return f"{metadata.authorization_endpoint}{joint}{urlencode(asked)}", attempt.state

    def finish(self, state: str, code: str) -> tuple[str, str]:
        """End a login, which is good once; returns the name and the role of who has come."""
        attempt = self._attempts.pop(state, None)
        if attempt is None or attempt.until < time.time():
            raise AccountError("this login was not begun here, or is over")
        metadata, keys = self._provider_now()
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._provider.back,
            "code_verifier": attempt.verifier,
        }
        try:
            with httpx.Client(timeout=_SECONDS) as client:
                answer = client.post(
                    metadata.token_endpoint,
                    data=body,
                    auth=(self._provider.client, self._provider.secret),
                )
            answer.raise_for_status()
            tokens = _Tokens.model_validate_json(answer.content)
        except (httpx.HTTPError, ValidationError) as error:
            raise _failed(error) from error
        return self._somebody(self._claims(tokens.id_token, keys, attempt.nonce))

    def _claims(self, token: str, keys: KeySet, nonce: str) -> dict[str, Any]:
        provider = self._provider
        registry = jwt.JWTClaimsRegistry(
            leeway=_SLACK_SECONDS,
            iss={"essential": True, "value": provider.issuer},
            aud={"essential": True, "value": provider.client},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = jwt.decode(token, keys, algorithms=_ALGORITHMS).claims
            registry.validate(claims)
        except (JoseError, ValueError) as error:
            self._said = None  # its keys may be others by now
            raise _failed(error) from error
        return claims

    def _somebody(self, claims: Mapping[str, Any]) -> tuple[str, str]:
        """The name and the role that claims say."""
        provider = self._provider
        name, said = claims.get(provider.name), claims.get(provider.claim)
        values = {said} if isinstance(said, str) else set(map(str, said or ()))
        role = next((role for value, role in provider.roles.items() if value in values), "")
        if not isinstance(name, str) or not name:
            raise AccountError(f"the provider names nobody: there is no claim {provider.name}")
        if not role:
            raise AccountError(f"none of your {provider.claim} has a role here")
        return name, role

    def _provider_now(self) -> tuple[_Metadata, KeySet]:
        """What the provider says of itself, and its keys."""
        now = time.monotonic()
        if self._said is not None and now < self._said[0]:
            return self._said[1:]
        place = f"{self._provider.issuer}/.well-known/openid-configuration"
        try:
            with httpx.Client(timeout=_SECONDS) as client:
                found = client.get(place).raise_for_status().content
                metadata = _Metadata.model_validate_json(found)
                said = client.get(metadata.jwks_uri).raise_for_status()
                keys = KeySet.import_key_set(said.json())
        except (httpx.HTTPError, ValidationError, JoseError, ValueError, KeyError) as error:
            raise _failed(error) from error
        if metadata.issuer.rstrip("/") != self._provider.issuer:
            raise AccountError("the provider names itself otherwise than the settings do")
        self._said = now + _KEPT_SECONDS, metadata, keys
        return metadata, keys


def _failed(error: Exception) -> AccountError:
    return AccountError(f"the login at the provider has failed: {type(error).__name__}")
