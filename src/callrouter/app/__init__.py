"""The server process: the parts put together, started, and stopped in order."""
