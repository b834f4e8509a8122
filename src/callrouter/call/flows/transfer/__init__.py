"""REFER and Replaces: blind and attended transfers."""
