"""The targets of an agent's extension, whose calls are the agent's own: asked of the server."""

import time
from typing import Final

from callrouter.operations.extensions import ListExtensions, list_extensions
from callrouter.operations.operation import OperationError
from callrouter.web.access.roles import WebIdentity
from callrouter.web.core.asking import AskedServer

_FRESH_SECONDS: Final = 60.0


class OwnTargets:
    """The targets of each extension, a minute old at most while the server answers."""

    def __init__(self, server: AskedServer) -> None:
        self._server = server
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}

    def of(self, who: WebIdentity) -> tuple[str, ...]:
        """Those of somebody who sees their own calls alone; none for others."""
        own, now = who.only_own, time.monotonic()
        if not own:
            return ()
        asked, targets = self._known.get(own, (0.0, ()))
        if own not in self._known or now - asked > _FRESH_SECONDS:
            try:
                found = self._server.ask(list_extensions, ListExtensions(extension=own)).extensions
                targets = tuple(target for one in found for target in one.targets)
            except OperationError:
                pass  # without the server they stay what they were
            self._known[own] = (now, targets)
        return targets
