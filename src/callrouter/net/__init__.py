"""Sockets and clocks: the only place where asyncio protocols live."""
