"""Where operations are asked for: the Unix socket, and its client."""
