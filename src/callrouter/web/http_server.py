"""The HTTP server of the web process: it answers until it is told to, or its parent ends."""

import logging
import os
import signal
import socket
from threading import Thread
from types import FrameType
from typing import Any, Final

import uvicorn

from callrouter.observe.log import Log
from callrouter.web.application import application
from callrouter.web.connections import LIMITS, BoundedListener, ConnectionLoop, TimedProtocol
from callrouter.web.http.site import Site

_GOODBYE_SECONDS: Final = 2


def serve_site(site: Site, sock: socket.socket, log: Log, parent: int | None) -> None:
    """Answer requests until SIGTERM or SIGINT, or until the parent has closed its end of a pipe.

    parent: our end, a descriptor.
    """
    logger = logging.getLogger("uvicorn")
    logger.addHandler(_Handler(log))
    logger.propagate = False
    tls = site.web.tls
    config = uvicorn.Config(
        application(site),
        loop=f"{ConnectionLoop.__module__}:{ConnectionLoop.__name__}",
        http=TimedProtocol,
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=site.web.url is not None,
        forwarded_allow_ips="127.0.0.1,::1",
        limit_concurrency=LIMITS.connections,
        timeout_graceful_shutdown=_GOODBYE_SECONDS,
        ssl_certfile=None if tls is None else str(tls.certificate),
        ssl_keyfile=None if tls is None else str(tls.key),
    )
    server = uvicorn.Server(config)
    if parent is not None:
        Thread(target=_watch, args=(parent, server), name="parent", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ended)
    server.run(sockets=[BoundedListener.of(sock, proxied=site.web.url is not None)])


def _ended(_number: int, _frame: FrameType | None) -> None:
    """Go on to our own end: uvicorn has heard a signal, and raises it once more when it is done."""


def _watch(parent: int, server: uvicorn.Server) -> None:
    """End with the parent, however that ended: the kernel closes its end of the pipe.

    A file object would be locked for as long as it reads, and Python aborts at its end for that.
    """
    os.read(parent, 1)
    server.should_exit = True


class _Handler(logging.Handler):
    """Takes what uvicorn logs into our own log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Log one line."""
        more: dict[str, Any] = {"exc_info": record.exc_info} if record.exc_info else {}
        self._log.error("web process", what=record.getMessage(), **more)
