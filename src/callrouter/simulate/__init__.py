"""Calls played on a virtual clock: the real stack, calls and routing on a wire that is a list."""
