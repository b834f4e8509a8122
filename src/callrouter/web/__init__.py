"""The web process: console and API for people, beside the server and never in it."""
