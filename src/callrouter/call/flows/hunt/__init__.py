"""Hunting: targets rung in rounds until one is connected."""
