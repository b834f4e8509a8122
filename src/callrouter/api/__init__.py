"""The API for operators: the Unix socket where operations are asked for, and its client."""
