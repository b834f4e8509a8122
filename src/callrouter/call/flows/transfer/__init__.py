"""REFER: blind and attended transfers."""
