"""Secrets that let people in, of which only a hash is kept: passwords, and 256 bits at random.

Passwords are hashed by argon2id, and compared so that nobody learns who there is.
"""

import hmac
import secrets
from hashlib import sha256
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

LEAST: Final = 10
MOST: Final = 256
"""Characters of a password."""

_HASHER: Final = PasswordHasher(
    time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID
)  # OWASP's smallest: 19 MiB, two passes
_AT_ONCE: Final = BoundedSemaphore(2)
"""Hashes at the same time: each takes 19 MiB, and a core."""
_NOBODYS: Final = _HASHER.hash("nobody has this password")

_BYTES: Final = 32
_FORM: Final = b"form token"


def password_hash(password: str) -> str:
    """What is kept of a password."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def is_password(kept: str, password: str) -> bool:
    """Whether a password is the one that is kept; "", for nobody's, takes the same time."""
    with _AT_ONCE:
        try:
            return _HASHER.verify(kept or _NOBODYS, password) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False


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
