"""Secrets that let somebody in: 256 bits at random, of which only a hash is kept."""

import hmac
import secrets
from hashlib import sha256
from typing import Final

_BYTES: Final = 32
_FORM: Final = b"form token"


def new_secret() -> str:
    """A secret that nobody can guess, as text for URLs and cookies."""
    return secrets.token_urlsafe(_BYTES)


def hashed(secret: str) -> str:
    """What is kept of a secret; a slow hash would add nothing to 256 random bits."""
    return sha256(secret.encode()).hexdigest()


def form_token(session: str) -> str:
    """What the forms of a session carry, so that no other site can fill them in."""
    return hmac.new(session.encode(), _FORM, sha256).hexdigest()


def is_form_token(session: str, given: str) -> bool:
    """Whether a form is of this session."""
    return hmac.compare_digest(form_token(session).encode(), given.encode())
