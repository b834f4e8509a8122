"""Sockets: UDP, TCP and TLS listeners, and the driver of the stack."""
