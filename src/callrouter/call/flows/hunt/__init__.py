"""Hunting: targets rung in rounds, with greeting and confirmation."""
