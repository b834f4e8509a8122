"""Warnings: what a dialplan may say, and most likely should not."""
