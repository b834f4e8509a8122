"""Bridges between two parties, end to end or through the worker; recordings."""
