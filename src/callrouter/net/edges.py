"""All listeners of the process, and the flow to any place."""

from functools import lru_cache
from ipaddress import ip_address

from callrouter.errors import SipError
from callrouter.net.pump import Pump
from callrouter.net.tcp import TcpListener
from callrouter.net.udp import UdpListener, listen_udp
from callrouter.sip.flow import Flow


class Edges:
    """The listeners, in the order they were opened: the first that fits is used to send."""

    __slots__ = ("_tcp", "_udp")

    def __init__(self) -> None:
        self._udp: list[UdpListener] = []
        self._tcp: list[TcpListener] = []

    async def listen(self, pump: Pump, transport: str, host: str, port: int) -> int:
        """Open a listener ("udp" or "tcp") and return its port. Raises ListenError."""
        if transport == "udp":
            udp = await listen_udp(pump, host, port)
            self._udp.append(udp)
            return udp.port
        tcp = TcpListener(pump)
        await tcp.listen(host, port)
        self._tcp.append(tcp)
        return tcp.port

    def connect(self, transport: str, host: str, port: int) -> Flow:
        """The flow to an IP address.

        Raises SipError 503 when no listener has this transport and address family.
        """
        listeners: list[UdpListener] | list[TcpListener]
        listeners = self._udp if transport == "UDP" else self._tcp if transport == "TCP" else []
        sixth = ":" in host
        for listener in listeners:
            if (":" in listener.host) == sixth and _is_address(host):
                return listener.flow(host, port)
        raise SipError(f"no {transport} listener can reach {host}", 503)

    def close(self) -> None:
        """Close every socket."""
        for udp in self._udp:
            udp.close()
        for tcp in self._tcp:
            tcp.close()


@lru_cache(maxsize=4096)
def _is_address(host: str) -> bool:
    """Names are not resolved here: whoever has one has to look it up first."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
