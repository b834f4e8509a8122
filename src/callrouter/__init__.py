"""callrouter: an asyncio SIP back-to-back user agent and call-routing engine."""

from importlib.util import find_spec

__version__ = "0.1.0"


def build() -> str:
    """Which build this is: "compiled" when what is on a call's path is, else "plain Python"."""
    found = find_spec("callrouter.errors")
    is_source = found is None or str(found.origin).endswith(".py")
    return "plain Python" if is_source else "compiled"
