"""How operators act on a running server: its socket, the reload of its dialplan, the file watch."""
