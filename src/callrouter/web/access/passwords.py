"""Passwords of people: hashed by argon2id, and compared so that nobody learns who there is."""

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
