"""Callers, and where they call from: telephone numbers, lists of them, areas."""
