"""Routing: facts and a compiled dialplan in, a decision with its reasons out. Pure."""
