"""The SIP core, sans-IO: bytes, events and time in, bytes and events out (RFC 3261)."""
