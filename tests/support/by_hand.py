"""Compiled values as tests write them down, which no dialplan has."""

from typing import Any

from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.plan import Hunt, Refusal, Target


def target(name: str = "desk", uri: str = "sip:d@192.0.2.9", **more: Any) -> Target:
    """A target at one place. more: what else it has."""
    usual = {"host": "192.0.2.9", "port": 5060, "transport": "udp"}
    times = {"ring_seconds": 15.0, "progress_seconds": 5.0}
    return Target(**{"name": name, "uri": uri, **usual, **times, **more})


def hunt(*rounds: tuple[Target, ...], **more: Any) -> Hunt:
    """A hunt. more: what else it has."""
    usual: dict[str, Any] = {"total_seconds": 0.0, "stop_codes": frozenset()}
    to: dict[str, Any] = {"redirects": 0, "redirect_hosts": frozenset()}
    return Hunt(**{"name": "h", "rounds": rounds, **usual, **to, **more})


def dialplan(**more: Any) -> Dialplan:
    """A dialplan without a rule. more: what else it has."""
    return Dialplan(
        **{
            "version": "v",
            "file": "f",
            "country": "CN",
            "trunks": [],
            "networks": [],
            "numbers": [],
            "numbers_line": 1,
            "extensions": {},
            "unknown": Refusal(reason="unknown_number", status=404, cause=1),
            **more,
        }
    )
