"""Tests of a dialplan, written in YAML beside it: calls in, decisions or whole hunts compared."""
