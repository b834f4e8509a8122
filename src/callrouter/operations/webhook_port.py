"""Webhooks as operations know them: a service to ask, and a reader of the outbox."""

from collections.abc import Mapping
from typing import Any, Protocol

from callrouter.webhooks.endpoint import Endpoint


class Follower(Protocol):
    """Reader of the outbox."""

    async def next(self) -> list[dict[str, Any]]:
        """Events: position, kind, body; none at the end."""

    def close(self) -> None:
        """Want no more."""


class WebhookService(Protocol):
    """Webhooks, as operations know them. All raise StoreError when the database is away."""

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """By name."""

    async def states(self) -> dict[str, dict[str, Any]]:
        """How each is."""

    async def attempts(
        self, name: str | None, id: str | None, call: str | None, most: int
    ) -> list[dict[str, Any]]:
        """The newest events, and what became of each at each endpoint."""

    async def resend(self, name: str, id: str | None, since: float) -> int:
        """Tell an endpoint again."""

    async def disable(self, name: str, why: str) -> None:
        """Tell an endpoint of nothing more; with no reason, go on."""

    async def follow(self, after: int | None) -> Follower:
        """The events behind a position, or from now on. Raises LookupError."""
